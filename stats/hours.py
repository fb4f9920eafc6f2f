"""Hours as a clock on the wall shows them: when the one began in which something happened."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

QUARTER = 15 * 60


def hour_of(at: datetime, timezone: str) -> datetime:
    """When the hour of this zone's clock began, as an aware time in UTC.

    Zones differ by whole quarters of an hour, and clocks are changed at one, so that a quarter lies in one hour.
    """
    return _hour_of_quarter(int(at.timestamp()) // QUARTER, timezone)


@lru_cache(maxsize=4096)
def _hour_of_quarter(quarter: int, timezone: str) -> datetime:
    local = datetime.fromtimestamp(quarter * QUARTER, ZoneInfo(timezone))
    return local.replace(minute=0).astimezone(UTC)
