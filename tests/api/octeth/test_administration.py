"""What administrators do and see of campaigns."""

import pytest

from campaigns.models import Campaign, State
from delivery.models import Batch, Recipient
from tests.api.octeth.conftest import Wire, key_of
from tests.factories import campaign_in, draft_campaign
from tests.stats.populations import NINE

pytestmark = pytest.mark.usefixtures("desk")

LOOKS = ["details", "batches", "queue", "processes", "sending-velocity"]


def test_those_who_failed_are_tried_again_and_nobody_else(admin_wire, failed):
    answer = admin_wire.v1("admin.campaign.retryfailed", CampaignID=failed.pk).json()

    assert answer == {
        "Success": True,
        "ErrorCode": 0,
        "ErrorText": "",
        "RetriedCount": 2,
        "BatchesCreated": 1,
        "Message": "2 failed recipients queued for retry in 1 batch(es).",
    }
    failed.refresh_from_db()
    assert (failed.state, failed.runs.get().failed) == (State.SENDING, 0)
    assert Recipient.objects.filter(state="pending").count() == 2


@pytest.mark.parametrize("name", ["CampaignID", "campaignid", "campaign_id"])
@pytest.mark.parametrize("credential", ["APIKey", "AdminAPIKey"])
def test_the_campaign_and_the_key_go_by_several_names(alice, failed, name, credential):
    assert Wire()("admin.campaign.retryfailed", **{name: failed.pk, credential: key_of(alice)})["RetriedCount"] == 2


def test_why_nothing_is_tried_again(admin_wire, organization):
    def refused(campaign_id):
        answer = admin_wire("admin.campaign.retryfailed", CampaignID=campaign_id)
        return answer["ErrorCode"], answer["ErrorText"]

    unsent, unfrozen = draft_campaign(organization), campaign_in(State.SENT, organization)
    assert refused("") == (1, "campaign_id parameter is required")
    assert refused(999999) == (2, "Campaign not found")
    assert refused(unsent.pk)[0] == 3
    assert refused(unfrozen.pk) == (4, "Queue table does not exist for this campaign")


def test_nobody_failed(admin_wire, failed):
    Recipient.objects.update(state="sent")
    failed.runs.update(failed=0, sent=3)
    answer = admin_wire("admin.campaign.retryfailed", CampaignID=failed.pk)

    assert (answer["ErrorCode"], answer["ErrorText"]) == (5, "No failed recipients found for this campaign")


def test_a_person_is_no_administrator(wire, failed):
    assert wire("admin.campaign.retryfailed", CampaignID=failed.pk)["ErrorCode"] == 99999


@pytest.mark.parametrize("act", ["retryfailed", "unstuck", "markfailed", *LOOKS])
def test_an_administrator_reaches_one_organization_and_a_superuser_all(admin_wire, failed, charlie, act):
    theirs = Wire(key_of(charlie))
    command = f"admin.campaign.{act}"
    stranger, nobody = (theirs.send(command, CampaignID=each).json() for each in (failed.pk, 999999))
    assert stranger == nobody
    charlie.is_superuser = True
    charlie.save()
    assert theirs.send(command, CampaignID=failed.pk).json() != nobody


@pytest.fixture
def stuck(organization, alice):
    """Being sent, with a batch whose worker has not been heard of for long."""
    campaign = campaign_in(State.SENDING, organization)
    Batch.objects.create(
        run=campaign.runs.get(), number=1, state="claimed", worker="host:1:x", claimed_at=NINE, lease_until=NINE
    )
    return campaign


def test_what_is_stuck_is_set_free_or_given_up(admin_wire, stuck):
    assert admin_wire("admin.campaign.markfailed", CampaignID=stuck.pk)["BatchesCompleted"] == 1
    stuck.refresh_from_db()
    assert stuck.state == State.FAILED


@pytest.mark.parametrize("act", ["unstuck", "markfailed"])
def test_what_is_not_stuck_is_left_alone(admin_wire, organization, act):
    draft, sending = draft_campaign(organization), campaign_in(State.SENDING, organization)

    assert admin_wire(f"admin.campaign.{act}", CampaignID=draft.pk)["ErrorCode"] == 3
    assert admin_wire(f"admin.campaign.{act}", CampaignID=sending.pk)["ErrorCode"] == 4


def test_how_sending_goes(admin_wire, failed):
    details, batches, queue, processes, velocity = (
        admin_wire(f"admin.campaign.{look}", CampaignID=failed.pk) for look in LOOKS
    )

    assert details["QueueTable"]["Stats"] == {"TotalRecipients": 3, "Pending": 0, "Sending": 0, "Sent": 1, "Failed": 2}
    assert (details["BatchSummary"]["Completed"], details["Health"]["Status"]) == (1, "Healthy")
    assert batches["Batches"][0]["Status"] == "Completed"
    assert [row["Status"] for row in queue["QueueItems"]] == ["Sent", "Failed", "Failed"]
    assert processes["TotalProcesses"] == 0
    assert (velocity["Interval"], velocity["Summary"]["TotalSent"]) == ("minute", 1)


def test_pages_of_the_queue(admin_wire, failed):
    def shown(**asked):
        return [
            row["QueueID"] for row in admin_wire("admin.campaign.queue", CampaignID=failed.pk, **asked)["QueueItems"]
        ]

    everybody = shown()
    assert shown(RecordsPerRequest=2, RecordsFrom=1) == everybody[:2]
    assert shown(RecordsPerRequest=2, RecordsFrom=1, ExactOffset=1) == everybody[1:]
    assert shown(RecordsPerRequest=0, RecordsFrom=1) == everybody[1:]


def test_the_pace_in_stretches(admin_wire, failed):
    for interval in ("minute", "5min", "10min", "15min", "hour"):
        answer = admin_wire("admin.campaign.sending-velocity", CampaignID=failed.pk, Interval=interval)
        assert [(row["TimeBucket"], row["EmailsSent"]) for row in answer["DataPoints"]] == [("2026-11-21 09:00:00", 1)]
    assert admin_wire("admin.campaign.sending-velocity", CampaignID=failed.pk, Interval="year")["ErrorCode"] == 2


def test_all_campaigns_at_a_glance_and_by_search(admin_wire, failed, organization):
    draft_campaign(organization, name="Autumn")
    overview, found = (
        admin_wire("admin.campaigns.overview"),
        admin_wire("admin.campaigns.search", SearchKeyword="autumn"),
    )

    assert overview["StatusTotals"]["Sent"] == 1
    assert overview["StatusTotals"]["Draft"] == 1
    assert overview["Sent"]["Today"] == 1
    assert found["TotalCampaigns"] == 1
    assert found["Campaigns"][0]["UserCompany"] == organization.name
    assert Campaign.objects.count() == 2
