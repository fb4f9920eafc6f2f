"""What the languages of Octeth and GreenArrow can do to a value. Nobody can write these names in our own language.

Like our own filters, each takes whatever it is given and bounds what it makes. An empty value stays empty, so that the
fallback after it is taken.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from content.merge import filters
from content.merge.filters import MAX_RESULT_LENGTH
from content.merge.markup_values import markup, with_breaks
from content.merge.php_dates import php_date
from content.merge.random_names import FIRST_NAMES, LAST_NAMES
from content.merge.values import cleaned, text_of

MAX_RANDOM_LENGTH = 100
_WORDS = re.compile(r"[^\W_]+")
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ALPHABETS = {
    "Letters": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "Numbers": "0123456789",
    "Alpha": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
}


# --- letters ----------------------------------------------------------------------------------------------------------


def first_upper(value: Any) -> str:
    text = text_of(value)
    return text[:1].upper() + text[1:]


def camel(value: Any) -> str:
    words = _words(value)
    return "".join([words[0].lower(), *map(_capital, words[1:])]) if words else ""


def pascal(value: Any) -> str:
    return "".join(map(_capital, _words(value)))


def humps(value: Any, between: Any) -> str:
    """`firstName` with what is given between its words, in small letters."""
    parts = re.split(r"[\s_.-]+", _HUMPS.sub(" ", text_of(value)).strip())
    return text_of(between).join(part.lower() for part in parts)


def strip(value: Any, side: Any = "both") -> str:
    text = text_of(value)
    return {"left": text.lstrip, "right": text.rstrip}.get(text_of(side), text.strip)()


def cut(value: Any, length: Any = 20, end: Any = "") -> str:
    """At most `length` characters, and `end` after them if any were left out."""
    text, room = text_of(value), max(filters.int_(length), 0)
    return text if len(text) <= room else f"{text[:room]}{text_of(end)}"


def cut_words(value: Any, count: Any = 5) -> str:
    text = text_of(value)
    words = text.split()
    return text if len(words) <= filters.int_(count) else " ".join(words[: max(filters.int_(count), 0)])


def wrapped(value: Any, width: Any = 75) -> str:
    """Lines of at most `width` characters; what is longer than a line is cut."""
    room = min(max(filters.int_(width), 1), MAX_RESULT_LENGTH)
    return "\n".join(_wrapped(line, room) for line in text_of(value).split("\n"))[:MAX_RESULT_LENGTH]


def _wrapped(line: str, room: int) -> str:
    lines, current = [], ""
    for word in line.split(" "):
        if current and len(current) + 1 + len(word) <= room:
            current = f"{current} {word}"
            continue
        lines += [current] if current else []
        lines += [word[start : start + room] for start in range(0, max(len(word) - room, 0), room)]
        current = word[(len(word) - 1) // room * room :] if word else ""
    return "\n".join([*lines, current])


def _words(value: Any) -> list[str]:
    return _WORDS.findall(_HUMPS.sub(" ", text_of(value)))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:].lower()


# --- other forms ------------------------------------------------------------------------------------------------------


def form_encoded(value: Any) -> str:
    """As a form encodes it, a blank as `+`."""
    return quote_plus(text_of(value), safe="-_.")[:MAX_RESULT_LENGTH]


def percent_encoded(value: Any) -> str:
    """RFC 3986."""
    return quote(text_of(value), safe="")[:MAX_RESULT_LENGTH]


def decoded(value: Any) -> str:
    """Without percent-encoding; what no mail may hold does not come back by it."""
    return cleaned(unquote(text_of(value), errors="replace"))


def number_format(value: Any, digits: Any = 0, missing: Any = "0") -> str:
    """Thousands by comma; `missing` where there is no value, 0 where it is no number."""
    text = text_of(value).strip()
    written = filters.number(text, digits)
    if not text:
        return text_of(missing)
    return filters.number(0, digits) if written == text and filters.float_(text, None) is None else written


def hashed(value: Any, algorithm: Any) -> str:
    """Lower-case hex of the UTF-8 text; nothing of nothing. As an identity for others, never for keeping secrets."""
    text = text_of(value)
    return hashlib.new(text_of(algorithm), text.encode(), usedforsecurity=False).hexdigest() if text else ""


def base64_of(value: Any) -> str:
    return base64.b64encode(text_of(value).encode()).decode()


def date_format(value: Any, pattern: Any) -> str:
    return php_date(text_of(value), text_of(pattern))


def yes_no(value: Any) -> Any:
    """Yes and No, as GreenArrow writes what is true and false."""
    return ("No", "Yes")[value] if isinstance(value, bool) else value


def prefixed(value: Any, prefix: Any) -> str:
    text = text_of(value)
    return f"{text_of(prefix)}{text}" if text else ""


# --- comparing --------------------------------------------------------------------------------------------------------


def compared(value: Any, operator: Any, other: Any) -> bool:
    """As numbers if both are, otherwise as texts, capitals or not."""
    left: Any = text_of(value).strip()
    right: Any = text_of(other).strip()
    numbers = filters.float_(left, None), filters.float_(right, None)
    left, right = (left.casefold(), right.casefold()) if None in numbers else numbers
    match text_of(operator):
        case "=":
            return bool(left == right)
        case "!=" | "<>":
            return bool(left != right)
        case "<":
            return bool(left < right)
        case ">":
            return bool(left > right)
        case "<=":
            return bool(left <= right)
        case ">=":
            return bool(left >= right)
    return False


# --- chance, the same for the same person in the same run -------------------------------------------------------------


def drawn(seed: Any, place: Any, count: Any) -> int:
    """A number below `count` for this place of the message."""
    return _lot(f"{text_of(seed)}/{text_of(place)}") % max(int(filters.int_(count)), 1)


def chosen(seed: Any, place: Any, *alternatives: Any) -> str:
    return text_of(alternatives[drawn(seed, place, len(alternatives))]) if alternatives else ""


def random_characters(seed: Any, place: Any, kind: Any, length: Any) -> str:
    alphabet = _ALPHABETS.get(text_of(kind), _ALPHABETS["Alpha"])
    count = min(max(filters.int_(length), 0), MAX_RANDOM_LENGTH)
    lots = (_lot(f"{text_of(seed)}/{text_of(place)}/{number}") for number in range(count))
    return "".join(alphabet[lot % len(alphabet)] for lot in lots)


def random_name(seed: Any, place: Any, kind: Any) -> str:
    return chosen(seed, place, *(LAST_NAMES if text_of(kind) == "LastName" else FIRST_NAMES))


def _lot(words: str) -> int:
    return int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())


VENDOR_FILTERS: dict[str, Callable[..., Any]] = {
    "__first_upper": first_upper,
    "__camel": camel,
    "__pascal": pascal,
    "__humps": humps,
    "__strip": strip,
    "__cut": cut,
    "__cut_words": cut_words,
    "__wrapped": wrapped,
    "__form_encoded": form_encoded,
    "__percent_encoded": percent_encoded,
    "__decoded": decoded,
    "__number_format": number_format,
    "__hashed": hashed,
    "__base64": base64_of,
    "__date": date_format,
    "__yes_no": yes_no,
    "__prefixed": prefixed,
    "__compared": compared,
    "__drawn": drawn,
    "__chosen": chosen,
    "__random": random_characters,
    "__random_name": random_name,
    "__markup": markup,
    "__with_breaks": with_breaks,
}
