"""Octeth's helpers, such as `uppercase` in `{{ uppercase Subscriber:City }}`, as filters of ours."""

from content.merge.octeth_tags import MYSQL_TIME, Meaning
from content.merge.writing import filtered

# What a helper is called, the filter it is, and what comes before and after the number in its name.
HELPERS: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "uppercase": ("upper", ()),
    "upcase": ("upper", ()),
    "lowercase": ("lower", ()),
    "downcase": ("lower", ()),
    "capitalize": ("__first_upper", ()),
    "capitalizeall": ("title", ()),
    "titleize": ("title", ()),
    "camelcase": ("__camel", ()),
    "pascalcase": ("__pascal", ()),
    "dashcase": ("__humps", ("-",)),
    "dotcase": ("__humps", (".",)),
    "snakecase": ("__humps", ("_",)),
    "trim": ("__strip", ()),
    "trimleft": ("__strip", ("left",)),
    "trimright": ("__strip", ("right",)),
    "urlencode": ("__form_encoded", ()),
    "encodeuri": ("__percent_encoded", ()),
    "decodeuri": ("__decoded", ()),
    "md5": ("__hashed", ("md5",)),
    "sha1": ("__hashed", ("sha1",)),
}
NUMBERED: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "ellipsis": ("__cut", 20, ("...",)),
    "truncate": ("__cut", 20, ()),
    "truncatewords": ("__cut_words", 5, ()),
    "number_format": ("__number_format", 0, ()),
    "wordwrap": ("__wrapped", 75, ()),
}
ENCODING = {"urlencode", "encodeuri", "decodeuri", "raw"}
WITHOUT_FILTER = {"raw", "nl2br", "dateformat"}


def helped(meaning: Meaning, helper: str, argument: str, fallback: str) -> str:
    """The expression after its helper."""
    expression = meaning.expression
    if helper == "dateformat":
        return filtered(expression, "__date", argument.replace("_", " ") or MYSQL_TIME)
    if meaning.is_date:
        expression = filtered(expression, "__date", MYSQL_TIME)
    if helper in HELPERS:
        name, arguments = HELPERS[helper]
        return filtered(expression, name, *arguments)
    if helper in NUMBERED:
        name, usual, after = NUMBERED[helper]
        number = int(argument[:5]) if argument[:5].isdecimal() else usual
        missing = (("" if fallback else "0"),) if name == "__number_format" else ()
        return filtered(expression, name, number, *after, *missing)
    return expression
