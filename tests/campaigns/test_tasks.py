"""The clock: what is due starts, what was missed for too long fails, one broken campaign stops no other."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from campaigns import drafts, lifecycle, tasks
from campaigns.models import Campaign, State
from config.celery import app
from content.models import Email
from tests.factories import MailingListFactory, draft_campaign, staff

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EIGHT = NINE - timedelta(hours=1)


def scheduled_for_nine(organization, **kwargs):
    with time_machine.travel(EIGHT, tick=False):
        campaign = draft_campaign(organization, **kwargs)
        return lifecycle.submit(campaign, by=staff(organization, "manager"), schedule=lifecycle.at(NINE, "UTC"))


def tick(moment):
    with time_machine.travel(moment, tick=False):
        return tasks.start_due()


def state(campaign):
    return Campaign.objects.get(pk=campaign.pk).state


def test_nothing_starts_before_its_time(organization):
    campaign = scheduled_for_nine(organization)

    assert tick(NINE - timedelta(seconds=1)) == 0

    assert state(campaign) == State.SCHEDULED


def test_a_campaign_starts_at_its_time(organization):
    campaign = scheduled_for_nine(organization)

    assert tick(NINE) == 1

    campaign.refresh_from_db()
    assert (campaign.state, campaign.started_at) == (State.CALCULATING, NINE)


def test_a_campaign_without_a_time_starts_with_the_next_tick(organization):
    with time_machine.travel(EIGHT, tick=False):
        campaign = draft_campaign(organization)
        lifecycle.submit(campaign, by=staff(organization, "manager"))

    assert tick(EIGHT) == 1

    campaign.refresh_from_db()
    assert (campaign.state, campaign.scheduled_at) == (State.CALCULATING, EIGHT)


def test_a_second_tick_starts_nothing_again(organization):
    campaign = scheduled_for_nine(organization)
    tick(NINE)

    assert tick(NINE + timedelta(seconds=5)) == 0

    assert campaign.runs.count() == 1


def test_a_start_missed_by_less_than_a_day_is_made_up_for(organization):
    campaign = scheduled_for_nine(organization)

    tick(NINE + timedelta(hours=24) - timedelta(seconds=1))

    assert state(campaign) == State.CALCULATING


def test_a_start_missed_by_a_day_fails_with_its_reason(organization):
    campaign = scheduled_for_nine(organization)

    assert tick(NINE + timedelta(hours=24)) == 0

    campaign.refresh_from_db()
    assert (campaign.state, campaign.status_reason) == (State.FAILED, "Scheduled time is in the past")
    assert (campaign.started_at, campaign.finished_at) == (None, None)


def test_how_late_is_too_late_is_a_setting(organization, settings):
    settings.MISSED_START_HOURS = 1
    campaign = scheduled_for_nine(organization)

    tick(NINE + timedelta(hours=1))

    assert state(campaign) == State.FAILED


def test_a_paused_campaign_waits_and_starts_after_it_is_resumed(organization, bob):
    campaign = scheduled_for_nine(organization)
    by = staff(organization, "manager")
    lifecycle.pause(campaign, by=by)

    assert tick(NINE) == 0
    with time_machine.travel(NINE + timedelta(hours=2), tick=False):
        lifecycle.resume(campaign, by=by)
    assert tick(NINE + timedelta(hours=2)) == 1

    assert state(campaign) == State.CALCULATING


def test_the_time_a_campaign_was_paused_does_not_count_as_missed(organization):
    campaign = scheduled_for_nine(organization)
    by = staff(organization, "manager")
    lifecycle.pause(campaign, by=by)

    with time_machine.travel(NINE + timedelta(days=3), tick=False):
        lifecycle.resume(campaign, by=by)
    tick(NINE + timedelta(days=3, seconds=5))

    assert state(campaign) == State.CALCULATING


def test_a_start_missed_after_the_resume_counts_from_there(organization):
    campaign = scheduled_for_nine(organization)
    by = staff(organization, "manager")
    lifecycle.pause(campaign, by=by)

    with time_machine.travel(NINE + timedelta(days=3), tick=False):
        lifecycle.resume(campaign, by=by)
    tick(NINE + timedelta(days=4))

    assert state(campaign) == State.FAILED


def test_deleted_campaigns_do_not_start(organization):
    campaign = scheduled_for_nine(organization)
    lifecycle.delete(campaign, by=staff(organization, "manager"))

    assert tick(NINE) == 0


def test_nothing_starts_in_an_organization_that_is_not_active(organization):
    campaign = scheduled_for_nine(organization)
    organization.is_active = False
    organization.save()

    assert tick(NINE) == 0

    assert state(campaign) == State.SCHEDULED


def test_a_campaign_that_became_incomplete_fails_with_what_is_missing(organization):
    campaign = scheduled_for_nine(organization)
    Email.objects.update(subject="")  # behind the back of the drafts

    tick(NINE)

    campaign.refresh_from_db()
    assert campaign.state == State.FAILED
    assert "subject" in campaign.status_reason


def test_a_campaign_that_cannot_start_keeps_no_other_from_starting(organization, monkeypatch):
    broken, sound = scheduled_for_nine(organization), scheduled_for_nine(organization)
    really_start = lifecycle.start

    def start(campaign):
        if campaign == broken:
            raise RuntimeError("The template engine fell over")
        return really_start(campaign)

    monkeypatch.setattr(lifecycle, "start", start)

    assert tick(NINE) == 1

    broken.refresh_from_db()
    assert state(sound) == State.CALCULATING
    assert broken.state == State.FAILED
    assert "The template engine fell over" in broken.status_reason


def test_a_campaign_somebody_cancelled_just_before_is_left_alone(organization, monkeypatch):
    campaign = scheduled_for_nine(organization)
    really_start = lifecycle.start

    def start(row):
        lifecycle.cancel(campaign, by=staff(organization, "manager"))
        return really_start(row)

    monkeypatch.setattr(lifecycle, "start", start)

    assert tick(NINE) == 0

    assert state(campaign) == State.CANCELLED


def test_what_goes_out_is_kept_as_it_was_at_the_start(organization):
    campaign = scheduled_for_nine(organization)
    tick(NINE)

    Email.objects.update(subject="Something else")

    assert campaign.runs.get().contents.get().subject == "Good morning"


def test_an_empty_audience_ends_the_campaign_as_sent(organization):
    audience = [drafts.Part(mailing_list=MailingListFactory(organization=organization))]
    campaign = scheduled_for_nine(organization, audience=audience)
    tick(NINE)

    lifecycle.freeze(campaign, user_count=0, total_recipients=0)

    assert (campaign.state, campaign.status_reason) == (State.SENT, "The audience is empty.")
    assert campaign.finished_at == campaign.runs.get().finished_at


def test_looking_for_due_campaigns_costs_the_same_for_any_number(organization, django_assert_num_queries):
    for _ in range(3):
        scheduled_for_nine(organization)

    with django_assert_num_queries(3):
        tick(EIGHT)


def test_a_broken_campaign_that_somebody_cancels_meanwhile_stops_no_other(organization, monkeypatch):
    broken, sound = scheduled_for_nine(organization), scheduled_for_nine(organization)
    really_start = lifecycle.start

    def start(campaign):
        if campaign == broken:
            lifecycle.cancel(campaign, by=staff(organization, "manager"))
            raise RuntimeError
        return really_start(campaign)

    monkeypatch.setattr(lifecycle, "start", start)

    assert tick(NINE) == 1

    assert (state(broken), state(sound)) == (State.CANCELLED, State.CALCULATING)


@pytest.mark.django_db(transaction=True)  # the scheduler closes connections
def test_the_clock_looks_every_five_seconds():
    DatabaseScheduler(app=app).setup_schedule()

    entry = PeriodicTask.objects.get(task=tasks.start_due.name)
    assert (entry.enabled, entry.interval.every, entry.interval.period) == (True, 5, "seconds")
    assert entry.expire_seconds == 30
