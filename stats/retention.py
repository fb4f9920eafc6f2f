"""Old events go month by month; counters, engagements, breakdowns and outcomes stay as they are.

On PostgreSQL a month that lies in a partition of its own is dropped with it, which takes moments however many events it
has. From the partition of all that was there before, from those that fit no month, and on SQLite, events are deleted a
few at a time. The keys of hits that may be reported again go with them.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import OperationalError, connection, transaction
from django.db.models import Count
from django.db.models.functions import TruncMonth

from stats import months
from stats.models import Event, SeenHit
from stats.months import Partition

PIECE = 10_000
TRIES, LOCK_TIMEOUT = 10, "2s"


@dataclass(frozen=True)
class Old:
    """What is from before `before`: events by month (UTC), the oldest first, and keys of hits."""

    before: datetime
    events: dict[datetime, int]
    keys: int


def old(keep_months: int, at: datetime) -> Old:
    """What is older than the month of `at` and so many whole months before it. Raises ValueError below 1."""
    if keep_months < 1:
        raise ValueError("At least one month has to be kept.")
    before = months.later(months.month_of(at), -keep_months)
    rows = Event.objects.filter(at__lt=before).order_by().values_list(TruncMonth("at", tzinfo=UTC))
    events = dict(sorted(rows.annotate(Count("pk"))))
    return Old(before, events, SeenHit.objects.filter(seen_at__lt=before).count())


def prune(keep_months: int, at: datetime) -> Old:
    """Drop what is older (see `old`); what that was. May be repeated after it was interrupted.

    Raises ValueError below 1, and OperationalError where others would not let go of the table for long.
    """
    found = old(keep_months, at)
    if found.events:
        _prune_events(found.before)
    while keys := list(SeenHit.objects.filter(seen_at__lt=found.before).values_list("pk", flat=True)[:PIECE]):
        SeenHit.objects.filter(pk__in=keys).delete()
    return found


def _prune_events(before: datetime) -> None:
    for part in months.partitions() if months.is_partitioned() else [Partition(months.TABLE, None, None)]:
        if part.end is not None and part.end <= before:
            _drop(part.table)
        elif part.start is None or part.start < before:
            _delete_in_pieces(part.table, before)


def _drop(table: str) -> None:
    """Waits a moment only for those who read or write: behind a lock that is asked for, all others queue."""
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [months.TURN])
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
            return
        except OperationalError:
            if not tries_left:
                raise
            time.sleep(1)


def _delete_in_pieces(table: str, before: datetime) -> None:
    """Along the primary key, so that each piece goes on where the last one ended; nobody else waits for long."""
    last = 0
    while ids := _next_ids(table, last, before):
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {table} WHERE id BETWEEN %s AND %s AND at < %s",  # noqa: S608 - a name of ours
                [ids[0], ids[-1], before],
            )
        last = ids[-1]


def _next_ids(table: str, last: int, before: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {table} WHERE id > %s AND at < %s ORDER BY id LIMIT {PIECE}",  # noqa: S608 - as above
            [last, before],
        )
        return [row[0] for row in cursor.fetchall()]
