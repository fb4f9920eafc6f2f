"""Values that are markup themselves: `{{{ Subscriber:Offer }}}` in Octeth's language asks for the field as it is.

It is taken at its word as far as nobody is hurt: what is left of the value is harmless elements, each closed, so that
nothing a person has in a field can reach beyond its place. Everything else about it is done once the value is written
out: between two marks, which cannot be guessed and stand in no value, escaping leaves it alone.
"""

import html
import re
import secrets
from typing import Any

import nh3

from content.merge.values import text_of

RAW = f"\x0e{secrets.token_hex(8)}"
_MARKED = re.compile(rf"{RAW}<(.*?){RAW}>", re.DOTALL)
_SCHEMES = {"http", "https", "mailto", "tel"}
_TAGS = re.compile(r"<[^<>]*>")
_BREAKS = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6])\b[^<>]*>\n?", re.IGNORECASE)


def markup(value: Any) -> str:
    """The harmless part of a value that is HTML, marked as such."""
    text = text_of(value)
    if "<" not in text and "&" not in text:
        return text
    return _marked(nh3.clean(text, url_schemes=_SCHEMES, link_rel=None))


def with_breaks(value: Any) -> str:
    """Each line on one of its own, in HTML."""
    text = text_of(value)
    return _marked(html.escape(text).replace("\n", "<br />\n")) if "\n" in text else text


def written_out(text: str) -> str:
    """For HTML: markup as it is, everything around it escaped."""
    parts = _MARKED.split(text)
    return "".join(part if place % 2 else html.escape(part) for place, part in enumerate(parts))


def as_text(text: str) -> str:
    """For everything but HTML: markup without its elements."""
    if RAW not in text:
        return text
    parts = _MARKED.split(text)
    return "".join(_words(part) if place % 2 else part for place, part in enumerate(parts))


def _marked(text: str) -> str:
    return f"{RAW}<{text}{RAW}>"


def _words(source: str) -> str:
    return html.unescape(_TAGS.sub("", _BREAKS.sub("\n", source)))
