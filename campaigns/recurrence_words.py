"""A recurrence as a sentence: "Every Monday and Thursday at 09:00, Europe/Berlin, 12 times". Pure."""

from collections.abc import Iterable, Sequence

from campaigns.recurrence import MONTHS, WEEKDAYS, Recurrence

WORKING_DAYS = (1, 2, 3, 4, 5)
MOST_TIMES = 8  # that are named one by one
EVERY_HOUR = tuple(range(24))
EVERY_MINUTE = tuple(range(60))


def sentence(recurrence: Recurrence, tz: str) -> str:
    often = [f"{recurrence.max_instances:,} times"] if recurrence.max_instances > 1 else []
    often = ["once"] if recurrence.max_instances == 1 else often
    return ", ".join([f"{_days(recurrence)} {_times(recurrence)}", tz.replace("_", " "), *often])


def _days(recurrence: Recurrence) -> str:
    within = f" in {_months(recurrence.months)}" if _months(recurrence.months) else ""
    if len(recurrence.days_of_week) == len(WEEKDAYS) or not (recurrence.days_of_week or recurrence.days_of_month):
        return f"Every day{within}"
    week = f"every {_weekdays(recurrence.days_of_week)}{within}" if recurrence.days_of_week else ""
    month = _month_days(recurrence) if recurrence.days_of_month else ""
    whole = f"{week}, and {month}," if week and month else week or month
    return whole[0].upper() + whole[1:]


def _month_days(recurrence: Recurrence) -> str:
    days = _listed(_ordinal(day) for day in recurrence.days_of_month)
    return f"on the {days} of {_months(recurrence.months) or 'each month'}"


def _weekdays(days: Sequence[int]) -> str:
    if tuple(days) == WORKING_DAYS:
        return "working day (Monday to Friday)"
    return _listed(WEEKDAYS[day - 1] for day in days)


def _months(months: Sequence[int]) -> str:
    return "" if len(months) in {0, len(MONTHS)} else _listed(MONTHS[month - 1] for month in months)


def _times(recurrence: Recurrence) -> str:
    hours, minutes = recurrence.hours, recurrence.minutes
    if len(hours) * len(minutes) <= MOST_TIMES:
        return f"at {_listed(f'{hour:02}:{minute:02}' for hour in hours for minute in minutes)}"
    past = "every hour" if hours == EVERY_HOUR else f"{_listed(str(hour) for hour in hours)} o'clock"
    if minutes == EVERY_MINUTE:
        return f"at every minute past {past}"
    return f"at {_listed(str(minute) for minute in minutes)} minutes past {past}"


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
