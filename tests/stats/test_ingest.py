import fcntl
import logging
from datetime import timedelta

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext

from stats import bulk
from stats.ingest import ingest, next_records, store
from stats.models import ClickedLink, Counter, Engagement, Event, SpoolPosition, StrayHit
from tests.stats.populations import NINE, a_run, click, hit
from tracking import spool
from tracking.spool import HitKind

pytestmark = pytest.mark.django_db


def totals(run, kind):
    """(total, unique, unique_by_link) of a kind over a run."""
    rows = Counter.objects.filter(run=run, kind=kind).values_list("total", "unique", "unique_by_link")
    return tuple(sum(column) for column in zip(*rows, strict=True)) or (0, 0, 0)


def test_an_empty_spool_is_nothing_to_do():
    assert ingest() == 0


def test_a_hit_becomes_event_engagement_and_counter():
    run = a_run()
    reader = run.recipients.first()
    spool.append(hit(reader, minutes=5, ip_address="192.0.2.7", user_agent="Mail/1.0"))

    assert ingest() == 1

    event = Event.objects.get()
    assert (event.recipient, event.run, event.kind) == (reader, run, "opened")
    assert (event.at, event.ip_address, event.user_agent) == (NINE + timedelta(minutes=5), "192.0.2.7", "Mail/1.0")
    assert reader.engagement.opened_at == event.at
    assert reader.engagement.opens == 1
    counter = Counter.objects.get(kind="opened")
    assert (counter.hour, counter.total, counter.unique, counter.variant_id) == (NINE, 1, 1, reader.variant_id)


@pytest.mark.parametrize("text", ["a\tb\nc\rd", r"\N", r"\.", 'back\\slash, "quotes" and {braces}', "日本語 \u0301"])
def test_what_came_is_kept_letter_by_letter(text):
    run = a_run()
    reader, other = run.recipients.all()[:2]
    spool.append(click(reader, url=f"https://example.com/?{text}", user_agent=text, data={"text": text}))
    spool.append(hit(other))

    ingest()

    event = Event.objects.get(recipient=reader)
    assert (event.url, event.user_agent, event.data) == (f"https://example.com/?{text}", text, {"text": text})


def test_each_recipients_events_stand_in_the_order_of_their_times():
    run = a_run()
    for minute in range(4):
        for reader in run.recipients.order_by("-pk"):
            spool.append(hit(reader, minutes=3 - minute))

    ingest()

    for reader in run.recipients.all():
        times = list(Event.objects.filter(recipient=reader).order_by("pk").values_list("at", flat=True))
        assert times == sorted(times)


def test_opening_twice_counts_twice_in_all_and_once_among_people():
    run = a_run()
    for reader in run.recipients.all()[:2]:
        spool.append(hit(reader))
        spool.append(hit(reader, minutes=90))

    ingest()

    assert totals(run, "opened") == (4, 2, 2)
    assert list(Counter.objects.filter(kind="opened").order_by("hour").values_list("hour", "total", "unique")) == [
        (NINE, 2, 2),
        (NINE + timedelta(hours=1), 2, 0),
    ]


def test_unique_holds_over_chunks():
    run = a_run()
    reader = run.recipients.first()
    for minute in range(3):
        spool.append(hit(reader, minutes=minute))
        spool.append(click(reader, minutes=minute))
        ingest()

    assert totals(run, "opened") == (3, 1, 1)
    assert totals(run, "clicked") == (3, 1, 1)
    assert reader.engagement.clicks == 3


def test_a_click_is_unique_in_the_run_at_one_link_and_by_link_at_each():
    run = a_run()
    reader = run.recipients.first()
    for position, times in ((2, 1), (1, 6), (3, 1)):
        for _ in range(times):
            spool.append(click(reader, position))

    ingest()

    rows = Counter.objects.filter(kind="clicked").order_by("link_position")
    assert [(row.total, row.unique, row.unique_by_link) for row in rows] == [(6, 0, 1), (1, 1, 1), (1, 0, 1)]
    assert [row.url for row in rows] == [f"https://example.com/{position}" for position in (1, 2, 3)]
    assert list(ClickedLink.objects.order_by("link_position").values_list("clicks", flat=True)) == [6, 1, 1]


