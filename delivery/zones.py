"""By whose clocks a run goes: the groups of people whose batches wait for the same hours.

Whoever fixes an audience asks once; from then on each batch carries its zone and its times, and nobody asks for a
person's zone again.
"""

from collections import Counter
from copy import copy
from datetime import datetime, timedelta

from campaigns import local_times
from campaigns.local_times import Clock
from campaigns.models import Campaign, ScheduleType
from delivery import audiences, windows
from delivery.audiences import Audience
from delivery.layouts import Group
from delivery.models import QuietHours
from delivery.progress import ZoneProgress


def groups(campaign: Campaign, people: Audience, at: datetime) -> list[Group]:
    """Everybody in one group without a zone, or one for each clock that people go by, the largest first."""
    quiet = windows.hours_of(campaign)
    if not (local_times.is_local(campaign) or quiet):
        most = audiences.at_most(people)
        return [Group(people=most, expires_at=_expires_at(campaign, _due(campaign, at)))]
    counted, home = _counted(campaign, people), local_times.home_of(campaign)
    time = local_times.time_of_day(campaign) if local_times.is_local(campaign) else at.replace(tzinfo=None)
    found = local_times.clocks(counted, time, at)
    return [_group(campaign, clock, quiet, counted, at, is_home=home in clock.zones) for clock in found]


def plan(campaign: Campaign, at: datetime) -> list[Group]:
    """What `groups` would give if the audience were fixed when it has to be, or now where that has passed.

    Who will be kept out by then is counted all the same, and whoever is on two lists twice.
    """
    begins_at = local_times.begins_at(campaign)
    return groups(campaign, audiences.of(campaign), max(at, begins_at) if begins_at else at)


def planned(campaign: Campaign, at: datetime) -> list[ZoneProgress]:
    """The plan as progress is shown, by hour; those who get it at once come first."""
    rows = [
        ZoneProgress(
            zone=group.zone,
            people=group.people,
            pending=group.people,
            release_at=group.release_at,
            begins_at=group.not_before,
        )
        for group in plan(campaign, at)
        if group.people
    ]
    return sorted(rows, key=lambda row: (row.release_at or row.begins_at or at, row.zone))


def planned_for(campaign: Campaign, time: datetime, zone: str) -> Campaign:
    """The campaign as it would be if it were scheduled so; nothing is saved."""
    twin = copy(campaign)
    twin.schedule_type, twin.scheduled_at, twin.schedule_tz = ScheduleType.FUTURE, time, zone
    return twin


def _counted(campaign: Campaign, people: Audience) -> Counter[str]:
    """At most so many people in each zone (IANA names), the most first; those with none are at home."""
    names = local_times.names()
    found = audiences.at_most_by_zone(people, names.keys()) if people.organization.timezone_field else {}
    home, counted = local_times.home_of(campaign), Counter[str]()
    for spelling, number in found.items():
        counted[names.get(spelling, home)] += number
    if not found:
        counted[home] = audiences.at_most(people)
    counted[home] += 0
    return Counter(dict(counted.most_common()))


def _group(
    campaign: Campaign, clock: Clock, quiet: QuietHours | None, counted: Counter[str], at: datetime, *, is_home: bool
) -> Group:
    release_at = None
    if local_times.is_local(campaign):
        release_at = local_times.release(local_times.time_of_day(campaign), clock.zone, at)
    opens_at = max(release_at or at, at)
    if quiet and (hours := quiet.on_the_clock_of(clock.zone)).holds(opens_at):
        opens_at = hours.changes_at(opens_at)
    return Group(
        zone=clock.zone,
        spellings=(*map(local_times.written, clock.zones), *([""] if is_home else [])),
        people=sum(counted[zone] for zone in clock.zones),
        release_at=release_at,
        not_before=opens_at if opens_at > at else None,
        expires_at=_expires_at(campaign, release_at or _due(campaign, at)),
    )


def _due(campaign: Campaign, at: datetime) -> datetime:
    """When messages of a campaign that goes to everybody at once were to leave."""
    on_time = campaign.schedule_type == ScheduleType.FUTURE and campaign.scheduled_at
    return campaign.scheduled_at if on_time and campaign.scheduled_at else at


def _expires_at(campaign: Campaign, due: datetime) -> datetime | None:
    """The first of: so many hours after they were due, and the campaign's own time."""
    hours = campaign.expires_after_hours
    ends = [due + timedelta(hours=hours)] if hours else []
    return min([*ends, *([campaign.expires_at] if campaign.expires_at else [])], default=None)
