"""Octeth's `[TITLE:…]`, `[UPPER:…]` and `[LOWER:…]` around an author's own text."""

import re
from collections.abc import Callable, Iterable

from content.merge import filters
from content.merge.scanner import Segment, Value

MODIFIERS = {"TITLE": "title", "UPPER": "upper", "LOWER": "lower"}
CHANGES: dict[str, Callable[[str], str]] = {"title": filters.title, "upper": str.upper, "lower": str.lower}


class Words:
    """Changes the letters of literals, but not of HTML's tags and entities."""

    PIECES = re.compile(r"(<[^<>]*>?|&#?\w+;)")

    def __init__(self, changes: Iterable[str], *, markup: bool) -> None:
        self._changes = list(changes)
        self._markup = markup
        self._in_tag = False
        self._follows_value = False

    def followed(self, segments: list[Segment]) -> None:
        self._follows_value = bool(segments) and isinstance(segments[-1], Value)

    def changed(self, text: str) -> str:
        if not self._changes or not text:
            return text
        head = ""
        if self._in_tag:
            end = text.find(">")
            head, text = (text, "") if end < 0 else (text[: end + 1], text[end + 1 :])
        if head and text:
            self._in_tag = False
        parts = self.PIECES.split(text) if self._markup else [text]
        if self._markup and text:
            last = text.rfind("<")
            self._in_tag = last >= 0 and ">" not in text[last:]
        return head + "".join(part if place % 2 else self._letters(part) for place, part in enumerate(parts))

    def _letters(self, text: str) -> str:
        kept = re.match(r"[^\W\d_]*", text) if self._follows_value and "title" in self._changes else None
        head = kept[0].lower() if kept else ""
        rest = text[len(head) :]
        for change in self._changes:
            rest = CHANGES[change](rest)
        self._follows_value = False
        return head + rest
