"""Clauses of the type `custom_field`, which depend on the kind of the field."""

from collections.abc import Mapping

from audience.addresses import shown
from audience.criteria.greenarrow import times
from audience.criteria.greenarrow.errors import InvalidRequest, ValidationFailed
from audience.criteria.greenarrow.place import Clause, Node, Place, several, spelled
from audience.criteria.tree import Condition, Group, Match
from audience.models import CustomField

Kind = CustomField.Kind
_BLANK = {"is_blank": "is_empty", "is_not_blank": "is_not_empty"}
_LISTS = {"is_in": "is_one_of", "is_not_in": "is_none_of"}
_TEXT = {each: each for each in ("is", "is_not", "contains", "does_not_contain", "starts_with", "ends_with")}
_SIGNS = {
    "=": "is",
    "!=": "is_not",
    "<": "less_than",
    "<=": "at_most",
    ">": "greater_than",
    ">=": "at_least",
    "equals": "is",
    "is": "is",
    "does_not_equal": "is_not",
    "not_equals": "is_not",
    "is_not": "is_not",
    "less_than": "less_than",
    "less_than_or_equal": "at_most",
    "less_than_or_equal_to": "at_most",
    "greater_than": "greater_than",
    "greater_than_or_equal": "at_least",
    "greater_than_or_equal_to": "at_least",
}
_SEVERAL = {"includes_any": "has_any_of", "includes_all": "has_all_of", "includes_none": "has_none_of"}
_TIMES = {"is": "is", "is_not": "is_not", "before": "before", "after": "after"}
# By kind: what compares with one value, and what with several.
_ONE: Mapping[str, Mapping[str, str]] = {
    Kind.TEXT: _TEXT,
    Kind.NUMBER: _SIGNS,
    Kind.TIME: _TIMES,
    Kind.BOOLEAN: {"is": "is"},
    Kind.CHOICE: {"is": "is", "is_not": "is_not"},
}
_MANY: Mapping[str, Mapping[str, str]] = {Kind.CHOICE: _LISTS, Kind.TEXT: _LISTS, Kind.MULTI_CHOICE: _SEVERAL}


def custom_field(place: Place, clause: Clause) -> Node:
    """Raises InvalidDefinition."""
    field = place.custom_field(clause)
    name, kind = f"fields.{field.key}", field.kind
    written = clause.get("operator")
    operator = written.strip() if isinstance(written, str) and written.strip() in _SIGNS else spelled(written)
    if operator in _BLANK:
        return Condition(name, _BLANK[operator])
    if kind == Kind.DATE:
        zone, now = place.organization.timezone, place.vocabulary.scope.now
        if operator == "is_not":
            on_day = times.asked(name, "is", clause, zone, now=now, days_only=True)
            return Group(Match.NOT, (on_day,))
        return times.asked(name, operator, clause, zone, now=now, days_only=True)
    if operator == "between" and kind in (Kind.NUMBER, Kind.TIME):
        return Condition(name, "between", {"from": clause.get("start"), "to": clause.get("end")})
    if operator in _MANY.get(kind, ()):
        return Condition(name, _MANY[kind][operator], several(clause))
    if operator in _ONE.get(kind, ()):
        return _one(field, _ONE[kind][operator], clause)
    raise InvalidRequest(f"the custom field {field.name} cannot be asked {shown(operator)}")


def _one(field: CustomField, operator: str, clause: Clause) -> Condition:
    value = clause.get("value")
    if value in (None, "") or isinstance(value, list | dict):
        raise ValidationFailed(f"custom_field {field.name}: value cannot be blank")
    return Condition(f"fields.{field.key}", operator, value)
