"""Email messages through the API."""

import pytest

from content.models import Email
from tests.api.management.conftest import ROOT
from tests.delivery.servers import Mailbox
from tests.factories import EditionFactory, EmailFactory, SubscriberFactory, campaign_in, draft_campaign

MESSAGES = f"{ROOT}email-messages/"


@pytest.fixture
def email(organization):
    return EmailFactory(organization=organization, title="Issue 7")


@pytest.fixture
def address(email):
    return f"{MESSAGES}{email.public_id}/"


def test_a_message_takes_its_sender_from_its_edition(api, organization, bob):
    edition = EditionFactory(organization=organization, from_name="Sunday", from_email="sunday@news.example")
    body = {
        "organization_id": organization.public_id,
        "edition_id": edition.public_id,
        "title": "Issue 7",
        "type": "campaign",
        "subject": "Good morning",
        "html": "<p>Hello</p>",
    }

    response = api.post(MESSAGES, body)

    shown = response.json()
    assert response.status_code == 201
    assert shown["id"].startswith("eml_")
    assert {name: shown[name] for name in body} == body
    assert (shown["scope"], shown["template"]) == ("edition", "modern")
    assert (shown["from_name"], shown["from_email"]) == ("Sunday", "sunday@news.example")
    assert Email.objects.get().created_by == bob


@pytest.mark.parametrize("name", ["organization_id", "title", "type"])
def test_required_fields(api, organization, name):
    body = {"organization_id": organization.public_id, "title": "Issue 7", "type": "campaign"}
    del body[name]

    response = api.post(MESSAGES, body)

    assert response.status_code == 400
    assert response.json() == {name: ["This field is required."]}


@pytest.mark.parametrize("field", ["title", "subject", "from_name"])
@pytest.mark.parametrize("break_", ["\n", "\r", "\r\n", "\v", "\f", "\x1b", "\x85", "\u2028", "\u2029"])
def test_no_line_break_gets_into_a_header(api, address, email, field, break_):
    response = api.patch(address, {field: f"Good morning{break_}Bcc: everybody@example.com"})

    assert response.status_code == 400
    assert response.json() == {
        field: ["Line breaks and control characters are not allowed here; write it on one line."]
    }
    email.refresh_from_db()
    assert "Bcc" not in getattr(email, field)


@pytest.mark.parametrize("field", ["from_email", "reply_to"])
@pytest.mark.parametrize("value", ["nobody", "a@example.com\nBcc: b@example.com", "a@example.com, b@example.com"])
def test_addresses_are_addresses(api, address, field, value):
    response = api.patch(address, {field: value})

    assert response.status_code == 400
    assert list(response.json()) == [field]


def test_a_change_reaches_the_campaigns_that_say_it(api, organization):
    campaign = campaign_in("pending_approval", organization)
    email = campaign.variants.get().email

    response = api.patch(f"{MESSAGES}{email.public_id}/", {"subject": "Another"})

    assert response.status_code == 200
    campaign.refresh_from_db()
    assert campaign.state == "draft"


def test_what_is_being_sent_cannot_be_changed(api, organization):
    campaign = campaign_in("sending", organization, name="Spring")
    email = campaign.variants.get().email

    response = api.patch(f"{MESSAGES}{email.public_id}/", {"subject": "Another"})

    assert response.status_code == 409
    assert "Spring is sending" in response.json()["detail"]


def test_messages_of_the_platform_are_read_only(api, organization):
    email = EmailFactory(organization=organization, scope="platform")
    address = f"{MESSAGES}{email.public_id}/"

    assert api.get(address).status_code == 200
    assert api.patch(address, {"title": "Mine"}).status_code == 403
    assert api.delete(address).status_code == 403


def test_nobody_makes_a_message_of_the_platform(api, organization):
    body = {"organization_id": organization.public_id, "title": "x", "type": "other", "scope": "platform"}

    response = api.post(MESSAGES, body)

    assert response.status_code == 400
    assert list(response.json()) == ["scope"]


def test_a_message_in_use_is_not_deleted(api, organization):
    campaign = draft_campaign(organization, name="Spring")
    email = campaign.variants.get().email

    response = api.delete(f"{MESSAGES}{email.public_id}/")

    assert response.status_code == 409
    assert response.json() == {"detail": f"The email {email} is used by the campaign Spring, which is not over yet."}


def test_a_message_nobody_needs_is_deleted(api, address):
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404


def test_a_duplicate_says_the_same(api, address, email):
    response = api.post(f"{address}duplicate/")

    copy = response.json()
    assert response.status_code == 201
    assert copy["id"] != email.public_id
    assert (copy["title"], copy["subject"], copy["html"]) == ("Copy of Issue 7", email.subject, email.html)


def test_a_template_is_adopted_by_an_edition(api, organization):
    template = EmailFactory(organization=organization, scope="template", title="Look")
    edition = EditionFactory(organization=organization)

    response = api.post(f"{MESSAGES}{template.public_id}/adopt/", {"edition_id": edition.public_id})

    adopted = response.json()
    assert response.status_code == 201
    assert adopted["id"] != template.public_id
    assert (adopted["scope"], adopted["edition_id"], adopted["html"]) == ("edition", edition.public_id, template.html)
    template.refresh_from_db()
    assert template.scope == "template"


