"""Octeth's operators: the ways they are spelled, and what each is in the tree for a value of some kind."""

from collections.abc import Mapping
from typing import Any

from audience.criteria.octeth.place import Node
from audience.criteria.tree import Condition, Group, Json, Match
from audience.errors import Unanswerable

_SAME = {
    "equals to": "is",
    "is smaller than": "is less than",
    "is smaller than or equal to": "is less than or equal to",
    "is not empty": "is set",
    "is empty": "is not set",
    "is before": "before",
    "is after": "after",
    "is between": "between",
    "is not between": "not between",
    "did happen": "happened",
}


def plain(operator: object) -> str:
    """The one spelling of an operator: small letters, single spaces. Raises Unanswerable for what is no text."""
    if not isinstance(operator, str):
        raise Unanswerable("A rule names its operator.")
    words = " ".join(operator.lower().replace("_", " ").replace("-", " ").split())
    return _SAME.get(words, words)


_IS = {"is": "is", "is not": "is_not"}
_SET = {"is set": "is_not_empty", "is not set": "is_empty"}
_PARTS = {
    "contains": "contains",
    "does not contain": "does_not_contain",
    "begins with": "starts_with",
    "ends with": "ends_with",
}
_ORDER = {
    "is less than": "less_than",
    "is less than or equal to": "at_most",
    "is greater than": "greater_than",
    "is greater than or equal to": "at_least",
}
_RANGE = {"between": "between", "not between": "not_between"}
_DAYS: dict[str, str] = {
    "is less than": "before",
    "is less than or equal to": "at_most",
    "is greater than": "after",
    "is greater than or equal to": "at_least",
    "before": "before",
    "after": "after",
    "is exactly x days ago": "days_ago",
    "is exactly x days from now": "days_from_now",
}
_SPANS = {
    "in the last x days": "in_last",
    "not in the last x days": "not_in_last",
    "in the next x days": "in_next",
    "not in the next x days": "not_in_next",
}
_TIMES = {"is less than": "before", "is greater than": "after", "before": "before", "after": "after"}
_OF_KIND: dict[str, Mapping[str, str]] = {
    "text": {**_IS, **_PARTS, **_ORDER, **_SET},
    "address": {**_IS, **_PARTS, **_ORDER, **_SET},
    "number": {**_IS, **_ORDER, **_RANGE, **_SET},
    "date": {**_IS, **_DAYS, **_SPANS, **_RANGE, **_SET},
    "moment": {**_IS, **_DAYS, **_SPANS, **_RANGE, **_SET},
    "time": {**_IS, **_TIMES, **_RANGE, **_SET},
    "boolean": {**_IS, **_SET},
    "choice": {**_IS, **_PARTS, **_SET},
    "multi_choice": {
        "is": "has_any_of",
        "contains": "has_any_of",
        "is not": "has_none_of",
        "does not contain": "has_none_of",
        **_SET,
    },
    "ip": {**_IS, **_SET},
}
# What compares with nothing: `is ""` asks whether there is a value, and every text contains "".
_OF_NOTHING = {
    "is": "is_empty",
    "is not": "is_not_empty",
    "contains": "is_not_empty",
    "begins with": "is_not_empty",
    "ends with": "is_not_empty",
    "does not contain": "is_empty",
}


def ask(field: str, kind: str, operator: str, value: Any) -> Node:
    """The condition on a field of this kind; `operator` is plain. Raises Unanswerable."""
    known = _OF_KIND[kind]
    if operator in ("is set", "is not set"):
        return Condition(field, known[operator])
    if value in ("", None) and operator in known and operator in _OF_NOTHING:
        return Condition(field, _OF_NOTHING[operator])
    if operator in _RANGE:
        return _between(field, kind, operator, _ends(value))
    if kind == "time" and operator in _OR_THEN:
        return Group(Match.ANY, (Condition(field, "is", value), Condition(field, _OR_THEN[operator], value)))
    if operator not in known:
        raise Unanswerable(f"“{operator[:50]}” cannot be asked of {field}.")
    if operator in _SPANS:
        return Condition(field, known[operator], {"amount": value, "unit": "days"})
    return Condition(field, known[operator], [value] if kind == "multi_choice" else value)


_OR_THEN = {"is less than or equal to": "before", "is greater than or equal to": "after"}


def _between(field: str, kind: str, operator: str, ends: tuple[Json, Json]) -> Node:
    first, last = ends
    if operator in _OF_KIND[kind]:
        return Condition(field, _RANGE[operator], {"from": first, "to": last})
    if kind not in ("text", "address"):
        raise Unanswerable(f"“{operator}” cannot be asked of {field}.")
    inside = (Condition(field, "at_least", first), Condition(field, "at_most", last))
    return Group(Match.ALL, inside) if operator == "between" else Group(Match.NOT, (Group(Match.ALL, inside),))


def _ends(value: Any) -> tuple[Json, Json]:
    """Both ends of `{"start": 1, "end": 5}`, of `[1, 5]` or of `"1,5"`."""
    if isinstance(value, Mapping) and {"start", "end"} <= value.keys():
        return value["start"], value["end"]
    both = value.split(",") if isinstance(value, str) else value
    if isinstance(both, list) and len(both) == 2:
        first, last = (each.strip() if isinstance(each, str) else each for each in both)
        return first, last
    raise Unanswerable("Between what? Name a start and an end.")
