"""What one mail that came back reports: bounces, complaints, deliveries; or why it reports nothing.

- delivery status notifications (RFC 3464 in a multipart/report, RFC 6522), one report a recipient;
- feedback reports (ARF, RFC 5965), also with the reader's address redacted (RFC 6590);
- bounces in the words of old and odd mail servers: flufl.bounce says whose, `causes` says why.

Nothing in such a mail can be believed but what we have signed ourselves: whose message it was is `whose`'s to say.
"""

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parseaddr
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from flufl.bounce import all_failures

from tracking.bounces.causes import Cause, cause_of, status_in
from tracking.spool import HitKind

logger = logging.getLogger(__name__)

MOST_PARSED = 128 * 1024  # bytes of a mail that are looked at: what it reports stands before the message it returns
MOST_READ = 20_000  # characters of its words
MOST_RECIPIENTS = 100
LONGEST_DIAGNOSTIC = 500
if TYPE_CHECKING:
    Mail = Message[str, str]
else:
    Mail = Message


class Nothing(StrEnum):
    """Why a mail reports nothing that could be counted."""

    AUTOMATIC = "automatic"
    DELAYED = "delayed"
    NO_REPORT = "no_report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is reported of one recipient. `address` is "" where the mail does not say it, or says it redacted."""

    kind: str
    address: str = ""
    cause: Cause | None = None
    status: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What the mail shows of the message it is about: header fields that may say whose it was."""

    message_id: str = ""
    feedback_id: str = ""
    unsubscribe_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """Reports, or the reason why there are none. `to`: where the mail was addressed to, most telling first."""

    reports: tuple[Report, ...] = ()
    nothing: Nothing | None = None
    original: Original = Original()
    to: tuple[str, ...] = ()
    sender: str = ""
    subject: str = ""


def parse(raw: bytes) -> Parsed:
    """Never fails: what cannot be read reports nothing."""
    try:
        return _parsed(raw)
    except Exception:  # hostile input, such as parts in parts without end, which the standard library gives up on
        logger.warning("A mail that came back cannot be read.", exc_info=True)
        return Parsed(nothing=Nothing.NO_REPORT)


def _parsed(raw: bytes) -> Parsed:
    mail = message_from_bytes(raw[:MOST_PARSED], policy=policy.compat32)
    reports, nothing = _reports(mail)
    return Parsed(
        reports=tuple(reports[:MOST_RECIPIENTS]),
        nothing=None if reports else nothing,
        original=_original(mail),
        to=tuple(_addressed_to(mail)),
        sender=_address(_field(mail, "From")),
        subject=_field(mail, "Subject"),
    )


def _reports(mail: Mail) -> tuple[list[Report], Nothing]:
    parts = list(mail.walk())
    kinds = {part.get_content_type() for part in parts}
    if "message/feedback-report" in kinds:
        return _complaints(parts), Nothing.NO_REPORT
    if "message/delivery-status" in kinds:
        return _of_delivery_status(mail, parts)
    if "message/disposition-notification" in kinds or _is_absence(mail):
        return [], Nothing.AUTOMATIC
    return _free_form(mail)


# --- delivery status notifications ---------------------------------------------------------------------------------


def _of_delivery_status(mail: Mail, parts: Iterable[Mail]) -> tuple[list[Report], Nothing]:
    found, delayed = [], False
    for part in parts:
        if part.get_content_type() != "message/delivery-status":
            continue
        for group in _groups(part):
            delayed = delayed or _field(group, "Action").lower() == "delayed"
            if report := _of_group(group):
                found.append(report)
    if found or delayed:
        return found, Nothing.DELAYED
    return _free_form(mail)


def _groups(part: Mail) -> Iterator[Mail]:
    """The fields of each recipient (RFC 3464 section 2.3); the fields of the message come first and name none."""
    payload: Any = part.get_payload()
    for group in payload if isinstance(payload, list) else []:
        if "Final-Recipient" in group or "Original-Recipient" in group:
            yield group


def _of_group(group: Mail) -> Report | None:
    action = _field(group, "Action").lower().split(" ")[0]
    address = _typed_address(_field(group, "Original-Recipient")) or _typed_address(_field(group, "Final-Recipient"))
    if action == "delivered":
        return Report(kind=HitKind.DELIVERED, address=address)
    if action not in ("failed", "fail", ""):
        return None  # delayed, relayed, expanded: the end is not known yet
    diagnostic = _field(group, "Diagnostic-Code").partition(";")[2].strip() or _field(group, "Diagnostic-Code")
    status = _status(_field(group, "Status"), diagnostic)
    if not action and not status.startswith("5"):
        return None
    return _bounce(address, status, diagnostic)


def _status(written: str, diagnostic: str) -> str:
    """The status of the group, unless it is a general one and the server's own words have a better one."""
    stated = status_in(written)
    spoken = status_in(diagnostic)
    is_general = not stated or stated.endswith(".0.0")
    return spoken if spoken and is_general else stated


