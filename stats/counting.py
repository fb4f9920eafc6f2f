"""From judged hits to rows: events, engagements, clicked links, counters, breakdowns. In the caller's transaction."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import Model

from campaigns.models import CampaignRun
from delivery.models import Recipient
from stats import bulk, classification
from stats.classification import Verdict
from stats.hours import hour_of
from stats.models import Breakdown, ClickedLink, Counter, Engagement, Event
from stats.programs import program
from stats.tally import BREAKDOWN_COUNTS, COUNTS, BreakdownKey, Count, CounterKey, LinkStanding, Seen, Standing, Tally
from tracking.clients import canonical
from tracking.spool import Hit

RECIPIENT = ("recipient_id", "run_id", "subscriber_id")
EVENT = (
    *RECIPIENT,
    *("kind", "at", "link_position", "url", "ip_address", "user_agent", "data"),
    *("agent", "agent_reason", "rules_version"),
)
STANDING = tuple(field.name for field in fields(Standing))
LINK_STANDING = tuple(field.name for field in fields(LinkStanding))
LONGEST_DOMAIN = 253
standing_values, link_values = attrgetter(*STANDING), attrgetter(*LINK_STANDING)


class Known(NamedTuple):
    """What is read of a recipient; `subscriber_id` is None where the person has been erased. `settled_at`: when the
    other side's answer was written down, which is up to a moment after it came."""

    run_id: int
    variant_id: int
    subscriber_id: int | None
    address: str
    settled_at: datetime | None


class Judged(NamedTuple):
    """A hit, whose it is, and who made it."""

    hit: Hit
    known: Known
    verdict: Verdict


def known_recipients(ids: Iterable[int]) -> dict[int, Known]:
    """By recipient id."""
    rows = Recipient.objects.filter(pk__in=bulk.among(ids)).values_list("pk", *Known._fields)
    return {row[0]: Known(*row[1:]) for row in bulk.read(rows)}


def count(judged: Sequence[Judged]) -> set[int]:
    """Store these hits, which are in the order of their times; the recipients whose hits shall be judged as a whole."""
    store_events(judged)
    tally = standing_of({each.hit.recipient_id for each in judged})
    add_up(tally, judged)
    store_standings(tally, {each.hit.recipient_id: each.known for each in judged})
    store_counts(tally)
    return tally.suspects


def add_up(tally: Tally, judged: Sequence[Judged], *, timezone: str = "") -> None:
    """By the hours of this zone's clock; without one, of each run's organization."""
    tally.cells.clear()  # the caller may have taken counts out since
    zones = {} if timezone else _zones({each.known.run_id for each in judged})
    for each in judged:
        tally.add(_seen(each, timezone or zones[each.known.run_id]))


def _zones(runs: Iterable[int]) -> dict[int, str]:
    """The organization's time zone by run."""
    rows = CampaignRun.objects.filter(pk__in=list(runs)).order_by()
    return dict(rows.values_list("pk", "campaign__organization__timezone"))


def _seen(judged: Judged, timezone: str) -> Seen:
    hit, known = judged.hit, judged.known
    if known.subscriber_id is None and hit.url:
        hit = replace(hit, url="")  # it may have merge fields of somebody in it who has been erased
    client, device = program(hit.user_agent) if hit.kind in classification.JUDGED else ("", "")
    domain = known.address.rpartition("@")[2].lower()[:LONGEST_DOMAIN] if "@" in known.address else ""
    hour = hour_of(hit.at, timezone)
    return Seen(hit, known.variant_id, hour, judged.verdict.agent, domain, client, device)


# --- reading -----------------------------------------------------------------------------------------------------


def standing_of(recipients: set[int]) -> Tally:
    """A tally that goes on from what is stored of these recipients."""
    engagements = Engagement.objects.filter(recipient_id__in=bulk.among(recipients))
    standings = {row[0]: Standing(*row[1:]) for row in bulk.read(engagements.values_list("recipient_id", *STANDING))}
    clickers = [pk for pk, standing in standings.items() if standing.clicks]
    links = ClickedLink.objects.filter(recipient_id__in=bulk.among(clickers))
    return Tally(
        standings,
        {
            (row[0], row[1]): LinkStanding(*row[2:])
            for row in bulk.read(links.values_list("recipient_id", "link_position", *LINK_STANDING))
        },
    )


# --- writing -----------------------------------------------------------------------------------------------------


def store_events(judged: Sequence[Judged]) -> None:
    bulk.insert(Event, EVENT, [_event(each) for each in judged])


def _event(judged: Judged) -> tuple[Any, ...]:
    hit, known, verdict = judged.hit, judged.known, judged.verdict
    whose = (hit.recipient_id, hit.run_id, known.subscriber_id)
    what = (hit.kind, hit.at, hit.link_position)
    by = (verdict.agent, verdict.reason, classification.VERSION)
    if known.subscriber_id is None:
        return (*whose, *what, "", None, "", {}, *by)
    url, agent = hit.url.replace("\x00", ""), hit.user_agent.replace("\x00", "")[:500]
    return (*whose, *what, url, canonical(hit.ip_address) or None, agent, hit.data, *by)


def store_standings(tally: Tally, recipients: Mapping[int, Known]) -> None:
    bulk.upsert(
        Engagement,
        (*RECIPIENT, *STANDING),
        [
            (pk, recipients[pk].run_id, recipients[pk].subscriber_id, *standing_values(standing))
            for pk, standing in tally.standings.items()
        ],
        key=("recipient_id",),
        replace=STANDING,
    )
    bulk.upsert(
        ClickedLink,
        ("recipient_id", "link_position", *LINK_STANDING),
        [(*key, *link_values(link)) for key, link in tally.links.items()],
        key=("recipient_id", "link_position"),
        replace=LINK_STANDING,
    )


def store_counts(tally: Tally) -> None:
    for model, key, columns, counts in _counts(tally):
        bulk.upsert(model, (*key, *columns), _rows(counts, columns), key=key, add=columns[columns.index("total") :])


def change_counts(tally: Tally) -> None:
    """As `store_counts`, for counters that are there and may become less."""
    for model, key, columns, counts in _counts(tally):
        added = columns[columns.index("total") :]
        bulk.change(model, (*key, *added), _rows(counts, added), key=key)


def _counts(tally: Tally) -> Iterator[tuple[type[Model], tuple[str, ...], tuple[str, ...], Mapping[Any, Count]]]:
    """Model, key, the columns of a count, counts by key."""
    yield Counter, CounterKey._fields, ("url", *COUNTS), tally.counts
    yield Breakdown, BreakdownKey._fields, BREAKDOWN_COUNTS, tally.breakdowns


def _rows(counts: Mapping[Any, Count], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    values = attrgetter(*columns)
    return [(*key, *values(count)) for key, count in counts.items()]
