"""`imports/`: files of people, over REST."""

from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audience import imports
from audience.models import CustomField, Import, Subscription
from tests.api.management.conftest import ROOT
from tests.audience.test_import_workbooks import workbook
from tests.factories import MailingListFactory

URL = f"{ROOT}imports/"
PEOPLE = "Mail,Vorname\nann@example.com,Ann\nnonsense,Bob\n"


@pytest.fixture
def body(organization, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    CustomField.objects.create(organization=organization, key="first_name", name="First name")
    mailing_list = MailingListFactory(organization=organization)
    return {"mailing_list_id": mailing_list.public_id}


@pytest.fixture
def draft(api, body):
    given = body | {"text": PEOPLE, "mapping": {"mail": "email", "1": "first_name"}}
    return api.post(URL, given).json()


def test_text_becomes_a_draft_with_its_mapping_by_heading_or_number(draft):
    assert (draft["status"], draft["mapping"]) == ("draft", {"0": "email", "1": "first_name"})
    assert (draft["has_errors"], draft["rows_done"]) == (False, 0)
    assert not Subscription.objects.exists()


def test_a_file_is_uploaded_as_a_form(api, body):
    file = SimpleUploadedFile("people.csv", PEOPLE.encode())

    answer = api.post(URL, body | {"file": file, "mapping": '{"1": "first_name"}'}, format="multipart")

    assert answer.status_code == 201
    assert answer.json()["file_name"] == "people.csv"
    assert answer.json()["mapping"]["1"] == "first_name"
    assert answer.json()["has_header"] is True


@pytest.mark.parametrize(("said", "known"), [("false", False), ("true", True)])
def test_a_form_may_say_whether_there_is_a_header(api, body, said, known):
    file = SimpleUploadedFile("people.csv", PEOPLE.encode())

    answer = api.post(URL, body | {"file": file, "has_header": said}, format="multipart")

    assert answer.json()["has_header"] is known


def test_an_import_is_tried_started_watched_and_its_errors_fetched(api, draft):
    address = f"{URL}{draft['id']}/"

    preview = api.get(f"{address}preview/").json()
    tried = api.post(f"{address}dry-run/").json()
    started = api.post(f"{address}start/")
    imports.run(Import.objects.get().pk)
    done = api.get(address).json()
    errors = api.get(f"{address}errors/").getvalue().decode()

    assert [column["heading"] for column in preview["columns"]] == ["Mail", "Vorname"]
    assert (tried["added"], tried["refused"], tried["refusals"][0]["row"]) == (1, 1, 3)
    assert (started.status_code, started.json()["status"]) == (200, "queued")
    assert (done["status"], done["added"], done["refused"], done["has_errors"]) == ("completed", 1, 1, True)
    assert "nonsense" in errors
    assert Subscription.objects.get().subscriber.fields == {"first_name": "Ann"}


def test_one_request_may_do_it_all(api, body):
    answer = api.post(URL, body | {"text": PEOPLE, "mapping": {"Mail": "email"}, "start": True})

    assert (answer.status_code, answer.json()["status"]) == (201, "queued")


def test_a_workbook_is_converted_first_and_starts_then_as_was_asked(api, body, django_capture_on_commit_callbacks):
    file = SimpleUploadedFile("people.xlsx", workbook([["Mail", "Vorname"], ["ann@example.com", "Ann"]]))
    given = body | {"file": file, "mapping": '{"Mail": "email", "1": "first_name"}', "start": "true"}

    with django_capture_on_commit_callbacks() as waiting:
        answer = api.post(URL, given, format="multipart").json()
    address = f"{URL}{answer['id']}/"
    early = [api.get(f"{address}preview/"), api.post(f"{address}dry-run/"), api.delete(address)]
    for each in waiting:
        each()
    while Import.objects.get().status in imports.AT_WORK:
        imports.run(Import.objects.get().pk)

    assert (answer["status"], answer["file_format"]) == ("converting", "xlsx")
    assert [each.status_code for each in early] == [400, 409, 409]
    assert "still being read" in early[1].content.decode()
    assert (api.get(address).json()["status"], Subscription.objects.get().subscriber.fields) == (
        "completed",
        {"first_name": "Ann"},
    )


def test_a_workbook_may_be_set_up_and_started_while_it_is_converted(api, body):
    file = SimpleUploadedFile("people.xlsx", workbook([["Mail"], ["ann@example.com"]]))
    made = api.post(URL, body | {"file": file}, format="multipart").json()
    address = f"{URL}{made['id']}/"

    patched = api.patch(address, {"mapping": {"Wrong": "email"}})
    started = api.post(f"{address}start/")
    imports.run(Import.objects.get().pk)
    failed = api.get(address).json()

    assert (patched.status_code, started.status_code, started.json()["status"]) == (200, 200, "converting")
    assert (failed["status"], failed["status_reason"]) == ("failed", "There is no column Wrong; there are Mail.")


def test_how_people_join_and_what_they_agreed_to_reach_their_subscriptions(api, body):
    evidence = {
        "consent_at": "2026-03-31T14:05:00+02:00",
        "consent_ip_address": "192.0.2.7",
        "consent_source": "fair-2026",
        "consent_wording": "Yes, send me the news.",
    }
    made = api.post(URL, body | evidence | {"text": PEOPLE, "opt_in_status": "unconfirmed", "start": True}).json()
    imports.run(Import.objects.get().pk)

    row = Subscription.objects.get()
    logged = row.subscriber.consent_events.get()
    assert {name: made[name] for name in evidence} == evidence | {"consent_at": "2026-03-31T12:05:00Z"}
    assert (row.status, row.subscribed_at, row.source, row.ip_address) == (
        "unconfirmed",
        None,
        "fair-2026",
        "192.0.2.7",
    )
    assert row.confirmation_due_at
    assert (logged.kind, logged.at) == ("requested", datetime(2026, 3, 31, 12, 5, tzinfo=UTC))
    assert (logged.source, logged.ip_address, logged.wording) == ("fair-2026", "192.0.2.7", "Yes, send me the news.")


def test_how_people_join_may_be_said_of_a_draft(api, draft):
    address = f"{URL}{draft['id']}/"
    api.patch(address, {"opt_in_status": "subscribed", "consent_at": "2026-03-31T12:05:00Z", "consent_source": "shop"})
    api.post(f"{address}start/")
    imports.run(Import.objects.get().pk)

    row = Subscription.objects.get()
    assert (row.status, row.source) == ("subscribed", "shop")
    assert row.subscribed_at == row.subscriber.consent_events.get().at == datetime(2026, 3, 31, 12, 5, tzinfo=UTC)


def test_uploading_with_one_idempotency_key_makes_one_draft(api, body):
    answers = []
    for _ in range(2):
        given = body | {"file": SimpleUploadedFile("people.csv", PEOPLE.encode())}
        answers.append(api.post(URL, given, format="multipart", HTTP_IDEMPOTENCY_KEY="people"))

    assert answers[0].json() == answers[1].json()
    assert Import.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "file"),
        ({"text": ""}, "text"),
        ({"text": "   \n"}, "file"),
        ({"text": PEOPLE, "mapping": {"Nachname": "first_name"}}, "mapping"),
        ({"text": PEOPLE, "mapping": {"0": 7}}, "mapping"),
        ({"text": PEOPLE, "mapping": ["email"]}, "mapping"),
        ({"text": PEOPLE, "mapping": {"0": "\x00"}}, "mapping"),
        ({"text": PEOPLE, "mapping": {"0": "", "1": "first_name"}, "start": True}, "mapping"),
        ({"text": PEOPLE, "on_conflict": "explode"}, "on_conflict"),
        ({"text": PEOPLE, "country_code": "Denmark"}, "country_code"),
        ({"text": PEOPLE, "encoding": "klingon"}, "file"),
    ],
)
def test_what_cannot_be_read_leaves_no_draft(api, body, changes, field):
    answer = api.post(URL, body | changes)

    assert answer.status_code == 400, answer.json()
    assert list(answer.json()) == [field]
    assert not Import.objects.exists()


