"""MIME parts whose bytes are ready before a recipient is known, except for their slots (RFC 2045, RFC 2046).

Measured on one core for a 6 KB mail with ten tracked links (benchmarks/rendering.py): 800 messages a second by
`email.message.EmailMessage`, 12,000 when both parts are encoded anew for each recipient, 30,000 when slots are filled
in ready bytes. That is why literals are encoded here once.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from typing import Protocol

from content.merge.bodies import Body, Context, SlotBody

SOFT_BREAK = b"=\r\n"
# A value that quoted-printable leaves as it is, and that fits on a line of its own.
PLAIN_VALUE = re.compile(r"[!-<>-~](?:[ !-<>-~]{0,70}[!-<>-~])?")


class Part(Protocol):
    """A body with its transfer encoding."""

    encoding: str

    def render(self, context: Context) -> bytes:
        """The encoded body of one recipient; ends with CRLF."""
        ...


def part_of(body: Body, sample: str) -> Part:
    """The fastest part for this body, in the encoding that is shorter for text like `sample`."""
    if _is_shorter_in_base64(sample):
        return Base64Part(body)
    return QuotedSlots(body) if isinstance(body, SlotBody) else QuotedPart(body)


class QuotedSlots:
    """Quoted-printable with the literals encoded once. Each slot stands between soft line breaks, so that no value
    can make a line too long or change how its neighbours are read."""

    encoding = "quoted-printable"

    def __init__(self, body: SlotBody) -> None:
        self._body = body
        self._template, self._places = _quoted_parts(body.parts)

    def render(self, context: Context) -> bytes:
        filled = [quoted_value(value) for value in self._body.fill(context)]
        written = self._template.copy()
        for place, slot in self._places:
            written[place] = filled[slot]
        return b"".join(written)


class QuotedPart:
    """Quoted-printable of the whole text, for programs."""

    encoding = "quoted-printable"

    def __init__(self, body: Body) -> None:
        self._body = body

    def render(self, context: Context) -> bytes:
        return quoted(self._body.render(context)) + b"\r\n"


class Base64Part:
    """Base64 of the whole text: groups of three bytes do not end where slots do."""

    encoding = "base64"

    def __init__(self, body: Body) -> None:
        self._body = body

    def render(self, context: Context) -> bytes:
        return base64_lines(self._body.render(context))


def part_headers(subtype: str, encoding: str) -> bytes:
    """The header lines of a text part, and the empty line after them."""
    lines = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return lines.encode("ascii")


def alternative(parts: Sequence[tuple[bytes, Part]], boundary: str) -> "list[bytes | Part]":
    """The frame of multipart/alternative, the plainest part first, from MIME-Version to the last boundary."""
    frame: list[bytes | Part] = [
        f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'.encode("ascii")
    ]
    for lines, part in parts:
        frame += [f"--{boundary}\r\n".encode("ascii") + lines, part]
    return [*frame, f"--{boundary}--\r\n".encode("ascii")]


def quoted(text: str) -> bytes:
    """Quoted-printable lines of at most 76 characters, without a line end of their own at the end."""
    encoded = binascii.b2a_qp(text.encode(), istext=True)
    return encoded.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def quoted_value(value: str) -> bytes:
    """A slot's value, followed by a soft break unless there is nothing to follow."""
    if PLAIN_VALUE.fullmatch(value):
        return value.encode("ascii") + SOFT_BREAK
    return _open_ended(quoted(value)) if value else b""


def base64_lines(text: str) -> bytes:
    encoded = base64.b64encode(text.replace("\n", "\r\n").encode())
    return b"\r\n".join([encoded[start : start + 76] for start in range(0, len(encoded), 76)]) + b"\r\n"


def boundary(*texts: str) -> str:
    """The same for the same mail, so that a message that is rendered again is the same message. `=_` cannot occur in
    quoted-printable or base64."""
    return "=_" + hashlib.sha256("\0".join(texts).encode()).hexdigest()[:24]


def _quoted_parts(parts: Sequence[str | int]) -> tuple[list[bytes], list[tuple[int, int]]]:
    """Encoded literals with gaps, and which slot goes into which gap."""
    template: list[bytes] = []
    places: list[tuple[int, int]] = []
    for place, part in enumerate(parts):
        if isinstance(part, int):
            places.append((place, part))
            template.append(b"")
            continue
        encoded = quoted(part)
        follows_slot = place + 1 < len(parts)
        template.append(_open_ended(encoded) if follows_slot and not encoded.endswith(b"\r\n") else encoded)
    template.append(b"\r\n")
    return template, places


def _open_ended(encoded: bytes) -> bytes:
    """With a soft break at the end; a last line that is full already is broken once more, not inside an escape."""
    start = encoded.rfind(b"\n") + 1
    if len(encoded) - start < 76:
        return encoded + SOFT_BREAK
    cut = start + 73
    while b"=" in encoded[cut - 2 : cut]:
        cut -= 1
    return encoded[:cut] + SOFT_BREAK + encoded[cut:] + SOFT_BREAK


def _is_shorter_in_base64(sample: str) -> bool:
    """Quoted-printable makes three bytes of one that is not ASCII, base64 four of three whatever they are."""
    raw = sample.encode()
    return sum(byte > 126 for byte in raw) * 6 > len(raw)
