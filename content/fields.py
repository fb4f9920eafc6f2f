"""The merge fields that a content takes from a person."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches

from content.compile import PARTS, EmailSource
from content.errors import BrokenTemplate
from content.links import LINK_FIELDS
from content.merge.languages import Fields, parsed_part
from content.merge.parsing import Parsed, parse
from content.merge.system import PREFIX
from content.models import MergeLanguage


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field that nobody in the organization can have; `suggestion` is the key it may be a slip of, or empty."""

    name: str
    part: str
    line: int
    suggestion: str


def used_by(source: EmailSource, fields: Fields = ()) -> set[str]:
    """The keys in all parts; parts that are broken are left out. `fields` as in `content.compile`."""
    names: set[str] = set()
    for part in PARTS:
        with suppress(BrokenTemplate):
            parsed = parsed_part(getattr(source, part), language=source.merge_language, part=part, fields=fields)
            names |= parsed.fields.keys()
    return {name for name in names - LINK_FIELDS.keys() if not name.startswith(PREFIX)}


def named_otherwise(source: EmailSource) -> bool:
    """Whether its language calls custom fields by their names, so that compiling it takes the fields there are."""
    return source.merge_language not in ("", MergeLanguage.BROADSHEET)


def kept(source: EmailSource, fields: Fields) -> list[list[int | str]]:
    """The fields that this email uses, to be kept with what it says: renaming one later changes no mail."""
    if not named_otherwise(source):
        return []
    used = used_by(source, fields)
    return [[number, key, name] for number, key, name in fields if key in used]


def used_by_sms(body: str) -> set[str]:
    """The keys in the text of an SMS. Raises BrokenTemplate."""
    return set(parse(body, part="sms_body").fields)


def unknown(parts: Mapping[str, Parsed], known_keys: Iterable[str]) -> list[UnknownField]:
    """Each unknown key once, where it is first used, in the order of the parts."""
    known = {*known_keys}
    found: dict[str, UnknownField] = {}
    for part, parsed in parts.items():
        for name, line in parsed.fields.items():
            if name not in known and name not in found and not name.startswith(PREFIX):
                near = get_close_matches(name.lower(), sorted(known), n=1, cutoff=0.7)
                found[name] = UnknownField(name, part, line, near[0] if near else "")
    return list(found.values())
