from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from delivery.quiet import Quiet
from tests.examples import examples

MINUTE = timedelta(minutes=1)
# Days on which clocks jump, with the zones in which they do.
JUMPS = [
    ("Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 10, 29, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC)),
    ("Pacific/Kiritimati", datetime(2026, 6, 1, tzinfo=UTC)),
]
minutes = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@given(jump=st.sampled_from(JUMPS), begin=minutes, end=minutes, after=st.integers(0, 36 * 60))
@settings(max_examples=examples(150), deadline=None)
def test_it_changes_exactly_when_the_clock_says_so(jump, begin, end, after):
    assume(begin != end)
    zone, day = jump
    quiet, at = Quiet(begin=begin, end=end, zone=zone), day + after * MINUTE

    changes_at = quiet.changes_at(at)

    assert changes_at == by_looking_each_minute(quiet, at)


def by_looking_each_minute(quiet, at):
    """An oracle that asks the clock 60 times an hour."""
    there, was = ZoneInfo(quiet.zone), quiet_at(quiet, at, ZoneInfo(quiet.zone))
    for minute in range(1, 3 * 24 * 60):
        if quiet_at(quiet, at + minute * MINUTE, there) != was:
            return at + minute * MINUTE
    return at + timedelta(days=3)


def quiet_at(quiet, at, there):
    shown = at.astimezone(there).time()
    hours = [(quiet.begin, quiet.end)] if quiet.begin < quiet.end else [(quiet.begin, time.max), (time.min, quiet.end)]
    return any(begin <= shown < end or shown == end == time.max for begin, end in hours)


@pytest.mark.parametrize(
    ("at", "holds", "changes"),
    [
        ("2026-07-01T18:59", False, "2026-07-01T19:00"),
        ("2026-07-01T19:00", True, "2026-07-02T06:00"),
        ("2026-07-02T05:59", True, "2026-07-02T06:00"),
        ("2026-07-02T06:00", False, "2026-07-02T19:00"),
        ("2026-10-24T20:00", True, "2026-10-25T07:00"),  # an hour longer in the night to winter
    ],
)
def test_a_night_in_berlin(at, holds, changes):
    night = Quiet(begin=time(21), end=time(8), zone="Europe/Berlin")
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)

    assert night.holds(moment) is holds
    assert night.changes_at(moment) == datetime.fromisoformat(changes).replace(tzinfo=UTC)
