"""Hours of the day in which nothing is sent, on one clock. Pure.

Whether it is quiet is asked of what the clock shows. So it changes where the clock shows the begin or the end, and
where it jumps (daylight saving, the date line); between these moments it cannot.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

LOOKED_AHEAD = timedelta(days=3)  # twice over a day that the clock skips


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """From `begin` (included) to `end` (not included) by the clock of `zone`; over midnight where `end` is earlier."""

    begin: time
    end: time
    zone: str

    def holds(self, at: datetime) -> bool:
        """Whether it is quiet at this moment."""
        shown = at.astimezone(ZoneInfo(self.zone)).time()
        if self.begin < self.end:
            return self.begin <= shown < self.end
        return shown >= self.begin or shown < self.end

    def changes_at(self, at: datetime) -> datetime:
        """The first moment after `at` from which it is otherwise, in UTC."""
        now_holds = self.holds(at)
        later = (edge for edge in sorted(self._edges(at)) if edge > at and self.holds(edge) != now_holds)
        return next(later, at + LOOKED_AHEAD)

    def _edges(self, at: datetime) -> Iterator[datetime]:
        zone = ZoneInfo(self.zone)
        today = at.astimezone(zone).date()
        for days in range(-1, LOOKED_AHEAD.days + 1):
            for edge in (self.begin, self.end):
                shown = datetime.combine(today + timedelta(days=days), edge, zone)
                yield from (shown.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        yield from _jumps(zone, at)


def _jumps(zone: ZoneInfo, at: datetime) -> Iterator[datetime]:
    """When the clock jumps in the next days; to the second."""
    step, hour = at.astimezone(UTC).replace(microsecond=0), timedelta(hours=1)
    while step < at + LOOKED_AHEAD:
        before, after = step, step + hour
        if _offset(zone, before) != _offset(zone, after):
            while after - before > timedelta(seconds=1):
                middle = before + timedelta(seconds=(after - before).seconds // 2)
                before, after = (middle, after) if _offset(zone, middle) == _offset(zone, before) else (before, middle)
            yield after
        step += hour


def _offset(zone: ZoneInfo, at: datetime) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
