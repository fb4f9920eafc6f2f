"""Why somebody did or did not get a campaign."""

import pytest
from django.utils.timezone import now

from audience.models import Suppression
from campaigns import drafts, lifecycle
from campaigns.drafts import Part
from delivery.freeze import freeze
from delivery.models import Recipient
from delivery.reasons import Why, reason_for
from tests.factories import (
    MailingListFactory,
    SegmentFactory,
    SubscriberFactory,
    SubscriptionFactory,
    draft_campaign,
    staff,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(organization):
    return draft_campaign(organization, people=1)


def on_list(campaign, **about):
    return SubscriptionFactory(mailing_list=campaign.audience.get().mailing_list, **about).subscriber


def frozen(campaign):
    lifecycle.send_now(campaign, by=staff(campaign.organization))
    return freeze(campaign)


def settled(run, person, **about):
    run.recipients.filter(subscriber=person).update(**about)


def test_of_a_draft_it_is_said_what_would_happen_now(campaign):
    news = campaign.audience.get().mailing_list
    reason = reason_for(campaign, on_list(campaign))

    assert (reason.why, reason.as_of_now, reason.parts) == (Why.WOULD_GET, True, (f"list {news}",))


def test_somebody_on_no_list_of_it_is_not_in_the_audience(campaign, organization):
    reason = reason_for(campaign, SubscriberFactory(organization=organization))

    assert (reason.why, reason.sentence) == (Why.NOT_IN_AUDIENCE, "In no list or segment the campaign goes to.")


def test_somebody_elses_person_is_not_in_the_audience(campaign):
    assert reason_for(campaign, SubscriptionFactory().subscriber).why == Why.NOT_IN_AUDIENCE


@pytest.mark.parametrize("is_frozen", [False, True])
def test_an_excluded_person_is_told_by_which_list_and_segment(campaign, organization, bob, is_frozen):
    person = on_list(campaign)
    staff_list = MailingListFactory(organization=organization, name="Staff")
    SubscriptionFactory(mailing_list=staff_list, subscriber=person, status="unsubscribed", unsubscribed_at=now())
    everybody = SegmentFactory(
        organization=organization, name="Readers", rules={"field": "email", "operator": "is", "value": person.email}
    )
    news = campaign.audience.get().mailing_list
    without = [Part(mailing_list=staff_list, excluded=True), Part(segment=everybody, excluded=True)]
    drafts.edit(campaign, by=staff(organization), audience=[Part(mailing_list=news), *without])

    reason = reason_for(frozen(campaign) if is_frozen else campaign, person)

    assert (reason.why, reason.as_of_now) == (Why.EXCLUDED, True)
    assert reason.parts == ("list Staff", "segment Readers")
    assert reason.sentence == "Excluded: the campaign does not go to list Staff and segment Readers."


@pytest.mark.parametrize("is_frozen", [False, True])
@pytest.mark.parametrize("scope", ["system", "organization", "list"])
def test_a_suppressed_person_is_told_by_which_suppression(campaign, organization, is_frozen, scope):
    person = on_list(campaign, subscriber__email="ann@mail.example.org")
    news = campaign.audience.get().mailing_list
    row = Suppression.objects.create(
        organization=None if scope == "system" else organization,
        mailing_list=news if scope == "list" else None,
        kind="domain",
        value="example.org",
        source="a letter",
    )

    reason = reason_for(frozen(campaign) if is_frozen else campaign, person)

    where = {"system": "the whole system", "organization": "the organization", "list": f"list {news}"}[scope]
    assert (reason.why, reason.skip_reason, reason.suppression) == (Why.SKIPPED, "suppressed", row)
    assert reason.sentence.startswith(f"example.org is suppressed in {where} since ")
    assert reason.sentence.endswith(": Added by a person (a letter).")


def test_a_suppression_that_is_gone_is_still_the_reason(campaign, organization):
    person = on_list(campaign)
    row = Suppression.objects.create(organization=organization, kind="email", value=person.email)
    run = frozen(campaign)
    row.delete()

    reason = reason_for(run, person)

    assert (reason.why, reason.suppression) == (Why.SKIPPED, None)
    assert reason.sentence == "The address was suppressed; it is not any more."


@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_status_that_keeps_a_message_back_is_told_with_its_list(campaign, is_frozen):
    person = on_list(campaign, status="bounced")
    news = campaign.audience.get().mailing_list

    reason = reason_for(frozen(campaign) if is_frozen else campaign, person)

    assert (reason.why, reason.skip_reason) == (Why.SKIPPED, "bounced")
    assert reason.sentence == f"Their address has bounced on list {news}."


@pytest.mark.parametrize(
    ("state", "about", "why", "said"),
    [
        ("sent", {"reply_text": "250 queued"}, Why.SENT, "Sent to {0}. The answer was: 250 queued"),
        ("failed", {"reply_text": "550 no"}, Why.FAILED, "It could not be sent to {0}. The answer was: 550 no"),
        (
            "in_doubt",
            {},
            Why.IN_DOUBT,
            "In doubt: the message to {0} was on its way when the line or the worker was lost.",
        ),
        ("pending", {}, Why.WAITING, "Waiting to be sent to {0}."),
        ("pending", {"not_before": now()}, Why.WAITING, "Waiting: {0} was asked to be tried again later."),
        ("skipped", {"skip_reason": "cancelled"}, Why.SKIPPED, "The campaign was cancelled before it was their turn."),
    ],
)
def test_what_became_of_the_message_is_told(campaign, state, about, why, said):
    person = on_list(campaign)
    run = frozen(campaign)
    at = None if state == "pending" else now()
    settled(run, person, state=state, settled_at=at, **about)

    reason = reason_for(campaign, person)

    assert (reason.why, reason.at, reason.as_of_now) == (why, at, False)
    assert reason.recipient == Recipient.objects.get(run=run, subscriber=person)
    assert reason.sentence == said.format(person.email)


def test_somebody_who_came_after_the_audience_was_fixed_was_not_in_it(campaign):
    run = frozen(campaign)
    late = on_list(campaign)

    reason = reason_for(run, late)

    assert (reason.why, reason.as_of_now) == (Why.NOT_IN_AUDIENCE, True)
    assert (
        reason.sentence == "Not in the audience when it was fixed. By the lists and segments of today, they would be."
    )


def test_the_answer_takes_a_handful_of_queries(campaign, django_assert_max_num_queries):
    person = on_list(campaign)
    run = frozen(campaign)

    with django_assert_max_num_queries(3):
        reason_for(run, person)
    with django_assert_max_num_queries(15):
        reason_for(run, SubscriberFactory(organization=campaign.organization))
