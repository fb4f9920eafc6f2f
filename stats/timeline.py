"""Opens and clicks over time, in steps that a chart can draw. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
LONGEST_BY_HOUR = timedelta(days=4)
HOURS_SHOWN = 7 * 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One step; `opened` and `clicked` are people whose first time fell into it, so that they add up to the figures.

    Those that begin with `raw` count programs too.
    """

    at: datetime
    opens: int = 0
    opened: int = 0
    clicks: int = 0
    clicked: int = 0
    raw_opens: int = 0
    raw_opened: int = 0
    raw_clicks: int = 0
    raw_clicked: int = 0


COUNTS = tuple(each.name for each in fields(Point) if each.name != "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Steps without gaps from the first event to the last; `step` is "hour" or "day"."""

    step: str
    points: list[Point]


def over_time(hours: Sequence[Point], timezone: str) -> Timeline:
    """By hour for the first days, by day in `timezone` for what lasts longer. `hours` are in order, as they are
    counted: by the clock of the organization, so that in a zone half an hour apart a day begins half an hour off."""
    is_short = not hours or hours[-1].at - hours[0].at <= LONGEST_BY_HOUR
    return by_hour(hours, timezone) if is_short else by_day(hours, timezone)


def by_hour(hours: Sequence[Point], timezone: str) -> Timeline:
    """The first HOURS_SHOWN hours from the first event on."""
    zone, steps = ZoneInfo(timezone), dict[int, Point]()
    for each in hours:
        place = (each.at - hours[0].at) // HOUR
        start = hours[0].at + place * HOUR
        steps[place] = _added(steps.get(place, Point(at=start.astimezone(zone))), each)
    last = min(max(steps, default=-1), HOURS_SHOWN - 1)
    moments = [(place, (hours[0].at + place * HOUR).astimezone(zone)) for place in range(last + 1)]
    return Timeline(step="hour", points=[steps.get(place, Point(at=at)) for place, at in moments])


def by_day(hours: Sequence[Point], timezone: str) -> Timeline:
    """Every day of this zone's calendar from the first event to the last."""
    if not hours:
        return Timeline(step="day", points=[])
    zone, days = ZoneInfo(timezone), dict[datetime, Point]()
    day, last = _midnight(hours[0].at, zone), _midnight(hours[-1].at, zone)
    while day <= last:
        days[day] = Point(at=day)
        day = (day + timedelta(days=1)).replace(tzinfo=zone)
    for each in hours:
        start = _midnight(each.at, zone)
        days[start] = _added(days[start], each)
    return Timeline(step="day", points=list(days.values()))


def _midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _added(one: Point, other: Point) -> Point:
    """The counts of both, at the time of the one."""
    return Point(at=one.at, **{name: getattr(one, name) + getattr(other, name) for name in COUNTS})
