"""GreenArrow's language: `%%code%%`, and `{code}` inside the address of a link, said in ours.

A code that there is not stays as it is typed. There is no logic, so every message of this language is literals and
slots.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from html import unescape

from content.errors import BrokenTemplate
from content.merge.known import KnownFields
from content.merge.scanner import MAX_SOURCE_LENGTH, Literal, Segment, Value
from content.merge.values import cleaned
from content.merge.writing import Lines, Place, Translation, filtered, joined

LONG_DATE, DATABASE_DATE = "F j, Y", "Y-m-d"
UNSUBSCRIBE_TAG = "%%unsubscribe_link%%"
PERCENT = "data_percent"
LINKS = {"unsubscribe_link": "unsubscribe_url", "link_to_web_version": "view_url"}


@dataclass(frozen=True, slots=True)
class Code:
    """What is written between the signs, what it is in our language, and what authors read about it."""

    name: str
    expression: str
    description: str


CODES = (
    Code("subscribers_email_address", "email", "The person's email address."),
    Code("emailaddress", "email", "The same."),
    Code("emailaddress_md5", 'email|lower|__hashed("md5")', "MD5 of the address in small letters."),
    Code("emailaddress_sha1", 'email|lower|__hashed("sha1")', "SHA-1 of it."),
    Code("emailaddress_sha256", 'email|lower|__hashed("sha256")', "SHA-256 of it."),
    Code("emailaddress_base64", "email|__base64", "The address in base64."),
    Code("subscriber_id", "__subscriber_id", "The person's number."),
    Code("mailing_list_id", "__list_id", "The list's number."),
    Code("mailing_list_name", "__list_name", "The list through which the person is reached."),
    Code("unsubscribe_link", "unsubscribe_url", "The address where the person leaves."),
    Code("unsubscribe_token", "__unsubscribe_token", "What the API takes to unsubscribe the person."),
    Code("link_to_web_version", "view_url", "The address of the email as a web page."),
    Code("data_campaign_id", "__campaign_id", "The campaign's number."),
    Code("campaign_id", "__campaign_id", "The same; deprecated."),
    Code("data_campaign_name", "__campaign_name", "The campaign's name."),
    Code("data_current_year", '__now|__date("Y")', "The year in which the email is sent."),
    Code("data_current_date_long", f'__now|__date("{LONG_DATE}")', "The day, such as December 5, 2015."),
    Code("data_current_date_database", f'__now|__date("{DATABASE_DATE}")', "The day, such as 2015-12-05."),
    Code(PERCENT, "", "A percent sign."),
    Code("data_from_email", "__from_email", "The sender address."),
    Code("data_from_name", "__from_name", "The sender name."),
    Code("data_sender_email", "__sender_email", "Who sends it for the sender; may be empty."),
    Code("data_reply_to_email", "__reply_to", "Where replies go; may be empty."),
    Code("data_subscribe_date_long", f'__subscribed_at|__date("{LONG_DATE}")', "When the person joined, in words."),
    Code("data_subscribe_date_database", f'__subscribed_at|__date("{DATABASE_DATE}")', "The same as 2015-12-05."),
    Code("data_subscribe_ip", "__subscribed_ip", "From where the person joined."),
    Code("data_stat_id", "__run_id", "What the campaign's statistics are known by."),
    Code("data_sendid", '__run_id|__prefixed("a")', "What reports of the engine call it."),
    Code("data_url_domain", "__url_domain", "The domain of tracked links."),
)
_EXPRESSIONS = {code.name: code.expression for code in CODES}
# A code begins and ends with something; elements, entities and addresses are none.
_CODE = re.compile(r"%%(?=[^\W_])([^%<>\"{}=\r\n]{1,200})(?<=\S)%%")
_BRACES = re.compile(r"\{([^{}\r\n]{1,100})\}")
_ADDRESSES = {
    True: re.compile(r"""\s(?:href|src|action|background)\s*=\s*(?:"[^"]*"|'[^']*')""", re.IGNORECASE),
    False: re.compile(r"""https?://[^\s<>"']+""", re.IGNORECASE),
}


def translated(source: str, place: Place) -> Translation:
    """Raises BrokenTemplate for a source that is too long, and for nothing else."""
    text = cleaned(source)
    if len(text) > MAX_SOURCE_LENGTH:
        raise BrokenTemplate(f"This is too long: {len(text):,} characters of at most {MAX_SOURCE_LENGTH:,}.")
    marks = sorted([*_codes(text), *_in_addresses(text, place)], key=lambda mark: mark.start())
    lines = Lines(text)
    result, at = Translation(), 0
    for mark in marks:
        if mark.start() < at:
            continue
        said = _said(mark, lines.of(mark.start()), place, result)
        if said is not None:
            result.segments += [Literal(text[at : mark.start()], lines.of(at)), said]
            at = mark.end()
    result.segments.append(Literal(text[at:], lines.of(at)))
    result.segments = list(joined(result.segments))
    return result


def expression_of(name: str, known: KnownFields) -> str | None:
    """Our expression for a code or the name of a custom field, in any case; None if it is neither."""
    folded = re.sub(r"\s+", "_", name.strip()).lower()
    if folded in _EXPRESSIONS:
        return _EXPRESSIONS[folded]
    key = known.by_name(name)
    return filtered(key, "__yes_no") if key else None


def _codes(text: str) -> Iterator[re.Match[str]]:
    """Each `%%…%%`; the signs that end one may begin the next, as in `100%% of %%city%%`."""
    at = 0
    while found := _CODE.search(text, at):
        yield found
        at = found.end() - 2


def _in_addresses(text: str, place: Place) -> list[re.Match[str]]:
    """`{code}` in the addresses of links; other braces are left alone there."""
    if "{" not in text:
        return []
    spans = [found.span() for found in _ADDRESSES[place.markup].finditer(text)]
    inside = (mark for start, end in spans for mark in _BRACES.finditer(text, start, end))
    return [mark for mark in inside if expression_of(mark[1], place.known) is not None]


def _hint(name: str, place: Place) -> str:
    found = get_close_matches(name, [*_EXPRESSIONS, *place.known.keys], n=1, cutoff=0.75)
    return f" Did you mean %%{found[0]}%%?" if found else ""


def _said(mark: re.Match[str], line: int, place: Place, result: Translation) -> Segment | None:
    """None for what stays as it is."""
    name = unescape(mark[1]).replace("\xa0", " ") if place.markup else mark[1]
    folded = re.sub(r"\s+", "_", name.strip()).lower()
    expression = expression_of(name, place.known)
    if folded == PERCENT:
        return Literal("%", line)
    if expression is None and not result.is_news(mark[0]):
        return None
    if expression is None:
        why = (
            " It is for autoresponders, which there are not here."
            if folded.startswith("api:")
            else _hint(folded, place)
        )
        message = f"There is no code or field {mark[0]}, so it stays as it is.{why}"
        result.remark("unknown_tag", message, line)
        return None
    if folded in LINKS and not place.is_body:
        result.remark("unsupported_tag", f"{mark[0]} is empty here: links stand in HTML and text only.", line)
        return Literal("", line)
    return Value(expression, line, written=mark[0])
