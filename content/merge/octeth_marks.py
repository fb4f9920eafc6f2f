"""Where Octeth's marks stand in a source, which brackets belong together, and that every condition is closed."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from content.errors import BrokenTemplate
from content.merge.octeth_tags import NAMESPACES
from content.merge.writing import Lines

MAX_DEPTH = 20
MAX_MARKS = 50_000
_NAMES = "|".join(NAMESPACES)
_PERCENT_TAG = rf"%(?:{_NAMES}):[A-Za-z0-9_:]{{1,100}}%"
MARK = re.compile(
    rf"""\{{\{{\{{(?P<triple>[^{{}}]{{1,1000}})\}}\}}\}}"""
    rf"""|\{{\{{(?P<double>(?>(?:[^{{}}"]|"[^"]{{0,300}}"|"){{1,500}}))\}}\}}"""
    rf"""|%(?P<legacy>(?:{_NAMES}):[A-Za-z0-9_:]{{1,100}})%"""
    rf"""|%Date=(?P<date>[^%\n]{{1,100}})%"""
    rf"""|%Random:(?P<random>FirstName|LastName|(?:Letters|Numbers|Alpha):[0-9]{{1,4}})%"""
    rf"""|%(?P<remote>RemoteContent(?:BeforeSend)?)=(?>(?:[^%\s"<>]|{_PERCENT_TAG}|%[0-9A-Fa-f]{{2}}){{1,2000}})%"""
    rf"""|%(?P<word>MFROMDomain|EmailAddress)%"""
    rf"""|\[IF:(?P<legacy_if>\s*{_PERCENT_TAG}[^\]\n]{{0,300}})\]"""
    r"""|(?P<legacy_else>\[ELSE\])|(?P<legacy_endif>(?<!!)\[ENDIF\])"""
    r"""|\[(?P<modifier>TITLE|UPPER|LOWER):|(?P<spin>\[\[)|(?P<close>\])|(?P<bar>\|)"""
)


@dataclass(frozen=True, slots=True)
class Bracket:
    """Where a modifier or a spin ends, and the bars between its alternatives, as numbers of marks."""

    end: int
    bars: tuple[int, ...]


def brackets(marks: Sequence[re.Match[str]], text: str) -> dict[int, Bracket]:
    """Where modifiers and spins end, by the number of the mark that opens them."""
    found: dict[int, Bracket] = {}
    opened: list[tuple[int, list[int]]] = []
    spun = -1  # the second bracket of a `]]` that has closed one
    for number, mark in enumerate(marks):
        kind = mark.lastgroup
        if kind in ("modifier", "spin"):
            opened.append((number, []))
        elif kind == "bar" and opened and marks[opened[-1][0]].lastgroup == "spin":
            opened[-1][1].append(number)
        elif kind == "close" and opened and mark.start() != spun:
            first, bars = opened[-1]
            is_near = len(opened) <= MAX_DEPTH
            if marks[first].lastgroup == "modifier":
                if is_near:
                    found[first] = Bracket(number, ())
                opened.pop()
            elif text.startswith("]]", mark.start()):
                if bars and is_near:
                    found[first] = Bracket(number, tuple(bars))
                opened.pop()
                spun = mark.end()
    return found


def plain_marks(
    marks: Sequence[re.Match[str]],
    found: Mapping[int, Bracket],
    lines: Lines,
    unescaped: Callable[[str], str],
) -> set[int]:
    """Marks that stay text: brackets that match no other, and what closes no condition. Raises BrokenTemplate."""
    ends = {bracket.end for bracket in found.values()}
    kept = ends | {bar for bracket in found.values() for bar in bracket.bars}
    plain: set[int] = set()
    opened: list[_Open] = []
    for number, mark in enumerate(marks):
        kind = str(mark.lastgroup)
        if (
            (kind in ("modifier", "spin") and number not in found)
            or (kind in ("close", "bar") and number not in kept)
            or (kind in ("legacy_else", "legacy_endif") and not any(each.is_legacy for each in opened))
        ):
            plain.add(number)
        else:
            words = unescaped(mark["double"] or "").split(None, 1)
            _follow(opened, mark, words[0] if words else "", lines.of(mark.start()))
    if opened:
        raise BrokenTemplate(f"{opened[-1].written} is never closed.", line=opened[-1].line)
    return plain


@dataclass(slots=True)
class _Open:
    """A condition that is not closed yet."""

    written: str
    line: int
    is_legacy: bool
    has_else: bool = False


def _follow(opened: list[_Open], mark: re.Match[str], word: str, line: int) -> None:
    """`word` is the first between two braces. Raises BrokenTemplate for an end or an else that is none."""
    kind = str(mark.lastgroup)
    if kind == "legacy_if" or word == "if":
        opened.append(_Open(mark[0], line, kind == "legacy_if"))
        if len(opened) > MAX_DEPTH:
            raise BrokenTemplate(f"At most {MAX_DEPTH} conditions can stand in each other.", line=line)
    elif kind in ("legacy_else", "legacy_endif") or word in ("else", "endif"):
        inside = opened[-1] if opened else None
        if inside is None or inside.is_legacy != (kind != "double"):
            where = f"inside {inside.written} of line {inside.line}" if inside else "without a beginning"
            raise BrokenTemplate(f"{mark[0]} stands {where}.", line=line)
        if "else" in (word, kind.removeprefix("legacy_")):
            if inside.has_else:
                raise BrokenTemplate(f"{inside.written} of line {inside.line} has an else already.", line=line)
            inside.has_else = True
        else:
            opened.pop()
