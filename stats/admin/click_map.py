"""A mail with what its links brought drawn at them: the mail as it was sent, for nobody in particular.

A tracked link carries its position in its token, so that each badge stands at the very link that was clicked, also
where the same address occurs twice. The result is what an author wrote: show it in a sandboxed frame only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.html import format_html
from selectolax.lexbor import LexborHTMLParser, LexborNode

from accounts.templatetags.figures import people, percent
from content.compile import EmailSource, compile_email
from content.merge.languages import Fields
from content.previews import NOBODY
from content.tokens import BadToken, read_link_token

# Where the text of the link ends, so that a link over two lines has it too; it takes no room from the mail.
BADGE = (
    "position:absolute;margin:-12px 0 0 -4px;z-index:9;padding:0 6px;border-radius:9px;white-space:nowrap;"
    "font:600 11px/18px system-ui,sans-serif;letter-spacing:0;text-transform:none;text-decoration:none;"
    "color:#fff;box-shadow:0 0 0 1.5px #fff"
)
FRAME = "outline:2px solid {};outline-offset:2px"
COLOURS = ("#9a3412", "#b45309", "#475569")  # much, some, nothing clicked; each readable under white


@dataclass(frozen=True, kw_only=True)
class Clicked:
    """What a link brought: people, and their share (0 to 1) of all who clicked."""

    people: int
    share: float


@dataclass(frozen=True, kw_only=True)
class ClickMap:
    """`html` for a sandboxed frame; `drawn`: positions of the links that have a badge in it."""

    html: str
    drawn: frozenset[int]


def click_map(source: EmailSource, clicked: Mapping[int, Clicked], fields: Fields = ()) -> ClickMap:
    """The mail with a badge at every tracked link, by position in `clicked`; one that nobody clicked says so.

    Links lead nowhere, and neither pixel nor scripts are left, so that to look at it counts nothing. What logic shows
    only to some is missing where it is not shown to nobody in particular. Raises BrokenTemplate.
    """
    message = compile_email(source, run_id=0, base_url=settings.BASE_URL, fields=fields)
    tree = LexborHTMLParser(message.contents({}, NOBODY).html)
    for node in tree.css(f'script, img[src^="{settings.BASE_URL}/o/"]'):
        node.decompose()
    most = max((each.share for each in clicked.values()), default=0.0)
    drawn = [_draw(node, clicked, most) for node in tree.css("a[href], area[href]")]
    return ClickMap(html=tree.html or "", drawn=frozenset(position for position in drawn if position))


def _draw(node: LexborNode, clicked: Mapping[int, Clicked], most: float) -> int:
    """Put the badge at this link; its position, or 0 where it is not tracked."""
    position = _position(node.attributes.get("href") or "")
    node.attrs["href"], node.attrs["target"] = f"#link-{position or ''}", "_self"
    if not position or node.tag == "area":
        return position
    found = clicked.get(position, Clicked(people=0, share=0.0))
    said = f"Link {position}: {people(found.people)}, {percent(found.share)} of those who clicked"
    colour = COLOURS[0 if most and found.share > most / 2 else 1 if found.people else 2]
    node.attrs["style"] = f"{node.attributes.get('style') or ''};{FRAME.format(colour)}"
    node.attrs["title"] = said
    badge = format_html(
        '<span role="note" aria-label="{}" style="{};background:{}">{}</span>',
        said,
        BADGE,
        colour,
        percent(found.share),
    )
    drawn = LexborHTMLParser(badge).css_first("span")
    if drawn is not None:
        node.insert_child(drawn)
    return position


def _position(address: str) -> int:
    """Which link of the mail this tracked address is; 0 for another address."""
    if not address.startswith(f"{settings.BASE_URL}/c/"):
        return 0
    try:
        return read_link_token(urlsplit(address).path.rpartition("/")[2]).position
    except BadToken:
        return 0
