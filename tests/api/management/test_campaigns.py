"""Writing and reading one campaign."""

import pytest

from campaigns.models import Campaign
from tests.api.management.conftest import ROOT
from tests.factories import (
    EditionFactory,
    EmailFactory,
    MailingListFactory,
    SegmentFactory,
    campaign_in,
    draft_campaign,
)

CONTRACT_FIELDS = [
    "id",
    "name",
    "organization_id",
    "edition_id",
    "segment_id",
    "channel",
    "created",
    "modified",
    "email_message_id",
    "sms_body",
    "status",
    "scheduled_at",
    "total_recipients",
    "sent_count",
    "failed_count",
    "user_count",
    "error_message",
    "started_at",
    "completed_at",
]


@pytest.fixture
def edition(organization):
    return EditionFactory(organization=organization, timezone="Europe/Berlin")


@pytest.fixture
def segment(organization):
    return SegmentFactory(organization=organization)


@pytest.fixture
def body(organization, edition, segment):
    """A campaign with nothing but what is required."""
    return {
        "organization_id": organization.public_id,
        "edition_id": edition.public_id,
        "segment_id": segment.public_id,
        "name": "Morning",
        "channel": "email",
    }


def address(campaign, act=""):
    return f"{ROOT}campaigns/{campaign.public_id}/{act}"


# --- create ------------------------------------------------------------------------------------------------------


def test_a_campaign_is_created_as_a_draft_and_shown_in_full(api, body, organization, edition, segment):
    response = api.post(f"{ROOT}campaigns/", body)

    shown = response.json()
    assert response.status_code == 201
    assert list(shown)[: len(CONTRACT_FIELDS)] == CONTRACT_FIELDS
    assert shown["id"].startswith("cmp_")
    assert {name: shown[name] for name in body} == body
    assert shown["status"] == "draft"
    assert (shown["total_recipients"], shown["sent_count"], shown["failed_count"], shown["user_count"]) == (0, 0, 0, 0)
    assert (shown["error_message"], shown["started_at"], shown["completed_at"]) == ("", None, None)
    assert shown["audience"] == [{"mailing_list_id": None, "segment_id": segment.public_id, "excluded": False}]


def test_what_was_created_can_be_read_again(api, body):
    created = api.post(f"{ROOT}campaigns/", body).json()

    read = api.get(f"{ROOT}campaigns/{created['id']}/")

    assert read.status_code == 200
    assert read.json() == created


def test_the_history_says_which_key_did_it(api, body, bob):
    created = api.post(f"{ROOT}campaigns/", body).json()

    event = Campaign.objects.get(public_id=created["id"]).events.get()
    assert (event.verb, event.by, event.surface, event.api_key.name) == ("create", bob, "management", "test")


@pytest.mark.parametrize("name", ["organization_id", "edition_id", "segment_id", "name", "channel"])
def test_required_fields_are_required(api, body, name):
    del body[name]

    response = api.post(f"{ROOT}campaigns/", body)

    assert response.status_code == 400
    assert response.json() == {name: ["This field is required."]}


def test_a_draft_may_have_neither_edition_nor_segment_yet(api, body):
    response = api.post(f"{ROOT}campaigns/", body | {"edition_id": None, "segment_id": None})

    assert response.status_code == 201
    assert (response.json()["edition_id"], response.json()["segment_id"]) == (None, None)
    assert response.json()["audience"] == []


def test_read_only_and_unknown_keys_are_ignored(api, body):
    extra = {"status": "sent", "id": "cmp_mine", "sent_count": 7, "colour": "red"}

    response = api.post(f"{ROOT}campaigns/", body | extra)

    assert response.status_code == 201
    assert response.json()["status"] == "draft"
    assert response.json()["sent_count"] == 0
    assert "colour" not in response.json()


