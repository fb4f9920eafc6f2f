"""Two people at the same moment, on two connections: one is served, the other is told so."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from django_celery_beat.models import PeriodicTask

from accounts import members
from accounts.models import Organization
from campaigns import drafts, lifecycle, schedules, tasks
from campaigns.errors import CampaignError, InvalidTransition, Locked
from campaigns.models import Campaign, State
from campaigns.recurrence import from_cron
from tests import races
from tests.conftest import acting
from tests.factories import MembershipFactory, campaign_in, draft_campaign
from tests.races import RACE

pytestmark = RACE


def at_once(*acts):
    return races.at_once(*acts, refusals=CampaignError)


def refusals(outcomes):
    return [outcome for outcome in outcomes if isinstance(outcome, CampaignError)]


def fresh(campaign):
    return Campaign.objects.get(pk=campaign.pk)


def test_two_who_send_at_the_same_moment_start_the_campaign_once(organization, bob, alice):
    campaign = draft_campaign(organization, by=acting(bob))

    outcomes = at_once(*[lambda who=who: lifecycle.send_now(fresh(campaign), by=acting(who)) for who in (bob, alice)])

    (refusal,) = refusals(outcomes)
    assert isinstance(refusal, InvalidTransition)
    assert fresh(campaign).state == State.CALCULATING
    assert campaign.runs.count() == 1
    assert campaign.events.filter(verb="send_now").count() == 1


def test_the_clock_and_a_person_start_a_campaign_once(organization, bob):
    campaign = draft_campaign(organization, by=acting(bob))
    lifecycle.submit(campaign, by=acting(bob))

    outcomes = at_once(
        lambda: lifecycle.start(fresh(campaign)), lambda: lifecycle.send_now(fresh(campaign), by=acting(bob))
    )

    assert [type(refusal) for refusal in refusals(outcomes)] == [InvalidTransition]
    assert campaign.runs.count() == 1


def test_of_two_approvers_one_decides(organization, erin, alice):
    campaign = campaign_in("pending_approval", organization)

    outcomes = at_once(
        lambda: lifecycle.approve(fresh(campaign), by=acting(erin)),
        lambda: lifecycle.reject(fresh(campaign), by=acting(alice), reason="No."),
    )

    assert [type(refusal) for refusal in refusals(outcomes)] == [InvalidTransition]
    decided = campaign.events.last()
    assert (decided.verb, fresh(campaign).state) in {("approve", State.SCHEDULED), ("reject", State.DRAFT)}
    assert campaign.events.filter(verb__in=["approve", "reject"]).count() == 1


def test_two_approvals_are_one(organization, erin, alice):
    campaign = campaign_in("pending_approval", organization)

    outcomes = at_once(*[lambda who=who: lifecycle.approve(fresh(campaign), by=acting(who)) for who in (erin, alice)])

    assert len(refusals(outcomes)) == 1
    assert campaign.events.filter(verb="approve").get().by == fresh(campaign).approved_by


def test_a_pause_and_the_end_never_both_hold(organization, bob):
    campaign = campaign_in("sending", organization)

    outcomes = at_once(
        lambda: lifecycle.pause(fresh(campaign), by=acting(bob)), lambda: lifecycle.finish(fresh(campaign))
    )

    assert [type(refusal) for refusal in refusals(outcomes)] == [InvalidTransition]
    row = fresh(campaign)
    assert (row.state, row.paused) in {(State.SENT, False), (State.SENDING, True)}


def test_an_edit_and_a_start_never_send_what_nobody_approved(organization, dora, erin):
    organization.approval = Organization.Approval.ALWAYS
    organization.save()
    campaign = draft_campaign(organization, by=acting(dora))
    lifecycle.submit(campaign, by=acting(dora))
    lifecycle.approve(campaign, by=acting(erin))
    email = campaign.variants.get().email

    at_once(
        lambda: drafts.edit_email(email, by=acting(dora), subject="Unseen"), lambda: lifecycle.start(fresh(campaign))
    )

    row = fresh(campaign)
    assert row.state in (State.CALCULATING, State.PENDING_APPROVAL)
    if row.state == State.CALCULATING:
        assert row.runs.get().contents.get().subject == "Good morning"


def test_two_edits_of_emails_that_campaigns_share_do_not_wait_for_each_other(organization, bob, alice):
    first, second = (draft_campaign(organization, by=acting(bob)) for _ in range(2))
    emails = [each.variants.get().email for each in (first, second)]

    outcomes = at_once(
        *[
            lambda email=email, who=who: drafts.edit_email(email, by=acting(who), subject=who.username)
            for email, who in zip(emails, (bob, alice), strict=True)
        ]
    )

    assert refusals(outcomes) == []


def test_an_email_is_locked_from_the_moment_its_campaign_starts(organization, bob):
    campaign = campaign_in("calculating", organization)

    with pytest.raises(Locked):
        drafts.edit_email(campaign.variants.get().email, by=acting(bob), subject="Late")


def test_one_seat_of_an_administrator_is_not_given_up_twice(organization, alice):
    other = MembershipFactory(organization=organization, role="admin", trusted=True)
    seats = list(organization.memberships.filter(role="admin"))
    assert other in seats

    outcomes = races.at_once(
        *[lambda seat=seat: members.remove(seat, by=acting(seat.user)) for seat in seats], refusals=members.MemberError
    )

    assert sum(isinstance(outcome, members.MemberError) for outcome in outcomes) == 1
    assert organization.memberships.filter(role="admin").count() == 1


# --- recurring campaigns ------------------------------------------------------------------------------------------


def due_recurrence(organization, by):
    campaign = draft_campaign(organization, by=acting(by))
    daily = schedules.recurring(from_cron("* * * * *"), "UTC", after=now())
    lifecycle.submit(campaign, by=acting(by), schedule=daily)
    Campaign.objects.filter(pk=campaign.pk).update(scheduled_at=now() - timedelta(minutes=3))
    return campaign


def test_two_clocks_that_tick_at_once_start_one_instance(organization, bob):
    campaign = due_recurrence(organization, bob)

    begun = at_once(*[tasks.start_due] * 4)

    assert sorted(begun) == [0, 0, 0, 1]
    assert campaign.runs.count() == 1
    assert [event.data["count"] for event in campaign.events.filter(verb="miss")] in ([2], [3])  # a minute may pass


def test_a_quick_instance_is_not_started_again_by_a_clock_that_was_slow(organization, bob):
    campaign = due_recurrence(organization, bob)
    slow = fresh(campaign)
    tasks.start_due()
    lifecycle.freeze(fresh(campaign), user_count=0, total_recipients=0)

    (refusal,) = refusals(at_once(lambda: lifecycle.start(slow)))

    assert "not come yet" in str(refusal)
    assert campaign.runs.count() == 1


def test_two_clocks_write_down_what_was_missed_once(organization, bob):
    campaign = due_recurrence(organization, bob)
    tasks.start_due()
    campaign.events.filter(verb="miss").delete()
    Campaign.objects.filter(pk=campaign.pk).update(scheduled_at=now().replace(second=0, microsecond=0))

    at_once(*[tasks.start_due] * 4)

    slots = [slot for event in campaign.events.filter(verb="miss") for slot in event.data["slots"]]
    assert slots
    assert len(slots) == len(set(slots))
    assert fresh(campaign).scheduled_at > now()


def test_a_clock_and_a_person_who_takes_it_back_agree(organization, bob):
    campaign = due_recurrence(organization, bob)

    at_once(tasks.start_due, lambda: lifecycle.unschedule(fresh(campaign), by=acting(bob)))

    assert (fresh(campaign).state, campaign.runs.count()) in {(State.CALCULATING, 1), (State.DRAFT, 0)}
    assert PeriodicTask.objects.filter(name__startswith="Campaign").count() == campaign.runs.count()
