"""`suppressions/`: what nothing is sent to, over REST."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from api.management.numbers import numbered_id
from audience import suppression_imports, suppressions
from audience.models import Suppression, SuppressionImport
from tests.api.management.conftest import ROOT
from tests.factories import MailingListFactory, OrganizationFactory, UserFactory

URL = f"{ROOT}suppressions/"


@pytest.fixture
def body(organization):
    return {"organization_id": organization.public_id}


def suppress(organization, value, **more):
    kind = suppressions.kind_of(value)
    return suppressions.suppress(organization=organization, kind=kind, value=value, **more)


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("Ann@Example.com", "email", "ann@example.com"),
        ("@spam.example", "domain", "spam.example"),
        ("+45 20 12 34 56", "phone", "+4520123456"),
    ],
)
def test_something_is_suppressed_once_whatever_its_kind(api, body, bob, written, kind, value):
    first = api.post(URL, body | {"value": written, "reason": "complained", "source": "support"})
    again = api.post(URL, body | {"value": written, "reason": "manual"})

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == api.get(f"{URL}{first.json()['id']}/").json()
    shown = {name: first.json()[name] for name in ("kind", "value", "reason", "source", "scope")}
    assert shown == {"kind": kind, "value": value, "reason": "complained", "source": "support", "scope": "organization"}
    assert Suppression.objects.get().created_by == bob


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value": "nonsense here"}, "value"),
        ({"value": "ann@example.com", "kind": "phone"}, "value"),
        ({"value": "ann@example.com", "reason": "dislike"}, "reason"),
        ({"value": "ann@example.com\x00"}, "value"),
        ({}, "value"),
        ({"value": "ann@example.com", "organization_id": None}, "organization_id"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_suppressed(api, body, changes, field):
    answer = api.post(URL, body | changes)

    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not Suppression.objects.exists()


def test_a_list_of_another_organization_is_no_scope(api, body):
    foreign = MailingListFactory()

    answer = api.post(URL, body | {"value": "ann@example.com", "mailing_list_id": foreign.public_id})

    assert answer.json() == {"mailing_list_id": [f'Invalid pk "{foreign.public_id}" - object does not exist.']}


def test_only_a_superuser_in_a_browser_suppresses_for_the_whole_system(client, organization):
    root = UserFactory(is_superuser=True)
    client.force_login(root)

    answer = client.post(URL, {"organization_id": None, "value": "spam.example"}, content_type="application/json")

    assert (answer.status_code, answer.json()["scope"]) == (201, "system")


def test_a_member_sees_no_suppression_of_the_system_and_lifts_none(admin_api):
    row = suppress(None, "spam.example")

    assert admin_api.get(URL).json()["results"] == []
    assert admin_api.delete(f"{URL}{numbered_id('sup', row.pk)}/").status_code == 404
    assert Suppression.objects.exists()


def test_lists_are_filtered_and_take_the_same_queries_however_long(api, organization, django_assert_num_queries):
    mailing_list = MailingListFactory(organization=organization)
    suppress(organization, "ann@example.com", reason="bounced")
    suppress(organization, "example.org")
    suppress(organization, "bob@example.com", mailing_list=mailing_list)

    def found(query):
        return {row["value"] for row in api.get(f"{URL}?{query}").json()["results"]}

    assert found("kind=domain") == {"example.org"}
    assert found("reason=bounced") == {"ann@example.com"}
    assert found("scope=list") == found(f"mailing_list_id={mailing_list.public_id}") == {"bob@example.com"}
    assert found("value=ANN@example.com") == {"ann@example.com"}
    assert found("search=example.com") == {"ann@example.com", "bob@example.com"}
    assert found("created_after=2999-01-01") == set()
    assert api.get(f"{URL}?kind=fax").status_code == 400
    with django_assert_num_queries(3):  # the key, the count, the rows
        api.get(URL)


def test_checking_names_every_scope_and_answers_in_order(api, viewer_api, organization, body):
    mailing_list = MailingListFactory(organization=organization)
    suppress(None, "example.com", source="spamtrap")
    suppress(organization, "ann@example.com", reason="complained", mailing_list=mailing_list)

    answer = viewer_api.post(f"{URL}check/", body | {"values": ["free@example.org", "Ann@example.com", "no way"]})

    assert answer.status_code == 200
    checked = answer.json()
    assert (checked["checked"], checked["suppressed"]) == (3, 1)
    free, ann, junk = checked["results"]
    assert (free["is_suppressed"], free["matches"]) == (False, [])
    assert [(match["scope"], match["reason"], match["source"]) for match in ann["matches"]] == [
        ("system", "manual", "spamtrap"),
        ("list", "complained", ""),
    ]
    assert junk["problem"]


def test_at_most_five_hundred_are_checked_at_once(api, body):
    answer = api.post(f"{URL}check/", body | {"values": ["ann@example.com"] * 501})

    assert answer.status_code == 400
    assert "500" in answer.json()["values"][0]


def test_one_and_many_are_lifted(api, organization, body):
    row = suppress(organization, "ann@example.com")
    suppress(organization, "bob@example.com")
    suppress(None, "bob@example.com")

    one = api.delete(f"{URL}{numbered_id('sup', row.pk)}/")
    many = api.post(f"{URL}lift/", body | {"values": ["BOB@example.com", "unknown@example.com"]})

    assert (one.status_code, many.json()) == (204, {"lifted": 1})
    assert [each.scope for each in Suppression.objects.all()] == ["system"]


# --- the history -------------------------------------------------------------------------------------------------

LIFTED = f"{ROOT}lifted-suppressions/"


@pytest.fixture
def lifted(api, organization, body):
    """Ann's, lifted one by one, and Bob's, lifted among many; both with why."""
    row = suppress(organization, "ann@example.com", reason="complained", source="arf")
    suppress(organization, "bob@example.com")
    api.delete(f"{URL}{numbered_id('sup', row.pk)}/?why=Wrote%20to%20us")
    api.post(f"{URL}lift/", body | {"values": ["bob@example.com"], "why": "A mistake"})


def test_what_was_lifted_is_told_with_who_when_and_why(api, lifted, bob):
    latest, first = api.get(LIFTED).json()["results"]

    assert (latest["value"], latest["why"], latest["lifted_by"]) == ("bob@example.com", "A mistake", bob.username)
    shown = {name: first[name] for name in ("value", "reason", "source", "scope", "surface", "why")}
    assert shown == {
        "value": "ann@example.com",
        "reason": "complained",
        "source": "arf",
        "scope": "organization",
        "surface": "management",
        "why": "Wrote to us",
    }
    assert first == api.get(f"{LIFTED}{first['id']}/").json()
    assert [row["why"] for row in api.get(f"{LIFTED}?value=ANN@example.com").json()["results"]] == ["Wrote to us"]
    assert api.get(f"{LIFTED}?reason=bounced").json()["results"] == []


def test_a_line_forgets_whom_it_was_about_and_nothing_else(admin_api, lifted):
    line = admin_api.get(f"{LIFTED}?reason=complained").json()["results"][0]

    forgotten = admin_api.post(f"{LIFTED}{line['id']}/forget/")

    assert (forgotten.status_code, forgotten.json()) == (200, line | {"value": "", "source": "", "why": ""})
    assert admin_api.delete(f"{LIFTED}{line['id']}/").status_code == 405


def test_too_long_a_reason_lifts_nothing(api, organization, body):
    row = suppress(organization, "ann@example.com")

    one = api.delete(f"{URL}{numbered_id('sup', row.pk)}/?why={'x' * 501}")
    many = api.post(f"{URL}lift/", body | {"values": ["ann@example.com"], "why": "x" * 501})

    assert (one.status_code, list(one.json()), many.status_code) == (400, ["why"], 400)
    assert Suppression.objects.exists()


@pytest.fixture
def _files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.usefixtures("_files")
def test_a_file_is_imported_in_the_background_watched_and_its_errors_fetched(api, body):
    file = SimpleUploadedFile("blocked.csv", b"email,reason\nann@example.com,bounced\nnonsense,\n")

    made = api.post(f"{URL}import/", body | {"file": file, "source": "old provider"}, format="multipart")
    address = f"{ROOT}suppression-imports/{made.json()['id']}/"
    early = api.get(f"{address}errors/")
    suppression_imports.run(SuppressionImport.objects.get().pk)
    done = api.get(address).json()

    assert (made.status_code, made.json()["status"], early.status_code) == (201, "queued", 404)
    assert (done["status"], done["added"], done["known"], done["refused"]) == ("completed", 1, 0, 1)
    assert "3,“nonsense” is not a domain" in api.get(f"{address}errors/").getvalue().decode()
    assert Suppression.objects.get().source == "old provider"
    assert api.post(f"{address}cancel/").status_code == 409


@pytest.mark.usefixtures("_files")
def test_text_is_imported_once_for_one_idempotency_key(api, body):
    asked = body | {"text": "ann@example.com\nbob@example.com\n"}

    first, again = (api.post(f"{URL}import/", asked, HTTP_IDEMPOTENCY_KEY="move") for _ in range(2))

    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert suppression_imports.run(SuppressionImport.objects.get().pk).added == 2


@pytest.mark.usefixtures("_files")
def test_an_import_is_cancelled(api, body):
    made = api.post(f"{URL}import/", body | {"text": "ann@example.com\n"}).json()

    answer = api.post(f"{ROOT}suppression-imports/{made['id']}/cancel/")

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


@pytest.mark.parametrize("given", [{}, {"text": ""}, {"text": "a@b.example", "reason": "x"}, {"file": "text"}])
def test_an_import_without_a_file_is_refused(api, body, given):
    answer = api.post(f"{URL}import/", body | given)

    assert answer.status_code == 400
    assert not Suppression.objects.exists()


def test_they_are_counted_and_exported_as_filtered(api, organization):
    suppress(organization, "ann@example.com", reason="bounced")
    suppress(organization, "example.org", reason="complained")
    suppress(OrganizationFactory(), "zoe@example.com", reason="bounced")

    stats = api.get(f"{URL}stats/?kind=email").json()
    export = api.get(f"{URL}export/?reason=complained").getvalue().decode()

    assert (stats["total"], stats["by_reason"]["bounced"]) == (1, 1)
    assert "example.org,domain,complained" in export
    assert "ann@example.com" not in export
    assert "zoe@example.com" not in export
