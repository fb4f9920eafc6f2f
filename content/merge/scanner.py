"""Cuts a source into literal text, `{{ values }}` and `{% blocks %}`.

Done here and not left to the template engine, since the HTML around the tags is rewritten before the engine sees it,
and since errors should name the line in the author's words. Comments and `{% raw %}` are gone afterwards, and the
whitespace control of `{{-` and `-%}` has been carried out on the literals beside it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape

from content.errors import BrokenTemplate
from content.merge.values import cleaned

MAX_SOURCE_LENGTH = 1_000_000
MAX_TAG_LENGTH = 1_000


@dataclass(frozen=True, slots=True)
class Literal:
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Value:
    """`{{ expression }}`, or what another language says by a tag of its own, as it was `written`.

    `in_value` and `in_url` are the expressions inside an attribute of HTML and inside one that holds an address, where
    they differ.
    """

    expression: str
    line: int
    written: str = ""
    in_value: str = ""
    in_url: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """`{% statement %}`; `keyword` is its first word. `written`: how another language says it."""

    statement: str
    line: int
    written: str = ""

    @property
    def shown(self) -> str:
        """For messages: as its author wrote it."""
        return self.written or f"{{% {self.statement} %}}"

    @property
    def keyword(self) -> str:
        words = re.match(r"\w*", self.statement)
        return words[0] if words else ""

    @property
    def opens(self) -> bool:
        return self.keyword in ("if", "for")

    @property
    def closes(self) -> bool:
        return self.keyword in ("endif", "endfor")


Segment = Literal | Value | Block

OPENING = re.compile(r"\{[{%#]")
# Atomic groups, so that no text takes long to be found unclosed; the possessive `*+` says the same, but around a group
# it finds nothing in Python before 3.11.5, such as Debian's.
_STRINGS = r""""(?>(?:\\.|[^"\\])*)"|'(?>(?:\\.|[^'\\])*)'"""
# What a tag holds up to its end; an end inside a string is none.
BODIES = {
    "{{": re.compile(rf"""((?>(?:[^"'}}]|{_STRINGS}|\}}(?!\}}))*))\}}\}}""", re.DOTALL),
    "{%": re.compile(rf"""((?>(?:[^"'%]|{_STRINGS}|%(?!\}}))*))%\}}""", re.DOTALL),
    "{#": re.compile(r"(.*?)#\}", re.DOTALL),
}
RAW = re.compile(r"\s*raw\s*")
END_RAW = re.compile(r"\{%([-+]?)\s*endraw\s*([-+]?)%\}")


def scan(source: str, *, markup: bool = False) -> list[Segment]:
    """The segments in order. In `markup`, tags may hold entities, as visual editors write them (`&quot;`, `&nbsp;`).
    Raises BrokenTemplate."""
    text = cleaned(source)
    if len(text) > MAX_SOURCE_LENGTH:
        raise BrokenTemplate(f"This is too long: {len(text):,} characters of at most {MAX_SOURCE_LENGTH:,}.")
    return [segment for segment in _trimmed(_pieces(text, markup)) if segment != Literal("", segment.line)]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A segment, or a comment (None), and whether it takes the whitespace before and after it away."""

    segment: Segment | None
    trims_before: bool = False
    trims_after: bool = False


def _pieces(text: str, markup: bool) -> Iterator[_Piece]:
    at, line = 0, 1
    while opening := OPENING.search(text, at):
        body = BODIES[opening[0]].match(text, opening.end())
        if body is None and opening[0] == "{#":  # as in minified CSS: @media print{#menu{display:none}}
            end = opening.end()
            yield _Piece(Literal(text[at:end], line))
            at, line = end, line + text.count("\n", at, end)
            continue
        yield _Piece(Literal(text[at : opening.start()], line))
        line += text.count("\n", at, opening.start())
        piece, end = _tag(text, opening, body, line, markup)
        yield piece
        at, line = end, line + text.count("\n", opening.start(), end)
    yield _Piece(Literal(text[at:], line))


def _tag(text: str, opening: re.Match[str], body: re.Match[str] | None, line: int, markup: bool) -> tuple[_Piece, int]:
    if body is None:
        raise BrokenTemplate(_unclosed(text[opening.start() :]), line=line)
    inner, before, after = _without_trim_marks(body[1])
    if len(inner) > MAX_TAG_LENGTH:
        raise BrokenTemplate(f"A merge tag may have at most {MAX_TAG_LENGTH:,} characters.", line=line)
    if opening[0] == "{#":
        return _Piece(None, before, after), body.end()
    if opening[0] == "{%" and RAW.fullmatch(inner):
        return _raw(text, body.end(), line, before, after)
    written = (unescape(inner) if markup else inner).replace("\xa0", " ").strip()
    if not written:
        raise BrokenTemplate("A merge tag is empty; write a field's key into it, as in {{ first_name }}.", line=line)
    segment = Value(written, line) if opening[0] == "{{" else Block(written, line)
    return _Piece(segment, before, after), body.end()


def _raw(text: str, start: int, line: int, before: bool, after: bool) -> tuple[_Piece, int]:
    """Text between {% raw %} and {% endraw %} stays as it is."""
    end = END_RAW.search(text, start)
    if end is None:
        raise BrokenTemplate("{% raw %} is never closed with {% endraw %}.", line=line)
    inside = text[start : end.start()]
    inside = inside.lstrip() if after else inside
    inside = inside.rstrip() if end[1] == "-" else inside
    return _Piece(Literal(inside, line), before, end[2] == "-"), end.end()


def _without_trim_marks(inner: str) -> tuple[str, bool, bool]:
    before, after = inner.startswith("-"), inner.endswith("-")
    start = 1 if inner[:1] in ("-", "+") else 0
    end = len(inner) - 1 if len(inner) > start and inner[-1:] in ("-", "+") else len(inner)
    return inner[start:end], before, after


def _unclosed(rest: str) -> str:
    start = rest.split("\n", 1)[0][:40]
    closing = {"{{": "}}", "{%": "%}"}[rest[:2]]
    quote = " or a quotation mark in it is never closed" if '"' in rest[:200] or "'" in rest[:200] else ""
    return f"The merge tag “{start}” is never closed with {closing}{quote}."


def _trimmed(pieces: Iterator[_Piece]) -> Iterator[Segment]:
    """Carry out the whitespace control of each tag on the literals before and after it."""
    held: Literal | None = None
    trim_next = False
    for piece in pieces:
        segment = piece.segment
        if piece.trims_before and held:
            held = replace(held, text=held.text.rstrip())
        if isinstance(segment, Literal):
            text = segment.text.lstrip() if trim_next else segment.text
            trim_next = piece.trims_after or (trim_next and not text)
            if held:
                yield held
            held = replace(segment, text=text)
            continue
        trim_next = piece.trims_after
        if held:
            yield held
            held = None
        if segment:
            yield segment
    if held:
        yield held
