"""What somebody typed: refused, or made fit for a line of a mail."""

import unicodedata

from django.core.exceptions import ValidationError

LONGEST = 100
# Control characters, line and paragraph separators, and halves of characters: each breaks a line somewhere.
BREAKING = frozenset({"Cc", "Zl", "Zp", "Cs"})


def breaks(text: str) -> bool:
    """Whether anything in it could end a line: of a header, of a log, of a page."""
    return not text.isprintable() and any(unicodedata.category(each) in BREAKING for each in text)


def validate_one_line(text: str) -> None:
    """For names, subjects and whatever else goes into headers of mails. Raises ValidationError."""
    if breaks(text):
        raise ValidationError("Line breaks and control characters are not allowed here; write it on one line.")


def one_line(text: str, length: int = LONGEST) -> str:
    """Safe in a header: no line breaks, no control characters, not too long."""
    spaced = "".join(" " if unicodedata.category(each) in BREAKING else each for each in text)
    tidied = " ".join(spaced.split())
    return tidied if len(tidied) <= length else tidied[: length - 1] + "…"
