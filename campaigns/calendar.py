"""What goes out when: what is scheduled, the occurrences of what recurs computed ahead, what went out, what was missed.

Everything is computed when it is asked for, from the campaigns somebody may see; nothing of it is stored.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from django.db.models import Count, QuerySet

from campaigns import recurring
from campaigns.models import RUNNING, Campaign, CampaignEvent, CampaignRun, ScheduleType, State

# Of one campaign, so that one that recurs every minute cannot fill the calendar of everybody.
MOST_OF_ONE = 1_000
WAITING = (State.SCHEDULED, State.PENDING_APPROVAL)


class Kind(StrEnum):
    SENT = "sent"  # or being sent
    SCHEDULED = "scheduled"
    OCCURRENCE = "occurrence"
    MISSED = "missed"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing in the calendar. `run` is there for what went out; `at` is when that began. `number`: of the run, or of
    the one that it will be."""

    at: datetime
    kind: Kind
    campaign: Campaign
    run: CampaignRun | None = None
    number: int = 1

    @property
    def is_tentative(self) -> bool:
        """Whether somebody has to do something before it goes out: approve it, or resume it."""
        ahead = self.kind in {Kind.SCHEDULED, Kind.OCCURRENCE}
        return ahead and (self.campaign.state == State.PENDING_APPROVAL or self.campaign.paused)

    @property
    def uid(self) -> str:
        """The same for as long as it is the same thing: an occurrence keeps it once it went out, and a campaign that is
        moved to another time keeps it too."""
        slot = self.run.slot_at if self.run else self.at if self.kind != Kind.SCHEDULED else None
        if slot is None:
            number = f"-{self.number}" if self.number > 1 else ""
            return f"{self.campaign.public_id}{number}"
        return f"{self.campaign.public_id}-{slot:%Y%m%dT%H%M%SZ}"


def entries(campaigns: QuerySet[Campaign], start: datetime, end: datetime) -> list[Entry]:
    """Everything of these campaigns from `start` on and before `end`, in order of time. A fixed number of queries."""
    kept = campaigns.filter(deleted_at__isnull=True)
    found = [
        *_sent(kept, start, end),
        *_scheduled(kept, start, end),
        *_occurrences(kept, start, end),
        *_missed(kept, start, end),
    ]
    return sorted(found, key=lambda entry: (entry.at, entry.campaign.pk))


def upcoming(campaign: Campaign, count: int) -> list[datetime]:
    """The next times a campaign goes out, in UTC; none that needs no clock or is over."""
    if campaign.scheduled_at is None or campaign.state not in (*WAITING, *RUNNING):
        return []
    if campaign.schedule_type == ScheduleType.RECURSIVE:
        return list(islice(_slots(campaign, campaign.runs.count(), campaign.scheduled_at), count))
    return [campaign.scheduled_at][:count] if campaign.state in WAITING else []


def _sent(campaigns: QuerySet[Campaign], start: datetime, end: datetime) -> Iterator[Entry]:
    runs = CampaignRun.objects.filter(campaign__in=campaigns, started_at__gte=start, started_at__lt=end)
    for run in runs.select_related("campaign__organization", "campaign__edition").order_by("started_at"):
        yield Entry(at=run.started_at, kind=Kind.SENT, campaign=run.campaign, run=run, number=run.number)


def _scheduled(campaigns: QuerySet[Campaign], start: datetime, end: datetime) -> Iterator[Entry]:
    waiting = campaigns.filter(schedule_type=ScheduleType.FUTURE, state__in=WAITING)
    within = waiting.filter(scheduled_at__gte=start, scheduled_at__lt=end).annotate(done=Count("runs"))
    for campaign in within.select_related("organization"):
        assert campaign.scheduled_at is not None  # noqa: S101 - it was asked for by its time
        yield Entry(at=campaign.scheduled_at, kind=Kind.SCHEDULED, campaign=campaign, number=campaign.done + 1)


def _occurrences(campaigns: QuerySet[Campaign], start: datetime, end: datetime) -> Iterator[Entry]:
    recurs = campaigns.filter(schedule_type=ScheduleType.RECURSIVE, state__in=[*WAITING, *RUNNING])
    ahead = recurs.filter(scheduled_at__lt=end).annotate(done=Count("runs"))
    for campaign in ahead.select_related("recurrence", "organization"):
        slots = (slot for slot in _slots(campaign, campaign.done, start) if slot >= start)
        for slot in islice(slots, MOST_OF_ONE):
            if slot >= end:
                break
            yield Entry(at=slot, kind=Kind.OCCURRENCE, campaign=campaign)


def _slots(campaign: Campaign, done: int, start: datetime) -> Iterator[datetime]:
    """Its occurrences to come. Those of one with a limit have to be counted from the next one on."""
    following = campaign.scheduled_at
    if not hasattr(campaign, "recurrence") or following is None:
        return iter(())
    kept = campaign.recurrence.value
    if not kept.max_instances:
        return recurring.from_on(kept, max(start, following), campaign.schedule_tz)
    return islice(recurring.from_on(kept, following, campaign.schedule_tz), max(0, kept.max_instances - done))


def _missed(campaigns: QuerySet[Campaign], start: datetime, end: datetime) -> Iterator[Entry]:
    """Those that the history names; of very many at once it names the first only."""
    # what is missed is written down when the clock comes by, which may be long after
    told = CampaignEvent.objects.filter(campaign__in=campaigns, verb="miss", at__gte=start)
    for event in told.select_related("campaign__organization", "campaign__edition"):
        for slot in map(datetime.fromisoformat, event.data.get("slots", [])):
            if start <= slot < end:
                yield Entry(at=slot, kind=Kind.MISSED, campaign=event.campaign)
