"""The same time of day in every zone: when it comes, first and last, and what to do where it has passed. Pure.

A time of day that a clock skips comes as much later as the clock jumps; one that comes twice is meant the first time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from campaigns.models import Campaign, ScheduleType

# Between these lie all others: https://www.iana.org/time-zones has none beyond them since 1995.
FIRST, LAST = "Etc/GMT-14", "Etc/GMT+12"
FURTHEST = timedelta(hours=26)
# Who was to get it so long ago gets it now: the clock ticks, audiences take time, and nobody minds.
MISSED_BY = timedelta(hours=1)


@cache
def names() -> dict[str, str]:
    """Every zone by how people may have written it: in lower case, with underscores."""
    return {written(name): name for name in available_timezones()}


def written(name: str) -> str:
    return name.strip().replace(" ", "_").lower()


def moment(time: datetime, zone: str) -> datetime:
    """When the clocks of that zone show this date and time (naive), in UTC."""
    return time.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def is_local(campaign: Campaign) -> bool:
    """Whether each person gets it in their own time; what goes out as soon as possible goes to all at once."""
    return campaign.local_time and campaign.schedule_type == ScheduleType.FUTURE and campaign.scheduled_at is not None


def time_of_day(campaign: Campaign) -> datetime:
    """The date and time it was scheduled for, as the clocks of `schedule_tz` show it (naive)."""
    assert campaign.scheduled_at is not None  # noqa: S101 - who asks has asked is_local
    return campaign.scheduled_at.astimezone(ZoneInfo(zone_of(campaign))).replace(tzinfo=None)


def zone_of(campaign: Campaign) -> str:
    """The zone a campaign's times are read in: where it was chosen, else the edition's, else the organization's."""
    return campaign.schedule_tz or home_of(campaign)


def home_of(campaign: Campaign) -> str:
    """The zone of people whose own is not known: that of the edition, else of the organization."""
    return campaign.edition.timezone if campaign.edition else campaign.organization.timezone


def begins_at(campaign: Campaign) -> datetime | None:
    """When its audience has to be fixed: as soon as anybody, anywhere, might be due; None without a time."""
    return moment(time_of_day(campaign), FIRST) if is_local(campaign) else campaign.scheduled_at


def ends_at(campaign: Campaign) -> datetime | None:
    """When the last are due, wherever they are; None without a time."""
    return moment(time_of_day(campaign), LAST) if is_local(campaign) else campaign.scheduled_at


def has_passed(campaign: Campaign, at: datetime) -> bool:
    """Whether its time is over, everywhere."""
    last = ends_at(campaign)
    return last is not None and last <= at


def release(time: datetime, zone: str, at: datetime) -> datetime:
    """When people of this zone get what is fixed `at` this moment: at that time, or where it has passed on the first
    day on which it has not."""
    due = moment(time, zone)
    while due < at - MISSED_BY:
        time += timedelta(days=max(1, (at - MISSED_BY - due).days))
        due = moment(time, zone)
    return due


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A clock that people go by: `zone` is the first of those `zones` (IANA names) that show the same."""

    zone: str
    zones: tuple[str, ...]


def clocks(zones: Iterable[str], time: datetime, at: datetime) -> list[Clock]:
    """These zones (IANA names), in groups whose clocks agree at the time and for the fortnight after `at`."""
    probes = [at + timedelta(hours=6 * step) for step in range(14 * 4)]
    groups: dict[tuple[object, ...], list[str]] = {}
    for zone in zones:
        clock = ZoneInfo(zone)
        shown = (moment(time, zone), *(probe.astimezone(clock).utcoffset() for probe in probes))
        groups.setdefault(shown, []).append(zone)
    return [Clock(zone=group[0], zones=tuple(group)) for group in groups.values()]
