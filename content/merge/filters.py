"""The filters of the merge language. Each takes whatever it is given, so that no odd value can fail a message, and
none makes more text than MAX_RESULT_LENGTH out of it."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote

from content.merge.values import MAX_VALUES, text_of

MAX_RESULT_LENGTH = 20_000
MAX_RANGE = 1_000
DATE_PARTS = {
    "%d": "{0:%d}",
    "%-d": "{0.day}",
    "%m": "{0:%m}",
    "%-m": "{0.month}",
    "%Y": "{0.year:04}",
    "%y": "{0:%y}",
    "%B": "{0:%B}",
    "%b": "{0:%b}",
    "%A": "{0:%A}",
    "%a": "{0:%a}",
    "%H": "{0:%H}",
    "%I": "{0:%I}",
    "%M": "{0:%M}",
    "%p": "{0:%p}",
}


class TooLarge(ValueError):
    """A filter would make more text than a message may have."""


def default(value: Any, other: Any = "", boolean: Any = True) -> Any:
    """`other` where the field has no value."""
    return other if value is None or (isinstance(value, str) and not value.strip()) else value


def upper(value: Any) -> str:
    return text_of(value).upper()


def lower(value: Any) -> str:
    return text_of(value).lower()


def title(value: Any) -> str:
    """The first letter of each word large; not the one after an apostrophe."""
    return re.sub(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*", lambda word: word[0].capitalize(), text_of(value))


def capitalize(value: Any) -> str:
    return text_of(value).capitalize()


def trim(value: Any) -> str:
    return text_of(value).strip()


def truncate(value: Any, length: Any = 80, end: Any = "…") -> str:
    """At most `length` characters, ending at a word where possible, `end` included."""
    text, room, mark = text_of(value), max(_whole(length), 0), text_of(end)
    if len(text) <= room:
        return text
    head = text[: max(room - len(mark), 0)]
    cuts_word = head.strip() and not (head[-1:].isspace() or text[len(head)].isspace())
    whole_words = head.rsplit(None, 1)[0] if cuts_word else head
    return f"{whole_words.rstrip()}{mark}"[:room]


def replace(value: Any, old: Any, new: Any = "") -> str:
    text, old, new = text_of(value), text_of(old), text_of(new)
    if not old:
        return text
    _require_room(len(text) + text.count(old) * max(len(new) - len(old), 0))
    return text.replace(old, new)


def urlencode(value: Any) -> str:
    """Safe in any place of a URL: everything but letters, digits and -_.~ is percent-encoded."""
    encoded = quote(text_of(value), safe="")
    _require_room(len(encoded))
    return encoded


def number(value: Any, digits: Any = 0, thousands: Any = ",", point: Any = ".") -> str:
    """1234.5|number(2) reads 1,234.50; what is no number stays as it is."""
    parsed = _number(value)
    if parsed is None:
        return text_of(value)
    marks = {",": text_of(thousands), ".": text_of(point)}
    written = f"{_rounded(parsed, _digits(digits)):,f}"
    return "".join(marks.get(character, character) for character in written)


def round_(value: Any, digits: Any = 0) -> Any:
    parsed = _number(value)
    return value if parsed is None else float(_rounded(parsed, _digits(digits)))


def int_(value: Any, other: Any = 0) -> Any:
    parsed = _number(value)
    return other if parsed is None else int(parsed)


def float_(value: Any, other: Any = 0) -> Any:
    parsed = _number(value)
    return other if parsed is None else float(parsed)


def abs_(value: Any) -> Any:
    parsed = _number(value)
    return value if parsed is None else abs(parsed)


def date_(value: Any, pattern: Any = "%-d %B %Y") -> str:
    """An ISO date or time in the form asked for; what is no date stays as it is."""
    text = text_of(value)
    try:
        moment: date = datetime.fromisoformat(text)
    except ValueError:
        return text
    return re.sub(r"%-?\w", lambda part: _date_part(part[0], moment), text_of(pattern))


def split(value: Any, separator: Any = ",") -> list[str]:
    """At most 100 parts, without the blanks around them; empty parts are left out."""
    parts = text_of(value).split(text_of(separator) or None)
    return [part.strip() for part in parts if part.strip()][:MAX_VALUES]


def join(value: Any, separator: Any = ", ") -> str:
    parts = [text_of(item) for item in _items(value)]
    _require_room(sum(map(len, parts)) + len(text_of(separator)) * len(parts))
    return text_of(separator).join(parts)


def first(value: Any) -> Any:
    items = _items(value)
    return items[0] if items else None


def last(value: Any) -> Any:
    items = _items(value)
    return items[-1] if items else None


def length_(value: Any) -> int:
    return len(value) if isinstance(value, list | tuple) else len(text_of(value))


def range_(*bounds: Any) -> list[int]:
    """Counts as Python does; what is no number counts as 0. Not a filter, but the one function there is."""
    start, stop, step = {1: (0, *bounds, 1), 2: (*bounds, 1), 3: bounds}.get(len(bounds), (0, 0, 1))
    numbers = range(_whole(start), _whole(stop), _whole(step) or 1)
    if len(numbers) > MAX_RANGE:
        raise TooLarge(f"range() counts to at most {MAX_RANGE:,}.")
    return list(numbers)


FILTERS: dict[str, Callable[..., Any]] = {
    "default": default,
    "d": default,
    "upper": upper,
    "lower": lower,
    "title": title,
    "capitalize": capitalize,
    "trim": trim,
    "truncate": truncate,
    "replace": replace,
    "urlencode": urlencode,
    "number": number,
    "round": round_,
    "int": int_,
    "float": float_,
    "abs": abs_,
    "date": date_,
    "split": split,
    "join": join,
    "first": first,
    "last": last,
    "length": length_,
    "count": length_,
}


def _items(value: Any) -> list[Any]:
    """A list as it is; a single value as a list of one."""
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return _finite(value)
    try:
        return _finite(float(text_of(value)))
    except ValueError:
        return None


def _finite(value: int | float) -> int | float | None:
    """Numbers of a size that people write; the rest is not worth the risk of writing it out.

    A whole one becomes an int: a program hands it over as one, and a large float is written with other last digits.
    """
    if not abs(value) < 1e18:  # also true for NaN
        return None
    return int(value) if value == int(value) else value


def _rounded(value: int | float, digits: int) -> Decimal:
    """Half away from zero, as people round, and not half to even."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def _date_part(part: str, moment: date) -> str:
    return DATE_PARTS.get(part, "{1}").format(moment, part)


def _whole(value: Any) -> int:
    return int(_number(value) or 0)


def _digits(value: Any) -> int:
    return min(max(_whole(value), 0), 10)


def _require_room(size: int) -> None:
    if size > MAX_RESULT_LENGTH:
        raise TooLarge(f"A filter may make at most {MAX_RESULT_LENGTH} characters.")
