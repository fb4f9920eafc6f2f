"""From a source to segments that are known to be sound, and the fields they take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from content.errors import BrokenTemplate
from content.merge import expressions
from content.merge.bodies import simple_slot
from content.merge.engine import BLOCK_END, BLOCK_START, VALUE_END, VALUE_START, Program, fields_in
from content.merge.expressions import tokens_of
from content.merge.scanner import Block, Literal, Segment, Value, scan
from content.merge.writing import Remark

MAX_LOOP_DEPTH = 2
MAX_LOOP_LENGTH = 10_000
# The engine follows nested blocks and chains of elif by recursion, and dies of a very long chain.
MAX_DEPTH = 50
MAX_ELIFS = 200
CLOSERS = {"endif": "if", "endfor": "for"}


@dataclass(frozen=True)
class Parsed:
    """A sound source. `fields` are the keys it takes from a person, with the line each is first named in; `remarks` is
    what another language leaves to be said."""

    segments: tuple[Segment, ...]
    fields: dict[str, int] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()

    @cached_property
    def has_logic(self) -> bool:
        """Whether there is more than fields and their filters, which cannot fail and need little memory."""
        values = (segment for segment in self.segments if isinstance(segment, Value))
        blocks = any(isinstance(segment, Block) for segment in self.segments)
        return blocks or any(simple_slot(value) is None for value in values)


def parse(source: str, *, markup: bool = False, part: str = "") -> Parsed:
    """Raises BrokenTemplate, with its `part` set, for anything that the language does not have."""
    try:
        return _sound(source, markup=markup)
    except BrokenTemplate as problem:
        problem.part = problem.part or part
        raise


@lru_cache(maxsize=64)  # an act reads the same parts some five times: before, while and after it looks at them
def _sound(source: str, *, markup: bool) -> Parsed:
    segments = tuple(scan(source, markup=markup))
    _check_segments(segments)
    written = program_source(segments)
    Program(written)
    return Parsed(segments, with_lines(fields_in(written), segments))


def program_source(segments: Iterable[Segment]) -> str:
    """The program that says what the source said, line for line, so that errors name the author's line."""
    written: list[str] = []
    line = 1
    for segment in segments:
        gap = "\n" * (segment.line - line)
        text = gap + written_out(segment)
        written.append(text)
        line += text.count("\n")
    return "".join(written)


def written_out(segment: Segment) -> str:
    """A segment in the engine's spelling."""
    match segment:
        case Literal(text=text):
            return text
        case Value(expression=expression):
            return f"{VALUE_START} {expression} {VALUE_END}"
        case Block(statement=statement):
            return f"{BLOCK_START} {statement} {BLOCK_END}"


def _check_segments(segments: Sequence[Segment]) -> None:
    for segment in segments:
        if isinstance(segment, Value):
            expressions.check(tokens_of(segment.expression, segment.line), segment.line)
            simple_slot(segment)  # refuses arguments that a filter does not take
        elif isinstance(segment, Block):
            tokens = tokens_of(segment.statement, segment.line)
            expressions.check_block(segment.keyword, tokens[1:], segment.line)
    _check_nesting(segments)


def _check_nesting(segments: Sequence[Segment]) -> None:
    """Every block closed, in order; loops not so deep or long that their steps could write more than a mail holds."""
    opened: list[_Open] = []
    in_loops = 0
    for segment in segments:
        if isinstance(segment, Literal) and any(block.keyword == "for" for block in opened):
            in_loops += len(segment.text)
        if isinstance(segment, Block):
            _follow(segment, opened)
    if opened:
        last = opened[-1]
        raise BrokenTemplate(f"{{% {last.keyword} %}} is never closed with {{% end{last.keyword} %}}.", line=last.line)
    if in_loops > MAX_LOOP_LENGTH:
        raise BrokenTemplate(f"Loops hold {in_loops:,} characters of at most {MAX_LOOP_LENGTH:,}.")


@dataclass
class _Open:
    """A block that is not closed yet."""

    keyword: str
    line: int
    elifs: int = 0


def _follow(block: Block, opened: list[_Open]) -> None:
    if block.opens:
        opened.append(_Open(block.keyword, block.line))
        loops = sum(outer.keyword == "for" for outer in opened)
        if loops > MAX_LOOP_DEPTH or len(opened) > MAX_DEPTH:
            what, limit = ("loops", MAX_LOOP_DEPTH) if loops > MAX_LOOP_DEPTH else ("blocks", MAX_DEPTH)
            raise BrokenTemplate(f"At most {limit} {what} can stand in each other.", line=block.line)
        return
    inside = opened[-1].keyword if opened else None
    wanted = CLOSERS.get(block.keyword, "if" if block.keyword == "elif" else inside)
    if inside is None or inside != wanted:
        place = f"inside {{% {inside} %}} of line {opened[-1].line}" if inside else "without a beginning"
        raise BrokenTemplate(f"{{% {block.keyword} %}} stands {place}.", line=block.line)
    if block.closes:
        opened.pop()
        return
    opened[-1].elifs += 1
    if opened[-1].elifs > MAX_ELIFS:
        raise BrokenTemplate(f"An {{% if %}} can have at most {MAX_ELIFS} {{% elif %}}.", line=block.line)


def with_lines(names: Iterable[str], segments: Sequence[Segment]) -> dict[str, int]:
    lines: dict[str, int] = {}
    for segment in segments:
        if not isinstance(segment, Literal):
            text = segment.expression if isinstance(segment, Value) else segment.statement
            for token in tokens_of(text, segment.line):
                if token.kind == "name":
                    lines.setdefault(token.text, segment.line)
    return {name: lines.get(name, 1) for name in sorted(names)}
