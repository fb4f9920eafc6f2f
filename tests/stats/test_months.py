"""Raw hits lie by month, and old months go without touching the figures."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.forms import model_to_dict
from django.utils.timezone import now

from stats import months, retention, tasks
from stats.ingest import ingest
from stats.models import Breakdown, ClickedLink, Counter, Engagement, Event, SeenHit
from stats.months import Partition, later, month_of
from tests.races import at_once, race
from tests.stats.populations import a_run, click, hit
from tracking import spool
from tracking.spool import HitKind

pytestmark = pytest.mark.django_db
by_month = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one table.")
KEPT = (Engagement, ClickedLink, Counter, Breakdown)
AT = datetime(2026, 11, 21, 9, tzinfo=UTC)


def months_ago(number):
    return later(month_of(now()), -number) + timedelta(days=9)


def hits_of_months(run, *ago):
    """An open and a click by everybody in each of these months, stored."""
    minutes = {number: (months_ago(number) - AT) / timedelta(minutes=1) for number in ago}
    for recipient in run.recipients.all():
        for number in ago:
            spool.append(hit(recipient, minutes=minutes[number], ip_address="203.0.113.9"))
            spool.append(click(recipient, minutes=minutes[number] + 5))
    ingest()


def figures():
    return [[model_to_dict(row) for row in model.objects.order_by("pk")] for model in KEPT]


# --- retention ---------------------------------------------------------------------------------------------------


def test_old_months_are_dropped_and_every_figure_stays(own_spool, capsys):
    hits_of_months(a_run(people=3), 0, 2, 3, 7)
    before = figures()

    call_command("prune_events", "--keep-months", "2")

    assert {month_of(at) for at in Event.objects.values_list("at", flat=True)} == {
        month_of(months_ago(0)),
        month_of(months_ago(2)),
    }
    assert Event.objects.count() == 12
    assert figures() == before
    told = capsys.readouterr().out
    assert f"{months_ago(7):%Y-%m}: 6 hits" in told
    assert "Dropped 12 hits from before" in told


def test_a_dry_run_says_the_same_and_drops_nothing(own_spool, capsys):
    hits_of_months(a_run(people=2), 0, 5)

    call_command("prune_events", "--keep-months", "3", "--dry-run")

    assert f"{months_ago(5):%Y-%m}: 4 hits\nWould drop 4 hits from before" in capsys.readouterr().out
    assert Event.objects.count() == 8


def test_events_of_no_table_of_their_own_are_deleted_piece_by_piece(own_spool, monkeypatch):
    monkeypatch.setattr(retention, "PIECE", 3)
    hits_of_months(a_run(people=5), 1, 4)

    retention.prune(2, now())

    assert Event.objects.count() == 10


def test_keys_of_repeated_reports_go_after_the_same_time(own_spool, capsys):
    SeenHit.objects.create(key="old", seen_at=months_ago(3))
    SeenHit.objects.create(key="new", seen_at=months_ago(1))

    call_command("prune_events", "--keep-months", "2")

    assert list(SeenHit.objects.values_list("key", flat=True)) == ["new"]
    assert "Dropped 0 hits and 1 keys of reports" in capsys.readouterr().out


@pytest.mark.parametrize("number", ["0", "-3"])
def test_nothing_is_dropped_unless_a_month_at_least_is_kept(own_spool, number):
    hits_of_months(a_run(people=1), 9)

    with pytest.raises(CommandError, match="how many months to keep"):
        call_command("prune_events", "--keep-months", number)

    assert Event.objects.count() == 2


def test_the_clock_keeps_everything_unless_the_setting_says_otherwise(own_spool, settings):
    hits_of_months(a_run(people=1), 0, 9)

    settings.EVENT_RETENTION_MONTHS = 0
    tasks.keep_months()
    assert Event.objects.count() == 4

    settings.EVENT_RETENTION_MONTHS = 6
    tasks.keep_months()
    assert Event.objects.count() == 2


# --- partitions --------------------------------------------------------------------------------------------------


def where(event):
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM stats_event WHERE id = %s", [event.pk])
        return cursor.fetchone()[0]


def an_event(run, at):
    recipient = run.recipients.first()
    return Event.objects.create(run=run, recipient=recipient, kind=HitKind.OPENED, at=at)


@by_month
def test_each_month_has_a_table_that_goes_as_a_whole():
    run, start = a_run(people=1), later(month_of(now()), 30)
    assert months.prepare(start) == [f"stats_event_{start:%Y_%m}", f"stats_event_{later(start, 1):%Y_%m}"]
    assert months.prepare(start) == []
    first, second = an_event(run, start), an_event(run, later(start, 1))
    assert where(first) == f"stats_event_{start:%Y_%m}"
    assert second.pk == first.pk + 1

    retention.prune(1, later(start, 2))

    assert Partition(where(second), later(start, 1), later(start, 2)) in months.partitions()
    assert not [each for each in months.partitions() if each.table == f"stats_event_{start:%Y_%m}"]
    assert list(Event.objects.all()) == [second]


@by_month
def test_a_hit_of_an_odd_time_is_kept_and_moves_to_its_month_once_there_is_one():
    run, start = a_run(people=1), later(month_of(now()), 40)
    event = an_event(run, start + timedelta(days=3))
    assert where(event) == "stats_event_others"

    months.prepare(start)

    assert where(event) == f"stats_event_{start:%Y_%m}"
    assert Event.objects.get(pk=event.pk) == event


@by_month
def test_a_month_has_the_indexes_of_all_others():
    start = later(month_of(now()), 50)
    table, _ = months.prepare(start)

    def columns(name):
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, name).values()
        return sorted((each["columns"], each["primary_key"]) for each in found if each["index"] or each["primary_key"])

    assert columns(table) == columns("stats_event_before")
    assert len(columns(table)) == 4


@by_month
def test_what_a_person_did_is_found_by_an_index_in_every_month():
    run = a_run(people=1)
    months.prepare(later(month_of(now()), 60))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # the tables are empty here
    for rows in (
        Event.objects.filter(recipient__in=[1]),
        Event.objects.filter(subscriber=run.recipients.first().subscriber_id, kind="clicked", at__gte=AT),
        Event.objects.filter(pk=1),
        Event.objects.filter(run=run),
    ):
        assert "Seq Scan" not in rows.order_by().explain()


@race
def test_several_who_make_the_next_month_at_once_make_one():
    start = later(month_of(now()), 70)

    made = at_once(*[lambda: months.prepare(start)] * 4)

    assert sorted(len(each) for each in made) == [0, 0, 0, 2]
    for table in next(filter(None, made)):
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {table}")


def test_months_are_counted_over_the_end_of_a_year():
    november = month_of(AT)

    assert later(november, 2) == datetime(2027, 1, 1, tzinfo=UTC)
    assert later(november, -11) == datetime(2025, 12, 1, tzinfo=UTC)
    assert later(november, -23) == datetime(2024, 12, 1, tzinfo=UTC)
