"""Pause, cancel, retry: what people do to a campaign on its way out."""

import asyncio
import threading

import pytest
from django.db import connections

from accounts.models import Organization
from campaigns import lifecycle
from campaigns.models import State
from delivery import tasks
from tests.delivery.servers import Mailbox
from tests.delivery.states import addressed, assert_reconciled, by, deliver_all, reloaded, sending, states

TAKES = 0.05  # seconds of the relay for a message


class SlowMailbox(Mailbox):
    """Takes a moment for each message, and says when the first has come."""

    def __init__(self):
        super().__init__()
        self.first = threading.Event()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.first.set()
        await asyncio.sleep(TAKES)
        return await super().handle_DATA(server, session, envelope)


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_a_stop_takes_effect_within_two_seconds(mail_relay, settings, verb):
    settings.SMTP_CONNECTIONS = 2
    campaign, run = sending(people=300)
    mailbox = SlowMailbox()

    with mail_relay(mailbox):
        worker = threading.Thread(target=lambda: (tasks.deliver_batch(run.batches.get().pk), connections.close_all()))
        worker.start()
        assert mailbox.first.wait(10)
        getattr(lifecycle, verb)(campaign, by=by(campaign))
        worker.join(30)

    sent = len(mailbox.mails)
    assert 0 < sent <= 2 * 2.5 / TAKES, "two connections went on for longer than a stop may take"
    left = "pending" if verb == "pause" else "skipped"
    assert states(run) == {"sent": sent, left: 300 - sent}
    assert_reconciled(run)
    batch = run.batches.get()
    assert (batch.worker, batch.state) == ("", "waiting" if verb == "pause" else "done")


def test_a_paused_campaign_claims_no_batches_and_goes_on_after_resuming(mail_relay, worker):
    campaign, run = sending(people=3)
    lifecycle.pause(campaign, by=by(campaign))

    with mail_relay(Mailbox()) as mailbox:
        deliver_all(run)
        tasks.sweep()
        assert mailbox.mails == []

        lifecycle.resume(campaign, by=by(campaign))

    assert len(mailbox.mails) == 3
    assert reloaded(campaign).state == State.SENT


def test_an_inactive_organization_sends_nothing_until_it_is_active_again(mail_relay, worker):
    campaign, run = sending(people=2)
    Organization.objects.update(is_active=False)

    with mail_relay(Mailbox()) as mailbox:
        deliver_all(run)
        assert (mailbox.mails, states(run)) == ([], {"pending": 2})

        Organization.objects.update(is_active=True)
        tasks.sweep()

    assert reloaded(campaign).state == State.SENT


def test_a_cancelled_campaign_drops_whoever_was_not_sent_to(worker, transactional_db, settings):
    settings.BATCH_SIZE = 2
    campaign, run = sending(people=5)

    lifecycle.cancel(campaign, by=by(campaign))

    assert states(run) == {"skipped": 5}
    assert set(run.recipients.values_list("skip_reason", flat=True)) == {"cancelled"}
    assert set(run.batches.values_list("state", flat=True)) == {"done"}
    assert_reconciled(run)


def test_retry_tries_exactly_the_failed_once_more(mail_relay, worker, settings):
    settings.BATCH_SIZE = 2
    campaign, run = sending(people=5)
    addressed(campaign, 0, "gone@example.com")
    addressed(campaign, 4, "away@example.com")
    mailbox = Mailbox(rcpt={"gone@example.com": "550 5.1.1 No", "away@example.com": "550 5.2.1 Disabled"})

    with mail_relay(mailbox):
        tasks.queue_batches(campaign.pk)
        assert states(run) == {"sent": 3, "failed": 2}
        assert reloaded(campaign).state == State.SENT

        del mailbox.rcpt["away@example.com"]
        mailbox.mails.clear()
        lifecycle.retry_failed(campaign, by=by(campaign))

    assert [address for _, address, _ in mailbox.mails] == ["away@example.com"]
    assert states(run) == {"sent": 4, "failed": 1}
    assert_reconciled(run)
    assert reloaded(campaign).state == State.SENT


def test_a_lost_retry_is_not_mistaken_for_a_finished_campaign(mail_relay):
    campaign, run = sending(people=1)
    addressed(campaign, 0, "gone@example.com")
    mailbox = Mailbox(rcpt={"gone@example.com": "550 5.1.1 No"})
    with mail_relay(mailbox):
        deliver_all(run)
        mailbox.rcpt.clear()
        lifecycle.retry_failed(campaign, by=by(campaign))  # whose task is lost
        assert not tasks.runs.finish_if_complete(campaign.pk)

        tasks.sweep()
        deliver_all(run)

    assert states(run) == {"sent": 1}
    assert reloaded(campaign).state == State.SENT


def test_what_fails_again_after_a_retry_is_not_tried_for_ever(mail_relay):
    campaign, run = sending(people=1)
    addressed(campaign, 0, "gone@example.com")

    with mail_relay(Mailbox(rcpt={"gone@example.com": "550 5.1.1 No"})):
        deliver_all(run)
        lifecycle.retry_failed(campaign, by=by(campaign))
        for _ in range(3):
            tasks.sweep()
            deliver_all(run)

    assert reloaded(campaign).state == State.SENT
    assert run.recipients.get().attempts == 1
