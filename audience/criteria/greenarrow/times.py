"""Times as GreenArrow's clients write them, and clauses about times."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from audience.addresses import shown
from audience.criteria.greenarrow.errors import InvalidRequest, ValidationFailed
from audience.criteria.greenarrow.place import Clause, Node, number
from audience.criteria.tree import Condition, Json

_HOURS = {
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "WET": 0,
    "WEST": 1,
    "BST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
    "IST": 5.5,
    "JST": 9,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
}
_ZONES = {name: timezone(timedelta(hours=hours), name) for name, hours in _HOURS.items()}
_SECONDS = re.compile(r"[0-9]{9,11}")
_WRITTEN = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"(?:[ T]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2})(?::(?P<second>[0-9]{1,2})(?:[.][0-9]+)?)?"
    r"\s*(?P<half>[ap]m)?\s*(?P<zone>[a-z]{1,5}|[+-][0-9]{2}(?::?[0-9]{2})?)?)?",
    re.I,
)
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})?")
_UNITS = {
    **{each: each for each in ("minutes", "hours", "days", "weeks", "months")},
    **{each[:-1]: each for each in ("minutes", "hours", "days", "weeks", "months")},
}


def read_time(written: Any, zone: str, *, now: datetime) -> date | datetime:
    """A day, or a moment with its zone: UNIX seconds, ISO 8601, `2015-01-22 11:10AM CST`, `now`, `2010-03-30`.

    A time without a zone is in `zone`. Raises ValidationFailed.
    """
    if isinstance(written, int | float) and not isinstance(written, bool):
        return _of_seconds(float(written))
    if not isinstance(written, str) or not written.strip() or len(written) > 100:
        raise ValidationFailed(f"{shown(str(written))} is not a time")
    text = written.strip()
    if text.lower() == "now":
        return now
    return _of_seconds(float(text)) if _SECONDS.fullmatch(text) else _of_text(text, zone)


def _of_seconds(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValidationFailed("that time is beyond the calendar") from error


def _of_text(text: str, zone: str) -> date | datetime:
    found = _WRITTEN.fullmatch(text)
    try:
        return _of_parts(found, zone) if found else _of_iso_8601(text, zone)
    except (ValueError, OverflowError) as error:
        raise ValidationFailed(f"{shown(text)} is not a time") from error


def _of_iso_8601(text: str, zone: str) -> datetime:
    """The shorter and longer ways of writing a moment. Raises ValueError."""
    if "T" not in text.upper():
        raise ValueError
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))


def _of_parts(found: "re.Match[str]", zone: str) -> date | datetime:
    """Raises ValueError for what the calendar does not have. Of a local time that is there twice, it is the first."""
    day = date.fromisoformat(f"{found['year']}-{found['month']:0>2}-{found['day']:0>2}")
    if found["hour"] is None:
        return day
    clock = time(
        _hour(int(found["hour"]), (found["half"] or "").lower()), int(found["minute"]), int(found["second"] or 0)
    )
    return datetime.combine(day, clock, tzinfo=_zone(found["zone"] or "", zone))


def _hour(hour: int, half: str) -> int:
    if half and not 1 <= hour <= 12:
        raise ValueError
    return hour if not half else hour % 12 + (12 if half == "pm" else 0)


def _zone(written: str, zone: str) -> tzinfo:
    """By its abbreviation, or as `+03`, `-05:00`. Raises ValueError."""
    if not written:
        return ZoneInfo(zone)
    if written.upper() in _ZONES:
        return _ZONES[written.upper()]
    found = _OFFSET.fullmatch(written)
    if found is None:
        raise ValueError
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
    return timezone(-offset if found["sign"] == "-" else offset)


# --- clauses about times -----------------------------------------------------------------------------------------

_BESIDE = {"before": "before", "after": "after", "on": "is", "is": "is"}
_SPANS = {"in_last": "in_last", "not_in_last": "not_in_last", "in_next": "in_next", "not_in_next": "not_in_next"}
_SET = {"is_set": "is_not_empty", "is_not_set": "is_empty", "is_blank": "is_empty", "is_not_blank": "is_not_empty"}


def asked(field: str, operator: str, clause: Clause, zone: str, *, now: datetime, days_only: bool = False) -> Node:
    """The condition on a date or a moment. Raises InvalidDefinition."""

    def written(key: str) -> str:
        return _shown(read_time(clause.get(key), zone, now=now), zone, days_only=days_only)

    if operator in _SET:
        return Condition(field, _SET[operator])
    if operator in _SPANS:
        return Condition(field, _SPANS[operator], span(clause))
    if operator == "between":
        return Condition(field, "between", {"from": written("start"), "to": written("end")})
    if operator in _BESIDE:
        return Condition(field, _BESIDE[operator], written("value"))
    raise InvalidRequest(f"a time cannot be asked {shown(operator)}")


def _shown(read: date | datetime, zone: str, *, days_only: bool) -> str:
    """As rules write it."""
    if not isinstance(read, datetime):
        return read.isoformat()
    local = read.astimezone(ZoneInfo(zone))
    return local.date().isoformat() if days_only else local.isoformat()


def span(clause: Clause) -> dict[str, Json]:
    """`amount` and `unit`. Raises InvalidDefinition."""
    amount, unit = number(clause.get("amount")), clause.get("unit")
    if not isinstance(unit, str) or unit.lower() not in _UNITS:
        raise InvalidRequest("unit is minutes, hours, days, weeks or months")
    if not amount:
        raise ValidationFailed("amount is a whole number from 1")
    return {"amount": amount, "unit": _UNITS[unit.lower()]}


def day(written: Any, zone: str, *, now: datetime) -> str:
    """Raises ValidationFailed."""
    return _shown(read_time(written, zone, now=now), zone, days_only=True)


def within(operator: str, clause: Mapping[str, Any], zone: str, *, now: datetime) -> dict[str, Json]:
    """The same as a condition on when something happened, in whole days. Raises InvalidDefinition."""
    if operator == "in_last":
        return {"type": "in_last", **span(clause)}
    if operator == "between":
        first, last = day(clause.get("start"), zone, now=now), day(clause.get("end"), zone, now=now)
        return {"type": "between", "from": first, "to": last}
    when = day(clause.get("value"), zone, now=now)
    if operator in ("on", "is"):
        return {"type": "between", "from": when, "to": when}
    if operator in ("before", "after"):
        return {"type": operator, "day": when}
    raise InvalidRequest(f"a time cannot be asked {shown(operator)}")
