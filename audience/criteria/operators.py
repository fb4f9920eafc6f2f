"""What can be asked of a value of each kind, as a condition and in words.

Each test gets a column and a value that `criteria.values` has read for the column's kind, and returns a condition that
does not hold where the column is NULL or ''. The negative operators are the negation of a positive one, so they do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from django.db.models import Q
from django.db.models.functions import Left, Length, Right, StrIndex
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, In, IsNull, LessThan, LessThanOrEqual

from audience.criteria.expressions import (
    InNetwork,
    Sorted,
    TextNumber,
    folded,
    folded_value,
    negation,
    number_in,
)

__all__ = ["OPERATORS", "TESTS", "Operator", "Several", "Takes", "negation", "operators_of", "phrase"]

Test = Callable[[Any, Any], Q]


class Takes(StrEnum):
    """What an operator's value is."""

    NOTHING = "nothing"
    VALUE = "value"
    LIST = "list"
    RANGE = "range"  # {"from": …, "to": …}, both included
    SPAN = "span"  # {"amount": 7, "unit": "days"}
    DAYS = "days"  # how many
    NETWORK = "network"  # 10.0.0.0/8
    OTHER = "other"  # known to the subject


@dataclass(frozen=True)
class Operator:
    """`words` stand between the name and the value, or around that; `negates` names what this is the opposite of."""

    words: str
    takes: Takes = Takes.VALUE
    negates: str = ""

    @property
    def takes_value(self) -> bool:
        return self.takes != Takes.NOTHING


OPERATORS: dict[str, Operator] = {
    "is": Operator("is"),
    "is_not": Operator("is not", negates="is"),
    "is_one_of": Operator("is one of", Takes.LIST),
    "is_none_of": Operator("is none of", Takes.LIST, negates="is_one_of"),
    "contains": Operator("contains"),
    "does_not_contain": Operator("does not contain", negates="contains"),
    "starts_with": Operator("starts with"),
    "does_not_start_with": Operator("does not start with", negates="starts_with"),
    "ends_with": Operator("ends with"),
    "does_not_end_with": Operator("does not end with", negates="ends_with"),
    "greater_than": Operator("is greater than"),
    "less_than": Operator("is less than"),
    "before": Operator("is before"),
    "after": Operator("is after"),
    "at_least": Operator("is at least"),
    "at_most": Operator("is at most"),
    "between": Operator("is between", Takes.RANGE),
    "not_between": Operator("is not between", Takes.RANGE, negates="between"),
    "in_last": Operator("is in the last", Takes.SPAN),
    "not_in_last": Operator("is not in the last", Takes.SPAN, negates="in_last"),
    "in_next": Operator("is in the next", Takes.SPAN),
    "not_in_next": Operator("is not in the next", Takes.SPAN, negates="in_next"),
    "days_ago": Operator("is exactly {} ago", Takes.DAYS),
    "days_from_now": Operator("is exactly {} from now", Takes.DAYS),
    "in_network": Operator("is in the network", Takes.NETWORK),
    "not_in_network": Operator("is not in the network", Takes.NETWORK, negates="in_network"),
    "has_any_of": Operator("has any of", Takes.LIST),
    "has_all_of": Operator("has all of", Takes.LIST),
    "has_none_of": Operator("has none of", Takes.LIST, negates="has_any_of"),
    "is_empty": Operator("is empty", Takes.NOTHING, negates="is_not_empty"),
    "is_not_empty": Operator("is not empty", Takes.NOTHING),
    "percent": Operator("", Takes.OTHER),
    "because": Operator("", Takes.OTHER),
    "did": Operator("", Takes.OTHER),
    "did_not": Operator("", Takes.OTHER, negates="did"),
}
_OF_DAYS = {"at_least": "is on or after", "at_most": "is on or before"}


def phrase(label: str, operator: str, kind: str, value: str) -> str:
    """A condition in words, such as `Town is “Ulm”`."""
    words = _OF_DAYS.get(operator, "") if kind in ("date", "moment") else ""
    words = words or OPERATORS[operator].words
    return f"{label} {words.format(value)}" if "{}" in words else f"{label} {words} {value}".rstrip()


# --- any value ---------------------------------------------------------------------------------------------------


def _has_value(column: Any, value: Any) -> Q:
    return Q(IsNull(column, False))


def _equals(column: Any, value: Any) -> Q:
    return Q(Exact(column, value))


def _is_one_of(column: Any, values: tuple[Any, ...]) -> Q:
    return Q(Exact(column, values[0])) if len(values) == 1 else Q(In(column, list(values)))


def _greater(column: Any, value: Any) -> Q:
    return Q(GreaterThan(column, value))


def _less(column: Any, value: Any) -> Q:
    return Q(LessThan(column, value))


def _at_least(column: Any, value: Any) -> Q:
    return Q(GreaterThanOrEqual(column, value))


def _at_most(column: Any, value: Any) -> Q:
    return Q(LessThanOrEqual(column, value))


def _between(column: Any, value: Any) -> Q:
    return _at_least(column, value.begins) & _at_most(column, value.ends)


# --- texts -------------------------------------------------------------------------------------------------------


def _has_text(column: Any, value: Any) -> Q:
    return Q(GreaterThan(column, ""))