def _bounce(address: str, status: str, diagnostic: str) -> Report:
    words = " ".join(diagnostic.split())
    return Report(
        kind=HitKind.BOUNCED,
        address=address,
        cause=cause_of(status, words),
        status=status,
        diagnostic=words[:LONGEST_DIAGNOSTIC],
    )


def _typed_address(field: str) -> str:
    """`rfc822; bob@example.com`, with or without its type and brackets; utf-8 types are as they are."""
    kind, semicolon, address = field.partition(";")
    return _address(address if semicolon else kind)


# --- feedback reports ----------------------------------------------------------------------------------------------


def _complaints(parts: Iterable[Mail]) -> list[Report]:
    """One for each recipient named (RFC 5965 section 3.2); redacted ones are nobody's address, the report still counts.

    `not-spam` (RFC 6430) takes a complaint back and is none; authentication failures (RFC 6591) are about us.
    """
    found = []
    for part in parts:
        if part.get_content_type() != "message/feedback-report":
            continue
        fields = _fields_of(part)
        if _field(fields, "Feedback-Type").lower() not in ("abuse", "fraud", "virus", "opt-out", "other", ""):
            continue
        named = [_address(str(value)) for value in fields.get_all("Original-Rcpt-To", [])]
        words = _field(fields, "Feedback-Type").lower()
        found += [Report(kind=HitKind.COMPLAINED, address=each, diagnostic=words) for each in named or [""]]
    return found


def _fields_of(part: Mail) -> Mail:
    """The standard library reads what is below a message type as a message."""
    payload: Any = part.get_payload()
    if isinstance(payload, list) and payload:
        fields: Mail = payload[0]
        return fields
    return message_from_bytes(str(payload).encode("utf-8", "replace"), policy=policy.compat32)


# --- in words ------------------------------------------------------------------------------------------------------

_ABSENCE = re.compile(
    r"\b(out of (the )?office|auto(matic|matische|matisk)?[- ]?(reply|response|antwort|svar)|on (vacation|"
    r"holiday|leave)|"
    r"away from (my|the) (desk|office)|abwesenheit\w*|nicht im b[uü]ro|r[eé]ponse automatique|absence du bureau|"
    r"respuesta autom[aá]tica|fuera de la oficina|risposta automatica|verify your (e-?mail|message)|"
    r"confirm(ation)? (required|your message)|challenge)\b",
    re.IGNORECASE,
)
_DAEMON = re.compile(
    r"^(mailer-?daemon|postmaster|mail-?daemon|mdaemon|bounces?|mail ?delivery|daemon)\b", re.IGNORECASE
)
_FAILED_SUBJECT = re.compile(
    r"undeliver|delivery (status|fail|notification|problem)|fail(ed|ure)\b|returned mail|mail (delivery|system) "
    r"|could not be delivered|rejected|unzustellbar|non remis|no se (ha )?pud|mancata consegna|non-?delivery",
    re.IGNORECASE,
)
_COPY = re.compile(
    r"^(---|===).*(original|copy|below|returned|message header|begin).*$|^--+ ?(this is a copy|the message)"
    r"|^(received|return-path): |^original message (headers )?follows",
    re.IGNORECASE | re.MULTILINE,
)
_TELLING = re.compile(r"(?<![\d.:])[45]\d\d[ -]|(?<![\d.])[45]\.\d{1,3}\.\d{1,3}\b")


def _is_absence(mail: Mail) -> bool:
    if _FAILED_SUBJECT.search(_field(mail, "Subject")):
        return False
    return bool(_ABSENCE.search(_field(mail, "Subject"))) or "X-Autoreply" in mail or "X-Autorespond" in mail


def _free_form(mail: Mail) -> tuple[list[Report], Nothing]:
    temporary, permanent = _flufl(mail)
    words = _explanation(mail)
    if permanent:
        telling = _telling_lines(words)
        return [_bounce(each, status_in(telling), telling or words) for each in sorted(permanent)], Nothing.NO_REPORT
    if temporary:
        return [], Nothing.DELAYED
    if _comes_from_a_daemon(mail):
        if _FAILED_SUBJECT.search(_field(mail, "Subject")) and not _is_delay(mail):
            telling = _telling_lines(words)
            return [_bounce(_failed_address(mail, words), status_in(telling), telling or words)], Nothing.NO_REPORT
        return [], Nothing.DELAYED if _is_delay(mail) else Nothing.NO_REPORT
    return [], Nothing.AUTOMATIC if _is_automatic(mail) else Nothing.NO_REPORT


def _failed_address(mail: Mail, words: str) -> str:
    """As Exim and Postfix name it; nothing where several are named."""
    named = re.findall(r"^[ \t]*<([^<>\s@]+@[^<>\s@]+)>[:.]", words, re.MULTILINE)
    named += [address for _, address in getaddresses([_field(mail, "X-Failed-Recipients")])]
    found = {_address(each) for each in named} - {""}
    return found.pop() if len(found) == 1 else ""


