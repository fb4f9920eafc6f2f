"""Octeth's language: `{{ Subscriber:X|"there" }}`, `%Subscriber:X%`, conditions, modifiers and spin, said in ours.

Read in the order of Octeth's documentation: a source is cut into marks, brackets are matched, and each mark becomes a
value, a block or stays the text it is. Nothing is ever read in what a person's fields hold.
"""

import re
from html import unescape
from itertools import islice, pairwise

from content.errors import BrokenTemplate
from content.merge.octeth_helpers import ENCODING, HELPERS, NUMBERED, WITHOUT_FILTER, helped
from content.merge.octeth_marks import MARK, MAX_MARKS, Bracket, brackets, plain_marks
from content.merge.octeth_modifiers import MODIFIERS, Words
from content.merge.octeth_tags import Meaning, meaning_of, near
from content.merge.scanner import MAX_SOURCE_LENGTH, Block, Literal, Segment, Value
from content.merge.values import cleaned
from content.merge.writing import Lines, Place, Translation, balanced, filtered, joined

TAG = re.compile(r"(?:([A-Za-z0-9_]+)(?:-(\S+))?\s+)?([A-Za-z]+:[A-Za-z0-9_:]+|Now)")
CONDITION = re.compile(r"%?([A-Za-z]+:[A-Za-z0-9_:]+)%?\s*(?:(<=|>=|!=|<>|=|<|>)(.*))?", re.DOTALL)
FALLBACK = re.compile(r'\s*\|\s*"([^"]*)"\s*')
UNSUBSCRIBE_TAG = "%Link:Unsubscribe%"


def translated(source: str, place: Place) -> Translation:
    """Raises BrokenTemplate, with the line, where a condition does not end or cannot be read."""
    text = cleaned(source)
    if len(text) > MAX_SOURCE_LENGTH:
        raise BrokenTemplate(f"This is too long: {len(text):,} characters of at most {MAX_SOURCE_LENGTH:,}.")
    reader = _Reader(text, place)
    reader.result.segments = list(joined(reader.read(0, len(reader.marks), 0, len(text), ())))
    return reader.result


