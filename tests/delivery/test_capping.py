"""The frequency cap: who is left out because the organization mailed them lately."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from audience.models import Subscriber
from campaigns import drafts, lifecycle
from campaigns.drafts import Part
from campaigns.models import Campaign, CampaignRun
from delivery import audiences
from delivery.freeze import freeze
from delivery.models import Recipient
from delivery.reasons import Why, reason_for
from tests.factories import EmailFactory, MailingListFactory, SubscriptionFactory, draft_campaign, staff
from tests.races import at_once, race

pytestmark = pytest.mark.django_db


@pytest.fixture
def news(organization):
    mailing_list = MailingListFactory(organization=organization, name="News")
    SubscriptionFactory.create_batch(2, mailing_list=mailing_list)
    return mailing_list


def campaign_to(mailing_list, *, cap=None, channel="email"):
    organization = mailing_list.organization
    content = {"email": EmailFactory(organization=organization)} if channel == "email" else {"sms_body": "Hello"}
    return drafts.create(
        organization,
        by=staff(organization),
        name="Offer",
        channel=channel,
        audience=[Part(mailing_list=mailing_list)],
        frequency_cap_hours=cap,
        **content,
    )


def frozen(campaign):
    lifecycle.send_now(campaign, by=staff(campaign.organization))
    return freeze(Campaign.objects.get(pk=campaign.pk))


def sent_before(mailing_list, *, hours, state="sent", **about):
    """A campaign everybody got so long ago."""
    run = frozen(campaign_to(mailing_list, **about))
    at = now() - timedelta(hours=hours)
    run.recipients.update(state=state, settled_at=at)
    column = {"sent": "sent", "failed": "failed", "in_doubt": "in_doubt"}[state]
    CampaignRun.objects.filter(pk=run.pk).update(**{column: run.planned}, frozen_at=at)
    campaign = Campaign.objects.get(pk=run.campaign_id)
    campaign.refresh_from_db()
    lifecycle.finish(campaign)
    CampaignRun.objects.filter(pk=run.pk).update(finished_at=at)
    return run


def outcomes(run):
    return sorted(run.recipients.values_list("state", "skip_reason"))


@pytest.mark.parametrize("state", ["sent", "in_doubt"])
def test_people_mailed_within_the_cap_are_skipped_as_capped(news, state):
    sent_before(news, hours=5, state=state)

    run = frozen(campaign_to(news, cap=6))

    assert outcomes(run) == [("skipped", "capped")] * 2
    assert (run.planned, run.skipped, run.pending) == (2, 2, 0)


@pytest.mark.parametrize(
    ("hours", "cap", "state"), [(7, 6, "sent"), (5, 6, "failed"), (5, None, "sent"), (500, 6, "sent")]
)
def test_what_was_longer_ago_or_failed_or_without_a_cap_keeps_nobody_out(news, hours, cap, state):
    sent_before(news, hours=hours, state=state)

    assert outcomes(frozen(campaign_to(news, cap=cap))) == [("pending", "")] * 2


def test_people_who_wait_in_a_campaign_that_is_being_sent_are_capped(news):
    frozen(campaign_to(news))

    assert outcomes(frozen(campaign_to(news, cap=1))) == [("skipped", "capped")] * 2


def test_people_whom_a_cancelled_campaign_never_reached_are_not_capped(news):
    run = frozen(campaign_to(news))
    lifecycle.cancel(Campaign.objects.get(pk=run.campaign_id), by=staff(news.organization))

    assert outcomes(frozen(campaign_to(news, cap=1))) == [("pending", "")] * 2


def test_another_channel_and_another_organization_do_not_count(news):
    Subscriber.objects.of(news.organization).update(phone="+4530123456")
    sent_before(news, hours=1, channel="sms")
    elsewhere = SubscriptionFactory(subscriber__email=news.subscriptions.first().subscriber.email).mailing_list
    sent_before(elsewhere, hours=1)

    assert outcomes(frozen(campaign_to(news, cap=24))) == [("pending", "")] * 2


def test_a_reason_that_was_there_already_is_kept(news):
    sent_before(news, hours=1)
    news.subscriptions.update(status="bounced")

    assert outcomes(frozen(campaign_to(news, cap=24))) == [("skipped", "bounced")] * 2


def test_a_doubt_decided_after_the_campaign_ended_counts_from_then(news):
    run = sent_before(news, hours=200)
    run.recipients.update(settled_at=now() - timedelta(hours=1))
    run.campaign.events.create(verb="resolve_in_doubt", to_state="sent", surface="admin")

    assert outcomes(frozen(campaign_to(news, cap=6))) == [("skipped", "capped")] * 2


def test_an_estimate_counts_the_capped_as_the_freeze_will(news):
    sent_before(news, hours=1)
    SubscriptionFactory(mailing_list=news)
    campaign = campaign_to(news, cap=24)

    counted = audiences.estimate(audiences.of(campaign))

    assert (counted.people, counted.mailable, counted.skipped) == (3, 1, {"capped": 2})
    run = frozen(campaign)
    assert (run.planned, run.skipped) == (3, 2)


def test_an_estimate_that_took_long_is_kept_for_a_while_and_asked_anew_for_another_audience(news, monkeypatch):
    campaign = campaign_to(news)
    monkeypatch.setattr(audiences, "_LONG", -1)
    assert audiences.estimate(audiences.of(campaign)).mailable == 2
    SubscriptionFactory(mailing_list=news)

    assert audiences.estimate(audiences.of(campaign)).mailable == 2
    assert audiences.estimate(audiences.of(campaign_to(news, cap=5))).mailable == 3


def test_an_estimate_that_took_no_time_is_counted_anew(news):
    campaign = campaign_to(news)
    assert audiences.estimate(audiences.of(campaign)).mailable == 2
    SubscriptionFactory(mailing_list=news)

    assert audiences.estimate(audiences.of(campaign)).mailable == 3


@pytest.mark.parametrize("is_frozen", [False, True])
def test_somebody_capped_is_told_by_which_campaign(news, is_frozen):
    earlier = sent_before(news, hours=1)
    person = news.subscriptions.first().subscriber
    campaign = campaign_to(news, cap=24)

    reason = reason_for(frozen(campaign) if is_frozen else campaign, person)

    assert (reason.why, reason.skip_reason) == (Why.CAPPED, "capped")
    assert reason.capped_by == Recipient.objects.get(run=earlier, subscriber=person)
    assert reason.sentence.startswith("“Offer” went to them on ")
    assert reason.sentence.endswith(" UTC, within 24 hours before this campaign.")


def test_somebody_capped_by_a_message_that_still_waits_is_told_so(news):
    frozen(campaign_to(news))
    run = frozen(campaign_to(news, cap=2))

    reason = reason_for(run, news.subscriptions.first().subscriber)

    assert reason.sentence == (
        "They are still waiting to get “Offer”, and this campaign leaves out who is mailed within 2 hours."
    )


def test_the_cap_costs_the_freeze_no_query_for_each_person(news, django_assert_max_num_queries):
    sent_before(news, hours=1)
    SubscriptionFactory.create_batch(20, mailing_list=news)
    campaign = campaign_to(news, cap=24)
    lifecycle.send_now(campaign, by=staff(campaign.organization))

    with django_assert_max_num_queries(29):
        freeze(campaign)


@race
@pytest.mark.parametrize("caps", [(1, 1, 1), (None, 1, 1)])
def test_campaigns_that_freeze_at_once_never_both_take_a_person(organization, caps):
    mailing_list = draft_campaign(organization, people=40).audience.get().mailing_list
    waiting = [campaign_to(mailing_list, cap=cap) for cap in caps]
    for campaign in waiting:
        lifecycle.send_now(campaign, by=staff(organization))

    at_once(*[lambda pk=campaign.pk: freeze(Campaign.objects.get(pk=pk)) for campaign in waiting])

    assert Recipient.objects.count() == 40 * len(caps)
    taken = Recipient.objects.filter(state="pending", run__campaign__frequency_cap_hours=1)
    assert taken.values("subscriber").distinct().count() == taken.count()
    others = CampaignRun.objects.filter(campaign__frequency_cap_hours=None)
    if None in caps:  # it takes everybody whenever it comes; a capped one has somebody only if it came before
        assert all(recipient.run.frozen_at < others.get().frozen_at for recipient in taken.select_related("run"))
    else:
        assert taken.count() == 40
