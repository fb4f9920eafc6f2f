"""From an email in a merge language to one compiled message, which is then rendered for each recipient.

Everything that is the same for all is done here once: parsing, inlining of styles, links and their tokens, the text
part, MIME and its transfer encodings. What is left are literals and slots, or a program where there is logic.
"""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from django.conf import settings

from content import headers, markup, mime, plaintext
from content.addressing import Addressing
from content.analytics import Analytics
from content.errors import BrokenTemplate
from content.links import CLICK, LINK_FIELDS, OPEN, PROBE, Link, LinkBook
from content.merge.bodies import Body, Context, Piece, SlotBody, body_of
from content.merge.engine import as_is, escaped
from content.merge.languages import Fields, parsed_part
from content.merge.markup_values import as_text
from content.merge.parsing import Parsed, parse
from content.merge.scanner import Literal
from content.merge.system import PREFIX
from content.merge.values import context_of, plain
from content.models import BodyFormat
from content.sms import MAX_LENGTH
from content.tokens import Purpose, recipient_token

PARTS = ("subject", "preheader", "from_name", "html", "text")


class EmailSource(Protocol):
    """What an email is compiled from: an Email, or the snapshot of one."""

    merge_language: str
    subject: str
    preheader: str
    from_name: str
    from_email: str
    reply_to: str
    html: str
    text: str
    body_format: str


@dataclass(unsafe_hash=True, kw_only=True)  # not frozen, since `EmailSource` has plain attributes; nobody writes them
class Said:
    """What an email says, by value: equal ones need to be compiled only once."""

    merge_language: str
    subject: str
    preheader: str
    from_name: str
    from_email: str
    reply_to: str
    html: str
    text: str
    body_format: str = ""


def said_by(email: EmailSource, **changes: str) -> dict[str, str]:
    """The values of a `Said`, with these changes; what is changed is not read, for it may be left in the database."""
    return {name: getattr(email, name) for name in Said.__dataclass_fields__.keys() - changes.keys()} | changes


@dataclass(frozen=True, slots=True)
class Contents:
    """A rendered message before it becomes MIME. `html` or `text` is empty where the message has no such part."""

    subject: str
    from_name: str
    html: str
    text: str


def compile_email(
    source: EmailSource,
    *,
    run_id: int,
    base_url: str,
    tracked: bool = True,
    converts: bool = False,
    opens: bool = True,
    clicks: bool = True,
    analytics: Analytics | None = None,
    fields: Fields = (),
) -> "CompiledMessage":
    """The message for one run. `tracked` replaces links (unless not `clicks`) and adds the pixel (unless not `opens`),
    and the hidden link if HIDDEN_LINK says so;
    `converts` has tracked links tell their targets who came, `analytics` from which campaign;
    `fields` are the custom fields there are (number, key, name), for languages that call them by their names. Raises
    BrokenTemplate."""
    parsed = parse_email(source, fields)
    book = LinkBook(run_id, base_url, has_hidden_link=settings.HIDDEN_LINK and clicks, converts=converts)
    book.has_pixel, book.follows_links, book.analytics = opens, clicks, analytics
    pieces = _bodies(source, parsed, book if tracked else None)
    named = {name for part in parsed.values() for name in part.fields}
    return CompiledMessage(source, pieces, fields=named, book=book, tracked=tracked)


def compile_sms(body: str) -> "CompiledSms":
    """Raises BrokenTemplate."""
    return CompiledSms(parse(body, part="sms_body"))


def parse_email(source: EmailSource, fields: Fields = ()) -> dict[str, Parsed]:
    """Each part that is written in the merge language. Raises BrokenTemplate, naming the part and the line."""
    language = source.merge_language
    return {name: parsed_part(getattr(source, name), language=language, part=name, fields=fields) for name in PARTS}


