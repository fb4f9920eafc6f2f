"""Every status a client can write, and every act, in every state of a campaign: what becomes of it.

A word of the table is where the campaign stands afterwards, `=` where it stood, `no` a refusal that changes nothing.
"""

import pytest
from django.db import transaction

from campaigns import lifecycle
from campaigns.models import State
from tests.api.octeth.conftest import Wire, key_of
from tests.factories import campaign_in, staff

FUTURE = {"ScheduleType": "Future", "SendDate": "2030-01-01", "SendTime": "10:00"}
STATES = [
    *("draft", "pending_approval", "scheduled", "scheduled+paused", "calculating", "sending", "sending+paused"),
    *("holding", "holding+paused", "sent", "failed", "cancelled", "cancelled+started"),
]
WRITES = {
    "Draft": {"CampaignStatus": "Draft"},
    "Ready": {"CampaignStatus": "Ready"},
    "Ready, Immediate": {"CampaignStatus": "Ready", "ScheduleType": "Immediate"},
    "Ready, Future": {"CampaignStatus": "Ready", **FUTURE},
    "Ready, Not Scheduled": {"CampaignStatus": "Ready", "ScheduleType": "Not Scheduled"},
    "Sending": {"CampaignStatus": "Sending"},
    "Paused": {"CampaignStatus": "paused"},
    "Pending Approval": {"CampaignStatus": "PendingApproval"},
    "Sent": {"CampaignStatus": "Sent"},
    "Failed": {"CampaignStatus": "Failed"},
    "only Future": FUTURE,
    "only Immediate": {"ScheduleType": "Immediate"},
    "only Not Scheduled": {"ScheduleType": "Not Scheduled"},
}
#             draft pending scheduled +paused calculating sending +paused holding +paused sent failed cancelled +started
TABLE = """
Draft               | =     | draft | draft     | draft     | no | no | no | no | no | no | no | draft | no
Ready               | ready | =     | =         | scheduled | no | no | sending | no | holding | no | no | ready | no
Ready, Immediate    | scheduled | = | =         | scheduled | no | no | sending | no | holding | no | no | scheduled | no
Ready, Future       | scheduled | = | =         | scheduled | no | no | no | no | no | no | no | scheduled | no
Ready, Not Scheduled| ready | =     | ready     | ready     | no | no | no | no | no | no | no | ready | no
Sending             | calculating | = | calculating | scheduled | = | = | sending | = | holding | no | no | no | no
Paused              | no    | no    | scheduled+paused | =  | calculating+paused | sending+paused | = | holding+paused | = | no | no | no | no
Pending Approval    | pending_approval | = | no | no        | no | no | no | no | no | no | no | no | no
Sent                | no    | no    | no        | no        | no | no | no | no | no | = | no | no | =
Failed              | no    | no    | no        | no        | no | no | no | no | no | no | = | no | =
only Future         | =     | =     | =         | =         | no | no | no | no | no | no | no | draft | no
only Immediate      | =     | =     | =         | =         | = | = | = | = | = | = | = | draft | =
only Not Scheduled  | =     | draft | draft     | draft     | no | no | no | no | no | no | no | = | no
cancel              | =     | draft | draft     | draft     | cancelled+started | cancelled+started | cancelled+started | cancelled+started | cancelled+started | = | = | = | =
pause               | no    | no    | scheduled+paused | no | calculating+paused | sending+paused | no | holding+paused | no | no | no | no | no
resume              | no    | no    | no        | scheduled | no | no | sending | waits | holding | no | no | no | no
approve             | ready | scheduled | =     | no        | no | no | no | no | no | no | no | no | no
"""  # noqa: E501


def rows():
    for line in TABLE.strip().splitlines():
        name, *cells = (cell.strip() for cell in line.split("|"))
        yield name, dict(zip(STATES, cells, strict=True))


def put(place, organization):
    """A campaign that stands here, with a time to go out where it is scheduled."""
    by = staff(organization, "manager")
    if place == "cancelled+started":
        return lifecycle.cancel(campaign_in(State.SENDING, organization), by=by)
    state, _, paused = place.partition("+")
    campaign = campaign_in(state, organization)
    return lifecycle.pause(campaign, by=by) if paused else campaign


def stands(campaign):
    campaign.refresh_from_db()
    if campaign.state == State.DRAFT and campaign.ready:
        return "ready"
    started = campaign.state == State.CANCELLED and campaign.is_started
    return campaign.state + ("+started" if started else "") + ("+paused" if campaign.paused else "")


@pytest.fixture
def everywhere(organization):
    return {place: put(place, organization) for place in STATES}


def after(client, name, campaign, before):
    """Where it stands then; what was done is undone."""
    command = "campaign.update" if name in WRITES else f"campaign.{name}"
    with transaction.atomic():
        code = client(command, CampaignID=campaign.pk, **WRITES.get(name, {}))["ErrorCode"]
        place = stands(campaign)
        transaction.set_rollback(True)
    refused = code in (2, 3, [2], [3])
    assert code == 0 or (refused and place == before), (name, before, code, place)
    return "no" if refused else "=" if place == before else place


def test_every_status_and_act_does_in_every_state_what_the_table_says(alice, everywhere):
    client = Wire(key_of(alice))
    expected = {(name, place): cell for name, cells in rows() for place, cell in cells.items() if cell != "waits"}
    found = {(name, place): after(client, name, everywhere[place], place) for name, place in expected}

    assert {each: found[each] for each in found if found[each] != expected[each]} == {}


def test_what_waits_for_an_approver_waits_on_whoever_moves_it(wire, admin_wire, organization):
    for client in (wire, admin_wire):
        campaign = campaign_in(State.PENDING_APPROVAL, organization)
        client("campaign.update", CampaignID=campaign.pk, CampaignStatus="Ready", **FUTURE)
        assert stands(campaign) == "pending_approval"
        assert campaign.scheduled_at.year == 2030


def test_a_schedule_that_is_taken_away_leaves_no_pause_behind(wire, organization):
    campaign = put("scheduled+paused", organization)
    for schedule in ({"ScheduleType": "Not Scheduled"}, {"ScheduleType": "Immediate", "CampaignStatus": "Ready"}):
        wire("campaign.update", CampaignID=campaign.pk, **schedule)

    assert stands(campaign) == "scheduled"


def test_what_became_incomplete_is_not_approved(admin_wire, organization):
    campaign = campaign_in(State.PENDING_APPROVAL, organization)
    campaign.variants.update(email=None)

    assert admin_wire("Campaign.Approve", CampaignID=campaign.pk) == {"Success": False, "ErrorCode": 2}
    assert stands(campaign) == "pending_approval"
