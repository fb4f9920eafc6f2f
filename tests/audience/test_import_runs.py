"""An import at work: slices, crashes, progress and cancelling."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts.actors import SYSTEM
from audience import imports, tasks
from audience.errors import ImportRefused
from audience.models import Import, Subscriber, Subscription
from tests.audience.importing import counts, import_file, upload

Status = Import.Status

MANY = "email,town\n" + "".join(f"r{n % 8}@example.com,Town {n}\n" for n in range(10)) + "nonsense,x\n"


def test_starting_queues_the_work_once(news, django_capture_on_commit_callbacks):
    draft = upload(news, MANY)

    with django_capture_on_commit_callbacks(execute=True):
        imports.start(draft, by=SYSTEM)
    with pytest.raises(ImportRefused):
        imports.start(draft, by=SYSTEM)

    draft.refresh_from_db()
    assert (draft.status, counts(draft)) == (Status.COMPLETED, (8, 2, 0, 1))


@pytest.mark.parametrize("crash_at", [0, 1, 2, 3])
@pytest.mark.parametrize("written", [True, False])
def test_an_import_that_crashed_goes_on_without_losing_or_doubling_a_row(
    news, small_chunks, monkeypatch, crash_at, written
):
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)
    healthy, calls = imports._write, []

    def crashing(*arguments):
        calls.append(None)
        if len(calls) <= crash_at:
            return healthy(*arguments)
        if written:
            healthy(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(imports, "_write", crashing)
        with pytest.raises(KeyboardInterrupt):
            imports.run(draft.pk)
    half_way = Import.objects.get()
    assert half_way.rows_done == crash_at * 3
    assert sum(counts(half_way)) == half_way.rows_done

    done = imports.run(draft.pk)

    assert (done.status, counts(done), done.rows_done) == (Status.COMPLETED, (8, 2, 0, 1), 11)
    assert Subscriber.objects.get(email="r0@example.com").fields == {"town": "Town 8"}
    assert Subscription.objects.count() == 8


def test_an_import_gives_others_their_turn(news, small_chunks):
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)

    slices = []
    while imports.run(draft.pk, seconds=0).status in imports.AT_WORK:
        slices.append(Import.objects.get().rows_done)

    assert slices == [3, 6, 9]
    assert counts(Import.objects.get()) == (8, 2, 0, 1)


def test_the_task_runs_slice_after_slice(news, small_chunks, monkeypatch):
    monkeypatch.setattr(imports, "SLICE_SECONDS", 0.0)
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)

    tasks.run_import(draft.pk)

    assert Import.objects.get().status == Status.COMPLETED


def test_running_what_is_over_or_unknown_does_nothing(news):
    done = import_file(news, MANY)

    assert counts(imports.run(done.pk)) == counts(done)
    assert imports.run(done.pk + 1) is None


def test_progress_is_told_after_every_chunk(news, small_chunks):
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)
    told = []

    imports.run(draft.pk, progress=lambda at: told.append((at.status, at.rows_done, at.rows_total)))

    assert told[:3] == [("running", 0, 11), ("running", 3, 11), ("running", 6, 11)]
    assert told[-1] == ("completed", 11, 11)


def test_cancelling_stops_before_the_next_chunk_and_keeps_what_is_done(news, small_chunks):
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)

    def cancel_at_six(at):
        if at.rows_done == 6 and at.status == Status.RUNNING:
            imports.cancel(Import.objects.get(), by=SYSTEM)

    imports.run(draft.pk, progress=cancel_at_six)

    stopped = Import.objects.get()
    assert (stopped.status, stopped.rows_done, stopped.added) == (Status.CANCELLED, 6, 6)
    assert Subscription.objects.count() == 6
    with pytest.raises(ImportRefused):
        imports.cancel(stopped, by=SYSTEM)


def test_a_field_that_is_gone_fails_the_import_with_its_reason(news, organization):
    draft = upload(news, "email,town\nann@example.com,Ulm\n")
    imports.start(draft, by=SYSTEM)
    organization.custom_fields.get(key="town").delete()

    failed = imports.run(draft.pk)

    assert failed.status == Status.FAILED
    assert "town" in failed.status_reason


def test_a_file_that_is_gone_fails_the_import_with_its_reason(news):
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)
    draft.file.storage.delete(draft.file.name)

    assert "upload it again" in imports.run(draft.pk).status_reason


def test_what_a_killed_worker_left_behind_is_queued_again(news, django_capture_on_commit_callbacks):
    stalled, fresh, over = (upload(news, MANY) for _ in range(3))
    for draft in (stalled, fresh):
        imports.start(draft, by=SYSTEM)
    Import.objects.filter(pk__in=[stalled.pk, over.pk]).update(modified_at=now() - timedelta(hours=1))

    assert tasks.sweep_imports() == 1

    assert {each.pk: each.status for each in Import.objects.all()} == {
        stalled.pk: Status.COMPLETED,
        fresh.pk: Status.QUEUED,
        over.pk: Status.DRAFT,
    }


def test_the_number_of_statements_does_not_grow_with_the_rows(news, django_assert_max_num_queries):
    def content(rows):
        return "email,town,size\n" + "".join(f"r{n}@example.com,Ulm,S\n" for n in range(rows))

    draft = upload(news, content(1000))
    imports.start(draft, by=SYSTEM)
    with django_assert_max_num_queries(60):
        imports.run(draft.pk)

    assert Subscription.objects.count() == 1000


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans without statistics of ours")
@pytest.mark.parametrize(("large", "times"), [(10, 1), (11, 0)])
def test_the_planner_hears_of_a_large_import_at_once(news, monkeypatch, large, times):
    monkeypatch.setattr(imports, "ANALYZED_FROM", large)

    with CaptureQueriesContext(connection) as asked:
        import_file(news, MANY)

    told = [each["sql"] for each in asked if each["sql"].startswith("ANALYZE (SKIP_LOCKED) audience_subscriber")]
    assert len(told) == times
