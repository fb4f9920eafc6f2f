from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from stats.timeline import HOUR, Point, over_time

NINE = datetime(2026, 3, 27, 9, tzinfo=UTC)  # two days before the clocks change in Europe


def after(hours, **counts):
    return Point(at=NINE + hours * HOUR, **counts)


def test_nothing_has_no_points():
    assert over_time([], "UTC").points == []


def test_hours_without_events_are_there():
    timeline = over_time([after(0, opens=3), after(3, clicks=1)], "UTC")

    assert timeline.step == "hour"
    assert [(point.opens, point.clicks) for point in timeline.points] == [(3, 0), (0, 0), (0, 0), (0, 1)]


def test_hours_are_told_in_the_local_time_zone():
    [point] = over_time([after(0)], "Europe/Berlin").points

    assert point.at == NINE
    assert point.at.hour == 10


def test_what_lasts_longer_is_told_by_day():
    timeline = over_time([after(0, opens=1), after(13, opens=2), after(24 * 6, opens=4)], "Europe/Berlin")

    assert timeline.step == "day"
    assert [point.at.day for point in timeline.points] == [27, 28, 29, 30, 31, 1, 2]  # one of them has 23 hours
    assert [point.at.hour for point in timeline.points] == [0] * 7
    assert [point.opens for point in timeline.points] == [3, 0, 0, 0, 0, 0, 4]


@given(
    st.lists(st.tuples(st.integers(0, 24 * 400), st.integers(0, 9), st.integers(0, 9)), min_size=1),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]),
)
def test_no_event_is_lost_and_no_step_is_missing(events, zone):
    hours = {}
    for hour, opens, clicks in events:
        known = hours.get(hour, Point(at=NINE))
        hours[hour] = after(hour, opens=known.opens + opens, clicks=known.clicks + clicks)

    timeline = over_time([hours[hour] for hour in sorted(hours)], zone)

    assert sum(point.opens for point in timeline.points) == sum(opens for _, opens, _ in events)
    assert sum(point.clicks for point in timeline.points) == sum(clicks for _, _, clicks in events)
    moments = [point.at for point in timeline.points]
    assert len({moment.astimezone(UTC) for moment in moments}) == len(moments)  # in autumn an hour comes twice
    assert all(moment.tzinfo == ZoneInfo(zone) for moment in moments)
    if timeline.step == "day":
        dates = [moment.date() for moment in moments]
        assert dates == [dates[0] + timedelta(days=number) for number in range(len(dates))]
