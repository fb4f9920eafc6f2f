"""What a message will look like before anybody gets it: on the screen, and as a test in somebody's mailbox."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from accounts.actors import Actor, Surface
from accounts.models import Organization
from accounts.permissions import Permission, may
from audience.addresses import normalise_email, normalise_phone
from audience.fields import person
from audience.models import Subscriber, Subscription
from campaigns import merge_fields
from campaigns.errors import NotAllowed, NotReady
from campaigns.models import Campaign, Channel, Variant
from content.addressing import Addressing
from content.fields import named_otherwise
from content.models import Email
from content.previews import preview_email, preview_sms
from content.sms import Parts
from delivery import direct
from delivery.errors import CannotSend
from delivery.headers import ascii_domain
from delivery.rendering import Source, compiled, compiled_sms
from delivery.retries import Accepted, Outcome
from delivery.system_values import SystemValues, joined_by
from delivery.transports import Message, Unreachable
from delivery.transports.choice import transport_for
from tracking.bounces.return_addresses import return_address

MOST_TESTS = 10
MARK = "[Test]"
MARK_OF_SEVERAL = "[Test {name}]"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What one person would see. `html` is what an author wrote: show it in a sandboxed frame only. `sms` says what the
    text of an SMS costs, and `foreign` which characters make it cost more; both are empty for an email."""

    subject: str = ""
    from_name: str = ""
    html: str = ""
    text: str = ""
    sms: Parts | None = None
    foreign: str = ""


def preview(source: Campaign | Variant | Email, subscriber: Subscriber | None = None) -> Preview:
    """The first variant of a campaign, one variant, or an email, as this person (or nobody in particular) would see it.

    Untracked, and the links behind it are nobody's. Nothing chosen yet is an empty preview. Raises
    content.errors.ContentError with what is wrong.
    """
    content = _content(source)
    values = merge_values(subscriber)
    if isinstance(content, str):
        shown = preview_sms(content, values)
        return Preview(text=shown.text, sms=shown.parts, foreign=shown.foreign)
    if content is None:
        return Preview()
    seen = preview_email(
        content, values, fields=merge_fields.of_email(content), system=_system(source, content, subscriber)
    )
    return Preview(subject=seen.subject, from_name=seen.from_name, html=seen.html, text=seen.text)


def merge_values(subscriber: Subscriber | None) -> dict[str, Any]:
    """What an email to this person may say: all they are known by, with the fields of the list they joined first."""
    if subscriber is None:
        return {}
    subscription = _first_subscription(subscriber)
    columns = {"email": subscriber.email, "phone": subscriber.phone, "fields": subscriber.fields}
    return person(columns, subscription.fields if subscription else None)


def send_test(
    source: Campaign | Variant | Email,
    addresses: Sequence[str],
    *,
    by: Actor,
    subscriber: Subscriber | None = None,
) -> dict[str, Outcome]:
    """Send it for real, marked as a test, to at most MOST_TESTS addresses (phone numbers for an SMS): untracked, and
    counted nowhere. The merge fields are the subscriber's, if one is named.

    Returns what became of each address. Raises NotAllowed, NotReady, InvalidAddress, ContentError, and CannotSend when
    the relay takes none of them.
    """
    organization, campaign = _owner(source)
    if by.surface != Surface.SYSTEM and not may(by.user, Permission.UPDATE, organization):
        raise NotAllowed(f"You may not send tests for {organization}.")
    content = _content(source)
    cleaned = _cleaned(source, addresses)
    system = _system(source, content, subscriber) if isinstance(content, Email) else {}
    values = merge_values(subscriber)
    messages = _tests(content, cleaned, values, organization, campaign, system=system, mark=_mark(source))
    channel = Channel.SMS if isinstance(content, str) else Channel.EMAIL
    transport = transport_for(channel, organization_id=organization.pk, patience=direct.PATIENCE)
    try:
        outcomes = direct.send(messages, transport)
    except Unreachable as error:
        raise CannotSend(str(error)) from error
    return _judged({address: outcomes[number] for number, address in enumerate(cleaned) if number in outcomes})