def test_a_click_without_an_open_implies_one_reading_and_no_open():
    run = a_run()
    clicker, opener, both = run.recipients.all()
    spool.append(click(clicker))
    spool.append(hit(opener))
    spool.append(click(both, minutes=1))
    spool.append(hit(both, minutes=2))

    ingest()

    assert totals(run, "read") == (4, 3, 3)  # clicker 1, opener 1, both 1 implied and 1 real
    assert totals(run, "opened") == (2, 2, 2)
    assert clicker.engagement.read_at
    assert clicker.engagement.opened_at is None


def test_a_web_view_proves_reading_too():
    run = a_run()
    spool.append(hit(run.recipients.first(), HitKind.VIEWED))

    ingest()

    assert totals(run, "read") == (1, 1, 1)
    assert totals(run, "viewed") == (1, 1, 1)


def test_a_hit_spooled_late_may_be_the_first():
    run = a_run()
    reader = run.recipients.first()
    spool.append(hit(reader, minutes=10))
    ingest()
    spool.append(hit(reader, minutes=2))
    ingest()

    assert reader.engagement.opened_at == NINE + timedelta(minutes=2)
    assert totals(run, "opened") == (2, 1, 1)


def test_what_was_stored_is_not_stored_again():
    run = a_run()
    spool.append(hit(run.recipients.first()))

    assert [ingest(), ingest()] == [1, 0]

    assert totals(run, "opened") == (1, 1, 1)


def test_a_chunk_read_by_two_is_stored_by_one(own_spool):
    run = a_run()
    spool.append(hit(run.recipients.first()))
    spool.append(hit(run.recipients.last()))
    mine, yours = next_records(own_spool, 10), next_records(own_spool, 1)

    assert store(mine) == 2
    assert store(yours) == 0

    assert Event.objects.count() == 2
    assert SpoolPosition.objects.get().offset == mine[-1].end


def test_a_chunk_of_a_file_that_was_removed_meanwhile_is_not_stored_again(own_spool, settings):
    run = a_run()
    spool.append(hit(run.recipients.first()))
    stale = next_records(own_spool, 10)
    settings.SPOOL_FILE_BYTES = 1
    spool.append(hit(run.recipients.last()))  # finishes the first file
    ingest()
    assert not stale[0].path.exists()

    assert store(stale) == 0

    assert Event.objects.count() == 2


def test_a_file_is_removed_when_it_is_finished_and_stored(own_spool, settings):
    run = a_run()
    spool.append(hit(run.recipients.first()))
    ingest()
    [path] = spool.files(own_spool)  # still written

    settings.SPOOL_FILE_SECONDS = 0
    spool.append(hit(run.recipients.first()))
    ingest()

    assert path not in spool.files(own_spool)
    assert not SpoolPosition.objects.filter(file_name=path.name).exists()


def test_a_finished_file_with_unread_hits_stays(own_spool, settings):
    run = a_run()
    settings.SPOOL_FILE_BYTES = 1
    settings.INGEST_CHUNK = 1
    for reader in run.recipients.all():
        spool.append(hit(reader))

    assert ingest(limit=1) == 1

    assert len(spool.files(own_spool)) == 2
    assert ingest() == 2


def test_a_torn_tail_of_a_finished_file_is_passed_over_and_said(own_spool, caplog):
    own_spool.mkdir()
    run = a_run()
    line = spool.encode(hit(run.recipients.first()))
    (own_spool / "1.hits").write_bytes(line + line[:-5])

    with caplog.at_level(logging.WARNING):
        assert ingest() == 1

    assert spool.files(own_spool) == []
    assert f"last {len(line) - 5} bytes" in caplog.text


