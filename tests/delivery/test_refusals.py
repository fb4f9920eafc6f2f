"""What the relay refuses for good counts as a bounce on our side, once."""

import pytest
from django.utils.timezone import now

from campaigns import lifecycle
from delivery import recovery, tasks
from delivery.retries import Accepted, Rejected
from stats.ingest import ingest
from stats.models import Counter, Engagement, Event
from tests.delivery.servers import Mailbox
from tests.delivery.states import addressed, by, deliver_all, sending
from tests.delivery.test_recovery import killed
from tracking import spool

pytestmark = pytest.mark.django_db(transaction=True)
GONE = {"gone@example.com": "550 5.1.1 No such mailbox"}


def counted(kind):
    return [(each.total, each.unique) for each in Counter.objects.filter(kind=kind)]


def test_a_refusal_is_a_local_bounce_and_ends_the_subscriptions(mail_relay, worker):
    campaign, run = sending(people=3)
    addressed(campaign, 1, "gone@example.com")
    with mail_relay(Mailbox(rcpt=GONE)):
        deliver_all(run)

    assert ingest() == 1

    event = Event.objects.get()
    assert (event.kind, event.recipient.address) == ("bounced", "gone@example.com")
    assert event.data | {"key": ""} == {
        "key": "",
        "type": "hard",
        "code": "100",
        "origin": "local",
        "status": "5.1.1",
        "diagnostic": "550 5.1.1 No such mailbox",
        "ended": 1,
    }
    assert (counted("bounced_local"), counted("bounced")) == ([(1, 1)], [])
    assert Engagement.objects.get().bounced_at is None  # it was never sent, so nothing came back
    assert event.subscriber.subscriptions.get().status == "bounced"


def test_a_refusal_of_us_is_nothing_against_the_address(mail_relay, worker):
    campaign, run = sending(people=1)
    addressed(campaign, 0, "gone@example.com")
    with mail_relay(Mailbox(rcpt={"gone@example.com": "554 5.7.1 Blocked, see list.example"})):
        deliver_all(run)
    ingest()

    assert Event.objects.get().data["type"] == "other"
    assert Event.objects.get().subscriber.subscriptions.get().status == "subscribed"


def test_what_is_deferred_is_told_only_when_it_is_given_up(mail_relay, worker, settings, time_machine_at):
    settings.MAX_ATTEMPTS = 2
    campaign, run = sending(people=1)
    addressed(campaign, 0, "busy@example.com")
    with mail_relay(Mailbox(rcpt={"busy@example.com": "451 4.7.1 Greylisted"})):
        deliver_all(run)
        assert ingest() == 0

        time_machine_at(run.recipients.get().not_before)
        tasks.deliver_batch(run.batches.get().pk)

    assert ingest() == 1
    assert Event.objects.get().data["type"] == "soft"


def test_a_message_that_was_never_offered_says_nothing_about_the_address(own_spool):
    _, run = sending(people=1)
    recipient = run.recipients.get()
    killed(run, outcomes={recipient.pk: Rejected(None, "The message cannot be made.")})
    recovery.replay(now())

    assert spool.files(own_spool) == []


def test_a_kill_between_telling_and_settling_counts_once(own_journals):
    _, run = sending(people=2)
    refused, taken = run.recipients.values_list("pk", flat=True)
    outcomes = {refused: Rejected(550, "5.1.1 gone"), taken: Accepted(250, "ok")}
    killed(run, started=[refused, taken], outcomes=outcomes, settled=outcomes)
    recovery.replay(now())
    recovery.replay(now())
    ingest()

    assert Event.objects.count() == 1


def test_who_is_tried_again_and_refused_again_is_one_person(mail_relay, worker):
    campaign, run = sending(people=2)
    addressed(campaign, 1, "gone@example.com")
    with mail_relay(Mailbox(rcpt={"gone@example.com": "550 5.7.1 Blocked"})):
        deliver_all(run)
        campaign.refresh_from_db()
        lifecycle.retry_failed(campaign, by=by(campaign))
        deliver_all(run)
    ingest()

    assert Event.objects.count() == 2
    assert sum(unique for _, unique in counted("bounced_local")) == 1
