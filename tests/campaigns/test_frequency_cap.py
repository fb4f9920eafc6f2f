"""The frequency cap as part of a campaign: chosen, copied, approved."""

import pytest

from campaigns import approval, drafts, lifecycle
from campaigns.errors import Locked, NotReady
from campaigns.models import State
from tests.conftest import acting
from tests.factories import campaign_in, draft_campaign, staff

pytestmark = pytest.mark.django_db


def test_a_new_campaign_takes_the_organizations_cap(organization):
    organization.frequency_cap_hours = 48
    organization.save()

    assert draft_campaign(organization).frequency_cap_hours == 48


@pytest.mark.parametrize("hours", [None, 6])
def test_what_is_chosen_for_a_campaign_wins_over_the_organizations_cap(organization, hours):
    organization.frequency_cap_hours = 48
    organization.save()

    assert draft_campaign(organization, frequency_cap_hours=hours).frequency_cap_hours == hours


def test_a_copy_keeps_the_cap_of_its_original(organization, bob):
    organization.frequency_cap_hours = 48
    organization.save()
    original = draft_campaign(organization, frequency_cap_hours=6)

    assert drafts.copy(original, by=acting(bob)).frequency_cap_hours == 6


def test_another_cap_voids_the_approval(organization, bob):
    campaign = campaign_in("pending_approval", organization, frequency_cap_hours=6)
    lifecycle.approve(campaign, by=staff(organization, "approver"))
    approved = campaign.approved_revision

    drafts.edit(campaign, by=staff(organization, "manager", trusted=False), frequency_cap_hours=1)

    campaign.refresh_from_db()
    assert (campaign.state, campaign.approved_revision) == (State.PENDING_APPROVAL, "")
    assert approval.revision(campaign) != approved
    (change,) = approval.changes(campaign)
    assert (change.what, change.before, change.after) == ("Frequency cap", "6 h", "1 h")


def test_a_campaign_without_a_cap_has_the_revision_it_had_before_there_were_caps(organization):
    assert "frequency_cap_hours" not in approval.looked_at(draft_campaign(organization))


def test_the_cap_cannot_be_changed_once_sending_began(organization, bob):
    campaign = campaign_in("sending", organization)

    with pytest.raises(Locked):
        drafts.edit(campaign, by=acting(bob), frequency_cap_hours=1)


def test_an_impossible_cap_is_refused_and_changes_nothing(organization, bob):
    campaign = draft_campaign(organization, frequency_cap_hours=6)

    with pytest.raises(NotReady):
        drafts.edit(campaign, by=acting(bob), frequency_cap_hours=-1)

    campaign.refresh_from_db()
    assert campaign.frequency_cap_hours == 6
