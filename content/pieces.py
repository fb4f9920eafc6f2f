"""Merge tags as words that survive what is done to the text around them.

Parsers of HTML and CSS move or destroy `{% for %}` in a table and `{{ }}` in a link. So every tag is swapped for a
token of letters and digits first (in HTML, a block between elements for a comment with the token), and swapped back at
the end.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence

from content.errors import BrokenTemplate
from content.merge.bodies import Piece
from content.merge.scanner import Block, Literal, Value


class Tokens:
    """Gives out tokens for pieces, and takes them back."""

    def __init__(self, *sources: str) -> None:
        """A prefix that none of the sources holds makes the tokens unmistakable."""
        self._prefix = "bs" + hashlib.sha256("\0".join(sources).encode()).hexdigest()[:10]
        self._held: list[tuple[Piece, ...]] = []
        self.block_comment = rf"<!--{self._prefix}b(?:\d+)z-->"
        self.pattern = re.compile(rf"<!--{self._prefix}b(\d+)z-->|{self._prefix}[vb](\d+)z")

    def add(self, *pieces: Piece) -> str:
        self._held.append(pieces)
        kind = "b" if isinstance(pieces[0], Block) else "v"
        return f"{self._prefix}{kind}{len(self._held) - 1}z"

    def split(self, text: str, literal: Callable[[str], str] = str) -> list[Piece]:
        """The text as pieces, tokens swapped back; `literal` is done to what lies between them."""
        pieces: list[Piece] = []
        at = 0
        for found in self.pattern.finditer(text):
            pieces += [literal(text[at : found.start()])] if found.start() > at else []
            pieces += self._held[int(found[1] or found[2])]
            at = found.end()
        return pieces + ([literal(text[at:])] if at < len(text) else [])

    def as_text(self, html: str) -> str:
        """Blocks that stand as comments, as plain tokens."""
        return re.sub(rf"<!--({self._prefix}b\d+z)-->", r"\1", html)

    def shown(self, text: str) -> str:
        """The text with tags as they were written, for messages."""
        return "".join(map(as_written, self.split(text)))

    def blocks_in(self, text: str) -> list[Piece]:
        return [piece for piece in self.split(text) if isinstance(piece, Block)]


def require_same_blocks(before: Sequence[Piece], after: Iterable[Piece], *, part: str) -> None:
    """Raises BrokenTemplate if blocks were lost, doubled or moved past each other."""
    wanted = [piece for piece in before if isinstance(piece, Block)]
    there = [piece for piece in after if isinstance(piece, Block)]
    for block, found in zip(wanted, [*there, None], strict=False):
        if found is not block:
            raise BrokenTemplate(
                f"{block.shown} stands where HTML cannot hold it. Put it around whole elements, inside a "
                "text, or inside the quotation marks of an attribute.",
                line=block.line,
                part=part,
            )
    if len(there) > len(wanted):
        raise BrokenTemplate(f"{there[-1].shown} would be repeated by the HTML around it.", part=part)


def balanced_length(pieces: Sequence[Piece]) -> int:
    """How many of the first pieces close every block they open, and close none that was opened before them."""
    depth = 0
    for place, piece in enumerate(pieces):
        if isinstance(piece, Block):
            if depth == 0 and not piece.opens:
                return place
            depth += piece.opens - piece.closes
    return len(pieces) if depth == 0 else 0


def plain_text_of(segments: Iterable[Literal | Value | Block], tokens: Tokens) -> str:
    """The source with tokens for its tags."""
    return "".join(segment.text if isinstance(segment, Literal) else tokens.add(segment) for segment in segments)


def as_written(piece: Piece) -> str:
    """A piece as its author wrote it."""
    match piece:
        case str():
            return piece
        case Literal(text=text):
            return text
        case Value(expression=expression, written=written):
            return written or f"{{{{ {expression} }}}}"
        case Block():
            return piece.shown
    return ""
