"""The languages an email can be written in. Each comes down to the segments of our own, so that all that is done to a
message afterwards, and every limit on it, is the same for all."""

import re
from collections.abc import Sequence

from content.errors import BrokenTemplate
from content.merge import greenarrow, octeth
from content.merge.engine import Program, fields_in
from content.merge.known import alias, known_fields
from content.merge.parsing import Parsed, parse, program_source, with_lines
from content.merge.writing import Place

BROADSHEET, OCTETH, GREENARROW = "broadsheet", "octeth", "greenarrow"
# Where the tags of others are called otherwise than “namespace, key in capitals” or “the key between percent signs”.
NAMES: dict[str, dict[str, str]] = {
    OCTETH: {
        "email": "{{ Subscriber:EmailAddress }}",
        "unsubscribe_url": octeth.UNSUBSCRIBE_TAG,
        "view_url": "%Link:WebBrowser%",
        "preferences_url": "%Link:SubscriberArea%",
        "forward_url": "%Link:Forward%",
    },
    GREENARROW: {
        "email": "%%emailaddress%%",
        "unsubscribe_url": greenarrow.UNSUBSCRIBE_TAG,
        "view_url": "%%link_to_web_version%%",
        "preferences_url": "",
        "forward_url": "",
    },
}
# Tags that only one of the languages has; in the others they go out as they are typed, or are refused.
UNMISTAKABLE = {
    BROADSHEET: re.compile(r"\{\{\s*(?:unsubscribe|preferences|view|forward)_url\b|\{%-?\s*(?:if|for)\b"),
    OCTETH: re.compile(
        r"%(?:Subscriber|Link|User|List|Campaign):\w+%|\{\{\{?\s*(?:[\w-]+\s+)?(?:Subscriber|Link|User|List|Campaign):\w"
    ),
    GREENARROW: re.compile(
        "%%(?:" + "|".join(code.name for code in greenarrow.CODES) + ")%%",
        re.IGNORECASE,
    ),
}
Fields = Sequence[tuple[int, str, str]]
BODIES = {"html", "text"}
TRANSLATORS = {OCTETH: octeth.translated, GREENARROW: greenarrow.translated}
UNSUBSCRIBE_TAGS = {
    BROADSHEET: "{{ unsubscribe_url }}",
    OCTETH: octeth.UNSUBSCRIBE_TAG,
    GREENARROW: greenarrow.UNSUBSCRIBE_TAG,
}


def tag_for(key: str, language: str) -> str:
    """How a field is written in this language; empty where there is no tag for it."""
    if language not in TRANSLATORS:
        return f"{{{{ {key} }}}}"
    usual = f"{{{{ Subscriber:{alias(key)} }}}}" if language == OCTETH else f"%%{key}%%"
    return NAMES[language].get(key, usual)


def looks_like_another(source: str, language: str) -> tuple[str, str, int] | None:
    """The language that a source seems to be written in instead of this one, the tag that says so, and its line."""
    for other, tag in UNMISTAKABLE.items():
        found = tag.search(source) if other != (language or BROADSHEET) else None
        if found:
            return other, found[0], source.count("\n", 0, found.start()) + 1
    return None


def parsed_part(source: str, *, language: str, part: str, fields: Fields = ()) -> Parsed:
    """One part of an email (`subject`, `html`, ...). `fields` are number, key and name of the custom fields that a
    language may call by their name. Raises BrokenTemplate, naming the part and the line."""
    if language in ("", BROADSHEET):
        return parse(source, markup=part == "html", part=part)
    translate = TRANSLATORS.get(language)
    if translate is None:
        raise BrokenTemplate(f"There is no merge language “{language}”.")
    known = known_fields(tuple((number, key, name) for number, key, name in fields))
    try:
        said = translate(source, Place(known, markup=part == "html", is_body=part in BODIES))
        written = program_source(said.segments)
        Program(written)
        return Parsed(tuple(said.segments), with_lines(fields_in(written), said.segments), tuple(said.remarks))
    except BrokenTemplate as problem:
        problem.part = problem.part or part
        raise
