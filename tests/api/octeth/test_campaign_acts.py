"""What the seeds print of create, copy, pause, resume, cancel, approve and delete, and what becomes of the campaign."""

import pytest

from api.octeth.vocabulary import status
from campaigns.models import Campaign, ScheduleType, State
from tests.api.octeth.conftest import Wire, key_of
from tests.factories import campaign_in, draft_campaign

pytestmark = pytest.mark.usefixtures("desk")

OK = {"Success": True, "ErrorCode": 0}
ACTS = ["approve", "cancel", "pause", "resume", "update"]


def now(campaign):
    campaign.refresh_from_db()
    return status(campaign)


# --- create and copy ---------------------------------------------------------------------------------------------


def test_a_campaign_is_created_as_a_draft(wire, organization):
    answer = wire("Campaign.Create", CampaignName="  Summer   Sale ")
    campaign = Campaign.objects.get(pk=answer["CampaignID"])

    assert answer == {**OK, "CampaignID": campaign.pk}
    assert (campaign.name, campaign.organization, campaign.state) == ("Summer Sale", organization, State.DRAFT)


@pytest.mark.parametrize(("spelled", "code"), [("Campaign.Create", 1), ("campaign.create", [1])])
@pytest.mark.parametrize("name", ["", "   "])
def test_without_a_name_none_is_created_and_the_code_is_shaped_as_the_command_is_spelled(wire, spelled, code, name):
    assert wire(spelled, CampaignName=name) == {"Success": False, "ErrorCode": code}
    assert not Campaign.objects.exists()


def test_a_copy_says_the_same_under_emails_of_its_own(wire, organization):
    source = campaign_in(State.SENT, organization)
    twin = Campaign.objects.get(pk=wire("Campaign.Copy", CampaignID=source.pk)["NewCampaignID"])

    assert (twin.name, now(twin), twin.schedule_type) == (source.name, "Draft", ScheduleType.NONE)
    assert twin.variants.get().email.subject == source.variants.get().email.subject
    assert twin.variants.get().email != source.variants.get().email


@pytest.mark.parametrize("wrong", ["", "abc", "999999"])
@pytest.mark.parametrize("spelled", ["Campaign.Copy", "campaign.copy"])
def test_what_cannot_be_copied_has_one_code_and_one_text(wire, spelled, wrong):
    expected = {"Success": False, "ErrorCode": [1], "ErrorText": ["Invalid source campaign"]}

    assert wire(spelled, CampaignID=wrong) == expected


# --- which campaign ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(("wrong", "code"), [("", 1), ("abc", 2), ("999999", 2)])
def test_a_campaign_that_is_not_there_is_told_in_the_shape_of_the_command(admin_wire, act, wrong, code):
    old, new = (admin_wire(spelled, CampaignID=wrong) for spelled in (f"Campaign.{act.title()}", f"campaign.{act}"))

    assert old == {"Success": False, "ErrorCode": code}
    assert new == {"Success": False, "ErrorCode": [code] if act == "cancel" else code}


@pytest.mark.parametrize("act", [*ACTS, "copy", "get", "recipients.get"])
def test_somebody_elses_campaign_reads_as_one_that_is_not_there(wire, charlie, act):
    theirs = draft_campaign(charlie.memberships.get().organization)

    assert wire(f"campaign.{act}", CampaignID=theirs.pk) == wire(f"campaign.{act}", CampaignID=999999)


# --- pause and resume --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.SCHEDULED, State.CALCULATING, State.SENDING])
def test_what_waits_or_is_sent_is_paused_and_goes_on(wire, organization, state):
    campaign = campaign_in(state, organization)

    assert wire("Campaign.Pause", CampaignID=campaign.pk) == OK
    assert now(campaign) == "Paused"
    assert wire("Campaign.Pause", CampaignID=campaign.pk)["ErrorCode"] == 3
    assert wire("Campaign.Resume", CampaignID=campaign.pk) == OK
    assert now(campaign) in ("Ready", "Sending")


