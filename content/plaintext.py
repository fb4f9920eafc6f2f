"""The text part: made from the HTML where the author wrote none, with the address of every link in sight.

Links in the text are tracked like those in the HTML: who reads the text part clicks too.
"""

import re
from collections.abc import Sequence

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from selectolax.lexbor import LexborHTMLParser

from content.errors import BrokenTemplate
from content.links import LinkBook
from content.markup import Html, is_tracked
from content.merge.bodies import Piece
from content.merge.scanner import Block, Segment
from content.pieces import Tokens, balanced_length, plain_text_of

URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
AFTER_URL = ".,;:!?'*_…"
TABLE_ROWS = re.compile(r"(</?)(?:table|thead|tbody|tfoot|tr|caption)\b", re.IGNORECASE)
TABLE_CELLS = re.compile(r"(</?)(?:td|th)\b", re.IGNORECASE)
SETTINGS = ParserConfig(css=CSS_PROFILES["strict"], display_images=True)


def written(segments: Sequence[Segment], links: LinkBook | None) -> list[Piece]:
    """The pieces of a text that the author wrote."""
    tokens = Tokens(*(getattr(segment, "text", "") for segment in segments))
    return _tracked(plain_text_of(segments, tokens), tokens, links)


def generated(source: Html, links: LinkBook | None) -> list[Piece]:
    """The pieces of a text made from inlined HTML; raises BrokenTemplate if its logic cannot be carried over."""
    tree = LexborHTMLParser(source.text)
    _show_addresses(tree, source.tokens, links)
    document = source.tokens.as_text(tree.html or "").replace("&amp;", "&amp;amp;")  # inscriptis unescapes twice
    if source.tokens.blocks_in(document):  # the columns of a table cannot be laid out before its logic has run
        document = TABLE_CELLS.sub(r"\1span", TABLE_ROWS.sub(r"\1div", document))
        document = document.replace("</span>", " </span>")
    text = tidied("\n".join(line.rstrip() for line in get_text(document, SETTINGS).splitlines()))
    _require_whole_logic(source, source.tokens.split(text))
    return _tracked(text, source.tokens, links)


def of_html(html: str) -> str:
    """The text of a piece of HTML without any merge language, for who wants to see it."""
    tree = LexborHTMLParser(html)
    for node in tree.css("script, style"):
        node.decompose()
    document = (tree.html or "").replace("&amp;", "&amp;amp;")  # inscriptis unescapes twice
    return tidied("\n".join(line.rstrip() for line in get_text(document, SETTINGS).splitlines()))


def tidied(text: str) -> str:
    """At most one empty line between paragraphs, none at the ends: blocks leave the lines they stood on."""
    return re.sub(r"\n(?:[ \t]*\n){2,}", "\n\n", text).strip("\n") + "\n" if text.strip() else ""


def _show_addresses(tree: LexborHTMLParser, tokens: Tokens, links: LinkBook | None) -> None:
    """Write the address of each link after it; as a token, so that nothing can change it on the way."""
    for node in tree.css("a[href]"):
        address = (node.attributes.get("href") or "").strip()
        if address.startswith("mailto:"):
            address = address.removeprefix("mailto:").split("?")[0]
        if (
            address
            and not address.startswith(("#", "tel:", "sms:", "javascript:"))
            and address != node.text(strip=True)
        ):
            pieces = tokens.split(address)
            shown = (links.tracked(pieces, repeats=True) if links and is_tracked(node) else None) or pieces
            node.insert_child(f" <{tokens.add('', *shown)}>")


def _require_whole_logic(source: Html, pieces: Sequence[Piece]) -> None:
    """Blocks of attributes are gone with them; what is left must be in order and closed."""
    order = {id(segment): place for place, segment in enumerate(source.segments)}
    places = [order[id(piece)] for piece in pieces if isinstance(piece, Block)]
    if places != sorted(set(places)) or balanced_length(pieces) < len(pieces):
        raise BrokenTemplate(
            "No text can be made from this HTML, since its logic does not stand around whole elements. Write the text "
            "yourself, or put the logic elsewhere.",
            part="text",
        )


def _tracked(text: str, tokens: Tokens, links: LinkBook | None) -> list[Piece]:
    pieces: list[Piece] = []
    at = 0
    for found in URL.finditer(text):
        address = _address(found[0], tokens)
        tracked = links.tracked(tokens.split(address), repeats=True) if links and address else None
        if tracked:
            pieces += [*tokens.split(text[at : found.start()]), *tracked]
            at = found.start() + len(address)
    return pieces + tokens.split(text[at:])


def _address(match: str, tokens: Tokens) -> str:
    """The part of the match that is the URL: not the full stop after it, not the bracket that closes around it, and
    not the end of a block that began before it. Empty if it goes on in a block that ends outside."""
    depth, address = 0, match
    for found in tokens.pattern.finditer(match):
        piece = tokens.split(found[0])[0]
        if isinstance(piece, Block):
            if depth == 0 and not piece.opens:
                address = match[: found.start()]
                break
            depth += piece.opens - piece.closes
    while address and (address[-1] in AFTER_URL or (address[-1] == ")" and "(" not in address)):
        address = address[:-1]
    return "" if depth else address
