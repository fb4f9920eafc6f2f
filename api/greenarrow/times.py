"""Times in and out. What clients write is read as in segments (`audience.criteria.greenarrow.times`)."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from audience.criteria.greenarrow.times import read_time

BEYOND = (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))


def moment(written: Any, zone: str, *, now: datetime) -> datetime | None:
    """In UTC; None for nothing. A day alone is its first moment in `zone`.

    Raises audience.criteria.greenarrow.errors.ValidationFailed.
    """
    if written is None or written == "":
        return None
    read: date | datetime = read_time(written, zone, now=now)
    if not isinstance(read, datetime):
        read = datetime.combine(read, time(), tzinfo=ZoneInfo(zone))
    try:
        return read.astimezone(UTC)
    except OverflowError:
        return BEYOND[read.year > 1]


def shown(at: datetime | None) -> str | None:
    """`2015-05-05T14:36:12Z`"""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def local(at: datetime | None, zone: str) -> str | None:
    """`2015-03-09T10:34:04-05:00`, as subscribers have it."""
    return at.astimezone(ZoneInfo(zone)).replace(microsecond=0).isoformat() if at else None


def epoch(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at else None


def of_local(name: str, at: datetime | None, zone: str) -> dict[str, Any]:
    """The two keys that a subscriber has for each time."""
    return {name: local(at, zone), f"{name}_epoch": epoch(at)}


def offset(zone: str, *, now: datetime) -> int:
    """In seconds."""
    return int((now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()).total_seconds())
