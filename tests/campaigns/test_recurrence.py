"""When a recurrence falls, against dateutil's rules and its reading of the clocks, and against cron's."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from dateutil import rrule, tz
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import NotReady
from campaigns.recurrence import BOUNDS, Recurrence, from_cron
from campaigns.recurrence_words import sentence
from tests.examples import examples

# Berlin and New York change by an hour, Lord Howe by half of one; Sao Paulo changed at midnight, Apia skipped a day.
ZONES = {
    "UTC": 2026,
    "Europe/Berlin": 2026,
    "America/New_York": 2024,
    "Australia/Lord_Howe": 2025,
    "America/Sao_Paulo": 2017,
    "Pacific/Apia": 2011,
    "Asia/Kathmandu": 2028,
}


def some(name, most=4):
    low, high = BOUNDS[name]
    return st.lists(st.integers(low, high), max_size=most, unique=True).map(tuple)


recurrences = st.builds(
    Recurrence,
    days_of_week=some("days_of_week"),
    days_of_month=st.lists(st.sampled_from([1, 7, 15, 28, 29]), max_size=3).map(tuple),
    months=st.just(()) | st.lists(st.sampled_from([2, 3, 4, 10, 11, 12]), min_size=1, max_size=4).map(tuple),
    hours=some("hours").filter(len) | st.just((0, 1, 2, 3, 23)),
    minutes=some("minutes", 3).filter(len) | st.just((0, 30)),
)


def as_dateutil_has_it(recurrence, zone, start, end):
    """A rule for each list of days, the days of both together; wall times, moved on where the clocks skip them."""
    local = tz.gettz(zone) if zone != "UTC" else tz.UTC
    lists = [
        {"byweekday": [day - 1 for day in recurrence.days_of_week]} if recurrence.days_of_week else None,
        {"bymonthday": recurrence.days_of_month} if recurrence.days_of_month else None,
    ]
    naive = set()
    for days in [each for each in lists if each] or [{}]:
        rule = rrule.rrule(
            rrule.DAILY,
            dtstart=datetime.combine(start.date() - timedelta(days=3), datetime.min.time()),
            until=datetime.combine(end.date() + timedelta(days=3), datetime.min.time()),
            bymonth=recurrence.months or None,
            byhour=recurrence.hours,
            byminute=recurrence.minutes,
            bysecond=0,
            **days,
        )
        naive.update(rule)
    moments = {tz.resolve_imaginary(each.replace(tzinfo=local)).astimezone(UTC) for each in naive}
    return sorted(each for each in moments if start <= each < end)


@settings(max_examples=examples(150), deadline=None)
@given(recurrences, st.sampled_from(sorted(ZONES)), st.integers(0, 365))
def test_occurrences_are_those_of_dateutil_also_when_the_clocks_change(recurrence, zone, day):
    start = datetime(ZONES[zone], 1, 1, 12, tzinfo=UTC) + timedelta(days=day)
    end = start + timedelta(days=20)

    assert list(recurrence.between(start, end, zone)) == as_dateutil_has_it(recurrence, zone, start, end)


@settings(max_examples=examples(60), deadline=None)
@given(recurrences, st.sampled_from(sorted(ZONES)), st.integers(0, 365 * 24))
def test_what_comes_after_one_occurrence_is_the_next(recurrence, zone, hour):
    start = datetime(ZONES[zone], 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    first, second, third = islice(recurrence.after(start, zone), 3)

    assert start < first < second < third
    assert list(islice(recurrence.after(first, zone), 2)) == [second, third]
    assert next(recurrence.after(first - timedelta(minutes=1), zone)) == first


def local(zone, *moment):
    return datetime(*moment, tzinfo=tz.gettz(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # the night the clocks go forward: 02:30 is moved on to 03:30, and the day after it is 02:30 again
        ("30 2 * * *", "Europe/Berlin", (2026, 3, 28, 3), [(2026, 3, 29, 3, 30), (2026, 3, 30, 2, 30)]),
        # what is moved on to where another falls is one
        ("0 2,3 * * *", "Europe/Berlin", (2026, 3, 29, 0), [(2026, 3, 29, 3), (2026, 3, 30, 2)]),
        # the night they go back: once, the first time
        ("30 2 * * *", "Europe/Berlin", (2026, 10, 24, 3), [(2026, 10, 25, 2, 30), (2026, 10, 26, 2, 30)]),
        # midnight is skipped
        ("0 0 * * *", "America/Sao_Paulo", (2017, 10, 14, 1), [(2017, 10, 15, 1), (2017, 10, 16, 0)]),
        # 09:00 is 09:00 in summer and in winter
        ("0 9 25,26 10 *", "Europe/Berlin", (2026, 1, 1), [(2026, 10, 25, 9), (2026, 10, 26, 9)]),
        # months without a 31st are left out
        ("0 9 31 * *", "UTC", (2026, 1, 31, 10), [(2026, 3, 31, 9), (2026, 5, 31, 9), (2026, 7, 31, 9)]),
        # leap days, with the eight years around 2100
        ("0 0 29 2 *", "UTC", (2026, 1, 1), [(2028, 2, 29), (2032, 2, 29)]),
        ("0 0 29 2 *", "UTC", (2096, 3, 1), [(2104, 2, 29)]),
        # either list of days counts
        ("0 9 13 * fri", "UTC", (2026, 2, 1), [(2026, 2, 6, 9), (2026, 2, 13, 9), (2026, 2, 20, 9)]),
        ("0 9 1 * sun", "UTC", (2026, 5, 28), [(2026, 5, 31, 9), (2026, 6, 1, 9), (2026, 6, 7, 9)]),
    ],
)
def test_nights_and_months_that_are_not_like_others(cron, zone, after, expected):
    found = from_cron(cron).after(local(zone, *after), zone)

    assert list(islice(found, len(expected))) == [local(zone, *each) for each in expected]


def test_of_a_time_shown_twice_the_first_is_meant():
    (moment,) = islice(from_cron("30 2 25 10 *").after(datetime(2026, 10, 1, tzinfo=UTC), "Europe/Berlin"), 1)

    assert moment == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 in summer time


@settings(max_examples=examples(100), deadline=None)
@given(recurrences, st.dates(date(2024, 1, 1), date(2030, 12, 31)))
def test_every_minute_of_a_crontab_is_one_of_celerys_where_one_list_of_days_is_given(recurrence, day):
    from celery.schedules import crontab

    minute, hour, month_day, month, weekday = recurrence.cron.split()
    if "*" not in (month_day, weekday):
        return  # celery wants both
    parsed = crontab(minute=minute, hour=hour, day_of_month=month_day, month_of_year=month, day_of_week=weekday)

    allowed = (
        day.isoweekday() % 7 in parsed.day_of_week
        and day.day in parsed.day_of_month
        and day.month in parsed.month_of_year
    )
    assert recurrence.falls_on(day) == allowed
    assert (set(recurrence.hours), set(recurrence.minutes)) == (parsed.hour, parsed.minute)


@settings(max_examples=examples(60))
@given(recurrences)
def test_a_recurrence_comes_back_from_its_crontab_and_from_json(recurrence):
    assert from_cron(recurrence.cron) == recurrence
    assert Recurrence.of(recurrence.data) == recurrence


@pytest.mark.parametrize(
    ("expression", "data"),
    [
        ("0 9 * * mon-fri", {"hours": (9,), "minutes": (0,), "days_of_week": (1, 2, 3, 4, 5)}),
        ("0 9 * * 7", {"hours": (9,), "minutes": (0,), "days_of_week": (7,)}),
        ("0 9 * * 0", {"hours": (9,), "minutes": (0,), "days_of_week": (7,)}),
        (
            "*/20 8-10/2 1,15 jan,jul *",
            {"minutes": (0, 20, 40), "hours": (8, 10), "days_of_month": (1, 15), "months": (1, 7)},
        ),
        ("5/25 9 * * *", {"minutes": (5, 30, 55), "hours": (9,)}),
    ],
)
def test_crontabs_as_people_write_them(expression, data):
    assert from_cron(expression) == Recurrence(**data)


@pytest.mark.parametrize(
    "expression",
    ["", "0 9 * *", "61 9 * * *", "0 x * * *", "0 9 * * 8", "9-5 1 * * *", "*/0 9 * * *", "0 9 , * *", "@daily"],
)
def test_what_is_no_crontab_is_refused(expression):
    with pytest.raises(NotReady) as refusal:
        from_cron(expression)

    assert refusal.value.problems.keys() == {"cron"}


NINE = {"hours": [9], "minutes": [0]}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"minutes": [0]}, "hours"),
        ({"hours": [9]}, "minutes"),
        (NINE | {"hours": [24]}, "hours"),
        (NINE | {"minutes": [-1]}, "minutes"),
        (NINE | {"days_of_week": [0]}, "days_of_week"),
        (NINE | {"days_of_month": [32]}, "days_of_month"),
        (NINE | {"months": [13]}, "months"),
        (NINE | {"days_of_week": ["monday"]}, "days_of_week"),
        (NINE | {"days_of_week": [True]}, "days_of_week"),
        (NINE | {"days_of_month": [30, 31], "months": [2]}, "days_of_month"),
        (NINE | {"days_of_month": [31], "months": [4, 6, 9, 11]}, "days_of_month"),
        (NINE | {"max_instances": -1}, "max_instances"),
        (NINE | {"max_instances": 100_001}, "max_instances"),
        (NINE | {"years": [2030]}, "years"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(data, field):
    with pytest.raises(NotReady) as refusal:
        Recurrence.of(data)

    assert refusal.value.problems.keys() == {field}


@pytest.mark.parametrize(
    ("cron", "most", "said"),
    [
        ("0 9 * * 1,4", 12, "Every Monday and Thursday at 09:00, Europe/Berlin, 12 times"),
        ("0 9 * * *", 0, "Every day at 09:00, Europe/Berlin"),
        ("0 9 * * 1-7", 0, "Every day at 09:00, Europe/Berlin"),
        ("30 8,17 * * 1-5", 1, "Every working day (Monday to Friday) at 08:30 and 17:30, Europe/Berlin, once"),
        ("0 9 1,22 * *", 0, "On the 1st and 22nd of each month at 09:00, Europe/Berlin"),
        ("0 9 13 1,7 *", 0, "On the 13th of January and July at 09:00, Europe/Berlin"),
        ("0 9 * 12 6,0", 0, "Every Saturday and Sunday in December at 09:00, Europe/Berlin"),
        ("0 9 3 * 5", 0, "Every Friday, and on the 3rd of each month, at 09:00, Europe/Berlin"),
        ("15 * * * *", 0, "Every day at 15 minutes past every hour, Europe/Berlin"),
        ("* 9 * * *", 0, "Every day at every minute past 9 o'clock, Europe/Berlin"),
    ],
)
def test_recurrences_are_read_as_sentences(cron, most, said):
    assert sentence(from_cron(cron, max_instances=most), "Europe/Berlin") == said
