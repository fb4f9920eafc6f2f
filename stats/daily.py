"""How often what happened on each day of a calendar, of people or of every hit: Octeth's statistics by day."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from campaigns.models import Campaign
from stats.counted import Counts, added_up, summed
from stats.models import READ, Counter, EventKind

# Octeth: OpenStatistics, ClickStatistics, UnsubscriptionStatistics, ForwardStatistics, BrowserViewStatistics,
# ConversionStatistics. An open there is implied by the first click or look at the web version, as in READ.
KINDS = {
    "opened": READ,
    "clicked": EventKind.CLICKED.value,
    "unsubscribed": EventKind.UNSUBSCRIBED.value,
    "forwarded": EventKind.FORWARDED.value,
    "viewed": EventKind.VIEWED.value,
    "converted": EventKind.CONVERTED.value,
}
LONGEST = 365


class OfDay(NamedTuple):
    """`unique`: recipients whose first time in the run it was; `total`: every time."""

    unique: int
    total: int


Days = Mapping[date, OfDay]


class Daily(NamedTuple):
    """By name (those of KINDS), then by day; `variants` by variant id first."""

    whole: Mapping[str, Days]
    variants: Mapping[int, Mapping[str, Days]]


def daily(campaign: Campaign, days: int = 15, *, raw: bool = False) -> Daily:
    """Exactly so many days from the one on which sending began, in the organization's zone, zeros included; nothing of
    a campaign that never began. In one query. Raises ValueError for no day or more than 365."""
    if not 1 <= days <= LONGEST:
        raise ValueError(f"From 1 to {LONGEST} days.")
    if campaign.started_at is None:
        return Daily({name: {} for name in KINDS}, {})
    zone = ZoneInfo(campaign.organization.timezone)
    since = campaign.started_at.astimezone(zone).date()
    calendar = [since + timedelta(days=number) for number in range(days)]
    by_variant = _by_variant(campaign, zone)
    whole = {day: added_up(counts[day] for counts in by_variant.values() if day in counts) for day in calendar}
    shown = {pk: _shown(counts, calendar, raw=raw) for pk, counts in by_variant.items()}
    return Daily(_shown(whole, calendar, raw=raw), shown)


def _by_variant(campaign: Campaign, zone: ZoneInfo) -> dict[int, dict[date, Counts]]:
    """Hours were counted by the same clock, so that each lies in one day."""
    counters = Counter.objects.filter(run__campaign=campaign, kind__in=KINDS.values())
    hours: dict[int, dict[date, list[Counts]]] = defaultdict(lambda: defaultdict(list))
    for (variant_id, hour), counts in summed(counters, "variant_id", "hour").items():
        hours[variant_id][hour.astimezone(zone).date()].append(counts)
    return {pk: {day: added_up(each) for day, each in days.items()} for pk, days in hours.items()}


def _shown(counts: Mapping[date, Counts], calendar: list[date], *, raw: bool) -> dict[str, Days]:
    return {
        name: {day: _of_day(counts.get(day, {}), kind, raw=raw) for day in calendar} for name, kind in KINDS.items()
    }


def _of_day(counts: Counts, kind: str, *, raw: bool) -> OfDay:
    if kind not in counts:
        return OfDay(0, 0)
    total, unique = counts[kind].of(kind, people=not raw)
    return OfDay(unique, total)