def _flufl(mail: Mail) -> tuple[set[str], set[str]]:
    """Addresses with temporary and with permanent failures. The library expects mails to be well made."""
    try:
        temporary, permanent = all_failures(mail)
    except Exception:  # hostile input; a mail that it cannot read is read without it
        return set(), set()
    return _decoded(temporary), _decoded(permanent)


def _decoded(addresses: Iterable[bytes]) -> set[str]:
    return {address for each in addresses if (address := _address(each.decode("utf-8", "replace")))}


def _comes_from_a_daemon(mail: Mail) -> bool:
    """The null return path (RFC 5321 section 4.5.5), or what mail servers call themselves."""
    return _field(mail, "Return-Path") == "<>" or bool(_DAEMON.match(_address(_field(mail, "From"))))


def _is_delay(mail: Mail) -> bool:
    return bool(re.search(r"\b(delay|warning|deferred|still being retried)", _field(mail, "Subject"), re.IGNORECASE))


def _is_automatic(mail: Mail) -> bool:
    """RFC 3834 section 5, and what was there before it."""
    answered = _field(mail, "Auto-Submitted").lower() not in ("", "no")
    return answered or _field(mail, "Precedence").lower() in ("auto_reply", "bulk", "junk")


def _explanation(mail: Mail) -> str:
    """What the server says itself, up to where it shows the message."""
    for part in mail.walk():
        if part.get_content_maintype() == "text" and (text := _text(part)).strip():
            if part.get_content_type() == "text/html":
                text = re.sub(r"<[^<>]*>", " ", text)
            return _COPY.split(text, maxsplit=1)[0][:MOST_READ]
    return ""


def _telling_lines(words: str) -> str:
    """The lines with a reply or status code, and what follows each; nothing where there are none."""
    lines = words.splitlines()
    at = next((number for number, line in enumerate(lines) if _TELLING.search(line)), None)
    return "" if at is None else " ".join(line.strip() for line in lines[at : at + 4])


# --- the message it is about ---------------------------------------------------------------------------------------

_TOKEN = re.compile(r"/u/([A-Za-z0-9_-]{16,100})(?![A-Za-z0-9_-])")


def _original(mail: Mail) -> Original:
    fields = _returned_fields(mail)
    found = _TOKEN.search(_field(fields, "List-Unsubscribe"))
    return Original(
        message_id=_field(fields, "Message-ID"),
        feedback_id=_field(fields, "Feedback-ID"),
        unsubscribe_token=found[1] if found else "",
    )


def _returned_fields(mail: Mail) -> Mail:
    for part in mail.walk():
        if part is mail:
            continue
        if part.get_content_type() == "message/rfc822":
            return _fields_of(part)
        if part.get_content_type() in ("text/rfc822-headers", "message/rfc822-headers", "text/rfc822"):
            return message_from_bytes(_text(part).encode("utf-8", "replace"), policy=policy.compat32)
    return _quoted_fields(mail)


def _quoted_fields(mail: Mail) -> Mail:
    """Of a message that is only copied into the text: from its first header field on."""
    text = "\n".join(_text(part) for part in mail.walk() if part.get_content_maintype() == "text")
    unquoted = re.sub(r"^(?:> ?|\|)", "", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    begins = re.search(r"^[ \t]*(?:Received|Return-Path|From|Message-ID|MIME-Version): ", unquoted, re.M | re.I)
    if begins is None:
        return Message()
    head = re.split(r"\n[ \t]*\n", unquoted[begins.start() :].lstrip(" \t"), maxsplit=1)[0]
    return message_from_bytes(head.encode("utf-8", "replace"), policy=policy.compat32)


# --- fields --------------------------------------------------------------------------------------------------------

_ADDRESSED = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "X-Forwarded-To", "Original-To", "To")


def _addressed_to(mail: Mail) -> Iterator[str]:
    for name in _ADDRESSED:
        for _, address in getaddresses([str(value) for value in mail.get_all(name, [])]):
            if "@" in address:
                yield address


def _field(mail: Mail, name: str) -> str:
    """Decoded, on one line; an encoding nobody knows leaves the field as it was written."""
    written = " ".join(str(mail.get(name, "")).split())
    try:
        decoded = str(make_header(decode_header(written)))
    except (ValueError, LookupError):
        decoded = written
    return decoded.replace("\0", "").encode("utf-8", "replace").decode()


def _address(written: str) -> str:
    """In lower case; nothing for what is none, such as a redacted one."""
    address = parseaddr(written.strip())[1].strip("<>").lower()
    local, at, domain = address.rpartition("@")
    return address if at and local and "." in domain and len(address) <= 254 and " " not in address else ""


def _text(part: Mail) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")
