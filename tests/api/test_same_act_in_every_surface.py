"""One act, through each door, does one thing: the state, the line of the history, and what the others read."""

import pytest
from django.urls import reverse

from api.greenarrow import vocabulary as greenarrow
from api.management import vocabulary as management
from api.octeth import vocabulary as octeth
from tests.admin.conftest import login as login
from tests.api.greenarrow import conftest as greenarrow_client
from tests.api.management import conftest as management_client
from tests.api.octeth import conftest as octeth_client
from tests.factories import campaign_in

pytestmark = pytest.mark.django_db
SURFACES = ("admin", "management", "octeth", "greenarrow")


@pytest.fixture
def doors(bob, organization, login):
    """`doors[surface](campaign, act)` asks for it there."""
    browser = login(bob)
    rest = management_client.client_of(bob, organization)
    wire = octeth_client.Wire(octeth_client.key_of(bob))
    studio = greenarrow_client.program(bob, organization)

    def of_studio(campaign, act):
        path = f"campaigns/{campaign.pk}"
        if act in ("pause", "resume"):
            return studio.post(f"{path}/{act}")
        if act == "delete":
            return studio.delete(path)
        word = {"cancel": "cancelled", "send_now": "sending", "unschedule": "idle"}[act]
        return studio.put(path, {"campaign": {"dispatch_attributes": {"state": word}}})

    def of_octeth(campaign, act):
        if act in ("pause", "resume", "cancel"):
            return wire(f"Campaign.{act.title()}", CampaignID=campaign.pk)
        if act == "delete":
            return wire("Campaigns.Delete", Campaigns=campaign.pk)
        word = {"send_now": "Sending", "unschedule": "Draft"}[act]
        return wire("Campaign.Update", CampaignID=campaign.pk, CampaignStatus=word)

    def of_rest(campaign, act):
        path = f"{management_client.ROOT}campaigns/{campaign.public_id}/"
        return rest.delete(path) if act == "delete" else rest.post(path + {"send_now": "send"}.get(act, act) + "/")

    def of_admin(campaign, act):
        return browser.post(reverse("admin:campaigns_campaign_transition", args=[campaign.pk, act]), {"reason": ""})

    return dict(zip(SURFACES, (of_admin, of_rest, of_octeth, of_studio), strict=True))


# (where it is, what is asked) -> (state, paused, verb in the history) afterwards
ACTS = {
    ("scheduled", "pause"): ("scheduled", True, "pause"),
    ("sending", "pause"): ("sending", True, "pause"),
    ("scheduled", "send_now"): ("calculating", False, "send_now"),
    ("scheduled", "unschedule"): ("draft", False, "unschedule"),
    ("sending", "cancel"): ("cancelled", False, "cancel"),
    ("draft", "delete"): ("draft", False, "delete"),
}


@pytest.mark.parametrize("surface", SURFACES)
def test_an_act_is_the_same_through_every_door(organization, doors, surface):
    for (state, act), (after, paused, verb) in ACTS.items():
        campaign = campaign_in(state, organization, people=1)

        doors[surface](campaign, act)

        campaign.refresh_from_db()
        event = campaign.events.last()
        assert (campaign.state, campaign.paused) == (after, paused), (surface, act)
        assert (event.verb, event.surface, event.to_state) == (verb, surface, after), (surface, act)
        assert bool(campaign.deleted_at) == (act == "delete")


@pytest.mark.parametrize("surface", SURFACES)
def test_a_paused_campaign_goes_on_through_every_door(organization, doors, surface):
    campaign = campaign_in("sending", organization, people=1)
    for paused_by in SURFACES:
        doors[paused_by](campaign, "pause")
        campaign.refresh_from_db()
        read = (octeth.status(campaign), greenarrow.state(campaign), management.status(campaign))
        assert read == ("Paused", "sending", "sending")

        doors[surface](campaign, "resume")

        campaign.refresh_from_db()
        assert (campaign.paused, campaign.events.last().surface) == (False, surface)
