"""What readers of a mail's HTML would stumble over: images without words, links that lead nowhere."""

import re
from collections.abc import Iterator, Sequence

from selectolax.lexbor import LexborHTMLParser

from content import markup
from content.merge.bodies import Piece
from content.merge.parsing import Parsed
from content.merge.scanner import Value
from content.pieces import Tokens, as_written

# Values that are encoded, or letters and digits in any case.
ENCODED = re.compile(r"urlencode|__(?:form|percent)_encoded|__(?:hashed|random|\w+_id)\b")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
OWN_MACHINE = re.compile(r"https?://(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0)(?=[:/?#]|$)", re.IGNORECASE)


def remarks(parsed: Parsed) -> Iterator[tuple[str, str]]:
    """Code and message of each. Raises BrokenTemplate like the compiler."""
    if not parsed.segments:
        return
    page = markup.inlined(markup.protected(parsed.segments))
    if page.style_problem:
        yield (
            "styles_not_inlined",
            f"The styles stay in the head, where some programs ignore them: {page.style_problem}",
        )
    tree = LexborHTMLParser(page.text)
    yield from _images(tree, page.tokens)
    yield from _links(tree, page.tokens)
    if tree.css_first("script"):
        yield "script", "Scripts do not run in mails; take them out."


def _images(tree: LexborHTMLParser, tokens: Tokens) -> Iterator[tuple[str, str]]:
    without = [tokens.shown(node.attributes.get("src") or "") for node in tree.css("img:not([alt])")]
    if without:
        count = "An image has" if len(without) == 1 else f"{len(without)} images have"
        message = (
            f"{count} no alternative text, which is shown while images are off and read to the blind: {without[0]}"
        )
        yield "image_without_alt", message


def _links(tree: LexborHTMLParser, tokens: Tokens) -> Iterator[tuple[str, str]]:
    for address in dict.fromkeys(
        (node.attributes.get("href") or "").strip() for node in tree.css("a[href], area[href]")
    ):
        pieces = tokens.split(address)
        shown = "".join(map(as_written, pieces))
        if not pieces or address == "#":
            yield "empty_link", "A link leads nowhere; give it an address."
        elif not isinstance(pieces[0], str) or address.startswith("#"):
            continue  # decided by a field, or a place within the mail
        elif not SCHEME.match(address):
            yield "link_without_scheme", f"The link {shown} leads nowhere from a mail; begin it with https://."
        elif OWN_MACHINE.match(address):
            yield "link_to_own_machine", f"The link {shown} leads to the reader's own computer."
        elif _has_bare_field(pieces):
            ours = all(isinstance(piece, str) or not getattr(piece, "written", "") for piece in pieces)
            how = "; write {{ field|urlencode }}" if ours else ""
            yield "field_not_encoded", f"A field in the link {shown} may hold characters that break it{how}."


def _has_bare_field(pieces: Sequence[Piece]) -> bool:
    return any(isinstance(piece, Value) and not ENCODED.search(piece.expression) for piece in pieces)
