import pytest

from campaigns import lifecycle
from campaigns.errors import InvalidTransition, NotAllowed
from delivery import tasks
from delivery.doubts import resolve_in_doubt
from delivery.errors import CannotSend, NotInDoubt
from tests.delivery.servers import Mailbox
from tests.delivery.states import addressed, assert_reconciled, by, reloaded, sending, states
from tests.factories import staff
from tests.races import at_once, race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def doubtful(mail_relay):
    """A sent campaign with one recipient in doubt, and the mailbox that lost it: (recipient, mailbox)."""
    campaign, run = sending(people=2)
    addressed(campaign, 0, "drop@example.com")
    with mail_relay(Mailbox(data={"drop@example.com": None})) as mailbox:
        tasks.deliver_batch(run.batches.get().pk)
        yield run.recipients.in_doubt().get(), mailbox


def test_sending_again_settles_it_with_the_same_message_id(doubtful):
    recipient, mailbox = doubtful
    mailbox.data.clear()

    resolve_in_doubt(recipient, "resend", by=by(recipient.run.campaign))

    assert (recipient.state, recipient.attempts, recipient.reply_code) == ("sent", 2, 250)
    _, address, raw = mailbox.mails[-1]
    assert address == "drop@example.com"
    assert f"Message-ID: <{recipient.run.campaign.public_id}.1.{recipient.pk}@".encode() in raw
    assert_reconciled(recipient.run)


def test_a_refusal_of_the_second_copy_is_a_failure(doubtful):
    recipient, mailbox = doubtful
    mailbox.rcpt["drop@example.com"] = "550 5.1.1 No such mailbox"

    resolve_in_doubt(recipient, "resend", by=by(recipient.run.campaign))

    assert (recipient.state, recipient.reply_code) == ("failed", 550)
    assert_reconciled(recipient.run)


@pytest.mark.parametrize("answer", ["451 4.7.1 Later", None])
def test_without_a_definite_answer_the_doubt_stays(doubtful, answer):
    recipient, mailbox = doubtful
    mailbox.data["drop@example.com"] = answer

    with pytest.raises(CannotSend, match="still in doubt"):
        resolve_in_doubt(recipient, "resend", by=by(recipient.run.campaign))

    assert reloaded(recipient).state == "in_doubt"
    assert_reconciled(recipient.run)


def test_closing_takes_it_as_sent_and_says_who_did(doubtful):
    recipient, mailbox = doubtful
    actor = by(recipient.run.campaign)

    resolve_in_doubt(recipient, "close", by=actor)

    assert (recipient.state, recipient.reply_code) == ("sent", None)
    assert str(actor) in recipient.reply_text
    assert len(mailbox.mails) == 1
    assert states(recipient.run) == {"sent": 2}
    assert_reconciled(recipient.run)


def test_each_decision_is_a_line_in_the_history(doubtful):
    recipient, _ = doubtful
    actor = by(recipient.run.campaign)

    resolve_in_doubt(recipient, "close", by=actor)

    line = recipient.run.campaign.events.get(verb="resolve_in_doubt")
    assert (line.by, line.data) == (actor.user, {"recipient": recipient.pk, "became": "sent"})


def test_who_is_settled_cannot_be_decided_about(doubtful):
    recipient, _ = doubtful
    actor = by(recipient.run.campaign)
    resolve_in_doubt(recipient, "close", by=actor)

    for decision in ("close", "resend"):
        with pytest.raises(NotInDoubt):
            resolve_in_doubt(recipient, decision, by=actor)


def test_a_viewer_may_not_decide(doubtful):
    recipient, _ = doubtful

    with pytest.raises(NotAllowed):
        resolve_in_doubt(recipient, "close", by=staff(recipient.run.campaign.organization, "viewer"))


def test_a_cancelled_campaign_sends_nothing_again(mail_relay):
    campaign, run = sending(people=1)
    addressed(campaign, 0, "drop@example.com")
    with mail_relay(Mailbox(data={"drop@example.com": None})), pytest.MonkeyPatch.context() as patched:
        patched.setattr(tasks.runs, "finish_if_complete", lambda campaign_id: False)
        tasks.deliver_batch(run.batches.get().pk)
    lifecycle.cancel(campaign, by=by(campaign))

    with pytest.raises(InvalidTransition):
        resolve_in_doubt(run.recipients.get(), "resend", by=by(campaign))


def test_a_relay_that_is_away_is_said_and_changes_nothing(doubtful, settings):
    recipient, _ = doubtful
    settings.SMTP_PORT = 1

    with pytest.raises(CannotSend, match="connection refused"):
        resolve_in_doubt(recipient, "resend", by=by(recipient.run.campaign))

    assert reloaded(recipient).state == "in_doubt"


@race
def test_of_two_who_send_again_at_once_one_does(doubtful):
    recipient, mailbox = doubtful
    mailbox.data.clear()
    actor = by(recipient.run.campaign)
    views = [reloaded(recipient) for _ in range(2)]

    outcomes = at_once(
        *[lambda mine=mine: resolve_in_doubt(mine, "resend", by=actor) for mine in views], refusals=NotInDoubt
    )

    assert [type(outcome) for outcome in outcomes].count(NotInDoubt) == 1
    assert [address for _, address, _ in mailbox.mails].count("drop@example.com") == 1
