"""The copy of a mail that anybody may read: nobody's merge values, no tracking, and no link that belongs to somebody.

Merge fields are empty, so that defaults show. A link to unsubscribe, to preferences, to the web version or to
forwarding goes, and what it leaves without a word in it goes with it. In the text part, its whole line goes.
"""

import html
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from django.conf import settings
from selectolax.lexbor import LexborHTMLParser, LexborNode

from content.compile import PATHS, Contents, EmailSource, Said, said_by
from content.links import LINK_FIELDS
from content.merge.languages import Fields
from content.plaintext import tidied
from content.previews import preview_email
from content.tokens import recipient_token

# Elements that only hold a line or a cell together; one that is left without words or pictures shows nothing.
AROUND = {
    "a",
    "b",
    "center",
    "div",
    "em",
    "font",
    "i",
    "li",
    "ol",
    "p",
    "small",
    "span",
    "strong",
    "td",
    "th",
    "tr",
    "ul",
}
SHOWS = "img, video, hr, svg, input, object"
BETWEEN = re.compile(r"[\s|·•–—/,‧∙-]*")
WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Headline:
    """What a list says of a mail: its subject, and the line that inboxes show after it."""

    subject: str
    summary: str


def headline(email: EmailSource, fields: Fields = ()) -> Headline:
    """Looks at neither body. `fields` as in `content.compile`. Raises BrokenTemplate."""
    said = preview_email(Said(**said_by(email, html="", text=email.preheader, body_format="")), {}, fields=fields)
    return Headline(said.subject, " ".join(said.text.split()))


def public_copy(email: EmailSource, fields: Fields = ()) -> Contents:
    """The HTML is what an author wrote: serve it with `content.sandbox`. Raises BrokenTemplate."""
    known = tuple((number, key, name) for number, key, name in fields)
    return _copy(Said(**said_by(email)), known, settings.BASE_URL, tuple(settings.TRACKING_KEYS))


@lru_cache(maxsize=32)
def _copy(source: Said, fields: Fields, base_url: str, _keys: tuple[str, ...]) -> Contents:
    said = preview_email(source, {}, fields=fields)
    personal = {f"{base_url}{path}{_nobodys(name)}" for name, path in PATHS}
    page = _without(said.html, personal, said.subject) if said.html else ""
    return replace(said, html=page, text=_lines_without(said.text, personal))


def _nobodys(field: str) -> str:
    return recipient_token(LINK_FIELDS[field], run_id=0, recipient_id=0, subscriber_id=0)


def _without(page: str, personal: set[str], title: str) -> str:
    tree = LexborHTMLParser(page)
    for node in tree.css("a[href], area[href]"):
        address = (node.attributes.get("href") or "").strip()
        if address in personal or ("href" in node.attributes and not address):  # a link that is empty without a person
            _take_out(node)
    named = LexborHTMLParser(f"<title>{html.escape(title)}</title>").css_first("title")
    if tree.head is not None and named is not None and tree.css_first("head title") is None:
        tree.head.insert_child(named)
    text = tree.html or ""
    for address in personal:  # written as text, or in another attribute
        text = text.replace(address, "")
    return text


def _take_out(node: LexborNode) -> None:
    """The node, what only stood between it and its neighbours, and what holds nothing any more."""
    parent = node.parent
    after = node.next
    if after is not None and after.tag == "-text" and BETWEEN.fullmatch(after.text_content or ""):
        after.decompose()
    node.decompose()
    if parent is None or parent.tag not in AROUND:
        return
    if not WORD.search(parent.text()) and parent.css_first(SHOWS) is None:
        _take_out(parent)


def _lines_without(text: str, personal: set[str]) -> str:
    kept = [line for line in text.splitlines() if not any(address in line for address in personal)]
    return tidied("\n".join(kept))
