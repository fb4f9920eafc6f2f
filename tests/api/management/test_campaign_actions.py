"""What can be done to a campaign in which status, and what the refusals say."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from campaigns.models import Campaign
from tests.api.management.conftest import ROOT, client_of
from tests.factories import EmailFactory, SegmentFactory, campaign_in, draft_campaign

STATUSES = ["draft", "scheduled", "calculating", "sending", "sent", "failed", "cancelled"]
LATER = (now() + timedelta(days=2)).replace(microsecond=0).isoformat()


def patch_segment(api, url, organization):
    return api.patch(url, {"segment_id": SegmentFactory(organization=organization).public_id})


def patch_message(api, url, organization):
    return api.patch(url, {"email_message_id": EmailFactory(organization=organization).public_id})


ACTS = {
    "name": lambda api, url, organization: api.patch(url, {"name": "Another"}),
    "segment": patch_segment,
    "message": patch_message,
    "sms_body": lambda api, url, organization: api.patch(url, {"sms_body": "Another"}),
    "channel": lambda api, url, organization: api.patch(url, {"channel": "sms", "email_message_id": None}),
    "delete": lambda api, url, organization: api.delete(url),
    "schedule": lambda api, url, organization: api.post(f"{url}schedule/", {"scheduled_at": LATER}),
    "send": lambda api, url, organization: api.post(f"{url}send/"),
    "cancel": lambda api, url, organization: api.post(f"{url}cancel/"),
}
# for each act: the outcome by status, in the order of STATUSES; a word is the status afterwards
TABLE = {
    "name": [200, 200, 200, 200, 200, 200, 200],
    "segment": [200, 200, 409, 409, 409, 409, 409],
    "message": [200, 200, 409, 409, 409, 409, 409],
    "sms_body": [200, 200, 409, 409, 409, 409, 409],
    "channel": [200, 409, 409, 409, 409, 409, 409],
    "delete": [204, 409, 409, 409, 204, 204, 204],
    "schedule": ["scheduled", "scheduled", 409, 409, 409, 409, 409],
    "send": ["calculating", "calculating", 409, 409, 409, 409, 409],
    "cancel": ["cancelled", "cancelled", "cancelled", "cancelled", 409, 409, "cancelled"],
}
CELLS = [(act, status, TABLE[act][place]) for act in ACTS for place, status in enumerate(STATUSES)]


def address(campaign, act=""):
    return f"{ROOT}campaigns/{campaign.public_id}/{act}"


@pytest.mark.parametrize(("act", "status", "outcome"), CELLS)
def test_what_can_be_done_in_which_status(walked, api, organization, act, status, outcome):
    campaign = walked(status)

    response = ACTS[act](api, address(campaign), organization)

    campaign.refresh_from_db()
    if isinstance(outcome, str):
        assert (response.status_code, response.json()["status"], campaign.state) == (200, outcome, outcome)
    else:
        assert response.status_code == outcome, response.content
        assert campaign.state == status
        assert bool(campaign.deleted_at) == (outcome == 204)
    if response.status_code == 409:
        assert list(response.json()) == ["detail"]


def test_every_status_of_the_table_has_a_campaign():
    assert {outcome for cells in TABLE.values() for outcome in cells} >= {200, 204, 409}
    assert all(len(cells) == len(STATUSES) for cells in TABLE.values())


@pytest.mark.parametrize(
    ("act", "status", "detail"),
    [
        ("send", "sending", "Campaign cannot be sent in status sending."),
        ("send", "sent", "Campaign cannot be sent in status sent."),
        ("schedule", "cancelled", "Campaign cannot be scheduled in status cancelled."),
        ("cancel", "failed", "Campaign cannot be cancelled in status failed."),
        ("delete", "scheduled", "Campaign cannot be deleted in status scheduled."),
        ("delete", "calculating", "Campaign cannot be deleted in status calculating."),
        ("send", "holding", "Campaign cannot be sent in status sending."),
    ],
)
def test_a_wrong_state_is_named(walked, api, organization, act, status, detail):
    campaign = walked(status)

    response = ACTS[act](api, address(campaign), organization)

    assert response.status_code == 409
    assert response.json() == {"detail": detail}


@pytest.mark.parametrize("act", ["schedule", "send"])
def test_a_campaign_that_waits_for_approval_says_so(walked, api, organization, act):
    campaign = walked("pending_approval")

    response = ACTS[act](api, address(campaign), organization)

    assert response.status_code == 409
    assert response.json()["detail"].endswith("while it waits for approval.")


# --- schedule and send -------------------------------------------------------------------------------------------


def test_schedule_stores_the_time_and_keeps_the_campaign_waiting(walked, api):
    campaign = walked("draft")

    shown = api.post(address(campaign, "schedule/"), {"scheduled_at": LATER}).json()

    assert shown["status"] == "scheduled"
    assert shown["scheduled_at"] == LATER.replace("+00:00", "Z")


def test_schedule_takes_the_time_the_campaign_has(walked, api):
    campaign = walked("draft")
    api.patch(address(campaign), {"scheduled_at": LATER})

    response = api.post(address(campaign, "schedule/"))

    assert response.json()["status"] == "scheduled"
    assert response.json()["scheduled_at"] == LATER.replace("+00:00", "Z")


def test_schedule_needs_a_time(walked, api):
    response = api.post(address(walked("draft"), "schedule/"))

    assert response.status_code == 400
    assert response.json() == {"scheduled_at": ["This field is required."]}


def test_schedule_needs_a_time_in_the_future(walked, api):
    response = api.post(address(walked("draft"), "schedule/"), {"scheduled_at": "2001-01-01T00:00:00Z"})

    assert response.status_code == 400
    assert response.json() == {"scheduled_at": ["Scheduled time must be in the future."]}


def test_schedule_refuses_what_is_no_time(walked, api):
    response = api.post(address(walked("draft"), "schedule/"), {"scheduled_at": "tomorrow"})

    assert response.status_code == 400
    assert response.json() == {
        "scheduled_at": [
            "Datetime has wrong format. Use one of these formats instead: "
            "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
        ]
    }


def test_rescheduling_moves_the_time(walked, api):
    campaign = walked("scheduled")

    shown = api.post(address(campaign, "schedule/"), {"scheduled_at": LATER}).json()

    assert shown["scheduled_at"] == LATER.replace("+00:00", "Z")


@pytest.mark.parametrize("act", ["schedule", "send"])
def test_an_email_campaign_needs_a_message_and_an_audience(api, organization, act):
    campaign = draft_campaign(organization, email=None, audience=[])

    response = ACTS[act](api, address(campaign), organization)

    assert response.status_code == 400
    assert response.json()["email_message_id"] == ["This field is required to send an email campaign."]
    assert set(response.json()) == {"email_message_id", "segment_id"}


def test_an_sms_campaign_needs_a_text(api, organization):
    campaign = draft_campaign(organization, channel="sms", sms_body="")

    response = api.post(address(campaign, "send/"))

    assert response.status_code == 400
    assert list(response.json()) == ["sms_body"]


def test_a_failed_segment_is_no_audience(walked, api, organization):
    segment = SegmentFactory(organization=organization, status="failed", status_reason="No such field.")
    campaign = walked("draft")
    api.patch(address(campaign), {"segment_id": segment.public_id})

    response = api.post(address(campaign, "send/"))

    assert response.status_code == 400
    assert "No such field." in response.json()["segment_id"][0]


@pytest.mark.parametrize("alias", ["send/", "send", "send-now/", "send_now/", "send-now"])
def test_send_has_the_names_that_are_in_use(walked, api, alias):
    campaign = walked("draft")

    response = api.post(address(campaign, alias))

    assert response.status_code == 200
    assert response.json()["status"] == "calculating"
    assert response.json()["started_at"] is not None


def test_an_untrusted_member_asks_for_approval_instead(walked, untrusted_api):
    campaign = walked("draft")

    response = untrusted_api.post(address(campaign, "send/"))

    assert response.status_code == 200
    assert (response.json()["status"], response.json()["error_message"]) == ("draft", "Awaiting approval.")


# --- approval ----------------------------------------------------------------------------------------------------


def test_an_approver_approves_what_they_have_seen(walked, approver_api):
    campaign = walked("pending_approval")
    revision = approver_api.get(address(campaign)).json()["revision"]

    response = approver_api.post(address(campaign, "approve/"), {"revision": revision})

    assert response.status_code == 200
    assert response.json()["status"] == "scheduled"


def test_what_has_changed_meanwhile_is_not_approved(walked, approver_api):
    campaign = walked("pending_approval")

    response = approver_api.post(address(campaign, "approve/"), {"revision": "0" * 64})

    assert response.status_code == 409
    assert response.json() == {"detail": "The campaign has changed since you looked at it; look again."}


def test_marketers_do_not_approve(walked, api):
    campaign = walked("pending_approval")

    response = api.post(address(campaign, "approve/"))

    assert response.status_code == 403
    assert response.json() == {"detail": "You do not have permission to perform this action."}


def test_nobody_approves_their_own(walked, organization, alice):
    organization.approval = "always"
    organization.save()
    campaign = walked("draft")
    alices = client_of(alice, organization)
    alices.post(address(campaign, "send/"))

    response = alices.post(address(campaign, "approve/"))

    assert response.status_code == 403
    assert response.json() == {"detail": "You submitted this campaign, so somebody else has to approve it."}


def test_a_rejection_needs_a_reason_and_shows_it(walked, approver_api):
    campaign = walked("pending_approval")

    refused = approver_api.post(address(campaign, "reject/"))
    done = approver_api.post(address(campaign, "reject/"), {"reason": "The price is wrong."})

    assert refused.status_code == 400
    assert refused.json() == {"reason": ["This field is required."]}
    assert (done.json()["state"], done.json()["error_message"]) == ("draft", "The price is wrong.")


def test_the_author_withdraws(walked, untrusted_api):
    campaign = walked("pending_approval")

    shown = untrusted_api.post(address(campaign, "withdraw/")).json()

    assert shown["state"] == "draft"


# --- the other extensions ----------------------------------------------------------------------------------------


def test_pause_and_resume(walked, api):
    campaign = walked("sending")

    paused = api.post(address(campaign, "pause/"), {"reason": "Typo"})
    again = api.post(address(campaign, "pause/"))
    resumed = api.post(address(campaign, "resume/"))
    once_more = api.post(address(campaign, "resume/"))

    assert (paused.status_code, paused.json()["paused"], paused.json()["pause_reason"]) == (200, True, "Typo")
    assert (again.status_code, again.json()) == (409, {"detail": "The campaign is paused already."})
    assert (resumed.status_code, resumed.json()["paused"]) == (200, False)
    assert (once_more.status_code, once_more.json()) == (409, {"detail": "The campaign is not paused."})


def test_unschedule_keeps_the_time(walked, api):
    campaign = walked("scheduled")
    before = api.get(address(campaign)).json()["scheduled_at"]

    shown = api.post(address(campaign, "unschedule/")).json()

    assert (shown["status"], shown["scheduled_at"]) == ("draft", before)


def test_what_was_cancelled_before_it_began_can_be_reopened(walked, api):
    campaign = walked("cancelled")

    assert api.post(address(campaign, "reopen/")).json()["status"] == "draft"


def test_retrying_takes_an_administrator_and_somebody_who_failed(walked, api, admin_api):
    campaign = walked("sent")

    assert api.post(address(campaign, "retry-failed/")).status_code == 403
    response = admin_api.post(address(campaign, "retry-failed/"))
    assert response.status_code == 409
    assert response.json() == {"detail": "No recipient of this campaign has failed."}


def test_a_duplicate_is_a_draft_of_its_own(api, organization):
    campaign = campaign_in("sent", organization, tags=["spring"])
    original = api.get(address(campaign)).json()

    response = api.post(address(campaign, "duplicate/"))

    copy = response.json()
    assert response.status_code == 201
    assert (copy["status"], copy["name"], copy["tags"]) == ("draft", f"Copy of {campaign.name}", ["spring"])
    assert copy["audience"] == original["audience"]
    assert copy["email_message_id"] not in (None, original["email_message_id"])
    assert copy["total_recipients"] == 0


def test_a_duplicate_may_be_named(walked, api):
    shown = api.post(address(walked("draft"), "duplicate/"), {"name": "Second go"}).json()

    assert shown["name"] == "Second go"


# --- who may -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["viewer_api", "approver_api"])
@pytest.mark.parametrize("act", ACTS)
def test_readers_change_nothing(walked, request, organization, who, act):
    campaign = walked("draft")
    before = Campaign.objects.values().get(pk=campaign.pk)

    response = ACTS[act](request.getfixturevalue(who), address(campaign), organization)

    assert response.status_code == 403
    assert response.json() == {"detail": "You do not have permission to perform this action."}
    assert Campaign.objects.values().get(pk=campaign.pk) == before


def test_an_inactive_organization_sends_nothing(walked, client, organization, bob):
    campaign = walked("draft")
    organization.is_active = False
    organization.save()
    client.force_login(bob)

    response = client.get(address(campaign))

    assert response.status_code == 404
