from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import local_times
from tests.examples import examples

ZONES = sorted(available_timezones())
# Where clocks do what clocks elsewhere do not: half an hour of daylight saving, days of 25 hours on other dates, both
# sides of the date line, quarter hours.
ODD = ["Australia/Lord_Howe", "Asia/Tehran", "Africa/Cairo", "Pacific/Kiritimati", "Etc/GMT+12", "Pacific/Chatham"]
zones = st.sampled_from(ODD) | st.sampled_from(ZONES)
times = st.datetimes(datetime(2024, 1, 1), datetime(2037, 12, 31))  # noqa: DTZ001 - times of day, of no zone yet


@given(time=times, zone=zones)
@settings(max_examples=examples(600), deadline=None)
def test_the_clock_shows_the_time_or_has_just_jumped_over_it(time, zone):
    due = local_times.moment(time, zone)

    shown = due.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert shown == time or (shown > time and not is_shown(time, zone))
    # of two that show it, the first
    assert not any(
        (due - timedelta(minutes=m)).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == time for m in (30, 60)
    )


def is_shown(time, zone):
    there = ZoneInfo(zone)
    return any(
        time.replace(tzinfo=there, fold=fold).astimezone(UTC).astimezone(there).replace(tzinfo=None) == time
        for fold in (0, 1)
    )


@given(time=times, zone=zones)
@settings(max_examples=examples(300), deadline=None)
def test_nobody_is_due_before_the_first_or_after_the_last(time, zone):
    first, last = (local_times.moment(time, each) for each in (local_times.FIRST, local_times.LAST))

    assert first <= local_times.moment(time, zone) <= last
    assert last - first == timedelta(hours=26)


@given(time=times, zone=zones, late=st.timedeltas(timedelta(days=-3), timedelta(days=40)))
@settings(max_examples=examples(300), deadline=None)
def test_where_the_time_has_passed_it_is_the_same_time_on_the_first_day_it_has_not(time, zone, late):
    at = local_times.moment(time, zone) + late

    due = local_times.release(time, zone, at)

    assert due >= at - local_times.MISSED_BY
    days = round((due - local_times.moment(time, zone)) / timedelta(days=1))
    assert due == local_times.moment(time + timedelta(days=days), zone)
    assert due - at < timedelta(days=1, hours=2) or late <= timedelta(0)


@pytest.mark.parametrize(
    ("time", "zone", "utc"),
    [
        ("2026-07-01T18:00", "Pacific/Auckland", "2026-07-01T06:00"),
        ("2026-07-01T18:00", "America/Los_Angeles", "2026-07-02T01:00"),
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:30"),  # skipped: shown as 03:30
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30"),  # twice: the first
        ("2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-03T15:45"),  # a jump of half an hour
        ("2011-12-30T18:00", "Pacific/Apia", "2011-12-31T04:00"),  # a day that was not
    ],
)
def test_known_moments(time, zone, utc):
    assert local_times.moment(datetime.fromisoformat(time), zone) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_zones_whose_clocks_agree_are_one_clock():
    at = datetime(2026, 3, 20, tzinfo=UTC)
    named = ["Europe/Paris", "Europe/Berlin", "America/New_York", "Africa/Lagos", "America/Bogota"]

    found = local_times.clocks(named, datetime(2026, 3, 21, 18), at)  # noqa: DTZ001

    # Lagos shows what Berlin shows until the 29th
    assert [(each.zone, each.zones) for each in found] == [
        ("Europe/Paris", ("Europe/Paris", "Europe/Berlin")),
        ("America/New_York", ("America/New_York",)),
        ("Africa/Lagos", ("Africa/Lagos",)),
        ("America/Bogota", ("America/Bogota",)),
    ]


def test_people_write_zones_as_they_like():
    assert local_times.names()[local_times.written(" america/New York ")] == "America/New_York"
