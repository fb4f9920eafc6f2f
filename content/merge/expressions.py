"""What may stand in a tag. Jinja allows more; what is left out here is what could run away with memory (assignments,
macros, repetition with `*`), reach into objects (attributes, methods, calls), or load other sources."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

from content.errors import BrokenTemplate
from content.merge.filters import FILTERS

TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?>(?:\\.|[^"\\])*)"|'(?>(?:\\.|[^'\\])*)')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[^\W\d]\w*)"""
    r"""|(?P<operator>==|!=|<=|>=|//|\*\*|[-~+/%<>|(),\[\]:.=*]))""",
    re.DOTALL,
)
TESTS = {"defined", "undefined", "none", "number", "string", "odd", "even", "in", "true", "false"}
KEYWORDS = {
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "for",
    "elif",
    "true",
    "false",
    "none",
    "True",
    "False",
    "None",
}
LOOP_PARTS = {"index", "index0", "revindex", "revindex0", "first", "last", "length", "depth"}
BLOCKS = {"if", "elif", "else", "endif", "for", "endfor"}
FUNCTIONS = {"range"}
CURLY_QUOTES = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # string, number, name or operator
    text: str


NOTHING = Token("end", "")


def tokens_of(expression: str, line: int) -> list[Token]:
    """Raises BrokenTemplate for a character that means nothing here."""
    tokens, at, expression = [], 0, expression.rstrip()
    while at < len(expression):
        found = TOKEN.match(expression, at)
        if found is None:
            _refuse_character(expression[at:].lstrip()[0], line)
        tokens.append(Token(str(found.lastgroup), found[str(found.lastgroup)]))
        at = found.end()
    return tokens


def check(tokens: Sequence[Token], line: int) -> None:
    """Raises BrokenTemplate for what the language does not have. The grammar itself is the engine's to check."""
    _check_lists(tokens, line)
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else NOTHING
        after = tokens[place + 1] if place + 1 < len(tokens) else NOTHING
        if token.kind == "name":
            _check_name(token.text, before, after, line)
        elif token.text in ("*", "**"):
            raise BrokenTemplate("There is no multiplication in merge tags; keep the result in a field.", line=line)
        elif token.text == ".":
            _check_dot(before, after, line)
        elif token.text == "(" and before.text in (")", "]"):
            raise BrokenTemplate("Only filters can be given something in parentheses.", line=line)


def check_block(keyword: str, tokens: Sequence[Token], line: int) -> None:
    """Like `check`, for the inside of `{% %}`."""
    if keyword not in BLOCKS:
        hint = _did_you_mean(keyword, BLOCKS)
        raise BrokenTemplate(f"There is no {{% {keyword} %}}; there are if and for.{hint}", line=line)
    if keyword == "for" and any(token == Token("name", "recursive") for token in tokens):
        raise BrokenTemplate("A loop cannot be recursive.", line=line)
    if keyword == "for":
        _check_loop(tokens, line)
    check(tokens, line)


def _check_lists(tokens: Sequence[Token], line: int) -> None:
    """Lists of lists would multiply their texts with every level."""
    opened: list[str] = []  # what each open bracket is: a list, a subscript, a call or a group
    for before, token in zip([NOTHING, *tokens], tokens, strict=False):
        follows_value = (before.kind in ("name", "string") and before.text not in KEYWORDS) or before.text in ("]", ")")
        if token.text == "[":
            opened.append("subscript" if follows_value else "list")
            if opened.count("list") > 1:
                raise BrokenTemplate("A list cannot hold lists.", line=line)
        elif token.text == "(":
            opened.append("call" if follows_value else "group")
        elif token.text in ("]", ")") and opened:
            opened.pop()
        elif token.text == "," and opened and opened[-1] == "group":
            raise BrokenTemplate("Write a list with [ and ].", line=line)


def _check_loop(tokens: Sequence[Token], line: int) -> None:
    """A loop over joined texts would be a way to name a text twice as long, and loops in loops to do so again."""
    in_range = 0
    for before, token in zip([NOTHING, *tokens], tokens, strict=False):
        if token.text == "(" and (in_range or before == Token("name", "range")):
            in_range += 1
        elif token.text == ")" and in_range:
            in_range -= 1
        elif token.text in ("~", "+") and not in_range:
            raise BrokenTemplate(f"A loop goes over a field or a range(); {token.text} cannot stand in it.", line=line)


def _check_name(name: str, before: Token, after: Token, line: int) -> None:
    if before.text == "|":
        if name not in FILTERS:
            hint = _did_you_mean(name, FILTERS)
            raise BrokenTemplate(f"There is no filter “{name}”.{hint}", line=line)
    elif before in (Token("name", "is"), Token("name", "not")) and name in TESTS:
        return
    elif before == Token("name", "is") and name != "not":
        hint = _did_you_mean(name, TESTS)
        raise BrokenTemplate(f"There is no test “is {name}”.{hint}", line=line)
    elif after.text == "(" and name not in FUNCTIONS | KEYWORDS:
        raise BrokenTemplate(
            f"“{name}(…)” cannot be called here; filters are written {{{{ field|filter }}}}.", line=line
        )
    elif name.startswith("_"):
        raise BrokenTemplate(f"A field's key does not begin with an underscore, as in “{name}”.", line=line)


def _check_dot(before: Token, after: Token, line: int) -> None:
    if before == Token("name", "loop") and after.text in LOOP_PARTS:
        return
    whole = f"{before.text}.{after.text}"
    raise BrokenTemplate(f"Fields have no parts: “{whole}” should be one key, as in {{{{ first_name }}}}.", line=line)


def _refuse_character(character: str, line: int) -> NoReturn:
    if character in CURLY_QUOTES:
        raise BrokenTemplate(f"Write straight quotation marks (\" or ') instead of {character}.", line=line)
    if character in "\"'":
        raise BrokenTemplate("A quotation mark in this merge tag is never closed.", line=line)
    raise BrokenTemplate(f"The character {character} means nothing in a merge tag.", line=line)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name.lower(), list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""
