"""The languages an email can be written in. Each comes down to the segments of our own, so that all that is done to a
message afterwards, and every limit on it, is the same for all."""

from collections.abc import Sequence

from content.errors import BrokenTemplate
from content.merge import greenarrow, octeth
from content.merge.engine import Program, fields_in
from content.merge.known import known_fields
from content.merge.parsing import Parsed, parse, program_source, with_lines
from content.merge.writing import Place

BROADSHEET, OCTETH, GREENARROW = "broadsheet", "octeth", "greenarrow"
Fields = Sequence[tuple[int, str, str]]
BODIES = {"html", "text"}
TRANSLATORS = {OCTETH: octeth.translated, GREENARROW: greenarrow.translated}
UNSUBSCRIBE_TAGS = {
    BROADSHEET: "{{ unsubscribe_url }}",
    OCTETH: octeth.UNSUBSCRIBE_TAG,
    GREENARROW: greenarrow.UNSUBSCRIBE_TAG,
}


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
