"""What a comparison of two parts of an expression asks."""

from typing import Any

from audience.criteria.cel.errors import InvalidExpression
from audience.criteria.cel.values import SEVERAL, TEXTS, Field, Literal, Moment, Now, Several, moment
from audience.criteria.tree import Condition

_VALUES = {
    "==": "is",
    "!=": "is_not",
    "<": "less_than",
    "<=": "at_most",
    ">": "greater_than",
    ">=": "at_least",
}
_MOMENTS = {**_VALUES, "<": "before", ">": "after"}
_SPANS = {"<": "not_in_last", "<=": "not_in_last", ">": "in_last", ">=": "in_last"}


def compared(left: Any, operator: str, right: Any, position: int) -> Condition:
    """Raises InvalidExpression."""
    if not isinstance(left, Field) or isinstance(right, Field):
        raise InvalidExpression('A field is compared with a value, as in user.email == "ann@example.com".', position)
    if left.name in SEVERAL:
        raise InvalidExpression('There can be several of these; ask "…" in user.tags.', position)
    if isinstance(right, Literal):
        return _with_literal(left, operator, right.value, position)
    if isinstance(right, Moment) and (left.is_moment or left.is_custom):
        return Condition(left.name, _MOMENTS[operator], right.written)
    if isinstance(right, Now):
        return _with_now(left, operator, right, position)
    raise InvalidExpression("These two cannot be compared.", position)


def _with_literal(field: Field, operator: str, value: Any, position: int) -> Condition:
    if value in (None, ""):
        return _with_nothing(field, operator, position)
    if field.is_moment:
        return _with_moment(field, operator, value, position)
    if isinstance(value, bool) and operator not in ("==", "!="):
        raise InvalidExpression("Yes and no are equal or not; one is not more than the other.", position)
    if field.name in TEXTS and not isinstance(value, str):
        raise InvalidExpression("This is compared with a text.", position)
    if field.name == "status" and operator not in ("==", "!="):
        raise InvalidExpression("A status is equal or not; one is not more than the other.", position)
    return Condition(field.name, _VALUES[operator], value)


def _with_nothing(field: Field, operator: str, position: int) -> Condition:
    if operator not in ("==", "!="):
        raise InvalidExpression("Nothing is more or less than nothing; use == or !=.", position)
    return Condition(field.name, "is_empty" if operator == "==" else "is_not_empty")


def _with_moment(field: Field, operator: str, value: Any, position: int) -> Condition:
    try:
        return Condition(field.name, _MOMENTS[operator], moment(str(value)).written)
    except ValueError:
        problem = 'A time is compared with a time, such as timestamp("2026-03-31T09:00:00Z").'
        raise InvalidExpression(problem, position) from None


def _with_now(field: Field, operator: str, right: Now, position: int) -> Condition:
    """Of what cannot lie ahead, "later than a week ago" is "in the last week"."""
    if not field.is_moment:
        raise InvalidExpression("Only user.created can be compared with now.", position)
    if right.ago is None or operator not in _SPANS:
        raise InvalidExpression('Compare it so: user.created > now - duration("720h").', position)
    return Condition(field.name, _SPANS[operator], {"amount": right.ago.amount, "unit": right.ago.unit})


def contained(left: Any, right: Any, position: int) -> Condition:
    """`field in ["a", "b"]`, or `"a" in user.tags`. Raises InvalidExpression."""
    if isinstance(left, Field) and isinstance(right, Several):
        return _one_of(left, right, position)
    if isinstance(left, Literal) and isinstance(right, Field) and (right.name in SEVERAL or right.is_custom):
        if not isinstance(left.value, str) or not left.value:
            raise InvalidExpression('Say what: "…" in user.tags.', position)
        return Condition(right.name, "has_any_of", [left.value])
    raise InvalidExpression('Write user.status in ["…", "…"], or "…" in user.tags.', position)


def _one_of(field: Field, right: Several, position: int) -> Condition:
    if field.name in SEVERAL or field.is_moment:
        raise InvalidExpression("This cannot be one of several values.", position)
    for value in right.values:
        if value in (None, "") or isinstance(value, bool) or (field.name in TEXTS and not isinstance(value, str)):
            raise InvalidExpression("A list here holds texts, or for a field numbers.", position)
    if not right.values:
        raise InvalidExpression("The list is empty; nothing is in it.", position)
    return Condition(field.name, "is_one_of", list(right.values))
