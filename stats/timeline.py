"""Opens and clicks over time, in steps that a chart can draw. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
LONGEST_BY_HOUR = timedelta(days=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One step; `opened` and `clicked` are people whose first time fell into it, so that they add up to the figures."""

    at: datetime
    opens: int = 0
    opened: int = 0
    clicks: int = 0
    clicked: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Steps without gaps from the first event to the last; `step` is "hour" or "day"."""

    step: str
    points: list[Point]


def over_time(hours: Sequence[Point], timezone: str) -> Timeline:
    """By hour for the first days, by day in `timezone` for what lasts longer. `hours` are in order; hours are UTC
    hours, so that in zones apart by half an hour a day begins half an hour off."""
    if not hours:
        return Timeline(step="hour", points=[])
    zone = ZoneInfo(timezone)
    if hours[-1].at - hours[0].at <= LONGEST_BY_HOUR:
        return Timeline(step="hour", points=_by_hour(hours, zone))
    return Timeline(step="day", points=_by_day(hours, zone))


def _by_hour(hours: Sequence[Point], zone: ZoneInfo) -> list[Point]:
    known = {each.at: each for each in hours}
    count = (hours[-1].at - hours[0].at) // HOUR + 1
    moments = [hours[0].at + number * HOUR for number in range(count)]
    return [_moved(known.get(moment, Point(at=moment)), moment.astimezone(zone)) for moment in moments]


def _by_day(hours: Sequence[Point], zone: ZoneInfo) -> list[Point]:
    days: dict[datetime, Point] = {}
    day, last = _midnight(hours[0].at, zone), _midnight(hours[-1].at, zone)
    while day <= last:
        days[day] = Point(at=day)
        day = (day + timedelta(days=1)).replace(tzinfo=zone)
    for each in hours:
        start = _midnight(each.at, zone)
        days[start] = _added(days[start], each)
    return list(days.values())


def _midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _moved(hour: Point, at: datetime) -> Point:
    return Point(at=at, opens=hour.opens, opened=hour.opened, clicks=hour.clicks, clicked=hour.clicked)


def _added(one: Point, other: Point) -> Point:
    return Point(
        at=one.at,
        opens=one.opens + other.opens,
        opened=one.opened + other.opened,
        clicks=one.clicks + other.clicks,
        clicked=one.clicked + other.clicked,
    )