def _bodies(source: EmailSource, parsed: Mapping[str, Parsed], book: LinkBook | None) -> dict[str, list[Piece]]:
    """The pieces of html and text; empty for a part the message does not have."""
    made: dict[str, list[Piece]] = {"html": [], "text": []}
    has_html = bool(source.html.strip()) and source.body_format != BodyFormat.TEXT
    if has_html:
        page = markup.inlined(markup.protected(parsed["html"].segments))
        made["html"] = markup.finished(page, parsed["preheader"].segments, book)
    has_text = source.body_format != BodyFormat.HTML
    if has_text and source.text.strip():
        made["text"] = plaintext.written(parsed["text"].segments, book)
    elif has_text and has_html:
        made["text"] = plaintext.generated(page, book)
    made["subject"], made["from_name"] = list(parsed["subject"].segments), list(parsed["from_name"].segments)
    return made


class CompiledMessage:
    """An email for one run; render it for as many people as there are. Safe to share between threads."""

    def __init__(
        self,
        source: EmailSource,
        pieces: Mapping[str, Sequence[Piece]],
        *,
        fields: set[str],
        book: LinkBook,
        tracked: bool,
    ) -> None:
        self.fields = frozenset(name for name in fields - LINK_FIELDS.keys() if not name.startswith(PREFIX))
        self.system = frozenset(name for name in fields if name.startswith(PREFIX))
        self.links: tuple[Link, ...] = tuple(book.links)
        self._run_id, self._base_url = book.run_id, book.base_url
        used = [each for each in _TRACKING if each[0] is not PROBE or book.has_hidden_link] if tracked else []
        self._tokens = [(named.name, purpose) for named, purpose in used]
        self._tokens += [(name, purpose) for name, purpose in TOKEN_FIELDS.items() if name in fields]
        self._constants = {name: plain(value) for name, value in _of_source(source).items() if name in fields}
        self._addresses = [(name, place, LINK_FIELDS[name]) for name, place in PATHS if name in fields]
        self._bodies = {name: _body(name, pieces[name]) for name in ("subject", "from_name", "html", "text")}
        self._sender = source.from_email
        self._reply_to = source.reply_to
        self._html = pieces["html"]
        self._frame = _frame(self._bodies, pieces)

    def render(self, person: Mapping[str, Any], addressing: Addressing) -> bytes:
        """A complete RFC 5322 message with CRLF line ends, 7-bit unless the address itself is not ASCII.

        `person` is the merge values by key; missing ones are empty. Raises BrokenTemplate when logic fails for these
        values, BadAddress for an address that is none, ValueError for a header that may not be added.
        """
        context = self._context(person, addressing)
        return b"".join(
            [
                self._constant.get("from_name") or self._from(context),
                headers.mailbox("Sender", addressing.sender) if addressing.sender else b"",
                headers.mailbox("To", addressing.to_address, addressing.to_name),
                headers.mailbox("Reply-To", self._reply_to) if self._reply_to else b"",
                self._constant.get("subject") or self._subject(context),
                headers.date(addressing.date),
                headers.message_id(addressing.message_id),
                *(headers.unstructured(addressing.extra_name(name), value) for name, value in addressing.headers),
                *(part if isinstance(part, bytes) else part.render(context) for part in self._frame),
            ]
        )

    def contents(self, person: Mapping[str, Any], addressing: Addressing) -> Contents:
        """The same message as text and without the hidden link, for previews and the web version.

        Raises BrokenTemplate.
        """
        context = self._context(person, addressing)
        subject, name = (headers.single_line(self._bodies[part].render(context)) for part in ("subject", "from_name"))
        return Contents(subject, name, self._shown.render(context), self._bodies["text"].render(context))

    def _context(self, person: Mapping[str, Any], addressing: Addressing) -> Context:
        context = context_of(person, self.fields)
        ids = {
            "run_id": self._run_id,
            "recipient_id": addressing.recipient_id,
            "subscriber_id": addressing.subscriber_id,
        }
        if self.system:
            context |= self._system(addressing)
        for name, purpose in self._tokens:
            context[name] = recipient_token(purpose, **ids)
        for name, place, purpose in self._addresses:
            context[name] = f"{self._base_url}{place}{recipient_token(purpose, **ids)}"
        if FROM_NAME in self.system:  # as this person sees it
            context[FROM_NAME] = headers.single_line(self._bodies["from_name"].render(context))
        return context

    def _system(self, addressing: Addressing) -> dict[str, Any]:
        """What the sender of the message knows, for languages that have tags for it."""
        own = {
            "__seed": f"{self._run_id}:{addressing.subscriber_id}",
            "__subscriber_id": addressing.subscriber_id or None,
            "__sender_email": addressing.sender or None,
        }
        known = addressing.system or {}
        given = {name: plain(known[name]) for name in self.system if name in known}
        values = self._constants | own | given
        return {name: value for name, value in values.items() if value is not None and name in self.system}

    def _from(self, context: Context) -> bytes:
        return headers.mailbox("From", self._sender, self._bodies["from_name"].render(context))

    def _subject(self, context: Context) -> bytes:
        return headers.unstructured("Subject", self._bodies["subject"].render(context))

    @cached_property
    def _shown(self) -> Body:
        shown = markup.without_hidden_link(self._html)
        return _body("html", shown) if len(shown) < len(self._html) else self._bodies["html"]

    @cached_property
    def _constant(self) -> dict[str, bytes]:
        """Header lines that are the same for everybody. Not made before they are needed: a preview needs no sender."""
        lines = {"from_name": self._from, "subject": self._subject}
        fixed = {name: body for name, body in self._bodies.items() if isinstance(body, SlotBody) and not body.slots}
        return {name: line({}) for name, line in lines.items() if name in fixed}


