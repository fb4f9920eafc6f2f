"""A reader sends a friend a copy of the mail they got.

The copy is the public one (`content.publication`): nothing in it is the reader's, and nothing in it can unsubscribe
them or count as theirs. Nobody can put words of their own into it but a name of letters, so that it carries no
stranger's message. The friend goes onto no list and is kept nowhere; who may not be mailed gets nothing, and nobody is
told.
"""

import html
import re
import secrets
from email.message import EmailMessage
from email.policy import SMTP

from accounts.models import Organization
from audience import erased, suppressions
from campaigns.models import Channel, ContentSnapshot
from content.compile import Contents
from content.headers import mailbox, message_id, unstructured
from content.publication import public_copy
from content.tokens import RecipientToken
from delivery import direct
from delivery.errors import CannotSend
from delivery.headers import ascii_domain
from delivery.models import Recipient
from delivery.retries import Accepted
from delivery.transports import Message, Unreachable
from delivery.transports.choice import transport_for
from tracking.bounces.return_addresses import return_address

# No dot, digit or slash: a mail program makes a link of anything that looks like one.
NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ '’-]){0,39}")


class NothingToForward(Exception):
    """The recipient, the campaign or what it said is not there, or it was no email."""


def said_to(who: RecipientToken) -> ContentSnapshot:
    """What the reader's message said, with its run, campaign and organization. Raises NothingToForward."""
    recipients = Recipient.objects.filter(pk=who.recipient_id, run=who.run_id, subscriber=who.subscriber_id)
    about = "run__campaign__organization"
    said = ContentSnapshot.objects.filter(run=who.run_id, variant__in=recipients.values("variant"))
    found = said.filter(run__campaign__deleted_at=None, run__campaign__organization__is_active=True)
    content = found.select_related(about).first()
    if content is None or content.run.campaign.channel != Channel.EMAIL:
        raise NothingToForward
    return content


def is_welcome(organization: Organization, address: str) -> bool:
    """Whether this normalised address may be mailed at all."""
    return not (suppressions.check(organization, address) or erased.kept_out(organization, [address]))


def forward(content: ContentSnapshot, *, to: str, name: str = "") -> bool:
    """Send the copy to this normalised address; False where it may not be mailed. `name` is what the reader is called,
    matching NAME, or nothing.

    Raises CannotSend when the relay does not take it, and content.errors.ContentError.
    """
    organization = content.run.campaign.organization
    if not is_welcome(organization, to):
        return False
    sender = return_address(run_id=0, recipient_id=0, default=content.from_email)
    message = Message(0, sender, to, copy_for(content, to=to, name=name))
    transport = transport_for(Channel.EMAIL, organization_id=organization.pk, patience=direct.PATIENCE)
    try:
        outcome = direct.send([message], transport).get(0)
    except Unreachable as away:
        raise CannotSend(str(away)) from away
    if not isinstance(outcome, Accepted):
        raise CannotSend("The copy was not taken.")
    return True


def copy_for(content: ContentSnapshot, *, to: str, name: str = "") -> bytes:
    """A complete message. It has no List-Unsubscribe: there is no list to leave. Raises ContentError."""
    said, campaign = public_copy(content, content.known_fields), content.run.campaign
    domain = ascii_domain(content.from_email.rpartition("@")[2]) or "localhost"
    heads = [
        mailbox("From", content.from_email, said.from_name),
        mailbox("To", to),
        mailbox("Reply-To", content.reply_to) if content.reply_to else b"",
        unstructured("Subject", said.subject),
        message_id(f"<forward.{secrets.token_hex(10)}@{domain}>"),
        unstructured("Feedback-ID", f"forward:{campaign.public_id}:{campaign.organization.public_id}:broadsheet"),
        unstructured("Auto-Submitted", "auto-generated"),
    ]
    return b"".join(heads) + _body(said, why(campaign.organization, name))


def why(organization: Organization, name: str) -> str:
    return (
        f"{name or 'A reader'} got this mail from {organization.name} and sent you a copy."
        " You are on no list because of it."
    )


def _body(said: Contents, reason: str) -> bytes:
    body = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    body.set_content(f"{reason}\n\n{said.text}")
    if said.html:
        body.add_alternative(_with_reason(said.html, reason), subtype="html")
    return body.as_bytes()


def _with_reason(page: str, reason: str) -> str:
    note = f'<p style="font: 14px/1.5 sans-serif; padding: 12px">{html.escape(reason)}</p>'
    return re.sub(r"(<body\b[^>]*>)", lambda found: found[1] + note, page, count=1, flags=re.IGNORECASE)
