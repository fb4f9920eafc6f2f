"""Signed tokens in the links of a mail: who it went to and where it leads, checked without a database.

A token is base64url without padding over `key id (1 byte) | payload | MAC (10 bytes)`. The payload is varints (and, for
a link, its URL); the MAC is HMAC-SHA256, cut to 80 bits: the least RFC 2104 section 5 allows, and less than the half of
the hash it advises, because a forger has to try each guess against the web server. It is made under a key derived from
the tracking key and the purpose, so that a token of one purpose is worth nothing for
another. The first of `settings.TRACKING_KEYS` signs and all of them verify: put a new key in front to rotate.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from django.conf import settings

MAC_LENGTH = 10
# Longer than any token that is ever made, so that a flood of junk costs nothing.
MAX_TOKEN_LENGTH = 8192
MAX_URL_LENGTH = 4096
LARGEST_NUMBER = 2**63 - 1


class BadToken(Exception):
    """Forged, cut, made for another purpose, or signed with a key that is no longer known."""


class Purpose(Enum):
    """What a recipient's token may be used for; the value goes into the key derivation."""

    OPEN = b"open"
    CLICK = b"click"
    UNSUBSCRIBE = b"unsubscribe"
    VIEW = b"view"
    PREFERENCES = b"preferences"
    BOUNCE = b"bounce"
    FORWARD = b"forward"
    CONVERSION = b"conversion"
    PROBE = b"probe"


LINK = b"link"
# Stands before the URL of a link whose target is told who came: no URL begins with it.
CONVERTS = b"\x01"
# After it, and before the URL too: how many bytes of parameters follow, and those.
ADDS = b"\x02"


@dataclass(frozen=True, slots=True)
class RecipientToken:
    """Whom a message went to, in which run."""

    run_id: int
    recipient_id: int
    subscriber_id: int


@dataclass(frozen=True, slots=True)
class LinkToken:
    """A link of a run: `position` counts from 1 in the order of the message. `converts`: its target is told by whom it
    was reached, so that it can report a conversion. `added`: parameters that the URL gets on the way, `a=1&b=2`."""

    run_id: int
    position: int
    url: str
    converts: bool = False
    added: str = ""


@dataclass(frozen=True, slots=True)
class _Key:
    identity: int
    secret: bytes

    def mac(self, purpose: bytes, payload: bytes) -> bytes:
        return hmac.digest(_derived(self.secret, purpose), payload, "sha256")[:MAC_LENGTH]


def recipient_token(purpose: Purpose, *, run_id: int, recipient_id: int, subscriber_id: int) -> str:
    """About 28 characters; raises ValueError for a number below 0 or above 2^63 - 1."""
    return _sealed(purpose.value, _varint(run_id) + _varint(recipient_id) + _varint(subscriber_id))


def read_recipient_token(purpose: Purpose, token: str) -> RecipientToken:
    """Raises BadToken."""
    payload = _opened(purpose.value, token)
    run_id, payload = _read_varint(payload)
    recipient_id, payload = _read_varint(payload)
    subscriber_id, payload = _read_varint(payload)
    if payload:
        raise BadToken
    return RecipientToken(run_id, recipient_id, subscriber_id)


def bounce_word(*, run_id: int, recipient_id: int) -> str:
    """A token for the local part of an envelope sender (VERP): base32 in lower case, since mail servers on the way may
    change the case of it. 48 characters at most, usually 32; raises ValueError as `recipient_token` does."""
    token = recipient_token(Purpose.BOUNCE, run_id=run_id, recipient_id=recipient_id, subscriber_id=0)
    return base64.b32encode(_decoded(token)).rstrip(b"=").decode().lower()


def read_bounce_word(word: str) -> RecipientToken:
    """Whose message came back; the person (`subscriber_id`) is not in it, and 0. Raises BadToken."""
    try:
        raw = base64.b32decode(word.upper() + "=" * (-len(word) % 8))
    except (binascii.Error, ValueError) as problem:
        raise BadToken from problem
    return read_recipient_token(Purpose.BOUNCE, base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


def link_token(*, run_id: int, position: int, url: str, converts: bool = False, added: str = "") -> str:
    """Raises ValueError for a URL that has more than MAX_URL_LENGTH bytes with what is added to it."""
    target, more = url.encode(), added.encode()
    if len(target) + len(more) > MAX_URL_LENGTH:
        raise ValueError(f"A link may have {MAX_URL_LENGTH} bytes; this one has {len(target) + len(more)}.")
    kind = CONVERTS * converts + (ADDS + _varint(len(more)) + more if more else b"")
    return _sealed(LINK, _varint(run_id) + _varint(position) + kind + target)


def read_link_token(token: str) -> LinkToken:
    """Raises BadToken."""
    run_id, payload = _read_varint(_opened(LINK, token))
    position, payload = _read_varint(payload)
    converts, payload = payload.startswith(CONVERTS), payload.removeprefix(CONVERTS)
    added = b""
    if payload.startswith(ADDS):
        length, payload = _read_varint(payload[len(ADDS) :])
        added, payload = payload[:length], payload[length:]
    return LinkToken(run_id, position, payload.decode(), converts, added.decode())


def read_click(recipient: str, link: str) -> tuple[RecipientToken, LinkToken]:
    """The two halves of a click's address; raises BadToken also when they come from different runs."""
    who, where = read_recipient_token(Purpose.CLICK, recipient), read_link_token(link)
    if who.run_id != where.run_id:
        raise BadToken
    return who, where


def _sealed(purpose: bytes, payload: bytes) -> str:
    key = _key_ring(tuple(settings.TRACKING_KEYS))[0]
    raw = bytes((key.identity,)) + payload + key.mac(purpose, payload)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _opened(purpose: bytes, token: str) -> bytes:
    raw = _decoded(token)
    payload, mac = raw[1:-MAC_LENGTH], raw[-MAC_LENGTH:]
    for key in _key_ring(tuple(settings.TRACKING_KEYS)):
        if key.identity == raw[0] and hmac.compare_digest(key.mac(purpose, payload), mac):
            return payload
    raise BadToken


def _decoded(token: str) -> bytes:
    """The bytes of a token written in the one way we write it: Python's decoder skips foreign characters and spare
    bits, and then many spellings would pass as the same token."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise BadToken
    try:
        spelling = token.encode("ascii")
        raw = base64.urlsafe_b64decode(spelling + b"=" * (-len(spelling) % 4))
    except (UnicodeEncodeError, binascii.Error) as problem:
        raise BadToken from problem
    if len(raw) <= MAC_LENGTH + 1 or base64.urlsafe_b64encode(raw).rstrip(b"=") != spelling:
        raise BadToken
    return raw


@lru_cache(maxsize=16)
def _key_ring(secrets: tuple[str, ...]) -> tuple[_Key, ...]:
    return tuple(_Key(hashlib.sha256(b"key id " + secret.encode()).digest()[0], secret.encode()) for secret in secrets)


@lru_cache(maxsize=128)
def _derived(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"broadsheet tracking " + purpose, "sha256")


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit says that more follow."""
    if not 0 <= number <= LARGEST_NUMBER:
        raise ValueError(f"{number} cannot stand in a token.")
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _read_varint(payload: bytes) -> tuple[int, bytes]:
    """The number, and what follows it. Only signed bytes come here: a bad one means a token of another make."""
    number = 0
    for place, byte in enumerate(payload):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, payload[place + 1 :]
    raise BadToken
