"""Recurring campaigns, walked by the clock: instances, limits, what is missed, and what people do in between."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django_celery_beat.models import PeriodicTask

from campaigns import approval, draft_schedules, drafts, lifecycle, recurring, schedules, tasks, variants
from campaigns.errors import InvalidTransition, Locked, NotAllowed, NotReady
from campaigns.models import Campaign, ScheduleType, State
from campaigns.recurrence import Recurrence, from_cron
from delivery import runs
from delivery.freeze import freeze
from stats.listings import for_campaigns
from tests.factories import draft_campaign, staff

BERLIN = "Europe/Berlin"
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)  # 09:00 in Berlin
DAILY = "0 9 * * *"
DAY = timedelta(days=1)


@pytest.fixture
def clock():
    with time_machine.travel(MONDAY - timedelta(hours=1), tick=False) as travelled:
        yield travelled


def recurring_campaign(organization, cron=DAILY, most=0, *, by=None, tz=BERLIN, **changes):
    campaign = draft_campaign(organization, **changes)
    return schedule(campaign, cron, most, by=by or staff(organization, "manager"), tz=tz)


def schedule(campaign, cron=DAILY, most=0, *, by=None, tz=BERLIN):
    from django.utils.timezone import now

    planned = schedules.recurring(from_cron(cron, max_instances=most), tz, after=now())
    return lifecycle.schedule(campaign, by=by or staff(campaign.organization, "manager"), schedule=planned)


def fresh(campaign):
    return Campaign.objects.get(pk=campaign.pk)


def tick(clock, moment):
    clock.move_to(moment)
    return tasks.start_due()


def send(campaign):
    """Freeze the audience of the run that has begun, and settle everybody as sent."""
    run = freeze(fresh(campaign))
    run.recipients.filter(state="pending").update(state="sent")
    run.batches.update(state="done")
    campaign.runs.filter(pk=run.pk).update(sent=run.planned - run.skipped)
    runs.finish_if_complete(campaign.pk)
    return fresh(campaign)


def missed(campaign):
    return [(event.reason, event.data["count"]) for event in campaign.events.filter(verb="miss")]


OVERLAP = "The instance before it was still being sent."
AWAY = "Nobody was there to send it in time."


def test_instances_go_out_until_the_limit_and_add_up(organization, clock):
    campaign = recurring_campaign(organization, most=2)
    assert (campaign.state, campaign.scheduled_at) == (State.SCHEDULED, MONDAY)

    assert tick(clock, MONDAY - timedelta(seconds=1)) == 0
    assert tick(clock, MONDAY) == 1
    assert tick(clock, MONDAY) == 0
    campaign = send(campaign)
    assert (campaign.state, campaign.scheduled_at, campaign.finished_at) == (State.SCHEDULED, MONDAY + DAY, None)
    assert campaign.started_at == MONDAY

    assert tick(clock, MONDAY + DAY) == 1
    assert fresh(campaign).scheduled_at is None  # nothing comes after the last
    campaign = send(campaign)

    assert (campaign.state, campaign.scheduled_at) == (State.SENT, MONDAY + DAY)
    assert [(run.number, run.slot_at, run.sent) for run in campaign.runs.all()] == [
        (1, MONDAY, 3),
        (2, MONDAY + DAY, 3),
    ]
    assert all(run.finished_at for run in campaign.runs.all())
    assert (campaign.user_count, campaign.total_recipients) == (6, 6)
    assert for_campaigns([campaign.pk])[campaign.pk].figures.sent == 6
    assert missed(campaign) == []


def test_an_occurrence_during_the_instance_before_is_missed(organization, clock):
    campaign = recurring_campaign(organization, "0,5 9 * * *")
    tick(clock, MONDAY)
    freeze(fresh(campaign))

    assert tick(clock, MONDAY + timedelta(minutes=5)) == 0
    assert tick(clock, MONDAY + timedelta(minutes=5, seconds=5)) == 0

    assert missed(campaign) == [(OVERLAP, 1)]
    assert fresh(campaign).scheduled_at == MONDAY + DAY
    assert campaign.runs.count() == 1


def test_an_instance_that_nobody_gets_is_done_at_once(organization, clock):
    campaign = recurring_campaign(organization, people=0)
    tick(clock, MONDAY)

    freeze(fresh(campaign))

    campaign = fresh(campaign)
    assert (campaign.state, campaign.status_reason) == (State.SCHEDULED, "The audience is empty.")
    assert (campaign.scheduled_at, campaign.runs.get().finished_at) == (MONDAY + DAY, MONDAY)


@pytest.mark.parametrize(
    ("cron", "late", "slot", "following", "history"),
    [
        (DAILY, timedelta(minutes=60), MONDAY, MONDAY + DAY, []),
        (DAILY, timedelta(minutes=61), None, MONDAY + DAY, [(AWAY, 1)]),
        (DAILY, 3 * DAY + timedelta(minutes=5), MONDAY + 3 * DAY, MONDAY + 4 * DAY, [(AWAY, 3)]),
        (
            "*/5 9 * * *",
            timedelta(minutes=22),
            MONDAY + timedelta(minutes=20),
            MONDAY + timedelta(minutes=25),
            [(AWAY, 4)],
        ),
        ("* * * * *", 3 * DAY, MONDAY + 3 * DAY, MONDAY + 3 * DAY + timedelta(minutes=1), [(AWAY, 1_000)]),
    ],
)
def test_of_what_was_missed_the_last_is_made_up_for_if_it_is_recent(
    organization, clock, cron, late, slot, following, history
):
    campaign = recurring_campaign(organization, cron)
    Campaign.objects.update(scheduled_at=MONDAY)

    tick(clock, MONDAY + late)

    assert [run.slot_at for run in campaign.runs.all()] == ([slot] if slot else [])
    assert fresh(campaign).scheduled_at == following
    assert missed(campaign) == history


def test_what_comes_while_it_is_paused_is_handled_as_after_downtime(organization, clock):
    campaign, by = recurring_campaign(organization), staff(organization)
    lifecycle.pause(campaign, by=by)
    assert tick(clock, MONDAY + 2 * DAY) == 0

    lifecycle.resume(campaign, by=by)

    assert tick(clock, MONDAY + 2 * DAY + timedelta(minutes=1)) == 1
    assert missed(campaign) == [(AWAY, 2)]
    assert campaign.runs.get().slot_at == MONDAY + 2 * DAY


def test_wall_time_stays_over_both_changes_of_the_clocks(organization, clock):
    clock.move_to(datetime(2026, 3, 28, 7, tzinfo=UTC))
    campaign = recurring_campaign(organization)
    seen = []
    for _ in range(2):
        tick(clock, fresh(campaign).scheduled_at)
        seen.append(send(campaign).runs.last().slot_at.hour)
    clock.move_to(datetime(2026, 10, 24, 6, tzinfo=UTC))
    Campaign.objects.update(scheduled_at=datetime(2026, 10, 24, 7, tzinfo=UTC))
    for _ in range(2):
        tick(clock, fresh(campaign).scheduled_at)
        seen.append(send(campaign).runs.last().slot_at.hour)

    assert seen == [8, 7, 7, 8]


def test_between_instances_people_may_change_move_stop_and_take_it_back(organization, clock):
    by = staff(organization, "manager")
    campaign = recurring_campaign(organization)
    tick(clock, MONDAY)
    with pytest.raises(Locked):
        drafts.edit(fresh(campaign), by=by, frequency_cap_hours=5)
    campaign = send(campaign)
    assert {"edit", "reschedule", "unschedule", "pause", "cancel"} <= set(lifecycle.allowed(campaign, by.user))

    drafts.edit(campaign, by=by, frequency_cap_hours=5)
    email = campaign.variants.get().email
    drafts.edit_email(email, by=by, subject="The second one")
    campaign = schedule(fresh(campaign), "0 18 * * *", by=by)
    assert campaign.scheduled_at == MONDAY.replace(hour=17)
    tick(clock, campaign.scheduled_at)
    campaign = send(campaign)
    assert [run.contents.get().subject for run in campaign.runs.all()] == ["Good morning", "The second one"]
    with pytest.raises(NotReady) as refusal:
        schedule(campaign, most=2, by=by)
    assert refusal.value.problems == {"max_instances": ["Of 2 times, 2 have gone out already. Allow more."]}

    lifecycle.unschedule(campaign, by=by)
    assert (campaign.state, campaign.runs.count()) == (State.DRAFT, 2)
    assert tick(clock, MONDAY + 5 * DAY) == 0
    campaign = schedule(fresh(campaign), most=3, by=by)
    lifecycle.cancel(campaign, by=by)
    assert (campaign.state, campaign.status_reason) == (State.CANCELLED, "Cancelled by user")
    assert tick(clock, MONDAY + 9 * DAY) == 0


def test_what_has_gone_out_keeps_its_variants_and_its_channel(organization, clock):
    by = staff(organization, "manager")
    campaign = recurring_campaign(organization)
    email = campaign.variants.get().email
    variants.set_variants(campaign, [variants.Content(email=email), variants.Content(email=email)], by=by)
    tick(clock, MONDAY)
    campaign = lifecycle.unschedule(send(campaign), by=by)

    with pytest.raises(Locked, match="keeps its variants"):
        variants.set_variants(campaign, [variants.Content(email=email)], by=by)
    with pytest.raises(Locked, match="nothing has gone out"):
        drafts.edit(campaign, by=by, channel="sms")


def test_a_recurring_campaign_takes_no_single_time(organization, clock):
    campaign = recurring_campaign(organization)

    for change in ({"scheduled_at": MONDAY + DAY}, {"schedule_tz": "UTC"}, {"recurrence": from_cron("0 10 * * *")}):
        with pytest.raises(NotReady, match="It recurs"):
            drafts.edit(fresh(campaign), by=staff(organization), **change)

    assert recurring.of(campaign) == from_cron(DAILY)


def test_a_draft_keeps_a_recurrence_that_does_not_count_yet(organization, clock):
    campaign = draft_campaign(organization)

    drafts.edit(campaign, by=staff(organization), recurrence=from_cron(DAILY))

    assert recurring.of(campaign) == from_cron(DAILY)
    assert tick(clock, MONDAY) == 0
    drafts.edit(campaign, by=staff(organization), recurrence=None)
    assert recurring.of(campaign) is None


def test_an_instance_can_be_sent_in_between(organization, clock):
    by = staff(organization, "manager")
    campaign = recurring_campaign(organization, most=2)

    lifecycle.send_now(campaign, by=by)
    campaign = send(campaign)

    assert (campaign.state, campaign.scheduled_at) == (State.SCHEDULED, MONDAY)
    tick(clock, MONDAY)
    assert send(campaign).state == State.SENT
    assert [run.slot_at for run in campaign.runs.all()] == [None, MONDAY]


def test_one_that_failed_in_the_middle_is_tried_again_and_goes_on(organization, clock):
    campaign = recurring_campaign(organization)
    tick(clock, MONDAY)
    run = freeze(fresh(campaign))
    run.recipients.update(state="failed", settled_at=MONDAY)
    run.batches.update(state="done")
    campaign.runs.update(failed=3)
    lifecycle.fail(campaign, reason="The relay is gone.")

    lifecycle.retry_failed(campaign, by=staff(organization))
    runs.requeue_failed(campaign.pk)
    run.recipients.update(state="sent")
    campaign.runs.update(sent=3)
    run.batches.update(state="done")
    runs.finish_if_complete(campaign.pk)

    assert (fresh(campaign).state, fresh(campaign).scheduled_at) == (State.SCHEDULED, MONDAY + DAY)


# --- approval ----------------------------------------------------------------------------------------------------


def test_an_approval_covers_every_instance_until_something_changes(organization, clock):
    author, approver = staff(organization, "manager", trusted=False), staff(organization, "approver")
    campaign = recurring_campaign(organization, by=author)
    assert campaign.state == State.PENDING_APPROVAL
    lifecycle.approve(campaign, by=approver)

    for day in range(2):
        assert tick(clock, MONDAY + day * DAY) == 1
        campaign = send(campaign)
    assert approval.is_covered(campaign)
    assert "send_now" not in lifecycle.allowed(fresh(campaign), author.user)
    with pytest.raises(NotAllowed, match="agreed to its times"):
        lifecycle.send_now(campaign, by=author)

    schedule(campaign, "0 10 * * *", by=author)

    assert fresh(campaign).state == State.PENDING_APPROVAL
    assert [change.after for change in approval.changes(campaign)] == ["Every day at 10:00, Europe/Berlin"]
    lifecycle.approve(campaign, by=approver)
    drafts.edit(fresh(campaign), by=author, frequency_cap_hours=9)
    assert fresh(campaign).state == State.PENDING_APPROVAL


def test_occurrences_that_pass_while_an_approver_thinks_are_missed(organization, clock):
    campaign = recurring_campaign(organization, by=staff(organization, "manager", trusted=False))

    assert tick(clock, MONDAY + 2 * DAY - timedelta(hours=2)) == 0
    lifecycle.approve(campaign, by=staff(organization, "approver"))

    assert tick(clock, MONDAY + 2 * DAY - timedelta(hours=1)) == 0
    assert missed(campaign) == [(AWAY, 2)]
    assert tick(clock, MONDAY + 2 * DAY) == 1


# --- the clock's own tables ---------------------------------------------------------------------------------------


def crontabs():
    woken = PeriodicTask.objects.filter(name__startswith="Campaign").order_by("name")
    return [(task.task, str(task.crontab), task.enabled) for task in woken]


def test_operators_see_the_recurrence_as_a_crontab_in_its_zone(organization, clock):
    by = staff(organization)
    campaign = recurring_campaign(organization, "30 9 * * 1,4")
    shown = ("campaigns.start_due", "30 9 * * 1,4 (m/h/dM/MY/d) Europe/Berlin", True)
    assert crontabs() == [shown]
    assert campaign.name in PeriodicTask.objects.get(name__startswith="Campaign").description
    clockwork = PeriodicTask.objects.get(name__startswith="Campaign").schedule
    assert clockwork.tz.key == BERLIN

    lifecycle.pause(campaign, by=by)
    assert crontabs() == []
    lifecycle.resume(campaign, by=by)
    assert crontabs() == [shown]
    schedule(campaign, "0 9 1 * 5")  # either list of days, which celery does not know
    assert [each[1].split(" (")[0] for each in crontabs()] == ["0 9 * * 5", "0 9 1 * *"]
    lifecycle.unschedule(campaign, by=by)
    assert crontabs() == []


def test_a_draft_that_is_meant_to_recur_wakes_nobody_and_takes_any_time(organization, clock):
    campaign, by = draft_campaign(organization), staff(organization)
    drafts.edit(campaign, by=by, recurrence=from_cron(DAILY), schedule_tz=BERLIN)
    draft_schedules.keep(campaign, ScheduleType.RECURSIVE, by=by)

    drafts.edit(fresh(campaign), by=by, scheduled_at=MONDAY + DAY, name="Another")

    assert fresh(campaign).scheduled_at == MONDAY + DAY
    assert crontabs() == []
    assert tick(clock, MONDAY + 2 * DAY) == 0


def test_a_recurrence_needs_a_zone_and_its_lists():
    with pytest.raises(NotReady, match="IANA"):
        schedules.recurring(from_cron(DAILY), "", after=MONDAY)
    with pytest.raises(NotReady, match="recurs"):
        schedules.Schedule(type="recursive", tz=BERLIN)
    with pytest.raises(NotReady, match="recurs"):
        schedules.Schedule(type="future", at=MONDAY, tz=BERLIN, recurrence=Recurrence(hours=(9,), minutes=(0,)))


def test_what_has_not_come_is_neither_started_nor_missed(organization, clock):
    campaign = recurring_campaign(organization)

    for act in (lifecycle.start, lifecycle.miss):
        with pytest.raises(InvalidTransition, match="not come yet"):
            act(fresh(campaign))
