"""Ids of things that have none of their own: `sup_000000000000000004c2` names the suppression with the key 5618.

Tables of millions do without a column and an index for it; their ids have the form of all others.
"""

import re
import string

DIGITS = string.digits + string.ascii_lowercase
LARGEST_KEY = 2**63 - 1
_ID = re.compile(r"([a-z]{3})_([0-9a-z]{20})")


def numbered_id(prefix: str, key: int) -> str:
    return f"{prefix}_{written(key):0>20}"


def key_of(prefix: str, public_id: str) -> int | None:
    """The key in an id that `numbered_id` made; None for any other text."""
    found = _ID.fullmatch(public_id)
    if found is None or found[1] != prefix:
        return None
    return read(found[2])


def written(key: int) -> str:
    """The key in base 36."""
    letters = ""
    while key:
        key, digit = divmod(key, 36)
        letters = DIGITS[digit] + letters
    return letters or "0"


def read(letters: str) -> int | None:
    """What `written` wrote; None for what can be nobody's key."""
    if not re.fullmatch(r"[0-9a-z]{1,20}", letters):
        return None
    key = int(letters, 36)
    return key if 0 < key <= LARGEST_KEY else None
