from collections import Counter

import pytest
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from audience import selection
from audience.models import Subscriber, Suppression
from campaigns import drafts, lifecycle
from campaigns.errors import InvalidTransition
from campaigns.models import CampaignRun, State, Variant
from delivery import freeze as freezing
from delivery import progress
from delivery.freeze import freeze
from delivery.models import Batch, Recipient
from stats.reports import report
from tests.factories import EmailFactory, MailingListFactory, SubscriptionFactory, campaign_in, draft_campaign, staff
from tests.races import at_once, race


def calculating(people=3, variants=(), **about):
    """A campaign that waits for its audience; `variants` are the weights of further ones."""
    campaign = draft_campaign(people=people, **about)
    for position, weight in enumerate(variants, start=1):
        Variant.objects.create(
            campaign=campaign,
            position=position,
            name=chr(65 + position),
            weight=weight,
            email=EmailFactory(organization=campaign.organization),
        )
    return lifecycle.send_now(campaign, by=staff(campaign.organization))


@pytest.mark.django_db
def test_everybody_who_can_be_mailed_becomes_a_pending_recipient():
    campaign = calculating(people=3)

    run = freeze(campaign)

    people = Subscriber.objects.filter(organization=campaign.organization)
    assert set(run.recipients.values_list("subscriber", "address", "state")) == {
        (person.pk, person.email, "pending") for person in people
    }
    assert all(recipient.subscription.subscriber_id == recipient.subscriber_id for recipient in run.recipients.all())
    assert (run.planned, run.skipped, run.pending) == (3, 0, 3)
    assert (campaign.state, campaign.user_count, campaign.total_recipients) == (State.SENDING, 3, 3)


@pytest.mark.django_db
def test_people_who_must_not_be_mailed_are_kept_with_the_reason():
    campaign = calculating(people=1)
    mailing_list = campaign.audience.get().mailing_list
    SubscriptionFactory(mailing_list=mailing_list, status="unsubscribed", unsubscribed_at=now())
    SubscriptionFactory(mailing_list=mailing_list, status="bounced")
    SubscriptionFactory(mailing_list=mailing_list, subscriber__email="gone@example.com")
    Suppression.objects.create(organization=campaign.organization, kind="email", value="gone@example.com")

    run = freeze(campaign)

    assert Counter(run.recipients.values_list("state", "skip_reason")) == {
        ("pending", ""): 1,
        ("skipped", "unsubscribed"): 1,
        ("skipped", "bounced"): 1,
        ("skipped", "suppressed"): 1,
    }
    assert (run.planned, run.skipped, run.pending) == (4, 3, 1)
    assert (campaign.user_count, campaign.total_recipients) == (4, 1)
    assert not run.recipients.filter(state="skipped", batch__isnull=False).exists()
    assert not run.recipients.filter(state="skipped", settled_at__isnull=True).exists()


@pytest.mark.django_db
def test_excluded_people_are_counted_beside_the_audience_and_not_written_down():
    campaign = draft_campaign(people=3)
    readers = campaign.audience.get().mailing_list
    without = MailingListFactory(organization=campaign.organization)
    SubscriptionFactory(mailing_list=without, subscriber=readers.subscriptions.first().subscriber)
    SubscriptionFactory(mailing_list=without)
    parts = [drafts.Part(mailing_list=readers), drafts.Part(mailing_list=without, excluded=True)]
    drafts.edit(campaign, by=staff(campaign.organization), audience=parts)
    lifecycle.send_now(campaign, by=staff(campaign.organization))

    run = freeze(campaign)

    assert (run.excluded, run.planned, run.skipped, run.recipients.count()) == (1, 2, 0, 2)
    assert progress.of(run).excluded == 1
    assert report(campaign).figures.excluded == 1


@pytest.mark.django_db
@pytest.mark.parametrize("variants", [(), (50,)])
def test_people_who_get_a_message_come_first_and_in_their_order(variants):
    campaign = calculating(people=3, variants=variants)
    readers = campaign.audience.get().mailing_list
    SubscriptionFactory(mailing_list=readers, status="bounced")
    SubscriptionFactory(mailing_list=readers)

    run = freeze(campaign)

    written = list(run.recipients.order_by("pk").values_list("state", "subscriber"))
    assert [state for state, _ in written] == ["pending"] * 4 + ["skipped"]
    assert written[:4] == sorted(written[:4])


@pytest.mark.django_db
def test_batches_are_filled_one_after_the_other(settings):
    settings.BATCH_SIZE = 4

    run = freeze(calculating(people=10))

    sizes = Counter(run.recipients.values_list("batch__number", flat=True))
    assert sizes == {1: 4, 2: 4, 3: 2}
    assert list(run.batches.values_list("number", "state")) == [(1, "waiting"), (2, "waiting"), (3, "waiting")]


