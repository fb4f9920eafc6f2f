"""What somebody typed, made fit for a line of a mail."""

import unicodedata

LONGEST = 100


def one_line(text: str, length: int = LONGEST) -> str:
    """Safe in a header: no line breaks, no control characters, not too long."""
    spaced = "".join(" " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each for each in text)
    tidied = " ".join(spaced.split())
    return tidied if len(tidied) <= length else tidied[: length - 1] + "…"
