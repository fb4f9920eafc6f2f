"""How other languages are said in ours: what their parsers share."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from content.merge.known import KnownFields
from content.merge.scanner import Block, Literal, Segment

MAX_REMARKS = 100


@dataclass(frozen=True, slots=True)
class Remark:
    """What preflight says of a tag; `code` names the kind of finding."""

    code: str
    message: str
    line: int
    blocks: bool = False


@dataclass(slots=True)
class Translation:
    """A source in segments of our language, and what there is to say about it."""

    segments: list[Segment] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    _named: set[str] = field(default_factory=set)

    def remark(self, code: str, message: str, line: int, *, blocks: bool = False) -> None:
        if blocks or len(self.remarks) < MAX_REMARKS:
            self.remarks.append(Remark(code, message, line, blocks))

    def is_news(self, written: str) -> bool:
        """Whether there is something to say of this tag yet: each is named where it first stands, up to a number."""
        if written in self._named or len(self._named) >= MAX_REMARKS:
            return False
        self._named.add(written)
        return True


@dataclass(frozen=True, slots=True)
class Place:
    """What a source is: `markup` for HTML, `is_body` for HTML and text; the fields that can be named in it."""

    known: KnownFields
    markup: bool = False
    is_body: bool = True


def quoted(value: str | int) -> str:
    """An argument of a filter."""
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def filtered(expression: str, name: str, *arguments: str | int) -> str:
    inside = f"({', '.join(map(quoted, arguments))})" if arguments else ""
    return f"{expression}|{name}{inside}"


def joined(segments: list[Segment]) -> Iterator[Segment]:
    """Neighbouring literals as one, so that a text without tags is one literal."""
    held: Literal | None = None
    for segment in segments:
        if not isinstance(segment, Literal):
            if held and held.text:
                yield held
            held = None
            yield segment
        else:
            held = Literal(held.text + segment.text, held.line) if held else segment
    if held and held.text:
        yield held


class Lines:
    """The line of each place in a text, counted from 1."""

    def __init__(self, text: str) -> None:
        self._ends = [found.start() for found in re.finditer("\n", text)]

    def of(self, place: int) -> int:
        return bisect_left(self._ends, place) + 1


def balanced(segments: list[Segment]) -> bool:
    """Whether every block is closed that is opened here, and no other."""
    depth = 0
    for segment in segments:
        if isinstance(segment, Block):
            if depth == 0 and not segment.opens:
                return False
            depth += segment.opens - segment.closes
    return depth == 0