def _mark(source: Campaign | Variant | Email) -> str:
    """What comes before the subject; of several variants it says which one."""
    if isinstance(source, Variant) and source.campaign.variants.count() > 1:
        return MARK_OF_SEVERAL.format(name=source.name)
    return MARK


def _system(source: Campaign | Variant | Email, content: Email, subscriber: Subscriber | None) -> dict[str, Any]:
    """What would be known of the campaign and the list; nothing for an email in our own language."""
    if not named_otherwise(content):
        return {}
    organization, campaign = _owner(source)
    author = campaign.created_by if campaign else content.created_by
    values = SystemValues.of_draft(organization, campaign, author=author)
    given = values.values(joined_by(_first_subscription(subscriber)), sender=content.from_email)
    return {**given, "__subscriber_id": subscriber.pk} if subscriber else given


def _first_subscription(subscriber: Subscriber | None) -> Subscription | None:
    if subscriber is None:
        return None
    return subscriber.subscriptions.kept().select_related("mailing_list").order_by("pk").first()


def _judged(outcomes: dict[str, Outcome]) -> dict[str, Outcome]:
    """Refused by all, it is an error; refused by some, the caller says so."""
    if not any(isinstance(outcome, Accepted) for outcome in outcomes.values()):
        replies = {f"{address}: {outcome.code or ''} {outcome.text}" for address, outcome in outcomes.items()}
        raise CannotSend(f"The test was not taken. {' '.join(sorted(replies))}")
    return outcomes


def _content(source: Campaign | Variant | Email) -> Email | str | None:
    """An email, or the text of an SMS."""
    if isinstance(source, Email):
        return source
    variant = source if isinstance(source, Variant) else source.variants.select_related("email").first()
    if variant is None:
        return None
    return variant.sms_body if variant.campaign.channel == Channel.SMS else variant.email


def _owner(source: Campaign | Variant | Email) -> tuple[Organization, Campaign | None]:
    if isinstance(source, Email):
        return source.organization, None
    campaign = source if isinstance(source, Campaign) else source.campaign
    return campaign.organization, campaign


def _cleaned(source: Campaign | Variant | Email, addresses: Sequence[str]) -> list[str]:
    if not addresses:
        raise NotReady({"addresses": ["Say where the test is to go."]})
    if len(addresses) > MOST_TESTS:
        raise NotReady({"addresses": [f"Send a test to at most {MOST_TESTS} addresses at a time."]})
    _, campaign = _owner(source)
    if campaign is None or campaign.channel == Channel.EMAIL:
        return [normalise_email(address) for address in addresses]
    country = campaign.edition.default_country_code if campaign.edition else ""
    return [normalise_phone(address, country) for address in addresses]


def _tests(
    content: Email | str | None,
    addresses: Sequence[str],
    values: dict[str, Any],
    organization: Organization,
    campaign: Campaign | None,
    *,
    system: dict[str, Any],
    mark: str = MARK,
) -> list[Message]:
    if content is None:
        raise NotReady({"email": ["Choose an email first."]})
    if isinstance(content, str):
        text = f"{mark} {compiled_sms(content).render(values)}"
        return [Message(number, settings.SMS_SENDER, address, text) for number, address in enumerate(addresses)]
    feedback_id = f"test:{campaign.public_id if campaign else content.public_id}:{organization.public_id}:broadsheet"
    sender = return_address(run_id=0, recipient_id=0, default=content.from_email)  # of no run: its bounce is nobody's
    return [
        Message(number, sender, address, _mail(content, values, system, address, feedback_id, mark))
        for number, address in enumerate(addresses)
    ]


def _mail(
    email: Email, values: dict[str, Any], system: dict[str, Any], address: str, feedback_id: str, mark: str
) -> bytes:
    known = merge_fields.of_email(email)
    source = Source.of(email, run_id=0, fields=known, tracked=False, subject=f"{mark} {email.subject}")
    domain = ascii_domain(email.from_email.rpartition("@")[2]) or "localhost"
    addressing = Addressing(
        recipient_id=0,
        subscriber_id=0,
        to_address=address,
        message_id=f"<test.{secrets.token_hex(10)}@{domain}>",
        headers=(("Feedback-ID", feedback_id),),
        system=system,
    )
    return compiled(source, settings.BASE_URL).render(values, addressing)