def test_everything_an_audience_can_be_made_of(api, body, organization, segment):
    first, second = MailingListFactory.create_batch(2, organization=organization)
    other = SegmentFactory(organization=organization)
    parts = [
        {"mailing_list_id": first.public_id, "segment_id": None, "excluded": False},
        {"mailing_list_id": second.public_id, "segment_id": other.public_id, "excluded": False},
        {"mailing_list_id": None, "segment_id": other.public_id, "excluded": True},
    ]

    shown = api.post(f"{ROOT}campaigns/", body | {"audience": parts}).json()

    own = {"mailing_list_id": None, "segment_id": segment.public_id, "excluded": False}
    assert shown["audience"] == [own, *parts]
    assert shown["segment_id"] == segment.public_id


def test_an_audience_part_has_to_name_somebody(api, body):
    response = api.post(f"{ROOT}campaigns/", body | {"audience": [{"excluded": True}]})

    assert response.status_code == 400
    assert response.json() == {"audience": ["0.non_field_errors: Name a mailing_list_id, a segment_id or both."]}


def test_an_sms_campaign_keeps_its_text(api, body):
    response = api.post(f"{ROOT}campaigns/", body | {"channel": "sms", "sms_body": "Good morning"})

    assert response.json()["sms_body"] == "Good morning"
    assert response.json()["email_message_id"] is None


def test_an_sms_campaign_has_no_email_message(api, body, organization):
    email = EmailFactory(organization=organization)

    response = api.post(f"{ROOT}campaigns/", body | {"channel": "sms", "email_message_id": email.public_id})

    assert response.status_code == 400
    assert response.json() == {"email_message_id": ["An SMS campaign has no email message; send null."]}


@pytest.mark.parametrize(("kind", "scope"), [("receipt", "edition"), ("campaign", "platform")])
def test_only_messages_meant_for_campaigns_are_sent_by_one(api, body, organization, kind, scope):
    email = EmailFactory(organization=organization, kind=kind, scope=scope)

    response = api.post(f"{ROOT}campaigns/", body | {"email_message_id": email.public_id})

    assert response.status_code == 400
    assert list(response.json()) == ["email_message_id"]


def test_a_segment_of_another_edition_is_refused(api, body, organization):
    segment = SegmentFactory(organization=organization, edition=EditionFactory(organization=organization))

    response = api.post(f"{ROOT}campaigns/", body | {"segment_id": segment.public_id})

    assert response.status_code == 400
    assert response.json() == {"segment_id": ["This segment belongs to another edition."]}


@pytest.mark.parametrize(
    ("field", "factory"),
    [("edition_id", EditionFactory), ("segment_id", SegmentFactory), ("email_message_id", EmailFactory)],
)
def test_what_belongs_to_others_does_not_exist(api, body, charlie, field, factory):
    theirs = factory(organization=charlie.memberships.get().organization)

    response = api.post(f"{ROOT}campaigns/", body | {field: theirs.public_id})

    assert response.status_code == 400
    assert response.json() == {field: [f'Invalid pk "{theirs.public_id}" - object does not exist.']}


def test_a_member_of_two_organizations_does_not_mix_them(client, bob, body, charlie):
    other = charlie.memberships.get().organization
    bob.memberships.create(organization=other, role="admin")
    foreign = SegmentFactory(organization=other)
    client.force_login(bob)

    response = client.post(
        f"{ROOT}campaigns/", body | {"segment_id": foreign.public_id}, content_type="application/json"
    )

    assert response.status_code == 400
    assert response.json() == {"segment_id": [f'Invalid pk "{foreign.public_id}" - object does not exist.']}


@pytest.mark.parametrize("who", ["viewer_api", "approver_api", "stranger_api"])
def test_who_may_not_write_in_an_organization_is_told_it_does_not_exist(request, body, organization, who):
    response = request.getfixturevalue(who).post(f"{ROOT}campaigns/", body)

    assert response.status_code == 400
    expected = [f'Invalid pk "{organization.public_id}" - object does not exist.']
    assert response.json()["organization_id"] == expected
    assert not Campaign.objects.exists()