@pytest.mark.django_db
def test_people_who_appear_while_the_audience_is_counted_still_get_a_batch(settings, monkeypatch):
    settings.BATCH_SIZE = 2
    monkeypatch.setattr(selection, "at_most", lambda organization, parts: 2)

    run = freeze(calculating(people=5))

    assert Counter(run.recipients.values_list("batch__number", flat=True)) == {1: 5}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("weights", "shares"),
    [((100,), (10, 10)), ((50, 50), (10, 5, 5)), ((300,), (5, 15)), ((0,), (20, 0)), ((33, 67), (10, 4, 6))],
)
def test_variants_get_their_share(weights, shares):
    campaign = calculating(people=20, variants=weights)

    run = freeze(campaign)

    dealt = Counter(run.recipients.values_list("variant__position", flat=True))
    assert tuple(dealt[position] for position in range(len(shares))) == pytest.approx(shares, abs=1)
    assert sum(dealt.values()) == 20


@given(length=st.integers(1, 2000))
def test_a_stride_visits_every_slot_of_a_round_once(length):
    assert {turn * freezing._stride(length) % length for turn in range(length)} == set(range(length))


@pytest.mark.django_db
def test_variants_without_any_weight_share_alike():
    campaign = draft_campaign(people=6)
    Variant.objects.filter(campaign=campaign).update(weight=0)
    Variant.objects.create(campaign=campaign, position=1, weight=0, email=EmailFactory())
    lifecycle.send_now(campaign, by=staff(campaign.organization))

    run = freeze(campaign)

    assert Counter(run.recipients.values_list("variant__position", flat=True)) == {0: 3, 1: 3}


@pytest.mark.django_db
def test_an_audience_nobody_of_which_can_be_mailed_is_sent_already():
    campaign = calculating(people=0)
    SubscriptionFactory(mailing_list=campaign.audience.get().mailing_list, status="bounced")

    run = freeze(campaign)

    assert campaign.state == State.SENT
    assert campaign.status_reason == "Nobody in the audience can be mailed."
    assert (run.planned, run.skipped, run.batches.count()) == (1, 1, 0)
    assert run.finished_at is not None


@pytest.mark.django_db
def test_freezing_again_changes_nothing():
    campaign = calculating(people=2)
    first = freeze(campaign)
    SubscriptionFactory(mailing_list=campaign.audience.get().mailing_list)

    again = freeze(campaign)

    assert (again.pk, again.planned, again.recipients.count()) == (first.pk, 2, 2)


@pytest.mark.django_db
def test_a_campaign_that_is_not_calculating_is_left_alone():
    campaign = campaign_in("sending")

    run = freeze(campaign)

    assert (run.frozen_at, run.recipients.count()) == (None, 0)


@pytest.mark.django_db(transaction=True)
def test_a_campaign_cancelled_while_its_audience_is_frozen_keeps_nothing(monkeypatch):
    campaign = calculating(people=2)
    original = freezing._plan

    def plan_and_be_cancelled(campaign, run):
        planned = original(campaign, run)
        lifecycle.cancel(campaign, by=staff(campaign.organization))
        return planned

    monkeypatch.setattr(freezing, "_plan", plan_and_be_cancelled)

    with pytest.raises(InvalidTransition):
        freeze(campaign)

    assert (Recipient.objects.count(), Batch.objects.count()) == (0, 0)
    assert CampaignRun.objects.get().frozen_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("line", ["_taken", "_make_batches", "_insert", "_plan"])
def test_a_worker_that_dies_half_way_leaves_nothing_and_the_next_one_does_it_all(monkeypatch, line):
    campaign = calculating(people=3)
    original = getattr(freezing, line)

    def die(*args, **about):
        original(*args, **about)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(freezing, line, die)
        with pytest.raises(KeyboardInterrupt):
            freeze(campaign)
    assert (Recipient.objects.count(), Batch.objects.count()) == (0, 0)

    assert freeze(campaign).recipients.count() == 3


@pytest.mark.django_db
def test_freezing_costs_the_same_queries_for_more_people(django_assert_max_num_queries):
    campaign = calculating(people=40)

    with django_assert_max_num_queries(28):  # on PostgreSQL, which is told how much memory it may take
        freeze(campaign)


@pytest.mark.django_db
def test_an_sms_campaign_addresses_phones():
    campaign = draft_campaign(people=0, channel="sms")
    mailing_list = campaign.audience.get().mailing_list
    SubscriptionFactory(mailing_list=mailing_list, subscriber__phone="+4930123456")
    SubscriptionFactory(mailing_list=mailing_list, subscriber__phone="")
    lifecycle.send_now(campaign, by=staff(campaign.organization))

    run = freeze(campaign)

    assert set(run.recipients.values_list("address", "skip_reason")) == {("+4930123456", ""), ("", "no_address")}


@race
def test_of_two_workers_one_freezes():
    campaign = calculating(people=50)

    runs = at_once(*[lambda: freeze(type(campaign).objects.get(pk=campaign.pk)).pk] * 4)

    assert len(set(runs)) == 1
    assert Recipient.objects.count() == 50
    assert campaign.events.filter(verb="freeze").count() == 1