@dataclass(frozen=True)
class Texts:
    """The tests of a text, which is `folded` where it is not stored in lower case already."""

    folded: bool

    def column(self, column: Any, *sought: str) -> Any:
        return folded(column, *sought) if self.folded else column

    def value(self, value: str) -> Any:
        return folded_value(value) if self.folded else value

    def equals(self, column: Any, value: str) -> Q:
        return Q(Exact(self.column(column, value), self.value(value)))

    def is_one_of(self, column: Any, values: tuple[str, ...]) -> Q:
        return Q(In(self.column(column, *values), [self.value(value) for value in values]))

    def contains(self, column: Any, value: str) -> Q:
        return Q(GreaterThan(StrIndex(self.column(column, value), folded_value(value)), 0))

    def starts_with(self, column: Any, value: str) -> Q:
        sought = folded_value(value)
        return Q(Exact(Left(self.column(column, value), Length(sought)), sought))

    def ends_with(self, column: Any, value: str) -> Q:
        sought = folded_value(value)
        return Q(Exact(Right(self.column(column, value), Length(sought)), sought))

    def ordered(self, lookup: Any) -> Test:
        """As numbers where both are numbers, else as texts."""

        def test(column: Any, value: str) -> Q:
            as_text = _has_text(column, None) & Q(lookup(Sorted(self.column(column)), folded_value(value)))
            number = number_in(value)
            if number is None:
                return as_text
            found = TextNumber(column)
            return Q(lookup(found, number)) | (Q(IsNull(found, True)) & as_text)

        return test

    @property
    def parts(self) -> dict[str, Test]:
        return {"contains": self.contains, "starts_with": self.starts_with, "ends_with": self.ends_with}

    @property
    def tests(self) -> dict[str, Test]:
        return {
            "is": self.equals,
            "is_one_of": self.is_one_of,
            **self.parts,
            "greater_than": self.ordered(GreaterThan),
            "less_than": self.ordered(LessThan),
            "at_least": self.ordered(GreaterThanOrEqual),
            "at_most": self.ordered(LessThanOrEqual),
            "is_not_empty": _has_text,
        }


# --- days, times of day, moments ---------------------------------------------------------------------------------


def _in_days(column: Any, window: Any) -> Q:
    return _equals(column, window.begins) if window.begins == window.ends else _between(column, window)


def _in_times(column: Any, window: Any) -> Q:
    if window.begins > window.ends:  # over midnight
        return _at_least(column, window.begins) | _at_most(column, window.ends)
    return _in_days(column, window)


def _in_moments(column: Any, window: Any) -> Q:
    return _at_least(column, window.begins) & _less(column, window.ends)


def _temporal(inside: Test, after: Test, at_most: Test) -> dict[str, Test]:
    return {
        "is": inside,
        "before": lambda column, window: _less(column, window.begins),
        "after": lambda column, window: after(column, window.ends),
        "at_least": lambda column, window: _at_least(column, window.begins),
        "at_most": lambda column, window: at_most(column, window.ends),
        **dict.fromkeys(("between", "in_last", "in_next", "days_ago", "days_from_now"), inside),
        "is_not_empty": _has_value,
    }


# --- several values at once --------------------------------------------------------------------------------------


class Several(Protocol):
    """In place of a column: what is several things at once."""

    def has_any_of(self, values: tuple[str, ...]) -> Q: ...
    def has_all_of(self, values: tuple[str, ...]) -> Q: ...
    def has_something(self) -> Q: ...


_SEVERAL: dict[str, Test] = {
    "has_any_of": lambda several, values: several.has_any_of(values),
    "has_all_of": lambda several, values: several.has_all_of(values),
    "is_not_empty": lambda several, values: several.has_something(),
}
_VALUES: dict[str, Test] = {"is": _equals, "is_one_of": _is_one_of}
_ORDER: dict[str, Test] = {"greater_than": _greater, "less_than": _less, "at_least": _at_least, "at_most": _at_most}

# By kind, the positive operators; those of `OPERATORS` that negate one of them are there as well.
TESTS: dict[str, dict[str, Test]] = {
    "text": Texts(folded=True).tests,
    "address": Texts(folded=False).tests,  # stored in lower case, so that equality can use its index
    "number": {**_VALUES, **_ORDER, "between": _between, "is_not_empty": _has_value},
    "date": _temporal(_in_days, _greater, _at_most),  # as texts, which sort like the days they write
    "time": {
        name: test
        for name, test in _temporal(_in_times, _greater, _at_most).items()
        if name in ("is", "before", "after", "between", "is_not_empty")
    },
    "moment": _temporal(_in_moments, _at_least, _less),
    "boolean": {"is": _equals, "is_not_empty": _has_value},
    "choice": {**_VALUES, **Texts(folded=True).parts, "is_not_empty": _has_text},
    "ip": {
        **_VALUES,
        "in_network": lambda column, network: Q(InNetwork(column, network)),
        "is_not_empty": _has_value,
    },
    "multi_choice": _SEVERAL,
    "tags": _SEVERAL,
}


def operators_of(kind: str) -> tuple[str, ...]:
    """The operators a field of this kind has, in the order they are offered."""
    positive = TESTS[kind]
    return tuple(name for name, operator in OPERATORS.items() if name in positive or operator.negates in positive)