def test_one_ingester_at_a_time_reads_a_folder(own_spool):
    run = a_run()
    spool.append(hit(run.recipients.first()))
    with (own_spool / ".ingest.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert ingest() == 0

    assert ingest() == 1


def test_hits_of_nobody_are_kept_aside_and_the_rest_is_counted(own_spool):
    run, other = a_run(number=1), a_run(number=1)
    reader = run.recipients.first()
    spool.append(hit(reader))
    spool.append(spool.Hit("opened", other.pk, reader.pk, 1, NINE))
    spool.append(spool.Hit("opened", 999_999, 999_999, 1, NINE))
    spool.append(spool.Hit("danced", run.pk, reader.pk, 1, NINE))
    spool.append(click(reader, 99_999))
    spool.append(hit(reader))

    assert ingest() == 6

    assert list(StrayHit.objects.values_list("reason", flat=True)) == ["unknown", "unknown", "refused", "refused"]
    assert spool.decode(StrayHit.objects.first().line.encode()).recipient_id == reader.pk
    assert totals(run, "opened") == (2, 1, 1)


def test_a_damaged_line_is_kept_aside(own_spool):
    own_spool.mkdir()
    run = a_run()
    line = spool.encode(hit(run.recipients.first()))
    (own_spool / "1.hits").write_bytes(b"\xff\x00 rubbish\n" + line)

    assert ingest() == 2

    assert StrayHit.objects.get().line == "\\xff\\x00 rubbish\n"
    assert totals(run, "opened") == (1, 1, 1)


def test_a_hit_the_database_refuses_costs_only_itself(own_spool, caplog):
    run = a_run(people=7)
    readers = list(run.recipients.all())
    for reader in readers[:3]:
        spool.append(hit(reader))
    spool.append(spool.Hit("opened", run.pk, 2**70, 1, NINE))
    for reader in readers[3:]:
        spool.append(hit(reader))

    assert ingest() == 8

    assert totals(run, "opened") == (7, 7, 7)
    assert StrayHit.objects.get().reason in ("refused", "unknown")


def test_what_a_client_says_of_itself_is_cleaned():
    run = a_run()
    spool.append(hit(run.recipients.first(), ip_address="not an address", user_agent="a\x00b" + "x" * 600))

    ingest()

    event = Event.objects.get()
    assert event.ip_address is None
    assert event.user_agent == ("ab" + "x" * 600)[:500]
    assert not StrayHit.objects.exists()


def test_a_failure_in_the_middle_stores_nothing(own_spool, monkeypatch):
    run = a_run()
    spool.append(hit(run.recipients.first()))

    def away(*args, **kwargs):
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(bulk, "upsert", away)  # after the events, before the counters
        with pytest.raises(ConnectionError):
            ingest()
    assert not Event.objects.exists()
    assert not SpoolPosition.objects.exists()

    assert ingest() == 1
    assert totals(run, "opened") == (1, 1, 1)


def test_many_hits_cost_no_more_statements_than_few():
    readers = list(a_run(people=50).recipients.all())

    def statements(people):
        for reader in readers[:people]:
            spool.append(hit(reader))
            spool.append(click(reader))
        with CaptureQueriesContext(connection) as queries:
            ingest()
        return len(queries)

    statements(1)  # the spool file's first reading makes its position

    assert statements(2) == statements(50)


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite takes texts of any length")
def test_bulk_refuses_what_is_too_long_instead_of_cutting_it():
    reader = a_run(people=1).recipients.get()
    row = (reader.run_id, reader.pk, "x" * 17, NINE)

    with pytest.raises(DataError):
        bulk.insert(Event, ("run_id", "recipient_id", "kind", "at"), [row])


def test_engagements_of_many_recipients_stay_apart():
    run = a_run(people=3)
    first, second, _ = run.recipients.all()
    spool.append(hit(first))
    spool.append(hit(second, HitKind.UNSUBSCRIBED))
    spool.append(hit(second, HitKind.COMPLAINED))
    spool.append(hit(second, HitKind.BOUNCED))

    ingest()

    assert Engagement.objects.count() == 2
    assert (first.engagement.opens, first.engagement.unsubscribed_at) == (1, None)
    assert second.engagement.unsubscribed_at == second.engagement.complained_at == second.engagement.bounced_at == NINE
