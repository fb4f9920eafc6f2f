"""Double opt-in: the mail that asks somebody to confirm, the signed link in it, and what following the link does.

The mail waits in the database (`confirmation_due_at`), so that a lost task loses nothing: the sweep sends what is left.
It is plain, carries no tracking, and takes the relay that notices to the people who work here take. Looking at the
link changes nothing; see `tracking.joining_pages`.
"""

import hashlib
import logging
from datetime import timedelta
from functools import partial
from smtplib import SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.db import transaction
from django.urls import reverse
from django.utils.timezone import now

from accounts.texts import one_line
from audience import consent, erased, suppressions
from audience.consent import Evidence
from audience.errors import LinkExpired, LinkInvalid, LinkOutdated
from audience.joining import Outcome, Way, outcome
from audience.models import ConsentEvent, MailingList, Subscriber, Subscription

logger = logging.getLogger(__name__)

Status = Subscription.Status
ABUSE_WINDOW = timedelta(days=30)
# A task sends each mail at once; the sweep takes what is older than this.
LEFT_BEHIND = timedelta(minutes=2)
SWEPT = 500


# --- asking ------------------------------------------------------------------------------------------------------


def may_ask(row: Subscription) -> bool:
    """Whether one more mail may be sent: at most CONFIRMATION_MAILS in thirty days, with CONFIRMATION_WAIT_HOURS
    between them. The log counts, so that no other road leads around it."""
    asked = ConsentEvent.objects.filter(
        subscriber=row.subscriber_id,
        mailing_list=row.mailing_list_id,
        kind=consent.Kind.REQUESTED,
        recorded_at__gt=now() - ABUSE_WINDOW,
    )
    moments = list(asked.order_by("-recorded_at").values_list("recorded_at", flat=True)[: settings.CONFIRMATION_MAILS])
    if len(moments) >= settings.CONFIRMATION_MAILS:
        return False
    return not moments or moments[0] < now() - timedelta(hours=settings.CONFIRMATION_WAIT_HOURS)


def ask_again(row: Subscription, evidence: Evidence) -> bool:
    """Log the wish of somebody who is on the list in some state, and send the mail; False where that is too often.

    In a transaction, the row locked.
    """
    if not may_ask(row):
        return False
    consent.record([row], consent.Kind.REQUESTED, evidence)
    queue(row)
    return True


def queue(row: Subscription) -> None:
    """The mail is due: a task sends it after this transaction. A number cannot be mailed, nor what is suppressed."""
    email = row.subscriber.email
    if not email:
        return
    if suppressions.check(row.mailing_list.organization, email, mailing_list=row.mailing_list) is not None:
        return
    row.confirmation_due_at = now()
    Subscription.objects.filter(pk=row.pk).update(confirmation_due_at=row.confirmation_due_at)
    transaction.on_commit(partial(_send_soon, row.pk))


def _send_soon(subscription_id: int) -> None:
    from kombu.exceptions import OperationalError as BrokerGone

    from audience.tasks import send_confirmation  # the task calls `send`, below

    try:
        send_confirmation.delay(subscription_id)
    except BrokerGone:
        logger.warning("A confirmation mail could not be queued; the sweep sends it.", exc_info=True)


# --- sending -----------------------------------------------------------------------------------------------------


def send(subscription_id: int, connection: Any = None) -> bool:
    """Send the mail if it is due, once, however often this is called; whether it went out.

    Raises OSError (SMTPException is one) when the relay could not take it; then it is due as before.
    """
    row = _due().filter(pk=subscription_id).first()
    if row is None:
        return False
    moment = now()
    mine = Subscription.objects.filter(pk=row.pk, confirmation_due_at=row.confirmation_due_at)
    if not mine.update(confirmation_due_at=None, confirmation_sent_at=moment):
        return False
    try:
        mail(row, connection).send()
    except SMTPRecipientsRefused as refused:
        if all(code >= 500 for code, _ in refused.recipients.values()):
            logger.info("A confirmation mail was refused for good: %s", refused)
            return False
        _give_back(row, moment)
        raise
    except Exception:
        _give_back(row, moment)
        raise
    return True


def _due() -> Any:
    fresh = now() - timedelta(days=settings.CONFIRMATION_DAYS)
    rows = Subscription.objects.kept().filter(confirmation_due_at__gt=fresh, subscriber__email__isnull=False)
    return rows.select_related("subscriber", "mailing_list__organization", "mailing_list__edition")


def _give_back(row: Subscription, moment: Any) -> None:
    """Unless the person has decided meanwhile."""
    untouched = Subscription.objects.filter(pk=row.pk, confirmation_sent_at=moment)
    untouched.update(confirmation_due_at=row.confirmation_due_at, confirmation_sent_at=row.confirmation_sent_at)


def sweep() -> int:
    """Send what tasks left behind and what imports asked for; how many went out. Stops where the relay is away."""
    from django.core.mail import get_connection

    late = _due().filter(confirmation_due_at__lt=now() - LEFT_BEHIND).order_by("confirmation_due_at")
    waiting = list(late.values_list("pk", flat=True)[:SWEPT])
    if not waiting:
        return 0
    sent, connection = 0, get_connection()
    try:
        connection.open()
        for pk in waiting:
            sent += _try(pk, connection)
    except OSError:
        logger.warning("Confirmation mails wait: the relay is away.", exc_info=True)
    finally:
        connection.close()
    return sent


