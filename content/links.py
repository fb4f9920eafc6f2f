"""The addresses in a mail: which links are tracked, and by which address they are reached.

A link is tracked when its scheme and host stand in the text. Where a merge field decides the host, it is left alone:
a redirect that leads wherever a subscriber's field says would lend our name to strangers.

Every place of a link has a position of its own, in the order of the HTML, also where the same URL occurs twice, so that
a report can tell the button from the footer. The text part and comments for Outlook repeat what the HTML says; there,
a URL that the HTML has takes the position of its first place.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote

from content.analytics import Analytics
from content.merge.bodies import Computed, Context, Named, Piece
from content.pieces import as_written
from content.tokens import MAX_URL_LENGTH, Purpose, link_token, recipient_token

CLICK, OPEN, PROBE = Named("__click"), Named("__open"), Named("__probe")
LINK_FIELDS = {
    "unsubscribe_url": Purpose.UNSUBSCRIBE,
    "view_url": Purpose.VIEW,
    "preferences_url": Purpose.PREFERENCES,
    "forward_url": Purpose.FORWARD,
}
HOST = re.compile(r"(https?://)([^/?#\\\s@]+)(?=([/?#])|$)", re.IGNORECASE)
# All that a URL may hold (RFC 3986); other characters are percent-encoded.
CLEAN = re.compile(r"[!#-;=?-Z\[\]_a-z~]+")
SAFE_SCHEMES = {"http", "https", "mailto", "tel", "sms"}
KEPT = "!#$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True, slots=True)
class Link:
    """A tracked link: its place in the mail, counted from 1, and its URL with merge fields as they were written."""

    position: int
    url: str


@dataclass
class LinkBook:
    """Gives links their positions and tracked addresses while a mail is compiled."""

    run_id: int
    base_url: str
    has_hidden_link: bool = False
    converts: bool = False
    has_pixel: bool = True
    follows_links: bool = True
    analytics: Analytics | None = None
    links: list[Link] = field(default_factory=list)
    _terms: dict[int, str] = field(default_factory=dict)
    _computed: int = 0

    def tracked(self, pieces: Sequence[Piece], *, repeats: bool = False, term: str = "") -> tuple[Piece, ...] | None:
        """What takes the place of this URL; None if it stays as it is. `repeats`: in a part that repeats the HTML.
        `term`: what web analytics are told about this place of it."""
        if not self.follows_links:
            return None
        head = pieces[0] if pieces and isinstance(pieces[0], str) else ""
        if len(pieces) == 1:
            return self._fixed(clean_url(head), repeats, term) if HOST.match(head.strip()) else None
        host = HOST.match(head.lstrip())
        if host is None or not host[3]:  # a merge field goes on right after the host, and so could change it
            return None
        position = self._position("".join(map(as_written, pieces)).strip(), repeats, term)
        self._computed += 1
        return (Computed(f"__link_{self._computed}", tuple(pieces), self._personal(position)),)

    def _fixed(self, url: str, repeats: bool, term: str) -> tuple[Piece, ...] | None:
        if len(url) > MAX_URL_LENGTH:
            return None
        token = self._token(self._position(url, repeats, term), url)
        return (f"{self.base_url}/c/", CLICK, f"/{token}")

    def _personal(self, position: int) -> Callable[[str, Context], str]:
        """Signed when the recipient's values are known; left as it is where those make it too long."""

        def address(text: str, context: Context) -> str:
            url = clean_url(text)
            if len(url) > MAX_URL_LENGTH:
                return url
            token = self._token(position, url)
            return f"{self.base_url}/c/{context[CLICK.name]}/{token}"

        return address

    def _token(self, position: int, url: str) -> str:
        added = self.analytics.parameters_for(url, self._terms[position]) if self.analytics else ""
        added = added if len(url) + len(added) <= MAX_URL_LENGTH else ""
        return link_token(run_id=self.run_id, position=position, url=url, converts=self.converts, added=added)

    def _position(self, url: str, repeats: bool, term: str) -> int:
        known = next((link.position for link in self.links if link.url == url), None) if repeats else None
        if known is None:
            self.links.append(Link(len(self.links) + 1, url))
            self._terms[len(self.links)] = term
        return known or len(self.links)


def clean_url(text: str) -> str:
    """The URL as it can stand in an HTTP header: ASCII, without blanks, an international host in its ASCII form."""
    url = text.strip()
    if CLEAN.fullmatch(url):
        return url
    host = HOST.match(url)
    if host and not host[2].isascii():
        with suppress(UnicodeError):
            url = host[1] + host[2].encode("idna").decode("ascii") + url[host.end() :]
    return quote(re.sub(r"[\t\r\n]", "", url), safe=KEPT)


def safe_address(text: str, context: Context) -> str:
    """The address, or `#` where its scheme is one that a program would run."""
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", re.sub(r"[\x00-\x20]", "", text), re.IGNORECASE)
    return text if scheme is None or scheme[1].lower() in SAFE_SCHEMES else "#"


def open_url(base_url: str, *, run_id: int, recipient_id: int, subscriber_id: int) -> str:
    token = recipient_token(Purpose.OPEN, run_id=run_id, recipient_id=recipient_id, subscriber_id=subscriber_id)
    return f"{base_url}/o/{token}.gif"


def unsubscribe_url(base_url: str, *, run_id: int, recipient_id: int, subscriber_id: int) -> str:
    """For the link in the text and for the List-Unsubscribe header (RFC 8058)."""
    token = recipient_token(Purpose.UNSUBSCRIBE, run_id=run_id, recipient_id=recipient_id, subscriber_id=subscriber_id)
    return f"{base_url}/u/{token}"


def view_url(base_url: str, *, run_id: int, recipient_id: int, subscriber_id: int) -> str:
    """The web version."""
    token = recipient_token(Purpose.VIEW, run_id=run_id, recipient_id=recipient_id, subscriber_id=subscriber_id)
    return f"{base_url}/w/{token}"
