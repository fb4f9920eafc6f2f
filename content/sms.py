"""How many parts an SMS takes: the GSM 7-bit alphabet (3GPP TS 23.038) where it suffices, UCS-2 otherwise."""

from dataclasses import dataclass
from typing import Literal

MAX_LENGTH = 1600
Encoding = Literal["GSM-7", "UCS-2"]

# 3GPP TS 23.038 section 6.2.1, in code order; the escape (0x1B) is left out, since it stands for no character.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Section 6.2.1.1: each takes the escape and a second septet.
EXTENDED = frozenset("\f^{}\\[~]|€")
# Septets or UTF-16 code units of a single message, and of each part of a longer one (a header of 6 octets joins them).
ROOM: dict[Encoding, tuple[int, int]] = {"GSM-7": (160, 153), "UCS-2": (70, 67)}


@dataclass(frozen=True, slots=True)
class Parts:
    """`units` are septets for GSM-7 and UTF-16 code units for UCS-2."""

    encoding: Encoding
    units: int
    parts: int

    @property
    def room(self) -> int:
        """Units that still fit into the last part."""
        single, joined = ROOM[self.encoding]
        return single - self.units if self.parts <= 1 else self.parts * joined - self.units


def count_parts(text: str) -> Parts:
    """The parts a network bills; no text is no part. A character of two units is never split between parts."""
    encoding: Encoding = "GSM-7" if BASIC.issuperset(text) or (BASIC | EXTENDED).issuperset(text) else "UCS-2"
    sizes = [_size(character, encoding) for character in text]
    single, joined = ROOM[encoding]
    units = sum(sizes)
    if units <= single:
        return Parts(encoding, units, 1 if text else 0)
    parts, used = 1, 0
    for size in sizes:
        parts, used = (parts, used + size) if used + size <= joined else (parts + 1, size)
    return Parts(encoding, units, parts)


def foreign_characters(text: str) -> str:
    """What keeps a text out of GSM-7, each character once, in order."""
    return "".join(dict.fromkeys(character for character in text if character not in BASIC | EXTENDED))


def _size(character: str, encoding: Encoding) -> int:
    if encoding == "GSM-7":
        return 2 if character in EXTENDED else 1
    return 2 if ord(character) > 0xFFFF else 1