class _Reader:
    """Reads one source."""

    def __init__(self, text: str, place: Place) -> None:
        self.text, self.place = text, place
        self.result = Translation()
        self.marks = list(islice(MARK.finditer(text), MAX_MARKS + 1))
        if len(self.marks) > MAX_MARKS:
            raise BrokenTemplate(f"There are more than {MAX_MARKS:,} tags and brackets.")
        self.lines = Lines(text)
        self._brackets = brackets(self.marks, text)
        self._plain = plain_marks(self.marks, self._brackets, self.lines, self._unescaped)
        self._drawn = 0

    # --- one after the other ---

    def read(self, first: int, last: int, start: int, stop: int, changes: tuple[str, ...]) -> list[Segment]:
        """The segments of the marks from `first` to before `last`, and of the text around them."""
        found: list[Segment] = []
        words = Words(changes, markup=self.place.markup)
        number, at = first, start
        while number < last:
            mark = self.marks[number]
            if number in self._plain or mark.start() < at:
                number += 1
                continue
            line = self.lines.of(mark.start())
            before = self.text[at : mark.start()]
            found.append(Literal(words.changed(before), self.lines.of(at)))
            bracket = self._brackets.get(number)
            if bracket is None:
                made = self._segments(mark, line, changes)
                number, at = number + 1, mark.end()
            else:
                made = self._inside(number, bracket, changes)
                closing = self.marks[bracket.end]
                number, at = bracket.end + 1, closing.end() + (mark.lastgroup == "spin")
            found += made
            words.followed(made)
        rest = self.text[at:stop]
        found.append(Literal(words.changed(rest), self.lines.of(at)))
        return found

    def _inside(self, number: int, bracket: Bracket, changes: tuple[str, ...]) -> list[Segment]:
        mark = self.marks[number]
        if mark.lastgroup == "modifier":
            change = MODIFIERS[mark["modifier"]]
            return self.read(number + 1, bracket.end, mark.end(), self.marks[bracket.end].start(), (change, *changes))
        bounds = [number, *bracket.bars, bracket.end]
        parts = [
            self.read(one + 1, other, self.marks[one].end(), self.marks[other].start(), changes)
            for one, other in pairwise(bounds)
        ]
        written = self.text[mark.start() : self.marks[bracket.end].end() + 1]
        return self._spin(parts, written, self.lines.of(mark.start()))

    def _spin(self, parts: list[list[Segment]], written: str, line: int) -> list[Segment]:
        """Alternatives of plain words are a slot; others are blocks."""
        self._drawn += 1
        plain = [self._words_of(part) for part in parts]
        if None not in plain:
            expression = filtered("__seed", "__chosen", self._drawn, *(text or "" for text in plain))
            return [Value(expression, line, written=written)]
        if not all(map(balanced, parts)):
            raise BrokenTemplate("A condition begins inside [[…]] and ends outside, or the other way.", line=line)
        found: list[Segment] = []
        for place, part in enumerate(parts):
            which = filtered("__seed", "__drawn", self._drawn, len(parts))
            keyword = "if" if place == 0 else "elif"
            found += [Block(f"{keyword} {which} == {place}", line, written="[[" if place == 0 else "|"), *part]
        return [*found, Block("endif", line, written="]]")]

    def _words_of(self, part: list[Segment]) -> str | None:
        if not all(isinstance(segment, Literal) for segment in part):
            return None
        text = "".join(getattr(segment, "text", "") for segment in part)
        if not self.place.markup:
            return text
        return None if "<" in text or ">" in text else unescape(text)

    # --- one mark ---

    def _segments(self, mark: re.Match[str], line: int, changes: tuple[str, ...]) -> list[Segment]:
        kind, written = str(mark.lastgroup), mark[0]
        inner = self._unescaped(mark[kind])
        match kind:
            case "double" | "triple":
                return self._braces(inner, written, line, changes, raw=kind == "triple")
            case "legacy":
                return self._value(inner, written, line, changes)
            case "word":
                name = {"EmailAddress": "email", "MFROMDomain": "__envelope_domain"}[inner]
                return [self._written(name, written, line, changes)]
            case "date":
                return [self._written(filtered("__now", "__date", inner), written, line, changes)]
            case "random":
                return [self._written(self._random(inner), written, line, changes)]
            case "remote":
                message = f"{written[:60]} is not fetched; put what it says into the email."
                self.result.remark("unsupported_tag", message, line, blocks=True)
                return []
            case "legacy_if":
                return [self._condition(inner, written, line)]
            case "legacy_else":
                return [Block("else", line, written=written)]
        return [Block("endif", line, written=written)]

    def _braces(self, inner: str, written: str, line: int, changes: tuple[str, ...], *, raw: bool) -> list[Segment]:
        word = inner.split(None, 1)[0] if inner.strip() else ""
        if word in ("else", "endif"):
            return [Block(word, line, written=written)]
        if word == "if":
            return [self._condition(inner.strip()[2:], written, line)]
        if word in ("elseif", "elif"):
            raise BrokenTemplate(
                f"There is no {{{{ {word} }}}}; put another condition after {{{{ else }}}}.", line=line
            )
        if word in ("#unless_unsubscribe", "/unless_unsubscribe"):
            return []
        if raw and "|" in inner and ":" not in inner.split("|")[0] and '"' not in inner:
            return self._spin([[Literal(part, line)] for part in inner.split("|")], written, line)
        return self._tag(inner, written, line, changes, raw=raw)

    def _tag(self, inner: str, written: str, line: int, changes: tuple[str, ...], *, raw: bool) -> list[Segment]:
        fallback = FALLBACK.search(inner)
        tag = TAG.fullmatch((inner[: fallback.start()] if fallback else inner.split("|")[0]).strip())
        if "|" in inner and not (fallback and fallback.end() == len(inner)):
            message = f"The fallback in {written} is not read: put it in double quotation marks at the end."
            self.result.remark("unknown_tag", message, line)
        words = fallback[1] if fallback else ""
        if tag is None:
            self._unknown(inner.strip(), written, line)
            return [self._said(words, line)]
        helper = self._helper(tag[1], written, line)
        return self._value(
            tag[3], written, line, changes, helper=helper, argument=tag[2] or "", fallback=words, raw=raw
        )

    def _helper(self, name: str | None, written: str, line: int) -> str:
        helper = (name or "").lower()
        if helper and helper not in HELPERS.keys() | NUMBERED.keys() | WITHOUT_FILTER:
            self.result.remark("unknown_tag", f"There is no helper “{name}”, so {written} is written without.", line)
            return ""
        return helper

    def _value(
        self,
        name: str,
        written: str,
        line: int,
        changes: tuple[str, ...],
        *,
        helper: str | None = None,
        argument: str = "",
        fallback: str = "",
        raw: bool = False,
    ) -> list[Segment]:
        """`helper` is None in a legacy tag, which has none and is never encoded for a URL."""
        meaning = Meaning("__now", is_date=True) if name == "Now" else meaning_of(name, self.place.known)
        if meaning is None or not meaning.expression or (meaning.is_link and not self.place.is_body):
            self._nothing(name, written, line, meaning)
            return [self._said(fallback, line)]
        plain = helped(meaning, helper or "", argument, fallback)
        plain = filtered(plain, "default", fallback) if fallback else plain
        if meaning.is_link:
            return [Value(plain, line, written=written)]
        is_raw = raw or helper == "raw"
        in_url = plain if helper is None or is_raw or helper in ENCODING else filtered(plain, "urlencode")
        shown = plain
        for change in changes:
            shown = filtered(shown, change)
        if self.place.markup and (is_raw or helper == "nl2br"):
            shown = filtered(shown, "__markup" if is_raw else "__with_breaks")
        return [Value(shown, line, written=written, in_value=plain, in_url=in_url)]

    def _written(self, expression: str, written: str, line: int, changes: tuple[str, ...]) -> Value:
        shown = expression
        for change in changes:
            shown = filtered(shown, change)
        return Value(shown, line, written=written, in_value=expression, in_url=expression)

    def _random(self, what: str) -> str:
        self._drawn += 1
        kind, _, length = what.partition(":")
        if length:
            return filtered("__seed", "__random", self._drawn, kind, int(length))
        return filtered("__seed", "__random_name", self._drawn, kind)

    def _condition(self, inner: str, written: str, line: int) -> Block:
        found = CONDITION.fullmatch(inner.strip())
        if found is None:
            raise BrokenTemplate(f"{written} cannot be read; write {{{{ if Subscriber:City=Ulm }}}}.", line=line)
        name, operator, value = found[1], found[2] or "<>", _unquoted((found[3] or "").strip())
        meaning = meaning_of(name, self.place.known)
        if meaning is None or not meaning.expression:
            self._nothing(name, written, line, meaning)
        if found[2] == "<>" and value:
            message = f"{written} is read as “is not {value}”. For “is {value}”, write = instead of <>."
            self.result.remark("unequal", message, line)
        expression = meaning.expression if meaning and meaning.expression else "__none"
        return Block(f"if {filtered(expression, '__compared', operator, value)}", line, written=written)

    # --- what there is not ---

    def _nothing(self, name: str, written: str, line: int, meaning: Meaning | None) -> None:
        if meaning is None and name.startswith("Event:"):
            self.result.remark("unsupported_tag", f"{written} is always empty: there are no journeys here.", line)
        elif meaning is None:
            self._unknown(name, written, line)
        elif meaning.is_link:
            self.result.remark("unsupported_tag", f"{written} is empty here: links stand in HTML and text only.", line)
        else:
            self.result.remark("unsupported_tag", f"{written} is always empty: {meaning.missing}.", line)

    def _unknown(self, name: str, written: str, line: int) -> None:
        if not self.result.is_news(written):
            return
        slip = near(name[:80], self.place.known)
        hint = f" Did you mean {slip}?" if slip else ""
        self.result.remark("unknown_tag", f"There is no tag {written[:80]}, so it is always empty.{hint}", line)

    def _said(self, words: str, line: int) -> Segment:
        """Words of the author's own, at the place of a tag that stands for nothing."""
        return Value(filtered("__none", "default", words), line, written=words) if words else Literal("", line)

    def _unescaped(self, text: str) -> str:
        """Visual editors write entities into tags."""
        return (unescape(text) if self.place.markup else text).replace("\xa0", " ")


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
