"""HTML on its way into a mail: merge tags protected, styles inlined, links tracked, preheader and pixel put in.

The order matters: tags are swapped for tokens before any parser sees the HTML, and styles are inlined before links are
replaced, since selectors may name an address.
"""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import css_inline
from selectolax.lexbor import LexborHTMLParser, LexborNode

from content.analytics import term_of
from content.errors import BrokenTemplate
from content.links import CLICK, LINK_FIELDS, OPEN, PROBE, LinkBook, safe_address
from content.merge.bodies import Computed, Piece
from content.merge.scanner import Block, Literal, Segment, Value
from content.pieces import Tokens, balanced_length, require_same_blocks

# Neither the network nor the disk is asked for style sheets: that would let an author read what the server can reach.
# Rules that cannot be inlined (:hover, @media) stay in the head.
INLINER = css_inline.CSSInliner(
    load_remote_stylesheets=False, keep_at_rules=True, keep_style_tags=True, remove_inlined_selectors=True
)
# After the preheader, so that an inbox does not go on with the first words of the body.
PADDING = "&#847;&zwnj;&nbsp;" * 40
HIDDEN = "display:none;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all"
UNSEEN = "display:none;mso-hide:all"
UNTRACKED = "no-link-track"
SCHEME_GIVEN = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:|[/?#.])", re.IGNORECASE)
OUTLOOK_COMMENT = re.compile(r"<!--\[if\b(?:(?!-->).)*<!\[endif\]-->", re.DOTALL | re.IGNORECASE)
OUTLOOK_LINK = re.compile(r"""(?<=\shref=)("[^"<>]*"|'[^'<>]*')""", re.IGNORECASE)


@dataclass(frozen=True)
class Html:
    """HTML with tokens for its merge tags, and the segments they stand for."""

    text: str
    tokens: Tokens
    segments: Sequence[Segment]
    style_problem: str = ""


def protected(segments: Sequence[Segment]) -> Html:
    """Raises BrokenTemplate for a tag where no rewriting could keep its meaning."""
    tokens = Tokens(*(segment.text for segment in segments if isinstance(segment, Literal)))
    reader, written = _Reader(), []
    for segment in segments:
        if isinstance(segment, Literal):
            reader.read(segment.text)
            written.append(segment.text)
        else:
            written.append(_token(_at_home(segment, reader), reader.place, tokens))
            reader.passed()
    return Html(_with_table_bodies("".join(written), tokens), tokens, segments)


def inlined(source: Html) -> Html:
    """A whole document with its styles at the elements. Styles that cannot be read stay where they are, and
    `style_problem` says why: the mail is still worth sending. Raises BrokenTemplate."""
    try:
        text, problem = INLINER.inline(source.text), ""
    except css_inline.InlineError as refused:
        text, problem = LexborHTMLParser(source.text).html or "", source.tokens.shown(str(refused))
    require_same_blocks(source.segments, source.tokens.split(text), part="html")
    text = text if text[:9].lower() == "<!doctype" else f"<!DOCTYPE html>{text}"
    return replace(source, text=text, style_problem=problem)


def finished(source: Html, preheader: Sequence[Segment], links: LinkBook | None) -> list[Piece]:
    """The pieces of the HTML part. `links`: where links are tracked and opens counted."""
    tree = LexborHTMLParser(source.text)
    if preheader:
        _put_preheader(tree, preheader, source.tokens)
    _set_addresses(tree, source.tokens, links)
    if links is not None:
        if links.has_hidden_link:
            _put_hidden_link(tree, source.tokens, links)
        if links.has_pixel:
            _put_pixel(tree, source.tokens, links)
    text = tree.html or ""
    if links is not None:
        text = OUTLOOK_COMMENT.sub(lambda comment: _track_in_comment(comment[0], source.tokens, links), text)
    return source.tokens.split(text)


class _Reader:
    """Follows HTML through literals to know where a merge tag stands: `text`, `value` (of an attribute), `tag` (inside
    a tag, but in no value), `comment`, or the name of an element that holds no elements, such as `style`."""

    TAG = re.compile(r"</?([a-zA-Z][^\s/>]*)")
    VALUE_START = re.compile(r"""\s*=\s*(["']?)""")
    PLAIN = ("style", "script", "title", "textarea", "xmp", "noscript")

    ATTRIBUTE = re.compile(r"([^\s\"'<>/=]+)\s*$")
    ADDRESSES = ("href", "src", "action", "background", "xlink:href")

    def __init__(self) -> None:
        self.place = "text"
        self._quote = ""
        self._element = ""
        self._attribute = ""
        self._is_begun = False

    @property
    def goes_on_with_address(self) -> bool:
        """Inside an address that something else has begun."""
        return self.place == "value" and self._is_begun and self._attribute in self.ADDRESSES

    def passed(self) -> None:
        """A merge tag stood here."""
        self._is_begun = True

    def read(self, text: str) -> None:
        at = 0
        while at < len(text):
            at = getattr(self, f"_in_{self.place}", self._in_plain)(text, at)
        if self.place == "text" and re.search(r"</?$", text):
            self.place = "tag"

    def _in_text(self, text: str, at: int) -> int:
        at = text.find("<", at)
        if at < 0:
            return len(text)
        if text.startswith("<!--", at):
            self.place = "comment"
            return at + 4
        if text.startswith(("<!", "<?"), at):
            end = text.find(">", at)
            return len(text) if end < 0 else end + 1
        opening = self.TAG.match(text, at)
        if opening is None:
            return at + 1
        self._element = "" if opening[0].startswith("</") else opening[1].lower()
        self.place = "tag"
        return opening.end()

    def _in_tag(self, text: str, at: int) -> int:
        found = re.compile(r">|=\s*([\"']?)").search(text, at)
        if found is None:
            return len(text)
        if found[0] == ">":
            self.place = self._element if self._element in self.PLAIN else "text"
        else:
            self.place, self._quote, self._is_begun = "value", found[1], False
            named = self.ATTRIBUTE.search(text[max(at, found.start() - 60) : found.start()])
            self._attribute = named[1].lower() if named else ""
        return found.end()

    def _in_value(self, text: str, at: int) -> int:
        found = re.compile(re.escape(self._quote) if self._quote else r"\s|(?=>)").search(text, at)
        self._is_begun = self._is_begun or bool(text[at : found.start() if found else None].strip())
        if found is None:
            return len(text)
        self.place = "tag"
        return found.end()

    def _in_comment(self, text: str, at: int) -> int:
        end = text.find("-->", at)
        if end < 0:
            return len(text)
        self.place = "text"
        return end + 3

    def _in_plain(self, text: str, at: int) -> int:
        end = re.compile(rf"</{self.place}\b", re.IGNORECASE).search(text, at)
        if end is None:
            return len(text)
        self.place = "text"
        return end.start()


def _at_home(segment: Segment, reader: _Reader) -> Segment:
    """The segment as its language means it in this place: encoded inside an address, without markup of its own in any
    place but a text."""
    if not isinstance(segment, Value) or reader.place == "text":
        return segment
    expression = segment.in_url if reader.goes_on_with_address else segment.in_value
    return replace(segment, expression=expression) if expression else segment


def _token(segment: Segment, place: str, tokens: Tokens) -> str:
    if place == "tag":
        raise BrokenTemplate(
            "A merge tag inside an HTML tag must stand in the quotation marks of an attribute.",
            line=segment.line,
            part="html",
        )
    if isinstance(segment, Block) and place == "style":
        raise BrokenTemplate(
            "There is no logic inside <style>; give elements another class instead.", line=segment.line, part="html"
        )
    token = tokens.add(segment)
    return f"<!--{token}-->" if isinstance(segment, Block) and place == "text" else token


def _with_table_bodies(text: str, tokens: Tokens) -> str:
    """Blocks around rows need the <tbody> that a parser would otherwise open after the first of them."""
    return re.sub(
        rf"(<table\b[^>]*>|</(?:thead|tbody|tfoot|caption|colgroup)>)(?=(?:\s*{tokens.block_comment})+\s*<tr\b)",
        r"\1<tbody>",
        text,
        flags=re.IGNORECASE,
    )


def _put_preheader(tree: LexborHTMLParser, preheader: Sequence[Segment], tokens: Tokens) -> None:
    pieces = [html.escape(part.text) if isinstance(part, Literal) else part for part in preheader]
    node = _element(f'<div style="{HIDDEN}">{tokens.add("", *pieces, PADDING)}</div>', "div")
    body = _body(tree)
    if body.first_child is None:
        body.insert_child(node)
    else:
        body.first_child.insert_before(node)


def _put_pixel(tree: LexborHTMLParser, tokens: Tokens, links: LinkBook) -> None:
    address = tokens.add(html.escape(f"{links.base_url}/o/"), OPEN, ".gif")
    _body(tree).insert_child(_element(f'<img src="{address}" width="1" height="1" alt="" border="0">', "img"))


def _put_hidden_link(tree: LexborHTMLParser, tokens: Tokens, links: LinkBook) -> None:
    """A link that only programs follow. Without text there is nothing to see; no key reaches it and no screen reader
    says it, also where a mail program drops one of the three ways of saying so."""
    head = f'<a href="{html.escape(links.base_url)}/h/'
    tail = f'" style="{UNSEEN}" aria-hidden="true" tabindex="-1"></a>'
    _body(tree).insert_child(tokens.add(head, PROBE, tail))


def without_hidden_link(pieces: Sequence[Piece]) -> list[Piece]:
    """What is shown on a page: there nothing has to be told from a scanner."""
    if PROBE not in pieces:
        return list(pieces)
    place = list(pieces).index(PROBE)
    return [*pieces[: place - 1], *pieces[place + 2 :]]


def _set_addresses(tree: LexborHTMLParser, tokens: Tokens, links: LinkBook | None) -> None:
    for place, node in enumerate(tree.css("a[href], area[href]")):
        if "href" not in node.attributes:  # a link in SVG, whose xlink:href answers to the selector too
            continue
        pieces = tokens.split(node.attributes["href"] or "")
        tracked = None
        if links and is_tracked(node):
            tracked = tracked_address(pieces, tokens, links, term=_term(node, tokens) if links.analytics else "")
        if address := tracked or _guarded_address(pieces, tokens, f"__href_{place}"):
            node.attrs["href"] = address


def is_tracked(node: LexborNode) -> bool:
    """Unless its author asked to leave it alone, in the way of Octeth's authors."""
    return UNTRACKED not in (node.attributes.get("class") or "").split()


def _term(node: LexborNode, tokens: Tokens) -> str:
    """The title of a link, or its text; nothing where a merge field is in it, since that is about the reader."""
    title = (node.attributes.get("title") or "").strip() or node.text()
    return "" if tokens.pattern.search(title) else term_of(title)


def _guarded_address(pieces: Sequence[Piece], tokens: Tokens, name: str) -> str | None:
    """A token for an address whose scheme a field decides: on the web version, `javascript:` would be run."""
    head = pieces[0] if pieces else ""
    decided = isinstance(head, str) and (len(pieces) <= 1 or SCHEME_GIVEN.match(head))
    ours = len(pieces) == 1 and isinstance(head, Value) and head.expression in LINK_FIELDS
    if decided or ours or balanced_length(pieces) < len(pieces):
        return None
    return tokens.add("", Computed(name, tuple(pieces), safe_address))


def tracked_address(
    pieces: Sequence[Piece], tokens: Tokens, links: LinkBook, *, repeats: bool = False, term: str = ""
) -> str | None:
    """A token for the tracked form of this address; None if it stays as it is."""
    if balanced_length(pieces) < len(pieces) or CLICK in pieces:
        return None
    tracked = links.tracked(pieces, repeats=repeats, term=term)
    return tokens.add(*_escaped(tracked)) if tracked else None


def _track_in_comment(comment: str, tokens: Tokens, links: LinkBook) -> str:
    """Buttons for Outlook are drawn in comments, which no parser looks into."""

    def replaced(value: re.Match[str]) -> str:
        pieces = tokens.split(html.unescape(value[1][1:-1]))
        return f'"{tracked_address(pieces, tokens, links, repeats=True) or value[1][1:-1]}"'

    return OUTLOOK_LINK.sub(replaced, comment)


def _escaped(pieces: Iterable[Piece]) -> list[Piece]:
    return [html.escape(piece) if isinstance(piece, str) else piece for piece in pieces]


def _element(source: str, selector: str) -> LexborNode:
    node = LexborHTMLParser(source).css_first(selector)
    assert node is not None  # noqa: S101 - the source is one of ours
    return node


def _body(tree: LexborHTMLParser) -> LexborNode:
    node = tree.body or tree.root
    assert node is not None  # noqa: S101 - the parser makes a body for any input
    return node
