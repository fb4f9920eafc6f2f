import email
import email.policy
import socket
from datetime import timedelta

from django.utils.timezone import now

from audience.models import CustomField, MailingList
from campaigns import lifecycle
from campaigns.models import State
from content.models import Email
from content.tokens import Purpose, read_recipient_token
from delivery import tasks
from delivery.models import InboxMessage
from delivery.sending import deliver
from tests.delivery.servers import Mailbox
from tests.delivery.states import addressed, assert_reconciled, by, deliver_all, reloaded, sending, states
from tests.factories import draft_campaign


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


def test_a_batch_costs_no_query_per_message(mail_relay, django_assert_max_num_queries):
    _, run = sending(people=200)

    with mail_relay(Mailbox()), django_assert_max_num_queries(60):
        deliver(run.batches.get().pk)

    assert states(run) == {"sent": 200}
