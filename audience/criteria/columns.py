"""Subjects that are one typed value of a person or of a subscription."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, Q, QuerySet
from django.utils.timezone import now

from audience.addresses import shown
from audience.criteria.expressions import Sorted, negation
from audience.criteria.json_values import JsonBoolean, JsonHolds, JsonLength, JsonNumber, JsonText
from audience.criteria.operators import OPERATORS, TESTS, operators_of
from audience.criteria.tree import Json
from audience.criteria.values import Reader
from audience.errors import InvalidRules
from audience.models import CustomField

Kind = CustomField.Kind


@dataclass(frozen=True, kw_only=True)
class Column:
    """A subject that is one typed value: a column, a JSON value, or one of those on some subscription of the person."""

    name: str
    label: str
    kind: str
    expression: Any
    timezone: str = "UTC"
    now: datetime = field(default_factory=now)
    choices: tuple[str, ...] = ()
    choice_labels: dict[str, str] = field(default_factory=dict)
    # Given where the value stands on a subscription and rules look at whole people: some row of these has the value.
    rows: "QuerySet[Any] | None" = None

    @property
    def operators(self) -> tuple[str, ...]:
        return operators_of(self.kind)

    def condition(self, operator: str, value: Json) -> Q:
        self._require(operator)
        positive = OPERATORS[operator].negates or operator
        asked = self._reader.read(operator, value).value
        test = TESTS[self.kind][positive](self.expression, asked)
        holds = test if self.rows is None else Q(Exists(self.rows.filter(test)))
        return holds if positive == operator else negation(holds)

    def words(self, operator: str, value: Json) -> str:
        self._require(operator)
        return self._reader.phrase(operator, value)

    @property
    def _reader(self) -> Reader:
        return Reader(
            label=self.label,
            kind=self.kind,
            timezone=self.timezone,
            now=self.now,
            choices=self.choices,
            choice_labels=self.choice_labels,
        )

    def _require(self, operator: str) -> None:
        require(self, operator)


def require(subject: Any, operator: str) -> None:
    """Raises InvalidRules where this subject cannot be asked so."""
    if operator not in subject.operators:
        raise InvalidRules(f"{subject.label} can be asked {', '.join(subject.operators)}, but not {shown(operator)}.")


def json_expression(kind: str, column: str, key: str) -> Any:
    """A custom field's value in the JSON column, as the tests of its kind take it."""
    return _JSON[kind](F(column), key)


@dataclass(frozen=True)
class JsonList:
    """Several choices, kept as a JSON list."""

    column: Any
    key: str

    def has_any_of(self, values: tuple[str, ...]) -> Q:
        return Q(JsonHolds(self.column, self.key, values))

    def has_all_of(self, values: tuple[str, ...]) -> Q:
        return Q(JsonHolds(self.column, self.key, values, every=True))

    def has_something(self) -> Q:
        return TESTS["number"]["greater_than"](JsonLength(self.column, self.key), 0)


def _sorted_text(column: Any, key: str) -> Any:
    return Sorted(JsonText(column, key))


_JSON: dict[str, Callable[[Any, str], Any]] = {
    Kind.TEXT: JsonText,
    Kind.CHOICE: JsonText,
    Kind.DATE: _sorted_text,
    Kind.TIME: _sorted_text,
    Kind.NUMBER: JsonNumber,
    Kind.BOOLEAN: JsonBoolean,
    Kind.MULTI_CHOICE: JsonList,
}
