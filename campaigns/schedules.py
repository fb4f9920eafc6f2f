"""When a campaign is to go out. Pure: no clock of its own."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from campaigns import local_times
from campaigns.errors import NotReady
from campaigns.models import Campaign, ScheduleType
from campaigns.recurrence import Recurrence

# What other rooms say against a campaign's going out on this kind of schedule, by field; each puts its function here
# when its app starts.
ALSO_REFUSED: list[Callable[[Campaign, str], dict[str, list[str]]]] = []


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """`at` is an aware time, `tz` the IANA zone it was chosen in; with a recurrence, `at` is the first of its
    occurrences to come. Raises NotReady by field for what makes no sense."""

    type: ScheduleType
    at: datetime | None = None
    tz: str = ""
    recurrence: Recurrence | None = None

    def __post_init__(self) -> None:
        if self.type == ScheduleType.NONE:
            raise NotReady({"schedule_type": ["Say whether the campaign goes out at once or at a time."]})
        if self.type == ScheduleType.FUTURE and self.at is None:
            raise NotReady({"scheduled_at": ["Say when the campaign is to go out."]})
        if (self.type == ScheduleType.RECURSIVE) != (self.recurrence is not None):
            raise NotReady({"recurrence": ["Say on which days and at what times it recurs."]})
        if self.at is not None and self.at.tzinfo is None:
            raise NotReady({"scheduled_at": ["Say in which time zone that time is."]})
        if self.tz and self.tz not in available_timezones():
            raise NotReady({"schedule_tz": [f"{self.tz} is not an IANA time zone, such as Europe/Berlin."]})

    @property
    def columns(self) -> dict[str, Any]:
        """As the campaign's columns hold it."""
        return {"schedule_type": self.type, "scheduled_at": self.at, "schedule_tz": self.tz}

    def columns_for(self, campaign: Campaign) -> dict[str, Any]:
        """The same, for this campaign. Raises NotReady where it does not fit."""
        would_be = copy(campaign)
        for name, value in self.columns.items():
            setattr(would_be, name, value)
        if found := problems(would_be, self.type):
            raise NotReady(found)
        return self.columns


def problems(campaign: Campaign, schedule_type: str) -> dict[str, list[str]]:
    """Why this campaign cannot go out on this kind of schedule, by field; empty where it can."""
    found: dict[str, list[str]] = {}
    if schedule_type == ScheduleType.RECURSIVE:
        if campaign.local_time:
            found["local_time"] = ["What recurs goes to everybody at once, not in each person's own time."]
        if campaign.expires_at:
            found["expires_at"] = ["What recurs expires some hours after each start, not once for all."]
    begins_at = local_times.begins_at(campaign) if schedule_type == ScheduleType.FUTURE else None
    if begins_at and campaign.expires_at and campaign.expires_at <= begins_at:
        found["expires_at"] = ["It expires before it goes out, so that nobody would get it."]
    for refuse in ALSO_REFUSED:
        found |= refuse(campaign, schedule_type)
    return found


IMMEDIATELY = Schedule(type=ScheduleType.IMMEDIATE)


def at(moment: datetime, tz: str = "") -> Schedule:
    return Schedule(type=ScheduleType.FUTURE, at=moment, tz=tz)


def recurring(recurrence: Recurrence, tz: str, *, after: datetime) -> Schedule:
    """Again and again, at the occurrences after that moment, which are read in this zone."""
    if tz not in available_timezones():
        raise NotReady({"schedule_tz": [f"{tz or 'Nothing'} is not an IANA time zone, such as Europe/Berlin."]})
    first = next(recurrence.after(after.astimezone(UTC), tz), None)
    return Schedule(type=ScheduleType.RECURSIVE, at=first, tz=tz, recurrence=recurrence)


def is_missed(due: datetime, resumed_at: datetime | None, moment: datetime, limit: timedelta) -> bool:
    """Whether a start that was due is too late to be made up for, since nobody was there to make it.

    Time somebody held the campaign back does not count: a start that came due while paused is made at the resume.
    """
    return moment - max(due, resumed_at or due) >= limit
