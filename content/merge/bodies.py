"""What is rendered per recipient: literals and slots (the fast path) or a program (where there is logic).

A body is made of pieces: `str` literals that are already in the form they go out in, segments of the language, and
`Named` values that the compiler puts between them (tokens, addresses of links).
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from content.errors import BrokenTemplate
from content.merge.engine import BLOCK_END, BLOCK_START, VALUE_END, VALUE_START, Escape, Program, as_is, evaluated
from content.merge.expressions import KEYWORDS, Token, tokens_of
from content.merge.filters import TooLarge
from content.merge.scanner import Block, Literal, Value
from content.merge.values import text_of
from content.merge.vocabulary import ALL_FILTERS

Context = Mapping[str, Any]


class Slot(Protocol):
    """Writes one value of a recipient, not yet escaped."""

    def __call__(self, context: Context) -> str: ...


@dataclass(frozen=True, slots=True)
class Named:
    """A value the compiler adds to the context under a name that authors cannot write (it begins with `__`)."""

    name: str

    def __call__(self, context: Context) -> str:
        value: str = context[self.name]
        return value


@dataclass(frozen=True, slots=True)
class FieldSlot:
    """A field, and the filters it goes through with their arguments."""

    field: str
    filters: tuple[tuple[Callable[..., Any], tuple[Any, ...], tuple[tuple[str, Any], ...]], ...] = ()

    def __call__(self, context: Context) -> str:
        value = context.get(self.field)
        try:
            for function, arguments, named in self.filters:
                value = function(value, *arguments, **dict(named))
        except TooLarge as problem:
            raise BrokenTemplate(f"A filter cannot do this: {problem}") from problem
        return text_of(value)


@dataclass(frozen=True, slots=True)
class Computed:
    """A value made from other pieces, such as the address of a personal link: `function(text, context)`.

    `name` is what a program calls it by, one for each; its pieces must not hold `Computed` themselves.
    """

    name: str
    pieces: "tuple[Piece, ...]"
    function: Callable[[str, Context], str]


Piece = str | Literal | Value | Block | Named | Computed


class Body(Protocol):
    def render(self, context: Context) -> str:
        """The text for one recipient; raises BrokenTemplate when logic fails for these values."""
        ...


class SlotBody:
    """The fast path. `parts` are literals and, for slots, indices into `slots`; each distinct slot is filled once."""

    def __init__(self, parts: Sequence[str | int], slots: Sequence[Slot], escape: Escape) -> None:
        self.parts, self.slots, self._escape = list(parts), list(slots), escape
        self._places = [(place, part) for place, part in enumerate(parts) if isinstance(part, int)]

    def fill(self, context: Context) -> list[str]:
        """The escaped text of each slot."""
        escape = self._escape
        return [escape(slot(context)) for slot in self.slots]

    def render(self, context: Context) -> str:
        if not self.slots:
            return "".join(map(str, self.parts))
        filled = self.fill(context)
        written: list[Any] = self.parts.copy()
        for place, slot in self._places:
            written[place] = filled[slot]
        return "".join(written)


class ProgramBody:
    """The slow path."""

    def __init__(self, program: Program, finish: Callable[[str], str] = as_is) -> None:
        self._program, self._finish = program, finish

    def render(self, context: Context) -> str:
        return self._finish(self._program.render({**context, "__context": _Holder(context)}))


@dataclass(frozen=True, slots=True)
class _Holder:
    """Hands the context through the engine to a `Computed` function; authors cannot name it."""

    context: Context


def body_of(
    pieces: Sequence[Piece],
    *,
    escape: Escape = as_is,
    unescape: Callable[[str], str] = as_is,
    finish: Callable[[str], str] = as_is,
) -> Body:
    """The fastest body that says this. `unescape` undoes `escape` on a whole text; `finish` is done to what logic
    leaves behind. Raises BrokenTemplate."""
    return slot_body(pieces, escape=escape) or program_body(pieces, escape=escape, unescape=unescape, finish=finish)


def slot_body(pieces: Sequence[Piece], *, escape: Escape = as_is) -> SlotBody | None:
    """None if there is logic in the pieces."""
    parts: list[str | int] = []
    slots: list[Slot] = []
    known: dict[str, int] = {}
    for piece in pieces:
        if isinstance(piece, str | Literal):
            parts.append(piece if isinstance(piece, str) else piece.text)
            continue
        slot, name = _slot(piece), piece.expression if isinstance(piece, Value) else getattr(piece, "name", "")
        if slot is None:
            return None
        if name not in known:
            known[name] = len(slots)
            slots.append(slot)
        parts.append(known[name])
    return SlotBody(_merged(parts), slots, escape)


def program_body(
    pieces: Sequence[Piece],
    *,
    escape: Escape = as_is,
    unescape: Callable[[str], str] = as_is,
    finish: Callable[[str], str] = as_is,
) -> ProgramBody:
    """The same by the engine, whatever there is in the pieces. Raises BrokenTemplate."""
    functions: dict[str, Any] = {}
    source = "".join(_source(piece, escape, unescape, functions) for piece in pieces)
    return ProgramBody(Program(source, escape=escape, functions=functions), finish)


def simple_slot(value: Value) -> FieldSlot | None:
    """The slot for `field|filter(literal)|…`; None if the expression is more than that.

    Raises BrokenTemplate for arguments that a filter does not take.
    """
    tokens = tokens_of(value.expression, value.line)
    if not tokens or tokens[0].kind != "name" or tokens[0].text in KEYWORDS | {"range", "loop"}:
        return None
    filters = []
    rest: Sequence[Token] = tokens[1:]
    while rest:
        if len(rest) < 2 or rest[0].text != "|" or rest[1].text not in ALL_FILTERS:
            return None
        arguments, after = _arguments(rest[2:])
        if arguments is None:
            return None
        function = ALL_FILTERS[rest[1].text]
        _require_fit(rest[1].text, function, *arguments, line=value.line)
        filters.append((function, *arguments))
        rest = after
    return FieldSlot(tokens[0].text, tuple(filters))


def _slot(piece: Piece) -> Slot | None:
    match piece:
        case Value():
            return simple_slot(piece)
        case Computed():
            inner = slot_body(piece.pieces)
            return _ComputedSlot(inner, piece) if inner else None
        case Named():
            return piece
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _ComputedSlot:
    body: SlotBody
    computed: Computed

    def __call__(self, context: Context) -> str:
        return self.computed.function(self.body.render(context), context)


Arguments = tuple[tuple[Any, ...], tuple[tuple[str, Any], ...]]


def _arguments(tokens: Sequence[Token]) -> tuple[Arguments | None, Sequence[Token]]:
    """The literal arguments in parentheses at the start of `tokens`, and what follows; None if one is no literal."""
    if not tokens or tokens[0].text != "(":
        return ((), ()), tokens
    ends = [place for place, token in enumerate(tokens) if token == Token("operator", ")")]
    if not ends:
        return None, tokens
    inside, after = list(tokens[1 : ends[0]]), tokens[ends[0] + 1 :]
    positional: list[Any] = []
    named: list[tuple[str, Any]] = []
    while inside:
        name = None
        if len(inside) > 2 and inside[0].kind == "name" and inside[1].text == "=":
            name, inside = inside[0].text, inside[2:]
        literal, inside = _literal(inside)
        if literal is None or (inside and inside.pop(0).text != ","):
            return None, tokens
        value = evaluated(literal)
        if name:
            named.append((name, value))
        else:
            positional.append(value)
    return (tuple(positional), tuple(named)), after


def _literal(tokens: list[Token]) -> tuple[str | None, list[Token]]:
    if tokens[0].kind in ("string", "number") or tokens[0].text in ("true", "false", "none"):
        return tokens[0].text, tokens[1:]
    if tokens[0].text == "-" and len(tokens) > 1 and tokens[1].kind == "number":
        return f"-{tokens[1].text}", tokens[2:]
    return None, tokens


def _require_fit(
    name: str,
    function: Callable[..., Any],
    positional: tuple[Any, ...],
    named: tuple[tuple[str, Any], ...],
    *,
    line: int,
) -> None:
    try:
        inspect.signature(function).bind(None, *positional, **dict(named))
    except TypeError as problem:
        raise BrokenTemplate(f"The filter “{name}” cannot be used like this: {problem}.", line=line) from problem


def _merged(parts: Sequence[str | int]) -> list[str | int]:
    """Neighbouring literals joined, empty ones left out."""
    merged: list[str | int] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return merged


def _source(piece: Piece, escape: Escape, unescape: Callable[[str], str], functions: dict[str, Any]) -> str:
    match piece:
        case str():
            return piece
        case Literal(text=text):
            return text
        case Value(expression=expression):
            return f"{VALUE_START} {expression} {VALUE_END}"
        case Block(statement=statement):
            return f"{BLOCK_START} {statement} {BLOCK_END}"
        case Named(name=name):
            return f"{VALUE_START} {name} {VALUE_END}"
        case Computed():
            return _computed_source(piece, escape, unescape, functions)


def _computed_source(piece: Computed, escape: Escape, unescape: Callable[[str], str], functions: dict[str, Any]) -> str:
    """The inner pieces are rendered into a variable, escaped like everything else here, and taken back from that."""

    def compute(text: str, holder: _Holder) -> str:
        return piece.function(unescape(text), holder.context)

    functions[piece.name] = compute
    inner = "".join(
        escape(part) if isinstance(part, str) else _source(part, escape, unescape, functions) for part in piece.pieces
    )
    captured = f"{BLOCK_START} set __text {BLOCK_END}{inner}{BLOCK_START} endset {BLOCK_END}"
    return f"{captured}{VALUE_START} {piece.name}(__text, __context) {VALUE_END}"
