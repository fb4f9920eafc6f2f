"""The files of imports: how long they stay, and whom they may not name any more."""

import os
from datetime import timedelta

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.utils.timezone import now

from accounts.actors import SYSTEM
from audience import import_files, imports, privacy, tasks
from audience.errors import ImportRefused
from audience.models import Import, Subscriber
from tests.audience.importing import import_file, upload
from tests.factories import MailingListFactory, SubscriberFactory

PEOPLE = "email,phone\nAnn@Example.com,\nbo@example.com,\nnonsense,\n"


def files_of(file_import):
    """Which of its files are there."""
    row = Import.objects.get(pk=file_import.pk)
    return [bool(field) and field.storage.exists(field.name) for field in (row.file, row.error_file)]


def erase(person, capture):
    with capture(execute=True):
        privacy.erase(person, by=SYSTEM)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_files_that_name_an_erased_person_go(news, django_capture_on_commit_callbacks, encoding):
    naming = import_file(news, (PEOPLE + "zoë@example.com,\n").encode(encoding))
    other = import_file(news, "email\nbo@example.com\nnonsense\n")

    erase(Subscriber.objects.get(email="ann@example.com"), django_capture_on_commit_callbacks)

    assert (files_of(naming), files_of(other)) == ([False, False], [True, True])
    assert Import.objects.get(pk=naming.pk).added == naming.added
    with pytest.raises(ImportRefused, match="upload it again"):
        imports.preview(Import.objects.get(pk=naming.pk))


def test_a_draft_that_names_them_has_to_be_uploaded_again(news, django_capture_on_commit_callbacks):
    draft = upload(news, PEOPLE)

    erase(
        SubscriberFactory(organization=news.organization, email="ann@example.com"), django_capture_on_commit_callbacks
    )

    with pytest.raises(ImportRefused, match="upload it again"):
        imports.dry_run(Import.objects.get(pk=draft.pk))


@pytest.mark.parametrize("written", ["+45 20 12 34 56", "020-123456", "+4520123456"])
def test_a_number_is_found_however_it_is_written(news, written):
    done = import_file(news, f"email,phone\nbo@example.com,+4533333333\nnonsense,{written}\n")

    assert import_files.forget(news.organization, ["+4520123456"]) == 1
    assert files_of(done) == [False, False]


def test_files_of_an_import_at_work_and_of_other_organizations_stay(news):
    elsewhere = import_file(MailingListFactory(), PEOPLE)
    draft = upload(news, PEOPLE)
    imports.start(draft, by=SYSTEM)

    assert import_files.forget(news.organization, ["ann@example.com"]) == 0

    assert (files_of(elsewhere), files_of(draft)) == ([True, True], [True, False])


def test_files_go_a_month_after_the_end_and_the_counts_stay(news):
    done, working = import_file(news, PEOPLE), upload(news, PEOPLE)
    imports.start(working, by=SYSTEM)

    with time_machine.travel(now() + timedelta(days=29)):
        assert tasks.forget_import_files() == 0
    with time_machine.travel(now() + timedelta(days=31)):
        assert (tasks.forget_import_files(), tasks.forget_import_files()) == (1, 0)

    assert (files_of(done), files_of(working)) == ([False, False], [True, False])
    assert Import.objects.get(pk=done.pk).rows_total == 3


def test_files_of_no_import_go_too(news):
    storage, old = Import._meta.get_field("file").storage, (now() - timedelta(days=2)).timestamp()
    kept = import_file(news, PEOPLE)
    for name in ("lost", "new"):
        storage.save(f"imports/{name}.csv", ContentFile(b"email"))
    for name in ("imports/lost.csv", kept.file.name):
        os.utime(storage.path(name), (old, old))

    tasks.forget_import_files()

    assert [storage.exists(f"imports/{name}.csv") for name in ("lost", "new")] == [False, True]
    assert files_of(kept) == [True, True]
