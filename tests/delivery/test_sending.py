import email
import email.policy
import socket
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from accounts.models import Organization
from audience.models import CustomField, MailingList
from campaigns import lifecycle
from campaigns.models import Campaign, State
from content.models import Email
from content.tokens import Purpose, read_recipient_token
from delivery import tasks
from delivery.models import Batch, InboxMessage, Recipient
from delivery.sending import deliver
from tests.delivery.servers import Mailbox
from tests.delivery.states import addressed, assert_reconciled, by, reloaded, sending, states
from tests.factories import draft_campaign


def deliver_all(run):
    for batch in run.batches.all():
        tasks.deliver_batch(batch.pk)


def parsed(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def test_everybody_gets_one_message_and_the_campaign_is_sent(mail_relay):
    campaign, run = sending(people=12)

    with mail_relay(Mailbox()) as mailbox:
        deliver_all(run)

    assert sorted(address for _, address, _ in mailbox.mails) == sorted(
        run.recipients.values_list("address", flat=True)
    )
    assert states(run) == {"sent": 12}
    assert_reconciled(run)
    assert reloaded(campaign).state == State.SENT
    assert reloaded(run).finished_at is not None
    recipient = run.recipients.first()
    assert (recipient.reply_code, recipient.reply_text, recipient.attempts) == (250, "2.0.0 Queued", 1)


def test_from_start_to_sent_without_a_hand(mail_relay, worker):
    campaign = draft_campaign(people=5)

    with mail_relay(Mailbox()) as mailbox:
        lifecycle.send_now(campaign, by=by(campaign))

    assert reloaded(campaign).state == State.SENT
    assert len(mailbox.mails) == 5


def test_a_message_says_who_it_is_for_and_how_to_leave(mail_relay, settings):
    settings.BASE_URL = "https://broadsheet.example"
    campaign = draft_campaign(people=1)
    CustomField.objects.create(organization=campaign.organization, key="first_name", name="First name")
    Email.objects.update(subject="Hello {{ first_name }}")
    person = campaign.organization.subscribers.get()
    person.fields = {"first_name": "Ann"}
    person.save()
    mailing_list = MailingList.objects.get()
    lifecycle.send_now(campaign, by=by(campaign))
    tasks.freeze_run(campaign.pk)
    run = campaign.runs.get()

    with mail_relay(Mailbox()) as mailbox:
        deliver_all(run)

    ((sender, _, raw),) = mailbox.mails
    mail, recipient = parsed(raw), run.recipients.get()
    assert sender == "post@news.example"
    assert mail["To"] == person.email
    assert mail["Subject"] == "Hello Ann"
    assert mail["List-Unsubscribe"].startswith("<https://broadsheet.example/u/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = mail["List-Unsubscribe"].removesuffix(">").rpartition("/")[2]
    assert read_recipient_token(Purpose.UNSUBSCRIBE, token).recipient_id == recipient.pk
    assert (
        mail["List-Id"]
        == f'"{mailing_list.name}" <{mailing_list.public_id}.{campaign.organization.slug}.broadsheet.example>'
    )
    assert mail["Feedback-ID"] == f"{run.pk}:{campaign.public_id}:{campaign.organization.public_id}:broadsheet"
    assert mail["Message-ID"] == f"<{campaign.public_id}.1.{recipient.pk}@news.example>"
    assert mail["Precedence"] is None


def test_bounces_go_to_the_bounce_address(mail_relay, settings):
    settings.BOUNCE_ADDRESS = "bounces@broadsheet.example"
    _, run = sending(people=1)

    with mail_relay(Mailbox()) as mailbox:
        deliver_all(run)

    assert mailbox.mails[0][0] == "bounces@broadsheet.example"


def test_a_refused_recipient_fails_with_the_reply(mail_relay):
    campaign, run = sending(people=3)
    addressed(campaign, 1, "gone@example.com")

    with mail_relay(Mailbox(rcpt={"gone@example.com": "550 5.1.1 No such mailbox"})):
        deliver_all(run)

    failed = run.recipients.get(address="gone@example.com")
    assert (failed.state, failed.reply_code, failed.reply_text) == ("failed", 550, "5.1.1 No such mailbox")
    assert states(run) == {"sent": 2, "failed": 1}
    assert_reconciled(run)
    assert reloaded(campaign).state == State.SENT


def test_a_deferred_recipient_waits_and_is_tried_again(mail_relay, settings, time_machine_at):
    campaign, run = sending(people=2)
    addressed(campaign, 0, "busy@example.com")
    mailbox = Mailbox(rcpt={"busy@example.com": "451 4.7.1 Greylisted"})

    with mail_relay(mailbox):
        deliver_all(run)
        deferred = run.recipients.get(address="busy@example.com")
        assert (deferred.state, deferred.attempts, deferred.reply_code) == ("pending", 1, 451)
        assert timedelta(seconds=50) < deferred.not_before - now() <= timedelta(seconds=75)
        assert run.batches.get().not_before == deferred.not_before
        assert reloaded(campaign).state == State.SENDING

        tasks.deliver_batch(run.batches.get().pk)
        assert reloaded(deferred).attempts == 1

        mailbox.rcpt.clear()
        time_machine_at(now() + timedelta(seconds=80))
        tasks.deliver_batch(run.batches.get().pk)

    assert states(run) == {"sent": 2}
    assert reloaded(deferred).attempts == 2
    assert reloaded(campaign).state == State.SENT
    assert_reconciled(run)


def test_who_is_deferred_too_often_fails_with_the_last_reply(mail_relay, settings, time_machine_at):
    settings.MAX_ATTEMPTS = 3
    campaign, run = sending(people=1)
    addressed(campaign, 0, "busy@example.com")

    with mail_relay(Mailbox(rcpt={"busy@example.com": "451 4.7.1 Greylisted"})):
        for hour in range(1, 4):
            deliver_all(run)
            time_machine_at(now() + timedelta(hours=hour))

    failed = run.recipients.get()
    assert (failed.state, failed.attempts, failed.reply_code) == ("failed", 3, 451)
    assert reloaded(campaign).state == State.SENT


def test_a_refused_connection_is_the_batchs_trouble_and_nobodys_attempt(settings, transactional_db):
    settings.SMTP_PORT = closed_port()
    campaign, run = sending(people=3)

    tasks.deliver_batch(run.batches.get().pk)

    batch = run.batches.get()
    assert "cannot be used: connection refused" in batch.last_error
    assert (batch.state, batch.failures, batch.worker) == ("waiting", 1, "")
    assert timedelta(seconds=50) < batch.not_before - now() <= timedelta(seconds=75)
    assert states(run) == {"pending": 3}
    assert set(run.recipients.values_list("attempts", flat=True)) == {0}
    assert reloaded(campaign).state == State.SENDING


def test_a_relay_that_stays_away_suspends_the_campaign_with_the_reason(settings, transactional_db, mail_relay, worker):
    settings.SMTP_PORT, settings.RETRY_BASE_SECONDS = closed_port(), 0
    campaign, run = sending(people=3)

    tasks.sweep()
    for _ in range(settings.MAX_ATTEMPTS):
        tasks.sweep()

    campaign = reloaded(campaign)
    assert (campaign.state, campaign.paused) == (State.SENDING, True)
    assert "connection refused. Tried 5 times." in campaign.pause_reason

    with mail_relay(Mailbox()):
        lifecycle.resume(campaign, by=by(campaign))

    assert reloaded(campaign).state == State.SENT
    assert states(run) == {"sent": 3}


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_template_that_cannot_be_compiled_fails_the_campaign(transactional_db):
    campaign, run = sending(people=2)
    run.contents.update(html="<p>{% if %}</p>")

    tasks.deliver_batch(run.batches.get().pk)

    campaign = reloaded(campaign)
    assert campaign.state == State.FAILED
    assert campaign.status_reason.startswith("The content cannot be sent:")
    assert states(run) == {"pending": 2}
    assert run.batches.get().worker == ""


def test_who_cannot_be_written_to_fails_and_the_others_get_theirs(mail_relay):
    campaign, run = sending(people=3)
    addressed(campaign, 1, "not an address\r\nRCPT TO:<eve@example.com>")

    with mail_relay(Mailbox()) as mailbox:
        deliver_all(run)

    assert states(run) == {"sent": 2, "failed": 1}
    assert run.recipients.get(state="failed").reply_code is None
    assert len(mailbox.mails) == 2
    assert_reconciled(run)


def test_a_message_that_broke_the_connection_is_in_doubt(mail_relay):
    campaign, run = sending(people=6)
    addressed(campaign, 2, "drop@example.com")

    with mail_relay(Mailbox(data={"drop@example.com": None})) as mailbox:
        deliver_all(run)

    doubtful = run.recipients.get(state="in_doubt")
    assert doubtful.address == "drop@example.com"
    assert "connection was lost after the message was sent" in doubtful.reply_text
    assert states(run) == {"sent": 5, "in_doubt": 1}
    assert_reconciled(run)
    assert len(mailbox.mails) == 5
    assert reloaded(campaign).state == State.SENT


def test_sms_go_the_same_way_into_the_inbox(transactional_db):
    campaign = draft_campaign(people=0, channel="sms", sms_body="Hello {{ phone }}")
    for number in ("+4930123456", "+4930123457"):
        mailing_list = MailingList.objects.get()
        mailing_list.subscriptions.create(subscriber=campaign.organization.subscribers.create(phone=number))
    lifecycle.send_now(campaign, by=by(campaign))
    tasks.freeze_run(campaign.pk)

    deliver_all(campaign.runs.get())

    texts = InboxMessage.objects.filter(channel="sms", organization=campaign.organization)
    assert {(each.recipient, bytes(each.raw).decode()) for each in texts} == {
        ("+4930123456", "Hello +4930123456"),
        ("+4930123457", "Hello +4930123457"),
    }
    assert reloaded(campaign).state == State.SENT


# --- pause and cancel ---------------------------------------------------------------------------------------------


class SlowMailbox(Mailbox):
    """Takes a moment for each message, and says when the first has come."""

    def __init__(self):
        super().__init__()
        self.first = threading.Event()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        import asyncio

        self.first.set()
        await asyncio.sleep(0.05)
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
        began = time.monotonic()
        getattr(lifecycle, verb)(campaign, by=by(campaign))
        worker.join(10)
        took = time.monotonic() - began

    sent = len(mailbox.mails)
    assert took < 2.5
    assert 0 < sent < 300
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


# --- retry --------------------------------------------------------------------------------------------------------


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


# --- the sweeper --------------------------------------------------------------------------------------------------


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


# --- queries ------------------------------------------------------------------------------------------------------


def test_a_batch_costs_no_query_per_message(mail_relay, django_assert_max_num_queries):
    _, run = sending(people=200)

    with mail_relay(Mailbox()), django_assert_max_num_queries(60):
        deliver(run.batches.get().pk)

    assert states(run) == {"sent": 200}


# --- races --------------------------------------------------------------------------------------------------------

races = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite lets one writer in at a time; there is no race"
)


def in_threads(count, work):
    barrier = threading.Barrier(count)

    def run(number):
        barrier.wait()
        try:
            work(number)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@races
@pytest.mark.postgres
def test_two_workers_with_the_same_batches_send_to_nobody_twice(mail_relay, settings):
    settings.BATCH_SIZE = 10
    campaign, run = sending(people=60)

    with mail_relay(Mailbox()) as mailbox:
        in_threads(3, lambda number: deliver_all(run))

    addresses = [address for _, address, _ in mailbox.mails]
    assert len(addresses) == len(set(addresses)) == 60
    assert_reconciled(run)
    assert reloaded(campaign).state == State.SENT
    assert Campaign.objects.get().events.filter(verb="finish").count() == 1
    assert set(Batch.objects.values_list("claims", flat=True)) == {1}


@races
@pytest.mark.postgres
def test_workers_that_finish_the_last_batches_at_once_finish_the_campaign_once(mail_relay, settings):
    settings.BATCH_SIZE = 1
    campaign, run = sending(people=8)
    ids = list(run.batches.values_list("pk", flat=True))

    with mail_relay(Mailbox()):
        in_threads(8, lambda number: tasks.deliver_batch(ids[number]))

    assert reloaded(campaign).state == State.SENT
    assert_reconciled(run)
    assert Recipient.objects.filter(state="sent").count() == 8
