import pytest

from campaigns import drafts, lifecycle, removals
from campaigns.errors import Locked, NotAllowed
from content.models import Email
from tests.factories import SegmentFactory, campaign_in, draft_campaign, staff

UNFINISHED = ["draft", "pending_approval", "scheduled", "calculating", "sending", "holding"]
OVER = ["sent", "failed", "cancelled"]


def email_of(campaign):
    return campaign.variants.get().email


@pytest.mark.parametrize("state", UNFINISHED)
def test_an_email_that_is_still_needed_stays(organization, state):
    campaign = campaign_in(state, organization)

    with pytest.raises(Locked, match="which is not over yet"):
        removals.delete_email(email_of(campaign), by=staff(organization))

    assert email_of(campaign) is not None


@pytest.mark.parametrize("state", OVER)
def test_an_email_of_a_campaign_that_is_over_may_go_and_the_history_says_so(organization, state):
    campaign = campaign_in(state, organization)
    email = email_of(campaign)

    removals.delete_email(email, by=staff(organization))

    assert not Email.objects.filter(pk=email.pk).exists()
    assert email_of(campaign) is None
    assert campaign.events.latest("pk").reason == f"The email {email} was deleted."
    campaign.refresh_from_db()
    assert campaign.state == state


def test_a_segment_that_is_still_needed_stays_until_it_is_taken_out(organization):
    segment = SegmentFactory(organization=organization)
    campaign = draft_campaign(organization)
    mailing_list = drafts.Part(mailing_list=campaign.audience.get().mailing_list)
    drafts.edit(campaign, by=staff(organization), audience=[mailing_list, drafts.Part(segment=segment)])

    with pytest.raises(Locked):
        removals.delete_segment(segment, by=staff(organization))
    drafts.edit(campaign, by=staff(organization), audience=[mailing_list])
    removals.delete_segment(segment, by=staff(organization))

    assert campaign.audience.get().mailing_list == mailing_list.mailing_list


def test_a_segment_of_a_campaign_that_is_over_may_go(organization):
    segment = SegmentFactory(organization=organization)
    campaign = campaign_in("cancelled", organization, audience=[drafts.Part(segment=segment)])

    removals.delete_segment(segment, by=staff(organization))

    assert not campaign.audience.exists()
    assert campaign.events.latest("pk").reason == f"The segment {segment} was deleted."


def test_a_campaign_nobody_sees_any_more_holds_nothing(organization):
    campaign = draft_campaign(organization)
    email = email_of(campaign)
    lifecycle.delete(campaign, by=staff(organization))

    removals.delete_email(email, by=staff(organization))

    assert not Email.objects.filter(pk=email.pk).exists()


def test_deleting_takes_the_permission(organization):
    campaign = campaign_in("sent", organization)

    with pytest.raises(NotAllowed):
        removals.delete_email(email_of(campaign), by=staff(organization, "viewer"))
