"""Several campaigns at once: beside each other, and as the last days of an organization."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, Sum
from django.utils.timezone import now

from campaigns.models import Campaign, CampaignRun, Channel
from stats.counted import NOTHING, RUN_COLUMNS, Counts, Sums, added_up, results, summed
from stats.figures import Results
from stats.listings import for_campaigns
from stats.models import READ, Counter, EventKind
from stats.report_rows import Compared, Dashboard, Day, Elapsed
from stats.timeline import HOUR

LARGEST_COMPARISON = 5
HOURS_COMPARED = 72
BEST = 5
LATEST = 100  # of so many campaigns the best are shown
CLICKED, BOUNCED = EventKind.CLICKED.value, EventKind.BOUNCED.value
UNSUBSCRIBED, COMPLAINED = EventKind.UNSUBSCRIBED.value, EventKind.COMPLAINED.value


# --- beside each other -------------------------------------------------------------------------------------------


def compare(campaigns: Sequence[Campaign]) -> list[Compared]:
    """Up to five campaigns in the order given, in four queries. Raises ValueError for more."""
    if len(campaigns) > LARGEST_COMPARISON:
        raise ValueError(f"Up to {LARGEST_COMPARISON} campaigns can be compared.")
    ids = [campaign.pk for campaign in campaigns]
    found, hours = for_campaigns(ids), _hours(ids)
    return [
        _compared(campaign, found.get(campaign.pk, Results()), hours.get(campaign.pk, {})) for campaign in campaigns
    ]


def _compared(campaign: Campaign, found: Results, hours: Mapping[datetime, Counts]) -> Compared:
    elapsed = list(_elapsed(campaign.started_at, hours)) if campaign.started_at else []
    return Compared(campaign=campaign, figures=found.figures, raw=found.raw, elapsed=elapsed)


def _hours(ids: Sequence[int]) -> dict[int, dict[datetime, Counts]]:
    """By campaign and hour, opens and clicks."""
    counters = Counter.objects.filter(run__campaign__in=ids, kind__in=[READ, CLICKED])
    found: dict[int, dict[datetime, Counts]] = defaultdict(dict)
    for (campaign_id, hour), counts in summed(counters, "run__campaign", "hour").items():
        found[campaign_id][hour] = counts
    return found


def _elapsed(started_at: datetime, hours: Mapping[datetime, Counts]) -> Iterator[Elapsed]:
    """What came in an hour of the clock counts at its end: the first hour of a campaign is the rest of that hour."""
    steps: dict[int, list[Counts]] = defaultdict(list)
    for hour, counts in hours.items():
        steps[max(0, (hour + HOUR - started_at) // HOUR)].append(counts)
    each_hour = (added_up(steps.get(number, [])) for number in range(HOURS_COMPARED))
    for number, counts in enumerate(accumulate(each_hour, lambda one, other: added_up([one, other]))):
        yield Elapsed(hour=number + 1, **_people(counts))


def _people(counts: Counts) -> dict[str, int]:
    """How many opened and clicked, of people and with every hit."""
    read, clicked = counts.get(READ, NOTHING), counts.get(CLICKED, NOTHING)
    return {
        "opened": read.of(READ, people=True)[1],
        "clicked": clicked.of(CLICKED, people=True)[1],
        "raw_opened": read.of(READ, people=False)[1],
        "raw_clicked": clicked.of(CLICKED, people=False)[1],
    }


# --- the last days -----------------------------------------------------------------------------------------------


def dashboard(
    campaigns: QuerySet[Campaign],
    timezone: str,
    *,
    days: int = 30,
    channel: str = Channel.EMAIL,
    today: date | None = None,
) -> Dashboard:
    """Those of `campaigns` (of one organization, or of whoever may see them) that were started in the last `days` days
    of this zone's calendar, today included. In nine queries, whatever their number.

    Of one channel: a text message has no opens, and would lower every rate it is mixed into.
    """
    zone = ZoneInfo(timezone)
    since = (today or now().astimezone(zone).date()) - timedelta(days=days - 1)
    start, before = _midnight(since, zone), _midnight(since - timedelta(days=days), zone)
    of_channel = campaigns.filter(channel=channel, deleted_at__isnull=True)
    latest = of_channel.filter(started_at__gte=start)
    earlier = of_channel.filter(started_at__gte=before, started_at__lt=start)
    found, was = _together(latest, channel), _together(earlier, channel)
    return Dashboard(
        since=since,
        campaigns=latest.count(),
        figures=found.figures,
        raw=found.raw,
        campaigns_before=earlier.count(),
        figures_before=was.figures,
        raw_before=was.raw,
        days=_days(latest, since, days, zone),
        best=_best(latest),
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _together(campaigns: QuerySet[Campaign], channel: str) -> Results:
    """All of them as if they were one."""
    ids = campaigns.order_by().values("pk")
    columns = CampaignRun.objects.filter(campaign__in=ids).aggregate(**{name: Sum(name) for name in RUN_COLUMNS})
    counts = summed(Counter.objects.filter(run__campaign__in=ids), "run__campaign__channel")
    sizes = campaigns.order_by().aggregate(people=Sum("total_recipients"))
    known = {name: value or 0 for name, value in columns.items()}
    return results(known, counts.get(channel, {}), channel, sizes["people"] or 0)


def _days(campaigns: QuerySet[Campaign], since: date, days: int, zone: ZoneInfo) -> list[Day]:
    kinds = [READ, CLICKED, UNSUBSCRIBED, BOUNCED, COMPLAINED]
    counters = Counter.objects.filter(run__campaign__in=campaigns.order_by().values("pk"), kind__in=kinds)
    hours: dict[date, list[dict[str, Sums]]] = defaultdict(list)
    for hour, counts in summed(counters, "hour").items():
        hours[hour.astimezone(zone).date()].append(counts)
    every = [since + timedelta(days=number) for number in range(days)]
    return [_day(day, added_up(hours.get(day, []))) for day in every]


def _day(day: date, counts: Counts) -> Day:
    names = {"unsubscribed": UNSUBSCRIBED, "bounced": BOUNCED, "complained": COMPLAINED}
    others = {name: counts.get(kind, NOTHING).unique for name, kind in names.items()}
    return Day(day=day, **_people(counts), **others)


def _best(campaigns: QuerySet[Campaign]) -> list[Compared]:
    shown = {campaign.pk: campaign for campaign in campaigns.order_by("-started_at", "-pk")[:LATEST]}
    found = [(pk, each) for pk, each in for_campaigns(shown).items() if each.figures.delivered]
    found.sort(key=lambda each: (-each[1].figures.open_rate, -each[1].figures.click_rate, -each[0]))
    return [Compared(campaign=shown[pk], figures=each.figures, raw=each.raw) for pk, each in found[:BEST]]