def _try(pk: int, connection: Any) -> bool:
    """One address the relay defers keeps no other waiting."""
    try:
        return send(pk, connection)
    except SMTPRecipientsRefused:
        logger.info("A confirmation mail was deferred by the relay.", exc_info=True)
        return False


def mail(row: Subscription, connection: Any = None) -> EmailMessage:
    """The mail as it goes out; `row` with its person and its list's organization and edition."""
    mailing_list, organization = row.mailing_list, row.mailing_list.organization
    days = settings.CONFIRMATION_DAYS
    lines = [
        mailing_list.confirmation_text.strip() or default_text(mailing_list),
        "",
        "To confirm, open this page and press the button:",
        link(row),
        "",
        f"The link works for {days} day{'' if days == 1 else 's'}. If you did not ask for this, do nothing: you will "
        "not be subscribed.",
        "",
        f"-- \n{one_line(organization.name)}",
    ]
    headers = {
        "Feedback-ID": f"confirmation:{mailing_list.public_id}:{organization.public_id}:broadsheet",
        "Auto-Submitted": "auto-generated",  # RFC 3834: no vacation replies
    }
    subject = one_line(mailing_list.confirmation_subject) or f"Please confirm: {one_line(mailing_list.name)}"
    to = [str(row.subscriber.email)]
    return EmailMessage(subject, "\n".join(lines), _sender(mailing_list), to, headers=headers, connection=connection)


def default_text(mailing_list: MailingList) -> str:
    return (
        f"Somebody, most likely you, asked to get “{one_line(mailing_list.name)}” from "
        f"{one_line(mailing_list.organization.name)} at this address."
    )


def _sender(mailing_list: MailingList) -> str | None:
    """The edition's sender; None for the installation's."""
    from email.utils import formataddr

    edition = mailing_list.edition
    if edition is None or not edition.from_email:
        return None
    return formataddr((one_line(edition.from_name or mailing_list.organization.name), edition.from_email))


# --- the link ----------------------------------------------------------------------------------------------------


def link(row: Subscription) -> str:
    return settings.BASE_URL + reverse("confirm", args=[token(row)])


def token(row: Subscription) -> str:
    """Signed with the keys that sign the links of campaigns; bound to the address it is sent to."""
    return _signer().sign(f"{row.pk}-{_fingerprint(row.subscriber)}")


def find(text: str) -> Subscription:
    """The subscription a link is about, with its person and list, expired or not.

    Raises LinkInvalid for a link that is forged, cut, or about an address the person has no more, and LinkExpired
    (with the subscription) for one that is too old.
    """
    expired = False
    try:
        value = _signer().unsign(text, max_age=timedelta(days=settings.CONFIRMATION_DAYS))
    except SignatureExpired:
        value, expired = _signer().unsign(text), True
    except BadSignature as forged:
        raise LinkInvalid("This link does not work.") from forged
    pk, _, fingerprint = value.partition("-")
    rows = Subscription.objects.kept().select_related("subscriber", "mailing_list__organization")
    row = rows.filter(pk=int(pk)).first()
    if row is None or _fingerprint(row.subscriber) != fingerprint:
        raise LinkInvalid("This link does not work.")
    if expired:
        raise LinkExpired(row)
    return row


def _signer() -> TimestampSigner:
    others: list[str | bytes] = list(settings.TRACKING_KEYS[1:])
    return TimestampSigner(key=settings.TRACKING_KEYS[0], fallback_keys=others, sep=".", salt="audience.confirmations")


def _fingerprint(person: Subscriber) -> str:
    return hashlib.sha256((person.email or "").encode()).hexdigest()[:16]


# --- following it ------------------------------------------------------------------------------------------------


def is_open(row: Subscription) -> bool:
    """Whether a link to this row counts: it was asked for, and the subscription has not ended since."""
    may_come = outcome(row.status, Way.CONFIRMED, confirms=True) != Outcome.REFUSE
    return row.confirmation_sent_at is not None and may_come


def confirm(text: str, *, ip_address: str | None = None, wording: str = "") -> Subscription:
    """Subscribe the person the link was sent to; asked again, it changes nothing.

    Raises LinkInvalid, LinkExpired, and LinkOutdated for a link from before the subscription ended: who unsubscribes
    after having asked stays unsubscribed.
    """
    found = find(text)
    with transaction.atomic():
        rows = Subscription.objects.select_for_update(of=("self",))
        row = rows.select_related("subscriber__organization", "mailing_list__organization").get(pk=found.pk)
        if row.status == Status.SUBSCRIBED:
            return row
        if not is_open(row):
            raise LinkOutdated("This link is from before the subscription ended.")
        evidence = Evidence(source="confirmation", ip_address=ip_address, wording=wording)
        consent.move([row], Status.SUBSCRIBED, evidence, kind=consent.Kind.CONFIRMED)
        erased.let_back_in(row.subscriber)
    return row
