"""The mail that asks somebody to confirm, and its link."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
import time_machine
from django.core import mail as outbox
from django.core.mail.backends.locmem import EmailBackend
from django.utils.timezone import now

from audience import confirmations, subscriptions, suppressions
from audience.errors import LinkExpired, LinkInvalid, LinkOutdated, StaysOut
from audience.models import ConsentEvent, Subscription
from tests.factories import EditionFactory, MailingListFactory, SubscriptionFactory
from tests.races import at_once, race

pytestmark = pytest.mark.django_db


@pytest.fixture
def daily(organization):
    return MailingListFactory(organization=organization, name="Daily news", opt_in="double")


def ask(mailing_list, email="ann@example.com", **about):
    return subscriptions.subscribe(mailing_list, email=email, source="page", **about)


def sent_link(mail):
    return next(line for line in mail.body.splitlines() if "/confirm/" in line)


def test_the_mail_goes_out_after_the_transaction_and_only_then(daily, monkeypatch, django_capture_on_commit_callbacks):
    queued = []
    monkeypatch.setattr("audience.tasks.send_confirmation.delay", queued.append)

    with django_capture_on_commit_callbacks(execute=True):
        row = ask(daily)
        assert queued == []

    assert queued == [row.pk]
    assert (row.status, row.confirmation_sent_at) == ("unconfirmed", None)


def test_the_mail_says_what_it_is_about(daily, settings):
    settings.BASE_URL = "https://mail.example"
    row = ask(daily)

    assert confirmations.send(row.pk)

    (mail,) = outbox.outbox
    assert mail.to == ["ann@example.com"]
    assert mail.subject == "Please confirm: Daily news"
    assert "Daily news" in mail.body
    assert "Morning Post" in mail.body
    address, _, token = sent_link(mail).rpartition("/")
    assert (address, confirmations.find(token)) == ("https://mail.example/confirm", row)
    assert mail.body.count("https://") == 1  # nothing else to follow: no tracking
    assert mail.content_subtype == "plain"
    assert mail.extra_headers["Auto-Submitted"] == "auto-generated"
    assert daily.organization.public_id in mail.extra_headers["Feedback-ID"]


def test_the_list_has_its_own_words_and_the_edition_its_sender(daily, organization):
    edition = EditionFactory(
        organization=organization, from_name="Post\r\nBcc: x@example.com", from_email="p@news.example"
    )
    type(daily).objects.update(
        edition=edition, confirmation_subject="Hello\r\nBcc: x@example.com", confirmation_text="Is it you?"
    )
    daily.refresh_from_db()
    confirmations.send(ask(daily).pk)

    (mail,) = outbox.outbox
    assert mail.subject == "Hello Bcc: x@example.com"
    assert mail.body.startswith("Is it you?")
    assert mail.from_email == '"Post Bcc: x@example.com" <p@news.example>'
    assert "\nBcc:" not in mail.message().as_string()


def test_it_is_sent_once_however_often_the_task_runs(daily):
    row = ask(daily)

    assert [confirmations.send(row.pk) for _ in range(3)] == [True, False, False]

    assert len(outbox.outbox) == 1
    row.refresh_from_db()
    assert (row.confirmation_due_at, row.confirmation_sent_at is not None) == (None, True)


def test_nobody_is_asked_again_too_soon_or_too_often(daily, settings):
    settings.CONFIRMATION_WAIT_HOURS, settings.CONFIRMATION_MAILS = 4, 3
    with time_machine.travel("2026-03-01T12:00Z", tick=False) as clock:
        for hours in (0, 1, 3.9, 4.1, 8.5, 24, 48, 24 * 20):
            clock.move_to("2026-03-01T12:00Z")
            clock.shift(timedelta(hours=hours))
            confirmations.send(ask(daily).pk)
        assert len(outbox.outbox) == 3
        clock.move_to("2026-04-15T12:00Z")
        confirmations.send(ask(daily).pk)

    assert len(outbox.outbox) == 4
    assert ConsentEvent.objects.filter(kind="requested").count() == 4


def test_leaving_and_asking_again_does_not_lead_around_the_limit(daily):
    for _ in range(3):
        row = ask(daily, way="form")
        confirmations.send(row.pk)
        subscriptions.unsubscribe(row.subscriber, source="page")

    assert len(outbox.outbox) == 1


def test_a_number_and_a_suppressed_address_get_no_mail(daily, organization):
    suppressions.suppress(organization=organization, kind="domain", value="blocked.example")

    for who in ({"email": "ann@blocked.example"}, {"phone": "+4520123456"}):
        row = subscriptions.subscribe(daily, source="page", **who)
        assert row.status == "unconfirmed"
        assert not confirmations.send(row.pk)

    assert outbox.outbox == []


def test_a_relay_that_is_away_leaves_the_mail_due_and_the_sweep_sends_it(daily, monkeypatch):
    row = ask(daily)

    def away(*args):
        raise SMTPServerDisconnected("gone")

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", away)
        with pytest.raises(OSError, match="gone"):
            confirmations.send(row.pk)
    assert confirmations.sweep() == 0  # a task has it still

    with time_machine.travel(now() + timedelta(minutes=5)):
        assert confirmations.sweep() == 1
        assert confirmations.sweep() == 0

    assert len(outbox.outbox) == 1


def test_an_address_the_relay_refuses_for_good_is_not_tried_again(daily, monkeypatch):
    row = ask(daily)

    def refuse(*args):
        raise SMTPRecipientsRefused({"ann@example.com": (550, b"no such mailbox")})

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)

    assert not confirmations.send(row.pk)
    with time_machine.travel(now() + timedelta(minutes=5)):
        assert confirmations.sweep() == 0


def test_one_address_that_is_deferred_keeps_no_other_waiting(daily, monkeypatch):
    for name in ("ann", "ben"):
        ask(daily, f"{name}@example.com")
    plain = EmailBackend.send_messages

    def defer(backend, messages):
        if messages[0].to == ["ann@example.com"]:
            raise SMTPRecipientsRefused({"ann@example.com": (450, b"later")})
        return plain(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", defer)

    with time_machine.travel(now() + timedelta(minutes=5)):
        assert confirmations.sweep() == 1
    assert Subscription.objects.filter(confirmation_due_at__isnull=False).count() == 1


def test_who_has_left_meanwhile_gets_no_mail(daily):
    row = ask(daily)
    subscriptions.unsubscribe(row.subscriber, source="page")

    assert not confirmations.send(row.pk)
    assert outbox.outbox == []


# --- the link ----------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(daily):
    row = ask(daily, ip_address="192.0.2.1", wording="The form said so.")
    confirmations.send(row.pk)
    row.refresh_from_db()
    return row


def test_following_it_subscribes_and_keeps_where_they_first_asked(asked):
    row = confirmations.confirm(confirmations.token(asked), ip_address="192.0.2.9", wording="Yes.")

    row.refresh_from_db()
    assert (row.status, row.source, row.ip_address) == ("subscribed", "page", "192.0.2.1")
    assert row.confirmed_at == row.subscribed_at
    requested, confirmed = ConsentEvent.objects.all()
    assert (requested.kind, requested.ip_address, requested.wording) == ("requested", "192.0.2.1", "The form said so.")
    assert (confirmed.kind, confirmed.ip_address, confirmed.wording) == ("confirmed", "192.0.2.9", "Yes.")


def test_following_it_twice_is_like_once(asked):
    token = confirmations.token(asked)
    first = confirmations.confirm(token)
    first.refresh_from_db()

    again = confirmations.confirm(token)

    again.refresh_from_db()
    assert again.confirmed_at == first.confirmed_at
    assert ConsentEvent.objects.filter(kind="confirmed").count() == 1


@pytest.mark.parametrize(
    "harm", [lambda t: t[:-1], lambda t: t[1:], lambda t: "", lambda t: t + "x", lambda t: "9" + t, str.upper]
)
def test_a_forged_or_cut_link_is_none(asked, harm):
    with pytest.raises(LinkInvalid):
        confirmations.confirm(harm(confirmations.token(asked)))


def test_a_link_is_about_the_address_it_was_sent_to(asked):
    token = confirmations.token(asked)
    asked.subscriber.email = "other@example.com"
    asked.subscriber.save()

    with pytest.raises(LinkInvalid):
        confirmations.confirm(token)


def test_an_old_link_is_told_from_a_forged_one(asked, settings):
    token = confirmations.token(asked)

    with time_machine.travel(now() + timedelta(days=settings.CONFIRMATION_DAYS, minutes=1)), pytest.raises(LinkExpired):
        confirmations.confirm(token)


def test_links_outlive_a_new_key_until_the_old_one_is_dropped(asked, settings):
    token = confirmations.token(asked)
    settings.TRACKING_KEYS = ["new", *settings.TRACKING_KEYS]
    confirmations.find(token)

    settings.TRACKING_KEYS = ["new"]
    with pytest.raises(LinkInvalid):
        confirmations.find(token)


@race
def test_of_many_who_confirm_at_once_one_is_logged(asked):
    token = confirmations.token(asked)

    at_once(*[lambda: confirmations.confirm(token)] * 4)

    assert ConsentEvent.objects.filter(kind="confirmed").count() == 1


@race
def test_who_leaves_while_they_confirm_has_left(asked):
    token = confirmations.token(asked)

    at_once(
        lambda: confirmations.confirm(token),
        lambda: subscriptions.unsubscribe(asked.subscriber, source="page"),
        refusals=LinkOutdated,
    )

    asked.refresh_from_db()
    assert asked.status == "unsubscribed"
    assert ConsentEvent.objects.last().kind == "unsubscribed"


@race
def test_those_who_join_confirm_and_leave_at_once_do_not_wait_for_each_other_in_a_circle(asked, daily):
    token = confirmations.token(asked)
    acts = [
        lambda: confirmations.confirm(token),
        lambda: ask(daily, way="form"),
        lambda: ask(daily, wording="Yes"),
        lambda: subscriptions.unsubscribe(asked.subscriber, source="page"),
        lambda: subscriptions.bounce(asked.subscriber, source="ingest"),
    ]

    for _ in range(5):
        at_once(*acts, refusals=(LinkOutdated, StaysOut))


@race
def test_of_many_tasks_at_once_one_sends(daily):
    row = SubscriptionFactory(mailing_list=daily, status="unconfirmed", subscribed_at=None, confirmation_due_at=now())

    at_once(*[lambda: confirmations.send(row.pk)] * 4)

    assert len(outbox.outbox) == 1
