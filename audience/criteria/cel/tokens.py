"""The words an expression is made of, each with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from audience.addresses import shown
from audience.criteria.cel.errors import InvalidExpression

LONGEST = 10_000
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r'|(?P<text>"(?:[^"\\\r\n]|\\.)*"|\'(?:[^\'\\\r\n]|\\.)*\')'
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[!<>()\[\].,+-])"
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|.)", re.S)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPES |= {each: each for each in "\\\"'`?"}


@dataclass(frozen=True)
class Token:
    """`kind` is number, text, name, sign or end; `text` is what a text says, else what is written."""

    kind: str
    text: str
    position: int

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs

    def is_name(self, *names: str) -> bool:
        return self.kind == "name" and self.text in names


def tokens(expression: str) -> Iterator[Token]:
    """The last one is of the kind `end`. Raises InvalidExpression."""
    if len(expression) > LONGEST:
        raise InvalidExpression(f"A condition has at most {LONGEST:,} characters.", LONGEST)
    position = 0
    while position < len(expression):
        found = _TOKEN.match(expression, position)
        if found is None:
            raise _unreadable(expression, position)
        if found.lastgroup == "text":
            yield Token("text", _unescaped(found[0][1:-1], position), position)
        elif found.lastgroup != "space":
            yield Token(str(found.lastgroup), found[0], position)
        position = found.end()
    yield Token("end", "", position)


def _unreadable(expression: str, position: int) -> InvalidExpression:
    letter = expression[position]
    if letter in "\"'":
        return InvalidExpression("This text has no end.", position)
    hint = {"=": "; write == to compare", "&": "; write && for and", "|": "; write || for or"}.get(letter, "")
    return InvalidExpression(f"{shown(letter)} has no meaning here{hint}.", position)


def _unescaped(text: str, position: int) -> str:
    def said(found: "re.Match[str]") -> str:
        written = found[1]
        if written[0] in "uUx" and len(written) > 1:
            number = int(written[1:], 16)
            if number > 0x10FFFF:
                raise InvalidExpression("There is no such character.", position)
            return chr(number)
        if written not in _ESCAPES:
            raise InvalidExpression(f"There is no escape \\{written}; write \\\\ for a backslash.", position)
        return _ESCAPES[written]

    said_all = _ESCAPE.sub(said, text)
    if any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in said_all):
        raise InvalidExpression("Null characters and lone surrogates are not allowed.", position)
    return said_all


def quoted(text: str) -> str:
    """A text as `tokens` reads it back."""
    return f'"{"".join(_escaped(letter) for letter in text)}"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