def test_a_draft_is_set_up_and_thrown_away(api, draft):
    address = f"{URL}{draft['id']}/"

    changed = api.patch(address, {"on_conflict": "skip", "mapping": {"Mail": "email", "Vorname": ""}})
    gone = api.delete(address)

    assert (changed.json()["on_conflict"], changed.json()["mapping"]) == ("skip", {"0": "email"})
    assert gone.status_code == 204
    assert not Import.objects.exists()


def test_what_was_started_is_not_set_up_tried_started_or_deleted_again(api, draft):
    address = f"{URL}{draft['id']}/"
    api.post(f"{address}start/")

    answers = [
        api.patch(address, {"on_conflict": "skip"}),
        api.post(f"{address}dry-run/"),
        api.post(f"{address}start/"),
        api.delete(address),
    ]

    assert [answer.status_code for answer in answers] == [409] * 4


def test_cancelling_twice_is_a_conflict(api, draft):
    first, again = (api.post(f"{URL}{draft['id']}/cancel/") for _ in range(2))

    assert (first.json()["status"], again.status_code) == ("cancelled", 409)


def test_without_refused_rows_there_is_no_file_of_them(api, draft):
    assert api.get(f"{URL}{draft['id']}/errors/").status_code == 404


def test_who_may_only_read_sees_counts_and_no_people(viewer_api, draft):
    address = f"{URL}{draft['id']}/"

    assert viewer_api.get(address).status_code == 200
    assert viewer_api.get(f"{address}preview/").status_code == 403
    assert viewer_api.post(f"{address}start/").status_code == 403


def test_imports_are_found(api, body, draft, django_assert_num_queries):
    def found(query):
        return [row["id"] for row in api.get(f"{URL}?{query}").json()["results"]]

    assert found("status=draft") == found(f"mailing_list_id={body['mailing_list_id']}") == [draft["id"]]
    assert found("status=completed") == found("search=elsewhere") == []
    with django_assert_num_queries(3):
        api.get(URL)


def test_a_trial_tells_what_would_become_of_single_people(api, body):
    made = api.post(URL, body | {"text": "Mail,status\nann@example.com,unsubscribed\n"}).json()

    tried = api.post(f"{URL}{made['id']}/dry-run/").json()

    assert made["mapping"] == {"0": "email", "1": "subscription.status"}
    assert tried["added_people"] == [
        {
            "row": 2,
            "address": "ann@example.com",
            "changes": [{"what": "status", "before": "", "after": "unsubscribed"}],
        }
    ]
    assert tried["changed_people"] == []