@pytest.mark.parametrize("state", [State.DRAFT, State.PENDING_APPROVAL, State.SENT, State.FAILED])
@pytest.mark.parametrize("act", ["pause", "resume"])
def test_nothing_else_is_paused_or_resumed(wire, organization, state, act):
    campaign = campaign_in(state, organization)

    assert wire(f"campaign.{act}", CampaignID=campaign.pk) == {"Success": False, "ErrorCode": 3}


def test_what_is_sent_is_not_resumed(wire, organization):
    campaign = campaign_in(State.SENDING, organization)

    assert wire("campaign.resume", CampaignID=campaign.pk)["ErrorCode"] == 3


# --- cancel ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "after"),
    [
        (State.DRAFT, "Draft"),
        (State.PENDING_APPROVAL, "Draft"),
        (State.SCHEDULED, "Draft"),
        (State.SENDING, "Sent"),
        (State.SENT, "Sent"),
        (State.FAILED, "Failed"),
    ],
)
@pytest.mark.parametrize("paused", [False, True])
def test_cancelling_never_fails_for_the_state(wire, organization, state, after, paused):
    campaign = campaign_in(state, organization)
    if paused:
        wire("campaign.pause", CampaignID=campaign.pk)

    assert wire("Campaign.Cancel", CampaignID=campaign.pk) == OK
    assert now(campaign) == after


# --- approve -----------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(organization):
    return campaign_in(State.PENDING_APPROVAL, organization)


def test_an_approver_approves_what_waits(erin, waiting):
    answer = Wire(key_of(erin)).json("Campaign.Approve", CampaignID=str(waiting.pk))

    assert answer == OK
    assert now(waiting) == "Ready"


def test_who_may_not_approve_is_told_so_and_nothing_changes(wire, waiting):
    assert wire("Campaign.Approve", CampaignID=waiting.pk)["ErrorCode"] == 99999
    assert now(waiting) == "Pending Approval"


@pytest.mark.parametrize("state", [State.SENDING, State.SENT, State.FAILED])
def test_what_has_begun_is_not_approved(admin_wire, organization, state):
    campaign = campaign_in(state, organization)

    assert admin_wire("Campaign.Approve", CampaignID=campaign.pk)["ErrorCode"] == 2


def test_approving_what_is_ready_changes_nothing(admin_wire, organization):
    campaign = campaign_in(State.SCHEDULED, organization)

    assert admin_wire("Campaign.Approve", CampaignID=campaign.pk) == OK
    assert now(campaign) == "Ready"


# --- delete ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("spelled", "code"), [("Campaigns.Delete", {"campaigns": 1}), ("campaigns.delete", [1])])
@pytest.mark.parametrize("sent", [{}, {"Campaigns": ""}, {"Campaigns": "abc"}])
def test_deleting_nothing_is_told_in_the_shape_of_the_command(wire, spelled, code, sent):
    assert wire(spelled, **sent) == {"Success": False, "ErrorCode": code}


def test_campaigns_are_deleted_whatever_they_do_and_those_of_others_passed_over(wire, organization, charlie):
    mine = [campaign_in(state, organization) for state in (State.DRAFT, State.SCHEDULED, State.SENDING, State.SENT)]
    theirs = draft_campaign(charlie.memberships.get().organization)
    ids = ",".join(str(each.pk) for each in [*mine, theirs])

    assert wire("Campaigns.Delete", Campaigns=ids) == {**OK, "ErrorText": ""}
    assert list(Campaign.objects.kept()) == [theirs]


def test_the_address_of_a_tags_archive(wire):
    tag = wire("tag.create", Tag="news")["TagID"]

    assert wire("Campaigns.Archive.GetURL", TagID=tag)["URL"].endswith(f"/archive/tag/{tag}/")
    assert wire("campaigns.archive.geturl")["ErrorCode"] == 1
    assert wire("campaigns.archive.geturl", TagID="x")["ErrorCode"] == 2
