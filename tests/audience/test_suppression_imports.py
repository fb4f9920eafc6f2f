"""Files of suppressions, in the background."""

from datetime import timedelta

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.utils.timezone import now

from accounts.actors import SYSTEM
from audience import import_files, suppression_imports, suppressions, tasks
from audience.errors import ImportRefused, NotAllowed
from audience.models import Suppression, SuppressionImport
from tests.audience.importing import rows_of_error_file
from tests.conftest import acting
from tests.factories import MailingListFactory, OrganizationFactory, UserFactory, staff
from tests.races import at_once, race

BLOCKED = "Email;Reason\nann@example.com;bounced\nbob@example.com;\nno address;\nann@example.com;complained\n"


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(suppression_imports, "CHUNK", 2)


def create(organization, content=BLOCKED, **how):
    content = content if isinstance(content, bytes) else content.encode()
    how.setdefault("by", SYSTEM)
    return suppression_imports.create(ContentFile(content, name="blocked.csv"), organization=organization, **how)


def counts(made):
    return made.added, made.known, made.refused


def stored():
    return set(Suppression.objects.values_list("value", "reason", "source"))


@pytest.mark.usefixtures("small_chunks")
def test_a_file_is_suppressed_chunk_by_chunk_and_every_row_counted(organization, bob):
    suppressions.suppress(organization=organization, kind="email", value="bob@example.com", reason="complained")
    seen = []

    made = create(organization, source="old provider", by=acting(bob))
    assert (made.status, stored()) == ("queued", {("bob@example.com", "complained", "")})
    done = suppression_imports.run(made.pk, progress=lambda at: seen.append((at.rows_done, at.rows_total)))

    assert (done.status, counts(done), done.rows_total) == ("completed", (1, 2, 1), 4)
    assert seen == [(0, 4), (2, 4), (4, 4)]
    assert ("ann@example.com", "bounced", "old provider") in stored()
    assert Suppression.objects.get(value="ann@example.com").created_by == bob
    assert rows_of_error_file(done) == [
        ["row", "reason", "value"],
        ["4", "“no address” is not a domain such as example.com.", "no address"],
    ]


def test_it_is_queued_with_the_transaction(organization, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made = create(organization)

    made.refresh_from_db()
    assert (made.status, counts(made)) == ("completed", (2, 1, 1))


def test_more_rows_than_a_request_ever_took_are_taken(organization):
    made = create(organization, "".join(f"p{number}@example.com\n" for number in range(20_001)))

    assert suppression_imports.run(made.pk).added == 20_001


@pytest.mark.usefixtures("small_chunks")
def test_a_worker_that_is_killed_in_a_chunk_loses_and_doubles_nothing(organization, monkeypatch):
    made, store = create(organization), suppressions.store

    def dying(rows):
        store(rows)
        if any(row.reason == "complained" for row in rows):
            raise KeyboardInterrupt  # which nobody turns into a failure, as nobody does a kill
        return 1

    monkeypatch.setattr(suppressions, "store", dying)
    with pytest.raises(KeyboardInterrupt):
        suppression_imports.run(made.pk)
    monkeypatch.setattr(suppressions, "store", store)
    made.refresh_from_db()
    assert (made.status, made.rows_done) == ("running", 2)
    assert suppression_imports.requeue_stalled() == 0

    SuppressionImport.objects.update(modified_at=now() - timedelta(hours=1))
    assert tasks.sweep_imports() == 1

    made.refresh_from_db()
    assert (made.status, made.rows_done, made.refused) == ("completed", 4, 1)
    assert {value for value, _, _ in stored()} == {"ann@example.com", "bob@example.com"}


@pytest.mark.usefixtures("small_chunks")
def test_a_worker_gives_way_after_its_slice(organization):
    made = create(organization)

    part = suppression_imports.run(made.pk, seconds=0)

    assert (part.status, part.rows_done) == ("running", 2)


@pytest.mark.usefixtures("small_chunks")
def test_cancelling_keeps_what_is_suppressed(organization, bob):
    made = create(organization)

    done = suppression_imports.run(
        made.pk, progress=lambda at: at.rows_done == 2 and suppression_imports.cancel(made, by=acting(bob))
    )

    assert (SuppressionImport.objects.get().status, done.rows_done, len(stored())) == ("cancelled", 2, 2)
    with pytest.raises(ImportRefused, match="over already"):
        suppression_imports.cancel(made, by=acting(bob))


@pytest.mark.parametrize("content", [b"", b"  \n", b"PK\x03\x04"])
def test_what_is_no_text_makes_no_import(organization, content):
    with pytest.raises(ImportRefused):
        create(organization, content)

    assert not SuppressionImport.objects.exists()


def test_a_file_that_is_gone_fails_it_with_the_reason(organization):
    made = create(organization)
    made.file.storage.delete(made.file.name)

    failed = suppression_imports.run(made.pk)

    assert (failed.status, failed.status_reason) == ("failed", "The uploaded file is gone; upload it again.")


def test_only_who_may_suppress_there_imports_and_cancels(organization, bob, victor):
    mine, system = create(organization), create(None)

    for by, made in ((acting(victor), mine), (acting(bob), system)):
        with pytest.raises(NotAllowed):
            create(made.organization, by=by)
        with pytest.raises(NotAllowed):
            suppression_imports.cancel(made, by=by)
    assert create(None, by=acting(UserFactory(is_superuser=True))).organization is None


def test_one_for_a_list_holds_for_that_list(organization):
    mailing_list = MailingListFactory(organization=organization)

    suppression_imports.run(create(organization, mailing_list=mailing_list).pk)

    assert {row.scope for row in Suppression.objects.all()} == {"list"}


def test_its_files_go_after_a_month_and_where_they_name_an_erased_person(organization):
    old, naming, elsewhere = create(organization), create(organization), create(OrganizationFactory())
    for made in (naming, elsewhere):
        suppression_imports.run(made.pk)

    assert import_files.forget(organization, ["ann@example.com"]) == 1
    assert SuppressionImport.objects.get(pk=naming.pk).file.name == ""
    with time_machine.travel(now() + timedelta(days=31)):
        assert tasks.forget_import_files() == 1  # one is still at work

    old.refresh_from_db()
    assert old.file.storage.exists(old.file.name)


@race
def test_two_workers_on_one_import_do_each_row_once(organization, monkeypatch):
    monkeypatch.setattr(suppression_imports, "CHUNK", 50)
    by = staff(organization)
    made = create(organization, "".join(f"p{number}@example.com\n" for number in range(500)), by=by)

    at_once(lambda: suppression_imports.run(made.pk), lambda: suppression_imports.run(made.pk))

    suppression_imports.run(made.pk)
    made.refresh_from_db()
    assert (made.status, counts(made), Suppression.objects.count()) == ("completed", (500, 0, 0), 500)