def test_only_templates_are_adopted(api, address, organization):
    edition = EditionFactory(organization=organization)

    response = api.post(f"{address}adopt/", {"edition_id": edition.public_id})

    assert response.status_code == 409


def test_the_merge_fields_that_may_be_used(api, address, organization):
    organization.custom_fields.create(key="first_name", name="First name")

    shown = api.get(f"{address}variables/").json()

    assert {each["key"] for each in shown} >= {"email", "phone", "first_name", "unsubscribe_url", "view_url"}
    assert {each["key"] for each in shown if each["in_every_mail"]} == {
        "unsubscribe_url",
        "view_url",
        "preferences_url",
        "forward_url",
    }


@pytest.mark.parametrize(
    ("language", "tags"),
    [
        ("broadsheet", {"first_name": "{{ first_name }}", "forward_url": "{{ forward_url }}"}),
        ("octeth", {"first_name": "{{ Subscriber:FirstName }}", "forward_url": "%Link:Forward%"}),
        (
            "greenarrow",
            {"first_name": "%%first_name%%", "unsubscribe_url": "%%unsubscribe_link%%", "forward_url": None},
        ),
    ],
)
def test_an_email_can_be_written_in_each_language(api, address, organization, language, tags):
    organization.custom_fields.create(key="first_name", name="First name")
    person = SubscriberFactory(organization=organization, fields={"first_name": "Ann"})
    changes = {"merge_language": language, "subject": f"Hi {tags['first_name']}"}

    changed = api.patch(address, changes)
    shown = {each["key"]: each["written"] for each in api.get(f"{address}variables/").json()}
    preview = api.post(f"{address}preview/", {"subscriber_id": person.public_id}).json()

    assert changed.json()["merge_language"] == language
    assert {key: shown.get(key) for key in tags} == tags
    assert preview["subject"] == "Hi Ann"


def test_a_language_that_there_is_not_is_refused(api, address):
    assert "merge_language" in str(api.patch(address, {"merge_language": "mailchimp"}).json())


def test_a_preview_shows_what_one_person_would_see(viewer_api, address, organization):
    person = SubscriberFactory(organization=organization, fields={"first_name": "Åsa"})

    shown = viewer_api.post(f"{address}preview/", {"subscriber_id": person.public_id}).json()

    assert shown["subject"] == "Good morning"
    assert "Hello Åsa" in shown["html"]
    assert shown["sms"] is None


def test_a_broken_template_is_said_of_its_part(api, address, email):
    Email.objects.update(subject="{{ first_name")

    response = api.post(f"{address}preview/")

    assert response.status_code == 400
    assert list(response.json()) == ["subject"]


def test_lists_leave_the_bodies_out(api, email):
    (shown,) = api.get(MESSAGES).json()["results"]

    assert list(shown) == [
        "id",
        "organization_id",
        "edition_id",
        "title",
        "subject",
        "type",
        "created",
        "modified",
        "scope",
        "template",
    ]


def test_filters(api, organization):
    edition = EditionFactory(organization=organization)
    EmailFactory(organization=organization, title="a", edition=edition, scope="template")
    EmailFactory(organization=organization, title="b", kind="reminder")

    def found(**parameters):
        return [each["title"] for each in api.get(MESSAGES, parameters).json()["results"]]

    assert found(edition_id=edition.public_id) == ["a"]
    assert found(scope="template") == ["a"]
    assert found(type="reminder") == ["b"]
    assert found(ordering="title") == ["a", "b"]
    assert found(ordering="-title") == ["b", "a"]
    assert found(search="a", ordering="title") == ["a", "b"]


def test_a_page_costs_the_same_however_long_it_is(api, organization, django_assert_max_num_queries):
    EmailFactory.create_batch(20, organization=organization, edition=EditionFactory(organization=organization))
    api.get(MESSAGES)

    with django_assert_max_num_queries(3):
        assert len(api.get(MESSAGES).json()["results"]) == 20


# --- test sends --------------------------------------------------------------------------------------------------


def test_a_test_is_really_sent(api, address, mail_relay):
    with mail_relay(Mailbox(rcpt={"gone@example.com": "550 5.1.1 No"})) as mailbox:
        response = api.post(f"{address}test/", {"addresses": ["Bob@Staff.example", "gone@example.com"]})

    assert response.status_code == 200
    told = {each["address"]: each["accepted"] for each in response.json()}
    assert told == {"bob@staff.example": True, "gone@example.com": False}
    assert b"[Test] " in mailbox.mails[0][2]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "addresses"),
        ({"addresses": []}, "addresses"),
        ({"addresses": ["nonsense"]}, "addresses"),
        ({"addresses": ["a@example.com"] * 11}, "addresses"),
        ({"addresses": ["a@example.com"], "subscriber_id": "sub_" + "0" * 20}, "subscriber_id"),
    ],
)
def test_a_test_to_nobody_is_refused(api, address, body, field):
    response = api.post(f"{address}test/", body)

    assert response.status_code == 400
    assert list(response.json()) == [field]


def test_a_test_without_a_relay_says_so(api, address, settings):
    settings.SMTP_PORT = 1

    response = api.post(f"{address}test/", {"addresses": ["bob@staff.example"]})

    assert response.status_code == 409
    assert "connection refused" in response.json()["detail"]


def test_who_may_only_read_sends_no_test(viewer_api, address):
    assert viewer_api.post(f"{address}test/", {"addresses": ["bob@staff.example"]}).status_code == 403
