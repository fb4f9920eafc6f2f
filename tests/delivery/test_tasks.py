"""Tasks are lost, come twice and race each other; the database knows what is to be done."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from campaigns import lifecycle
from campaigns.models import Campaign, State
from delivery import tasks
from delivery.models import Batch, Recipient
from tests.delivery.servers import Mailbox
from tests.delivery.states import assert_reconciled, by, deliver_all, reloaded, sending
from tests.factories import campaign_in, draft_campaign
from tests.races import at_once, race


def test_the_sweeper_does_what_lost_tasks_left(mail_relay, worker, time_machine_at):
    campaign = draft_campaign(people=4)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tasks, "queue", lambda task, pk: None)  # every message to a worker is lost
        lifecycle.send_now(campaign, by=by(campaign))
    time_machine_at(now() + timedelta(seconds=30))

    with mail_relay(Mailbox()) as mailbox:
        tasks.sweep()

    assert len(mailbox.mails) == 4
    assert reloaded(campaign).state == State.SENT


def test_a_queued_batch_is_not_queued_again_at_every_sweep(monkeypatch, transactional_db, time_machine_at):
    _, run = sending(people=1)
    queued = []
    monkeypatch.setattr(tasks, "queue", lambda task, pk: queued.append((task.name, pk)))

    tasks.sweep()
    tasks.sweep()
    time_machine_at(now() + timedelta(minutes=3))
    tasks.sweep()

    assert queued == [("delivery.deliver_batch", run.batches.get().pk)] * 2


def test_one_step_of_the_sweep_that_fails_keeps_no_other_from_being_done(mail_relay, worker, monkeypatch):
    campaign, _ = sending(people=1)

    def fail(at):
        raise ZeroDivisionError

    monkeypatch.setattr(tasks.recovery, "replay", lambda at: [])
    monkeypatch.setattr(tasks.runs, "unfrozen_ids", fail)
    with mail_relay(Mailbox()):
        tasks.sweep()

    assert reloaded(campaign).state == State.SENT


def test_a_broker_that_is_away_fails_nobody(monkeypatch, worker, mail_relay, time_machine_at):
    campaign = draft_campaign(people=1)

    def away(*args, **kwargs):
        raise OperationalError("The broker is away.")

    with monkeypatch.context() as patched:
        patched.setattr(tasks.freeze_run, "apply_async", away)
        lifecycle.send_now(campaign, by=by(campaign))
    assert reloaded(campaign).state == State.CALCULATING
    time_machine_at(now() + timedelta(seconds=30))

    with mail_relay(Mailbox()):
        tasks.sweep()

    assert reloaded(campaign).state == State.SENT


def test_an_audience_that_cannot_be_calculated_fails_the_campaign(monkeypatch, transactional_db):
    campaign = draft_campaign(people=1)
    lifecycle.send_now(campaign, by=by(campaign))

    def broken(campaign):
        raise ValueError("These rules make no sense.")

    monkeypatch.setattr(tasks, "freeze", broken)
    tasks.freeze_run(campaign.pk)

    campaign = reloaded(campaign)
    assert campaign.state == State.FAILED
    assert campaign.status_reason == "The audience could not be calculated: These rules make no sense."


def test_a_campaign_paused_during_its_last_batch_is_finished_after_resuming(mail_relay, worker, monkeypatch):
    campaign, run = sending(people=2)
    with mail_relay(Mailbox()), monkeypatch.context() as patched:
        patched.setattr(tasks.runs, "finish_if_complete", lambda campaign_id: False)
        deliver_all(run)
    lifecycle.pause(campaign, by=by(campaign))
    tasks.sweep()
    assert reloaded(campaign).state == State.SENDING

    lifecycle.resume(campaign, by=by(campaign))

    assert reloaded(campaign).state == State.SENT


def test_a_campaign_that_is_paused_and_resumed_before_its_time_still_waits_for_it(transactional_db, worker):
    campaign = campaign_in("scheduled")

    lifecycle.pause(campaign, by=by(campaign))
    lifecycle.resume(campaign, by=by(campaign))

    resumed = reloaded(campaign)
    assert (resumed.state, resumed.paused, resumed.status_reason) == (State.SCHEDULED, False, "")


# --- races --------------------------------------------------------------------------------------------------------


@race
def test_two_workers_with_the_same_batches_send_to_nobody_twice(mail_relay, settings):
    settings.BATCH_SIZE = 10
    campaign, run = sending(people=60)

    with mail_relay(Mailbox()) as mailbox:
        at_once(*[lambda: deliver_all(run)] * 3)

    addresses = [address for _, address, _ in mailbox.mails]
    assert len(addresses) == len(set(addresses)) == 60
    assert_reconciled(run)
    assert reloaded(campaign).state == State.SENT
    assert Campaign.objects.get().events.filter(verb="finish").count() == 1
    assert set(Batch.objects.values_list("claims", flat=True)) == {1}


@race
def test_workers_that_finish_the_last_batches_at_once_finish_the_campaign_once(mail_relay, settings):
    settings.BATCH_SIZE = 1
    campaign, run = sending(people=8)
    ids = list(run.batches.values_list("pk", flat=True))

    with mail_relay(Mailbox()):
        at_once(*[lambda pk=pk: tasks.deliver_batch(pk) for pk in ids])

    assert reloaded(campaign).state == State.SENT
    assert_reconciled(run)
    assert Recipient.objects.filter(state="sent").count() == 8
