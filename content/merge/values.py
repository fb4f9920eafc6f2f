"""Values of merge fields: what comes in, and how they read when they are written out.

Both ways of rendering (slots and programs) go through these two functions, so that they cannot differ.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Longer values are cut: one subscriber's field must not decide what a worker needs in memory.
MAX_VALUE_LENGTH = 10_000
MAX_VALUES = 100
LARGEST_NUMBER = 2**63

# What may not stand in a mail at all: control characters other than tab and line feed, halves of surrogate pairs.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def context_of(person: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """The values of these fields as the language sees them. What has no value (missing, None, blank) is left out, so
    that it is empty, false, and not `defined`."""
    context = {}
    for key in keys:
        value = plain(person.get(key))
        if value is not None:
            context[key] = value
    return context


def plain(value: Any) -> Any:
    """A str, bool, int, float or list of them, and never an object with methods; None if there is no value."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):  # what is larger is written in powers of ten, as text: no engine counts so far
        return value if abs(value) < LARGEST_NUMBER else repr(float(max(min(value, 1e308), -1e308)))
    if isinstance(value, list | tuple | set | frozenset):
        return [item for item in map(plain, list(value)[:MAX_VALUES]) if item is not None] or None
    text = cleaned(str(value)[:MAX_VALUE_LENGTH])
    return text if text and not text.isspace() else None


def cleaned(text: str) -> str:
    """Line ends as line feeds, and nothing that no mail may contain."""
    if text.isprintable():  # most values by far; a scan in C
        return text
    return FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def text_of(value: Any) -> str:
    """How a value reads: nothing for None, yes and no, 5 for 5.0, lists with commas."""
    if value.__class__ is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(text_of, value))[:MAX_VALUE_LENGTH]
    return str(value)
