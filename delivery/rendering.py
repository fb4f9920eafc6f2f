"""From a recipient and what its run says to the message they get.

What a run says is its ContentSnapshot, compiled once a process. A `Row` brings all else that is needed, so that
messages can be made while others are on the wire, without a query.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, Self

from django.conf import settings
from django.db.models import QuerySet

from audience.fields import person
from campaigns.models import CampaignRun, Channel, ContentSnapshot
from content.addressing import Addressing
from content.analytics import Analytics
from content.compile import CompiledMessage, CompiledSms, Contents, Said, compile_email, compile_sms, said_by
from content.merge.languages import Fields
from delivery import dispatches
from delivery.headers import RunHeaders
from delivery.models import Recipient
from delivery.system_values import Joined, SystemValues
from delivery.transports import Message
from tracking.bounces.return_addresses import return_address


class Row(NamedTuple):
    """A recipient with what a message to them is made of."""

    recipient_id: int
    subscriber_id: int
    variant_id: int
    address: str
    attempts: int
    email: str | None
    phone: str
    fields: dict[str, Any]
    list_fields: dict[str, Any] | None
    list_id: str | None
    list_name: str | None
    list_number: int | None
    joined_at: datetime | None
    joined_from: str | None
    confirmed_at: datetime | None

    @property
    def joined(self) -> Joined:
        """Through which list the person is reached."""
        return Joined(self.list_number, self.list_name or "", self.joined_at, self.joined_from, self.confirmed_at)

    @property
    def person(self) -> dict[str, Any]:
        """The merge values."""
        return person({"email": self.email, "phone": self.phone, "fields": self.fields}, self.list_fields)

    @property
    def mailing_list(self) -> tuple[str, str] | None:
        return (self.list_id, self.list_name or "") if self.list_id else None


COLUMNS = (
    "pk",
    "subscriber_id",
    "variant_id",
    "address",
    "attempts",
    "subscriber__email",
    "subscriber__phone",
    "subscriber__fields",
    "subscription__fields",
    "subscription__mailing_list__public_id",
    "subscription__mailing_list__name",
    "subscription__mailing_list_id",
    "subscription__subscribed_at",
    "subscription__ip_address",
    "subscription__confirmed_at",
)


def rows(recipients: QuerySet[Recipient]) -> list[Row]:
    return list(map(Row._make, recipients.values_list(*COLUMNS)))


@dataclass(unsafe_hash=True, kw_only=True)
class Source(Said):
    """What an email is compiled from; equal sources compile once."""

    run_id: int
    fields: tuple[tuple[int, str, str], ...] = ()
    tracked: bool = True
    converts: bool = False
    opens: bool = True
    clicks: bool = True
    analytics: Analytics | None = None

    @classmethod
    def of(
        cls,
        email: Any,
        *,
        run_id: int,
        fields: Fields = (),
        tracked: bool = True,
        converts: bool = False,
        opens: bool = True,
        clicks: bool = True,
        analytics: Analytics | None = None,
        **changes: str,
    ) -> Self:
        """From an Email or a snapshot of one. The rest as in `content.compile.compile_email`."""
        known = tuple((number, key, name) for number, key, name in fields)
        return cls(
            run_id=run_id,
            fields=known,
            tracked=tracked,
            converts=converts,
            opens=opens,
            clicks=clicks,
            analytics=analytics,
            **said_by(email, **changes),
        )


@lru_cache(maxsize=32)
def compiled(source: Source, base_url: str) -> CompiledMessage:
    """Raises content.errors.ContentError."""
    return compile_email(
        source,
        run_id=source.run_id,
        base_url=base_url,
        tracked=source.tracked,
        converts=source.converts,
        opens=source.opens,
        clicks=source.clicks,
        analytics=source.analytics,
        fields=source.fields,
    )


@lru_cache(maxsize=32)
def compiled_sms(body: str) -> CompiledSms:
    """Raises content.errors.ContentError."""
    return compile_sms(body)


class Mails:
    """The messages of a run's emails, by variant."""

    def __init__(self, run: CampaignRun, contents: Iterable[ContentSnapshot]) -> None:
        self._variants: dict[int, tuple[CompiledMessage, RunHeaders, str]] = {}
        dispatch = dispatches.of(run.campaign)
        self._sender = dispatch.sender_email or ""
        # by this, programs of GreenArrow's find their campaign's messages
        self._extra = (("X-CampaignID", f"s4:{run.campaign_id}"),) if dispatch.pk else ()
        analytics = Analytics.of(run.campaign.analytics_domains, run.campaign.name)
        for content in contents:
            source = Source.of(
                content,
                run_id=run.pk,
                fields=content.known_fields,
                converts=run.campaign.tracks_conversions,
                opens=dispatch.tracks_opens,
                clicks=dispatch.tracks_clicks,
                analytics=analytics,
            )
            message = compiled(source, settings.BASE_URL)
            headers = RunHeaders.of(run, from_email=content.from_email)
            self._variants[content.variant_id] = (message, headers, content.from_email)
        has_system = any(mail.system for mail, *_ in self._variants.values())
        self._system = SystemValues.of(run) if has_system else None  # now, since later there is no query

    def message(self, row: Row) -> Message:
        """Raises content.errors.ContentError when this person's values break it."""
        mail, headers, from_email = self._variants[row.variant_id]
        sender = _sender(row, headers, from_email)
        content = mail.render(row.person, self._addressing(row, mail, headers, sender))
        return Message(row.recipient_id, sender, row.address, content, row.attempts)

    def contents(self, row: Row) -> Contents:
        """Subject and bodies, as the web version shows them."""
        mail, headers, from_email = self._variants[row.variant_id]
        return mail.contents(row.person, self._addressing(row, mail, headers, _sender(row, headers, from_email)))

    def _addressing(self, row: Row, mail: CompiledMessage, headers: RunHeaders, sender: str) -> Addressing:
        return Addressing(
            recipient_id=row.recipient_id,
            subscriber_id=row.subscriber_id,
            to_address=row.address,
            message_id=headers.message_id(row.recipient_id),
            headers=(*headers.headers(row.recipient_id, row.subscriber_id, row.mailing_list), *self._extra),
            sender=self._sender,
            system=self._system.values(row.joined, sender=sender) if self._system and mail.system else None,
        )


def _sender(row: Row, headers: RunHeaders, from_email: str) -> str:
    return return_address(run_id=headers.run_id, recipient_id=row.recipient_id, default=from_email)


class Texts:
    """The messages of a run's SMS, by variant."""

    def __init__(self, contents: Iterable[ContentSnapshot]) -> None:
        self._variants = {content.variant_id: compiled_sms(content.sms_body) for content in contents}

    def message(self, row: Row) -> Message:
        """Raises content.errors.ContentError when this person's values break it."""
        text = self._variants[row.variant_id].render(row.person)
        return Message(row.recipient_id, settings.SMS_SENDER, row.address, text, row.attempts)


def messages_of(run: CampaignRun) -> Mails | Texts:
    """What this run says, compiled. Raises content.errors.ContentError."""
    contents = list(run.contents.all())
    return Texts(contents) if run.campaign.channel == Channel.SMS else Mails(run, contents)


def render_recipient(recipient: Recipient) -> bytes | str:
    """The message exactly as this recipient got or gets it. Raises content.errors.ContentError."""
    run = CampaignRun.objects.select_related("campaign__organization").get(pk=recipient.run_id)
    (row,) = rows(Recipient.objects.filter(pk=recipient.pk))
    return messages_of(run).message(row).content
