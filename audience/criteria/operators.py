"""What can be asked of a value of each kind, as a condition and in words.

Each function gets a column and a value that has been read for the column's kind, and returns a condition that holds
for no row where the column is NULL. The negative operators are the negation of a positive one, so they hold there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BooleanField, Case, Q, Value, When
from django.db.models.functions import Length, Right, StrIndex
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, IsNull, LessThan, LessThanOrEqual

from audience.criteria.json_values import Folded, folded_value

Test = Callable[[Any, Any], Q]


@dataclass(frozen=True)
class Operator:
    """`words` stand between the field's name and the value; `negates` names the operator this is the opposite of."""

    words: str
    takes_value: bool = True
    negates: str = ""


OPERATORS: dict[str, Operator] = {
    "is": Operator("is"),
    "is_not": Operator("is not", negates="is"),
    "contains": Operator("contains"),
    "does_not_contain": Operator("does not contain", negates="contains"),
    "starts_with": Operator("starts with"),
    "ends_with": Operator("ends with"),
    "greater_than": Operator("is greater than"),
    "less_than": Operator("is less than"),
    "at_least": Operator("is at least"),
    "at_most": Operator("is at most"),
    "before": Operator("is before"),
    "after": Operator("is after"),
    "is_empty": Operator("is empty", takes_value=False, negates="is_not_empty"),
    "is_not_empty": Operator("is not empty", takes_value=False),
}


def negation(condition: Q) -> Q:
    """True wherever `condition` is not, also where it is unknown; a plain NOT leaves out people without a value."""
    return Q(Case(When(condition, then=Value(False)), default=Value(True), output_field=BooleanField()))


def has_value(column: Any, value: Any = None) -> Q:
    return Q(IsNull(column, False))


def equals(column: Any, value: Any) -> Q:
    return Q(Exact(column, value))


def _is_text(column: Any, value: str) -> Q:
    return Q(Exact(Folded(column), folded_value(value)))


def _contains(column: Any, value: str) -> Q:
    return Q(GreaterThan(StrIndex(Folded(column), folded_value(value)), 0))


def _starts_with(column: Any, value: str) -> Q:
    return Q(Exact(StrIndex(Folded(column), folded_value(value)), 1))


def _ends_with(column: Any, value: str) -> Q:
    sought = folded_value(value)
    return Q(Exact(Right(Folded(column), Length(sought)), sought))


def _greater(column: Any, value: Any) -> Q:
    return Q(GreaterThan(column, value))


def _less(column: Any, value: Any) -> Q:
    return Q(LessThan(column, value))


def _at_least(column: Any, value: Any) -> Q:
    return Q(GreaterThanOrEqual(column, value))


def _at_most(column: Any, value: Any) -> Q:
    return Q(LessThanOrEqual(column, value))


@dataclass(frozen=True)
class Day:
    """A day somewhere; moments are compared with its beginning and its end."""

    day: date
    timezone: str

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.day, time(), tzinfo=ZoneInfo(self.timezone))

    @property
    def ends(self) -> datetime:
        return datetime.combine(self.day + timedelta(days=1), time(), tzinfo=ZoneInfo(self.timezone))


def _on_day(column: Any, value: Day) -> Q:
    return _at_least(column, value.begins) & _less(column, value.ends)


def _before_day(column: Any, value: Day) -> Q:
    return _less(column, value.begins)


def _after_day(column: Any, value: Day) -> Q:
    return _at_least(column, value.ends)


_VALUES: dict[str, Test] = {"is": equals, "is_not_empty": has_value}
_ORDER: dict[str, Test] = {"greater_than": _greater, "less_than": _less, "at_least": _at_least, "at_most": _at_most}
_PARTS: dict[str, Test] = {"contains": _contains, "starts_with": _starts_with, "ends_with": _ends_with}

# By kind, the positive operators; those of `OPERATORS` that negate one of them are there as well.
TESTS: dict[str, dict[str, Test]] = {
    "text": {"is": _is_text, **_PARTS, "is_not_empty": has_value},
    "address": {**_VALUES, **_PARTS},  # stored in lower case, so that equality can use its index
    "number": {**_VALUES, **_ORDER},
    "date": {**_VALUES, "before": _less, "after": _greater},  # as texts, which sort like the days they write
    "moment": {"is": _on_day, "before": _before_day, "after": _after_day, "is_not_empty": has_value},
    "boolean": _VALUES,
    "choice": _VALUES,
}


def operators_of(kind: str) -> tuple[str, ...]:
    """The operators a field of this kind has, in the order they are offered."""
    positive = TESTS[kind]
    return tuple(name for name, operator in OPERATORS.items() if name in positive or operator.negates in positive)
