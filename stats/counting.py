"""From judged hits to rows: events, engagements, clicked links, counters, breakdowns. In the caller's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from functools import reduce
from operator import attrgetter, or_
from typing import Any, NamedTuple

from django.db.models import Model

from campaigns.models import CampaignRun
from delivery.models import Recipient
from stats import bulk, classification
from stats.classification import Verdict
from stats.hours import hour_of
from stats.models import Breakdown, ClickedLink, Counter, Engagement, Event
from stats.programs import program
from stats.standings import COLUMN, LINK_STANDING, NEW, STANDING, LinkStanding, Standing
from stats.tally import (
    BREAKDOWN_COUNTS,
    CLICKED,
    COUNTS,
    BreakdownKey,
    Count,
    CounterKey,
    Seen,
    Tally,
)
from tracking.clients import canonical
from tracking.spool import Hit

RECIPIENT = ("recipient_id", "run_id", "subscriber_id")
EVENT = (
    *RECIPIENT,
    *("kind", "at", "link_position", "url", "ip_address", "user_agent", "data"),
    *("agent", "agent_reason", "rules_version"),
)
LONGEST_DOMAIN = 253
# Hits whose rows travel together, while those before are stored and counted.
BLOCK = 1000
# Rarer changes of engagements than this in a chunk are written together.
RARE = 100
link_values = attrgetter(*LINK_STANDING)
NOTHING = Standing()


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
    clickers = {each.hit.recipient_id for each in judged if each.hit.kind == CLICKED}
    tally = standing_of({each.hit.recipient_id for each in judged}, clickers)
    zones = _zones({each.known.run_id for each in judged})
    rows = _by_recipient(judged)
    with bulk.inserting(Event, EVENT) as insert:
        for start in range(0, len(judged), BLOCK):
            insert([_event(each) for each in rows[start : start + BLOCK]])
            _add(tally, judged[start : start + BLOCK], zones)  # while the database stores the rows
    tally.spread()
    store_standings(tally, {each.hit.recipient_id: each.known for each in judged})
    store_counts(tally)
    return tally.suspects


def add_up(tally: Tally, judged: Sequence[Judged], *, timezone: str = "") -> None:
    """By the hours of this zone's clock; without one, of each run's organization."""
    runs = {each.known.run_id for each in judged}
    _add(tally, judged, dict.fromkeys(runs, timezone) if timezone else _zones(runs))
    tally.spread()


def _add(tally: Tally, judged: Iterable[Judged], zones: Mapping[int, str]) -> None:
    for each in judged:
        tally.add(_seen(each, zones[each.known.run_id]))


def _by_recipient(judged: Sequence[Judged]) -> list[Judged]:
    """Each recipient's hits in the order of their times, one recipient after the other: so the database finds the
    places in its indexes side by side, which saves a quarter of its work."""
    return sorted(judged, key=lambda each: each.hit.recipient_id)


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


def standing_of(recipients: Set[int], clickers: Set[int] = frozenset()) -> Tally:
    """A tally that goes on from what is stored of these recipients; of links, from what `clickers` have clicked."""
    engagements = Engagement.objects.filter(recipient_id__in=bulk.among(recipients))
    rows = bulk.read(engagements.values_list("recipient_id", *STANDING))
    standings = {row[0]: Standing(*(*row[1:], 0)) for row in rows}
    known = [pk for pk in clickers if pk in standings and standings[pk].clicks]
    links = ClickedLink.objects.filter(recipient_id__in=bulk.among(known))
    clicked = bulk.read(links.values_list("recipient_id", "link_position", *LINK_STANDING)) if known else []
    return Tally(standings, {(row[0], row[1]): LinkStanding(*(*row[2:], False)) for row in clicked})


# --- writing -----------------------------------------------------------------------------------------------------


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
    """What has changed, in the order of recipients, so that the database finds them side by side."""
    for touched, ids in _by_change(tally.standings).items():
        columns = tuple(name for name in STANDING if touched & COLUMN[name])
        others = tuple(name for name in STANDING if not touched & COLUMN[name])  # of what is there already
        values, unchanged = attrgetter("touched", *columns), tuple(getattr(NOTHING, name) for name in others)
        rows = [
            (pk, recipients[pk].run_id, recipients[pk].subscriber_id, *values(tally.standings[pk])[1:], *unchanged)
            for pk in sorted(ids)
        ]
        bulk.upsert(Engagement, (*RECIPIENT, *columns, *others), rows, key=("recipient_id",), replace=columns)
    bulk.upsert(
        ClickedLink,
        ("recipient_id", "link_position", *LINK_STANDING),
        [(*key, *link_values(tally.links[key])) for key in sorted(tally.links) if tally.links[key].is_touched],
        key=("recipient_id", "link_position"),
        replace=LINK_STANDING,
    )


def _by_change(standings: Mapping[int, Standing]) -> dict[int, list[int]]:
    """Recipients by the columns that have changed: after the first open most hits change two numbers of some thirty
    columns. Rare changes are taken together, with all columns of any of them."""
    found: dict[int, list[int]] = defaultdict(list)
    for pk, standing in standings.items():
        found[standing.touched].append(pk)
    found.pop(0, None)
    rare = [touched for touched, ids in found.items() if touched != NEW and len(ids) < RARE]
    if len(rare) > 1:
        ids = [pk for touched in rare for pk in found.pop(touched)]
        found[reduce(or_, rare)] += ids
    return found


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
