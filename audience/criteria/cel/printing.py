"""From the tree to an expression, where the language can say it."""

import math
import re
from collections.abc import Mapping, Sequence

from audience.criteria.cel.tokens import quoted
from audience.criteria.cel.values import KEY, LARGEST, MOMENTS, SEVERAL, TEXTS, moment
from audience.criteria.tree import EVERYONE, Condition, Group, Json, Match

_FIELDS = {**{name: name for name in TEXTS | SEVERAL}, **{ours: theirs for theirs, ours in MOMENTS.items()}}
_SIGNS = {"is": "==", "is_not": "!=", "less_than": "<", "at_most": "<=", "greater_than": ">", "at_least": ">="}
_TIMES = {"is": "==", "is_not": "!=", "before": "<", "at_most": "<=", "after": ">", "at_least": ">="}
_METHODS = {"contains": "contains", "starts_with": "startsWith", "ends_with": "endsWith"}
_NEGATIVES = {
    "does_not_contain": "contains",
    "does_not_start_with": "starts_with",
    "does_not_end_with": "ends_with",
    "is_none_of": "is_one_of",
    "has_none_of": "has_any_of",
    "not_between": "between",
}
_DEEDS = {"campaign.opened": "opened", "campaign.clicked": "clicked"}
_UNITS = {"minutes": "m", "hours": "h", "days": "d", "weeks": "w"}
_SPANS = {"in_last": ">", "not_in_last": "<"}


_CALL = re.compile(r'true|[\w.]+\(("([^"\\]|\\.)*"|[\w.]*)\)')


class _Unsaid(Exception):
    """There is no word for this."""


def written(tree: Group) -> str | None:
    """An expression that `parse` reads as rules that mean the same; None where there is none."""
    if tree == EVERYONE:
        return ""
    try:
        return _bare(tree)
    except _Unsaid:
        return None


def name_of(field: str) -> str | None:
    """What a condition calls a field of the tree; None for what it has no name for."""
    try:
        return _field(field)
    except _Unsaid:
        return None


def _bare(node: Condition | Group) -> str:
    """Without parentheses around it."""
    if isinstance(node, Condition):
        return _condition(node)
    if node.on:
        return _on(node)
    if node.match == Match.NOT:
        return f"!{_enclosed(Group(Match.ANY, node.rules) if len(node.rules) != 1 else node.rules[0])}"
    return _joined([_inside(rule, node) for rule in node.rules], node.match)


def _inside(rule: Condition | Group, group: Group) -> str:
    said = _bare(rule)
    joins = isinstance(rule, Group) and not rule.on and rule.match != Match.NOT and len(group.rules) > 1
    return f"({said})" if joins else said


def _joined(said: Sequence[str], match: Match) -> str:
    if not said:
        raise _Unsaid
    return (" || " if match == Match.ANY else " && ").join(said)


def _enclosed(node: Condition | Group) -> str:
    """As `!` can stand before it."""
    said = _bare(node)
    return said if _CALL.fullmatch(said) else f"({said})"


def _on(group: Group) -> str:
    if group.rules:
        raise _Unsaid
    return f"user.in_list({quoted(group.on)})"


# --- conditions --------------------------------------------------------------------------------------------------


def _condition(asked: Condition) -> str:
    if asked.operator in _NEGATIVES:
        return f"!({_condition(Condition(asked.field, _NEGATIVES[asked.operator], asked.value))})"
    first, _, rest = asked.field.partition(".")
    if first == "list":
        return _on_list(rest, asked)
    if first == "segment":
        return _in_segment(rest, asked)
    if asked.field in _DEEDS:
        return _deed(asked)
    if asked.field == "everybody":
        return "true"
    return _of_field(asked)


def _on_list(public_id: str, asked: Condition) -> str:
    said = {"is_not_empty": "", "is_empty": "!"}
    if asked.operator not in said:
        raise _Unsaid
    return f"{said[asked.operator]}user.in_list({quoted(public_id)})"


def _in_segment(public_id: str, asked: Condition) -> str:
    if asked.operator not in ("is", "is_not") or not isinstance(asked.value, bool):
        raise _Unsaid
    negation = "" if (asked.operator == "is") == asked.value else "!"
    return f"{negation}user.in_segment({quoted(public_id)})"


def _deed(asked: Condition) -> str:
    value = asked.value or {}
    if asked.operator not in ("did", "did_not") or not isinstance(value, Mapping) or value.keys() - {"campaigns"}:
        raise _Unsaid
    campaigns = value.get("campaigns") or [""]
    if not isinstance(campaigns, list):
        raise _Unsaid
    said = [f"user.{_DEEDS[asked.field]}({_literal(each) if each != '' else ''})" for each in campaigns]
    either = said[0] if len(said) == 1 else f"({' || '.join(said)})"
    return either if asked.operator == "did" else f"!{either}"


def _of_field(asked: Condition) -> str:
    field, operator, value = _field(asked.field), asked.operator, asked.value
    if operator in ("is_empty", "is_not_empty"):
        return f"{field} == null" if operator == "is_empty" else f"has({field})"
    if operator in _METHODS and isinstance(value, str):
        return f"{field}.{_METHODS[operator]}({quoted(value)})"
    if isinstance(value, list) and value:
        return _of_several(field, operator, value)
    if operator == "between" and isinstance(value, Mapping) and value.keys() == {"from", "to"}:
        sign = _moment if asked.field in MOMENTS.values() else _literal
        return f"({field} >= {sign(value['from'])} && {field} <= {sign(value['to'])})"
    return _compared(asked, field)


def _field(name: str) -> str:
    if name.startswith("fields.") and KEY.fullmatch(name.removeprefix("fields.")):
        return f"user.{name}"
    if name not in _FIELDS:
        raise _Unsaid
    return f"user.{_FIELDS[name]}"


def _of_several(field: str, operator: str, values: Sequence[Json]) -> str:
    said = [_literal(value) for value in values]
    if operator == "is_one_of":
        return f"{field} in [{', '.join(said)}]"
    if operator not in ("has_any_of", "has_all_of"):
        raise _Unsaid
    each = [f"{value} in {field}" for value in said]
    return each[0] if len(each) == 1 else f"({(' || ' if operator == 'has_any_of' else ' && ').join(each)})"


def _compared(asked: Condition, field: str) -> str:
    operator, value = asked.operator, asked.value
    if asked.field in MOMENTS.values():
        return f"{field} {_TIMES[operator]} {_moment(value)}" if operator in _TIMES else _past(field, operator, value)
    if operator in ("before", "after"):
        return f"{field} {_TIMES[operator]} {_moment(value)}"
    if operator not in _SIGNS:
        raise _Unsaid
    return f"{field} {_SIGNS[operator]} {_literal(value)}"


def _past(field: str, operator: str, value: Json) -> str:
    if operator not in _SPANS or not isinstance(value, Mapping) or value.get("unit") not in _UNITS:
        raise _Unsaid
    return f'{field} {_SPANS[operator]} now - duration("{value.get("amount")}{_UNITS[str(value["unit"])]}")'


def _moment(value: Json) -> str:
    if not isinstance(value, str):
        raise _Unsaid
    try:
        moment(value)
    except ValueError:
        raise _Unsaid from None
    return f"timestamp({quoted(value)})"


def _number(value: float) -> str:
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise _Unsaid
    return repr(value)


def _literal(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if not isinstance(value, str) or not value:
        raise _Unsaid
    return quoted(value)
