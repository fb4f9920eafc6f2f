"""The import wizard: upload, columns, trial, start, outcome."""

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from audience import imports
from audience.models import CustomField, Import, Subscriber
from tests.audience.test_import_workbooks import changed, workbook
from tests.conftest import acting
from tests.factories import MailingListFactory

pytestmark = pytest.mark.django_db

ROWS = b"E-Mail;First name;Coffee\nanna@example.com;Anna;black\nnot an address;Ben;white\nclara@example.com;Clara;\n"
READING = {
    "on_conflict": "update",
    "opt_in_status": "subscribed",
    "has_header": "on",
    "country_code": "",
    "delimiter": ";",
    "encoding": "utf-8",
}
COLUMNS = {"column-0": "email", "column-1": "", "column-2": ""}


@pytest.fixture(autouse=True)
def _files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def mailing_list(organization):
    return MailingListFactory(organization=organization)


@pytest.fixture
def draft(mailing_list, bob):
    return imports.create(mailing_list, SimpleUploadedFile("people.csv", ROWS), by=acting(bob))


def address(draft, name):
    return reverse(f"admin:audience_import_{name}", args=[draft.pk])


def test_an_upload_is_looked_at_before_anything_is_imported(mailing_list, bob, login):
    file = SimpleUploadedFile("people.csv", ROWS)

    answer = login(bob).post(reverse("admin:audience_import_add"), {"mailing_list": mailing_list.pk, "file": file})

    draft = Import.objects.get()
    assert answer.url == address(draft, "change")
    assert (draft.status, draft.created_by, draft.file_name) == ("draft", bob, "people.csv")
    assert not Subscriber.objects.exists()


def test_what_is_no_csv_is_refused_where_it_was_chosen(mailing_list, bob, login):
    file = SimpleUploadedFile("people.csv", b"PK\x03\x04 a spreadsheet")

    answer = login(bob).post(reverse("admin:audience_import_add"), {"mailing_list": mailing_list.pk, "file": file})

    assert answer.status_code == 422
    assert answer.context["form"].errors["file"]
    assert not Import.objects.exists()


def test_a_workbook_is_waited_for_on_a_page_that_goes_on_to_the_columns(mailing_list, bob, login):
    file = SimpleUploadedFile("people.xlsx", workbook([["Email", "Town"], ["anna@example.com", "Ulm"]]))
    browser = login(bob)
    browser.post(reverse("admin:audience_import_add"), {"mailing_list": mailing_list.pk, "file": file})
    draft = Import.objects.get()

    waiting = browser.get(address(draft, "change")).content.decode()
    same = browser.get(address(draft, "progress"), {"was": "converting"})
    imports.run(draft.pk)
    over = browser.get(address(draft, "progress"), {"was": "converting"})

    assert "Reading the workbook" in waiting
    assert f'{address(draft, "progress")}?was=converting" hx-trigger="every 1s"' in waiting
    assert ("HX-Refresh" in same.headers, "HX-Refresh" in over.headers) == (False, True)
    assert "What do the columns hold?" in browser.get(address(draft, "change")).content.decode()


def test_a_workbook_that_cannot_be_read_says_so_where_it_was_waited_for(mailing_list, bob, login):
    broken = changed(workbook([["Email"]]), "xl/workbook.xml", lambda data: b"")
    draft = imports.create(mailing_list, SimpleUploadedFile("people.xlsx", broken), by=acting(bob))
    imports.run(draft.pk)

    assert "This workbook cannot be read" in login(bob).get(address(draft, "change")).content.decode()


def test_columns_are_shown_with_examples_and_a_guess(draft, bob, login):
    page = login(bob).get(address(draft, "change")).content.decode()

    assert "E-Mail" in page
    assert "anna@example.com" in page
    assert '<option value="email" selected>' in page


def test_a_trial_follows_the_choice_and_writes_nothing(draft, bob, login):
    browser = login(bob)

    tried = browser.post(address(draft, "trial"), READING | COLUMNS).context["trial"]
    refused = browser.post(address(draft, "trial"), READING | {"column-0": ""}).content.decode()

    assert (tried.counts.added, tried.counts.refused) == (2, 1)
    assert "Start the import" not in refused
    assert not Subscriber.objects.exists()


def test_starting_keeps_what_is_chosen_and_makes_new_fields(draft, bob, login, django_capture_on_commit_callbacks):
    chosen = READING | COLUMNS | {"column-2": "+new"}

    with django_capture_on_commit_callbacks(execute=True):
        login(bob).post(address(draft, "start"), chosen)

    draft.refresh_from_db()
    assert CustomField.objects.get().key == "coffee"
    assert (draft.status, draft.added, draft.refused) == ("completed", 2, 1)
    assert Subscriber.objects.get(email="anna@example.com").fields == {"coffee": "black"}


def test_the_outcome_offers_the_refused_rows_as_a_file(draft, bob, login):
    imports.start(draft, by=acting(bob), mapping={"0": "email"})
    imports.run(draft.pk)

    page = login(bob).get(address(draft, "change")).content.decode()
    file = login(bob).get(address(draft, "errors"))

    assert address(draft, "errors") in page
    assert b"not an address" in b"".join(file.streaming_content)
    assert "people-errors.csv" in file.headers["Content-Disposition"]


def test_a_start_without_an_address_column_says_what_is_missing(draft, bob, login):
    answer = login(bob).post(address(draft, "start"), READING | {"column-0": "", "column-1": ""})

    assert any("address" in str(message) or "email" in str(message) for message in get_messages(answer.wsgi_request))
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_an_import_under_way_is_cancelled(draft, bob, login):
    imports.start(draft, by=acting(bob), mapping={"0": "email"})

    login(bob).post(address(draft, "cancel"))

    draft.refresh_from_db()
    assert draft.status == "cancelled"


@pytest.mark.parametrize("name", ["start", "cancel", "trial"])
def test_nothing_is_done_by_a_get(draft, bob, login, name):
    assert login(bob).get(address(draft, name)).status_code == 405


@pytest.mark.parametrize("name", ["change", "start", "cancel", "trial", "errors", "progress"])
def test_a_stranger_finds_no_such_import(draft, charlie, login, name):
    browser = login(charlie)
    act = browser.post if name in {"start", "cancel", "trial"} else browser.get

    assert act(address(draft, name)).status_code == 404


def test_a_viewer_may_not_import(draft, victor, login):
    browser = login(victor)

    assert browser.get(reverse("admin:audience_import_add")).status_code == 403
    assert browser.get(address(draft, "change")).status_code == 403
    assert browser.get(reverse("admin:audience_import_changelist")).status_code == 403


def test_a_page_that_watches_loads_anew_when_the_import_is_over(draft, bob, login):
    imports.start(draft, by=acting(bob), mapping={"0": "email"})
    browser = login(bob)

    same = browser.get(address(draft, "progress"), {"was": "queued"})
    imports.run(draft.pk)
    over = browser.get(address(draft, "progress"), {"was": "queued"})

    assert "HX-Refresh" not in same.headers
    assert over.headers["HX-Refresh"] == "true"