# --- times -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2030-12-01T09:00:00", "2030-12-01T09:00:00+01:00"),
        ("2030-07-01T09:00", "2030-07-01T09:00:00+02:00"),
        ("2030-12-01T08:00:00Z", "2030-12-01T09:00:00+01:00"),
        ("2030-12-01T12:00:00+04:00", "2030-12-01T09:00:00+01:00"),
    ],
)
def test_times_are_read_and_shown_in_the_editions_zone(api, body, given, shown):
    response = api.post(f"{ROOT}campaigns/", body | {"scheduled_at": given})

    assert response.status_code == 201
    assert response.json()["scheduled_at"] == shown


def test_without_an_edition_the_organizations_zone_counts(api, body):
    response = api.post(f"{ROOT}campaigns/", body | {"edition_id": None, "scheduled_at": "2030-12-01T09:00:00"})

    assert response.json()["scheduled_at"] == "2030-12-01T09:00:00Z"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2030-03-31T02:30:00", "2030-03-31T03:30:00+02:00"),  # skipped when summer time begins
        ("2030-10-27T02:30:00", "2030-10-27T02:30:00+02:00"),  # there twice when it ends: the first time
        ("2030-10-27T03:30:00", "2030-10-27T03:30:00+01:00"),
    ],
)
def test_hours_that_a_clock_skips_or_repeats_mean_one_moment(api, body, written, meant):
    response = api.post(f"{ROOT}campaigns/", body | {"scheduled_at": written})

    assert response.status_code == 201
    assert response.json()["scheduled_at"] == meant


@pytest.mark.parametrize("break_", ["\n", "\v", "\u2028", "\x1b"])
def test_a_name_is_on_one_line(api, body, break_):
    response = api.post(f"{ROOT}campaigns/", body | {"name": f"Morning{break_}Bcc: everybody@example.com"})

    assert response.status_code == 400
    assert list(response.json()) == ["name"]


@pytest.mark.parametrize("far", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59"])
def test_years_nobody_schedules_in_are_refused(api, body, far):
    response = api.post(f"{ROOT}campaigns/", body | {"scheduled_at": far})

    assert response.status_code == 400
    assert list(response.json()) == ["scheduled_at"]


# --- what is shown -----------------------------------------------------------------------------------------------


def test_waiting_for_approval_reads_as_a_draft_that_says_so(api, organization):
    campaign = campaign_in("pending_approval", organization)

    shown = api.get(address(campaign)).json()

    assert (shown["status"], shown["state"]) == ("draft", "pending_approval")
    assert shown["error_message"] == "Awaiting approval."
    assert len(shown["revision"]) == 64


def test_why_a_campaign_failed_is_said(api, organization):
    campaign = campaign_in("failed", organization)

    shown = api.get(address(campaign)).json()

    assert shown["status"] == "failed"
    assert shown["error_message"] == "The relay is gone."
    assert shown["started_at"] is not None
    assert shown["completed_at"] is not None


def test_pausing_stands_beside_the_status(api, organization):
    campaign = campaign_in("sending", organization)

    shown = api.post(address(campaign, "pause/")).json()

    assert (shown["status"], shown["paused"], shown["pause_reason"]) == ("sending", True, "user")


def test_a_client_is_told_what_it_can_do_next(api, viewer_api, organization):
    campaign = draft_campaign(organization)

    assert api.get(address(campaign)).json()["allowed_actions"][:2] == ["schedule", "send"]
    assert viewer_api.get(address(campaign)).json()["allowed_actions"] == []


def test_a_deleted_campaign_is_gone(api, organization):
    campaign = draft_campaign(organization)

    response = api.delete(address(campaign))

    assert (response.status_code, response.content) == (204, b"")
    assert api.get(address(campaign)).status_code == 404
    assert api.get(f"{ROOT}campaigns/").json()["count"] == 0
