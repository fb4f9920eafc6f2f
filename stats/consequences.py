"""What hits do beyond being counted: the subscriptions they end. In the transaction that stores them."""

from collections.abc import Sequence

from stats.counting import Judged
from stats.models import EventKind
from tracking.spool import Record
from tracking.unsubscribes import apply_late


def end_late(records: Sequence[Record]) -> None:
    """Unsubscriptions that the page could not carry out, since the database was away; also those whose recipient is
    gone, as long as the person and the run are there."""
    for record in records:
        if record.hit is not None and record.hit.kind == EventKind.UNSUBSCRIBED:
            apply_late(record.hit)


def carry_out(judged: Sequence[Judged]) -> list[Judged]:
    """The same hits, each that has ended subscriptions with their number (`ended` of its data)."""
    return list(judged)
