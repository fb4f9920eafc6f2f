"""Header lines from any text: no value can begin a header of its own, or add a recipient.

RFC 5322 (lines, addresses), RFC 2047 (text that is not ASCII), RFC 6532 (local parts that are not ASCII, which have no
other spelling). Lines are returned whole, with their CRLF: at most 998 bytes long, 78 where they can be folded.
"""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from content.errors import BadAddress

LINE = 78
LONGEST_LINE = 998
LONGEST_ADDRESS = 320
LONGEST_DISPLAY = 200
WORD_LINE = 76  # RFC 2047 section 2: a line that holds an encoded word
# Line breaks of any alphabet, tabs, controls, and what cannot be written as UTF-8: a header is one line of text.
BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
PLAIN_ADDRESS = re.compile(rf"{ATOM}+(?:\.{ATOM}+)*@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
DOT_ATOM = re.compile(rf"(?:{ATOM}|[^\x00-\x7f])+(?:\.(?:{ATOM}|[^\x00-\x7f])+)*")
DOMAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
PLAIN_NAME = re.compile(rf"{ATOM}+(?: {ATOM}+)*")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,70}")
MESSAGE_ID = re.compile(rf"<{ATOM}+(?:\.{ATOM}+)*@[A-Za-z0-9._-]+>")
LITERAL_IN_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def single_line(text: str) -> str:
    """The text with every run of breaking characters as one space, and none at the ends."""
    return text.strip(" ") if text.isprintable() else BREAKING.sub(" ", text).strip(" ")


def unstructured(name: str, text: str) -> bytes:
    """A line of text, such as a subject. Raises ValueError for a name that no header can have."""
    start, text = f"{header_name(name)}: ", single_line(text)
    if text.isascii() and "=?" not in text:
        if len(start) + len(text) <= LINE:
            return f"{start}{text}\r\n".encode("ascii")
        if folded := _folded(start + text):
            return f"{folded}\r\n".encode("ascii")
    return f"{start}{_encoded(text, WORD_LINE - len(start))}\r\n".encode("ascii")


def mailbox(name: str, address: str, display: str = "") -> bytes:
    """A line with exactly one address, such as From or To. Raises BadAddress."""
    written, display = addr_spec(address), single_line(display)[:LONGEST_DISPLAY]
    start = f"{header_name(name)}: "
    if not display:
        return f"{start}{written}\r\n".encode()
    phrase = _phrase(display, len(start))
    last_line = len(phrase.rsplit("\r\n", 1)[-1]) + (0 if "\r\n" in phrase else len(start))
    gap = " " if last_line + len(written) + 3 <= LINE else "\r\n "
    return f"{start}{phrase}{gap}<{written}>\r\n".encode()


def addr_spec(address: str) -> str:
    """One address as it is written in a header, its domain in ASCII. Raises BadAddress."""
    if len(address) > LONGEST_ADDRESS:
        raise BadAddress("An email address has at most 254 characters.")
    if PLAIN_ADDRESS.fullmatch(address):
        return address
    local, _, domain = single_line(address).rpartition("@")
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    if not local or not DOMAIN.fullmatch(ascii_domain):
        raise BadAddress(f"{address!r} is not an email address.")
    if not DOT_ATOM.fullmatch(local):
        if not local.isascii():
            raise BadAddress(f"{address!r} is not an email address.")
        local = '"' + local.strip('"').replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{local}@{ascii_domain}"


def needs_smtputf8(address: str) -> bool:
    """Whether a server must offer SMTPUTF8 (RFC 6531) for a message to this address."""
    return not address.rpartition("@")[0].isascii()


def message_id(value: str) -> bytes:
    """The line of a Message-ID; raises ValueError for one that is none."""
    if not MESSAGE_ID.fullmatch(value) or len(value) > LONGEST_LINE - 14:
        raise ValueError(f"{value!r} is not a Message-ID.")
    return f"Message-ID: {value}\r\n".encode("ascii")


def date(moment: datetime | None = None) -> bytes:
    """The line of a Date, now by default."""
    return _date(int((moment or datetime.now(UTC)).timestamp()))


@lru_cache(maxsize=512)
def header_name(name: str) -> str:
    """The name itself; raises ValueError for one that no header can have."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a header.")
    return name


@lru_cache(maxsize=4)  # a second holds thousands of messages
def _date(seconds: int) -> bytes:
    return f"Date: {format_datetime(datetime.fromtimestamp(seconds, UTC))}\r\n".encode("ascii")


def _phrase(display: str, used: int) -> str:
    """A display name: atoms, a quoted string, or encoded words."""
    if PLAIN_NAME.fullmatch(display) and "=?" not in display:
        return display
    if display.isascii() and "=?" not in display:
        return '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _encoded(display, WORD_LINE - used)


def _folded(line: str) -> str:
    """The line broken before single spaces (a line of nothing but spaces would be lost), and not directly after the
    header's name; empty if a word in it is too long for any line."""
    lines, rest = [], line
    while len(rest) > LINE:
        places = [found.start() for found in re.finditer(r"(?<=[^ :]) (?=[^ ])", rest)]
        if not places:
            break
        at = max((place for place in places if place <= LINE), default=places[0])
        lines.append(rest[:at])
        rest = rest[at:]
    lines.append(rest)
    return "\r\n".join(lines) if max(map(len, lines)) <= LONGEST_LINE else ""


def _encoded(text: str, room: int) -> str:
    """RFC 2047 encoded words, one on each line, the first in `room` characters."""
    few_foreign = sum(not character.isascii() for character in text) * 6 < len(text)
    words = _q_words(text, room) if few_foreign else _b_words(text, room)
    return "\r\n ".join(words)


def _b_words(text: str, room: int) -> Iterator[str]:
    chunk, limit = b"", _b_bytes(room)
    for character in text:
        raw = character.encode()
        if chunk and len(chunk) + len(raw) > limit:
            yield f"=?utf-8?b?{base64.b64encode(chunk).decode()}?="
            chunk, limit = b"", _b_bytes(WORD_LINE - 1)
        chunk += raw
    yield f"=?utf-8?b?{base64.b64encode(chunk).decode()}?="


def _b_bytes(room: int) -> int:
    return max((min(room, 75) - len("=?utf-8?b??=")) // 4 * 3, 1)


def _q_words(text: str, room: int) -> Iterator[str]:
    chunk, limit = "", min(room, 75) - len("=?utf-8?q??=")
    for character in text:
        written = "".join(
            chr(byte) if byte in LITERAL_IN_WORD else "_" if byte == 0x20 else f"={byte:02X}"
            for byte in character.encode()
        )
        if chunk and len(chunk) + len(written) > limit:
            yield f"=?utf-8?q?{chunk}?="
            chunk, limit = "", 75 - len("=?utf-8?q??=")
        chunk += written
    yield f"=?utf-8?q?{chunk}?="
