"""When a recurring campaign goes out, again and again. Pure: values in, values out, no clock of its own.

A recurrence is a list for each field of a crontab, read in a time zone: every minute all its lists allow is one
occurrence. Where days of the week and days of the month are both given, a day on either list counts, as cron(8) has it.
Each wall-clock time comes once a day: what the clocks skip when they go forward is moved on by as much (02:30 becomes
03:30), and of a time they show twice the first is meant.
"""

from calendar import isleap, monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from typing import Any, Self
from zoneinfo import ZoneInfo

from campaigns.errors import NotReady

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
BOUNDS = {
    "days_of_week": (1, 7),
    "days_of_month": (1, 31),
    "months": (1, 12),
    "hours": (0, 23),
    "minutes": (0, 59),
}
MOST_INSTANCES = 100_000
# The 29th of February is missing for eight years around 2100; no list of days is missing for longer.
LONGEST_WAIT = timedelta(days=366 * 9)
_LAST_YEAR = 9_000


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """`days_of_week` count from 1, Monday, to 7, Sunday. Days and months that are empty mean every one.

    `max_instances` is how many times it goes out in all; 0 for no end. Raises NotReady by field.
    """

    days_of_week: tuple[int, ...] = ()
    days_of_month: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    max_instances: int = 0

    def __post_init__(self) -> None:
        problems = {name: _problems(name, getattr(self, name)) for name in BOUNDS}
        problems["max_instances"] = _limit_problems(self.max_instances)
        if not any(problems.values()):
            for name in BOUNDS:
                object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))
            problems["days_of_month"] = _missing_days(self)
        if found := {name: texts for name, texts in problems.items() if texts}:
            raise NotReady(found)

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """From what `data` gave. Raises NotReady for anything else."""
        known = {field.name for field in fields(cls)}
        if unknown := data.keys() - known:
            raise NotReady({name: ["There is no such setting."] for name in sorted(unknown)})
        lists = {name: tuple(data.get(name) or ()) for name in BOUNDS}
        return cls(**lists, max_instances=data.get("max_instances") or 0)

    @property
    def data(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {name: list(getattr(self, name)) for name in BOUNDS} | {"max_instances": self.max_instances}

    @property
    def cron(self) -> str:
        """The five fields of a crontab; Sunday is 0."""
        days = tuple(day % 7 for day in self.days_of_week)
        return " ".join(
            ",".join(map(str, sorted(each))) or "*"
            for each in (self.minutes, self.hours, self.days_of_month, self.months, days)
        )

    def falls_on(self, day: date) -> bool:
        if self.months and day.month not in self.months:
            return False
        in_week = day.isoweekday() in self.days_of_week
        in_month = day.day in self.days_of_month
        if self.days_of_week and self.days_of_month:
            return in_week or in_month
        return in_week or in_month or not (self.days_of_week or self.days_of_month)

    def after(self, moment: datetime, tz: str) -> Iterator[datetime]:
        """Every occurrence after that moment, in order, in UTC; ends when none comes for LONGEST_WAIT."""
        zone = ZoneInfo(tz)
        # a day that was skipped altogether (Samoa, 2011) moves on by 24 hours
        day = moment.astimezone(zone).date() - timedelta(days=2)
        waiting: set[datetime] = set()
        last = moment
        while day.year < _LAST_YEAR and (waiting or _midnight(day, zone) - last <= LONGEST_WAIT):
            if self.falls_on(day):
                waiting.update(_instant(day, each, zone) for each in self._times)
            day += timedelta(days=1)
            if waiting:
                sure = sorted(each for each in waiting if each < _midnight(day, zone))
                waiting.difference_update(sure)
                yield from (each for each in sure if each > moment)
                last = max([last, *sure[-1:]])

    def between(self, start: datetime, end: datetime, tz: str) -> Iterator[datetime]:
        """Every occurrence from `start` on and before `end`."""
        return takewhile(lambda each: each < end, self.after(start - timedelta(microseconds=1), tz))

    @property
    def _times(self) -> list[time]:
        return [time(hour, minute) for hour in self.hours for minute in self.minutes]


def from_cron(expression: str, *, max_instances: int = 0) -> Recurrence:
    """From the five fields of a crontab: minute, hour, day of the month, month, day of the week. Lists, ranges, steps
    and English names are known. Raises NotReady."""
    found = expression.split()
    if len(found) != len(BOUNDS):
        raise NotReady({"cron": ["A crontab has five fields: minute, hour, day of the month, month, day of the week."]})
    minutes, hours, days, months, weekdays = found
    return Recurrence(
        minutes=_cron_field(minutes, 0, 59) or tuple(range(60)),
        hours=_cron_field(hours, 0, 23) or tuple(range(24)),
        days_of_month=_cron_field(days, 1, 31),
        months=_cron_field(months, 1, 12, MONTHS),
        days_of_week=tuple(day or 7 for day in _cron_field(weekdays, 0, 7, WEEKDAYS, first=1)),
        max_instances=max_instances,
    )


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """In UTC. With fold=0 a time that is skipped is read with the offset before, and one shown twice is the first."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """No occurrence of this day or a later one is earlier; also where the clocks go forward over midnight."""
    at = datetime.combine(day, time(), zone)
    return min(at.astimezone(UTC), at.replace(fold=1).astimezone(UTC))


def _problems(name: str, values: Iterable[Any]) -> list[str]:
    low, high = BOUNDS[name]
    called = name.replace("_", " ")
    listed = list(values)
    if not listed and name in {"hours", "minutes"}:
        return [f"Say at which {called} it goes out, from {low} to {high}."]
    wrong = [each for each in listed if not _is_whole(each) or not low <= each <= high]
    return [f"{wrong[0]!r} is none of the {called}, which go from {low} to {high}."] if wrong else []


def _limit_problems(limit: Any) -> list[str]:
    if _is_whole(limit) and 0 <= limit <= MOST_INSTANCES:
        return []
    return [f"How many times it goes out is a number from 1 to {MOST_INSTANCES:,}, or 0 for no end."]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _missing_days(recurrence: Recurrence) -> list[str]:
    """What would never come, such as the 30th of February."""
    if recurrence.days_of_week or not recurrence.days_of_month:
        return []
    a_leap_year = 2024
    assert isleap(a_leap_year)  # noqa: S101
    longest = max(monthrange(a_leap_year, month)[1] for month in recurrence.months or range(1, 13))
    if recurrence.days_of_month[0] <= longest:
        return []
    return ["There is no such day in these months."]


# --- crontabs ----------------------------------------------------------------------------------------------------


def _cron_field(text: str, low: int, high: int, names: Iterable[str] = (), first: int = 1) -> tuple[int, ...]:
    """Its values; none for a star, which means every one."""
    if text == "*":
        return ()
    numbers = {name[:3].lower(): number for number, name in enumerate(names, first)}
    found: set[int] = set()
    for part in text.split(","):
        found.update(_cron_part(part, low, high, numbers))
    return tuple(sorted(found))


def _cron_part(part: str, low: int, high: int, names: dict[str, int]) -> range:
    span, _, step = part.partition("/")
    begin, dash, end = span.partition("-")
    try:
        start, stop = (low, high) if span == "*" else (_number(begin, names), _number(end or begin, names))
        by = int(step) if "/" in part else 1
    except ValueError:
        raise NotReady({"cron": [f"{part} is not what a crontab has there."]}) from None
    if "/" in part and span != "*" and not dash:
        stop = high  # 5/15 counts on to the end
    if by < 1 or not low <= start <= stop <= high:
        raise NotReady({"cron": [f"{part} is not between {low} and {high}."]})
    return range(start, stop + 1, by)


def _number(text: str, names: dict[str, int]) -> int:
    return names[text.lower()] if text.lower() in names else int(text)
