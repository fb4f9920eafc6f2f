"""What people find in their mail: the messages in the inbox, with the links a mail program would see."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from urllib.parse import urlsplit

from accounts.models import Organization
from campaigns.models import Campaign
from delivery.models import InboxMessage

Channel = InboxMessage.Channel


@dataclass(kw_only=True)
class Delivered:
    """One message of a campaign, as its reader sees it; addresses are whole URLs."""

    recipient: str
    message_id: str
    subject: str
    has_text: bool
    one_click: str  # from List-Unsubscribe, where List-Unsubscribe-Post says that a POST will do
    pixels: list[str] = field(default_factory=list)
    clicks: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)
    unsubscribes: list[str] = field(default_factory=list)


def delivered(campaign: Campaign) -> Iterator[Delivered]:
    """The campaign's messages that the inbox accepted, oldest first."""
    of_organization = InboxMessage.objects.of(campaign.organization).filter(channel=Channel.EMAIL).order_by("pk")
    rows = of_organization.filter(message_id__startswith=f"<{campaign.public_id}.")
    return (opened(row.recipient, bytes(row.raw)) for row in rows.iterator(chunk_size=200))


def numbers(organization: Organization) -> list[str]:
    """To which text messages of this organization went."""
    texts = InboxMessage.objects.of(organization).filter(channel=Channel.SMS)
    return list(texts.values_list("recipient", flat=True))


def opened(recipient: str, raw: bytes) -> Delivered:
    message = message_from_bytes(raw, policy=default)
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    found = Delivered(
        recipient=recipient,
        message_id=str(message["Message-ID"]),
        subject=str(message["Subject"]),
        has_text=text is not None and bool(text.get_content().strip()),
        one_click=_one_click(message),
    )
    if html is not None:
        reader = _Addresses(found)
        reader.feed(html.get_content())
        reader.close()
    return found


def _one_click(message: EmailMessage) -> str:
    if message.get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click":
        return ""
    return str(message.get("List-Unsubscribe", "")).strip().removeprefix("<").removesuffix(">")


class _Addresses(HTMLParser):
    """Sorts the addresses of links and pictures by what is behind them."""

    def __init__(self, found: Delivered) -> None:
        super().__init__()
        self._kinds = {"/o/": found.pixels, "/c/": found.clicks, "/w/": found.views, "/u/": found.unsubscribes}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get({"a": "href", "img": "src"}.get(tag, "")) or ""
        kind = self._kinds.get(urlsplit(address).path[:3])
        if kind is not None and address not in kind:
            kind.append(address)