class CompiledSms:
    """An SMS; render it for as many people as there are."""

    def __init__(self, parsed: Parsed) -> None:
        self.fields = frozenset(parsed.fields)
        self._body = body_of(parsed.segments)

    def render(self, person: Mapping[str, Any]) -> str:
        """The text for one person, without blanks at its ends. Raises BrokenTemplate when logic fails for these
        values, or when they make it longer than any SMS may be."""
        text = self._body.render(context_of(person, self.fields)).strip()
        if len(text) > MAX_LENGTH:
            raise BrokenTemplate(f"The SMS has {len(text)} characters of at most {MAX_LENGTH}.", part="sms_body")
        return text


FROM_NAME = "__from_name"
TOKEN_FIELDS = {"__unsubscribe_token": Purpose.UNSUBSCRIBE}
_TRACKING = ((CLICK, Purpose.CLICK), (OPEN, Purpose.OPEN), (PROBE, Purpose.PROBE))
# Where the page behind each of LINK_FIELDS is.
PATHS = (("unsubscribe_url", "/u/"), ("view_url", "/w/"), ("preferences_url", "/p/"), ("forward_url", "/f/"))


def _body(name: str, pieces: Sequence[Piece]) -> Body:
    try:
        if name == "html":
            return body_of(pieces, escape=escaped, unescape=html.unescape)
        return body_of(pieces, escape=as_text, finish=plaintext.tidied if name == "text" else as_is)
    except BrokenTemplate as problem:
        problem.part = problem.part or name
        raise


def _of_source(source: EmailSource) -> dict[str, str]:
    """What the email says of itself."""
    return {"__from_email": source.from_email, "__reply_to": source.reply_to}


def _frame(bodies: Mapping[str, Body], pieces: Mapping[str, Sequence[Piece]]) -> list[bytes | mime.Part]:
    """Everything after the addressing: MIME headers, parts and boundaries."""
    samples = {name: "".join(map(_literal, pieces[name])) for name in ("text", "html") if pieces[name]}
    parts = {name: mime.part_of(bodies[name], sample) for name, sample in samples.items()}
    if not parts:
        parts, samples = {"text": mime.part_of(bodies["text"], "")}, {"text": ""}
    kinds = {"text": "plain", "html": "html"}
    opened = [(mime.part_headers(kinds[name], part.encoding), part) for name, part in parts.items()]
    if len(opened) == 1:
        return [b"MIME-Version: 1.0\r\n", *opened[0]]
    return mime.alternative(opened, mime.boundary(*samples.values()))


def _literal(piece: Piece) -> str:
    return piece if isinstance(piece, str) else piece.text if isinstance(piece, Literal) else ""
