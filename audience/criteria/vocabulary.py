"""What rules can be about: the fields a condition may name, and what each means in SQL and in words.

`email`, `phone`, `email_domain`, `created_at` of the person; `status` and `subscribed_at` of the subscription looked
at; `fields.<key>` for custom fields; `list.<public id>` for the status on some list. Rooms above register subjects of
their own under another first word (`register`), such as what somebody opened.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Protocol

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import NullIf

from audience import fields as custom_fields
from audience.addresses import shown
from audience.criteria.json_values import JsonBoolean, JsonNumber, JsonText
from audience.criteria.operators import OPERATORS, TESTS, Day, negation, operators_of
from audience.criteria.scope import Scope
from audience.criteria.tree import Scalar
from audience.errors import InvalidRules
from audience.models import CustomField, MailingList, Subscription

Kind = CustomField.Kind


class Subject(Protocol):
    """What a condition is about."""

    @property
    def name(self) -> str: ...  # as conditions write it
    @property
    def label(self) -> str: ...  # as people read it
    @property
    def operators(self) -> tuple[str, ...]: ...
    def condition(self, operator: str, value: Scalar) -> Q:
        """On the scope's model; never unknown when negated. Raises InvalidRules."""

    def words(self, operator: str, value: Scalar) -> str:
        """The condition as part of an English sentence. Raises InvalidRules."""


Resolver = Callable[[str, Scope], Subject | None]
_resolvers: dict[str, Resolver] = {}


def register(first_word: str, resolver: Resolver) -> None:
    """Let rules name `<first_word>.<rest>`; `resolver(rest, scope)` gives the subject, or None if there is none."""
    if first_word in _OWN:
        raise ValueError(f"{first_word} is taken.")
    _resolvers[first_word] = resolver


_OWN = {"email", "phone", "email_domain", "created_at", "status", "subscribed_at", "fields", "list"}


@dataclass(frozen=True, kw_only=True)
class Column:
    """A subject that is one typed value: a column, a JSON value, or one of those on some subscription of the person."""

    name: str
    label: str
    kind: str
    expression: Combinable
    timezone: str = "UTC"
    choices: tuple[str, ...] = ()
    choice_labels: dict[str, str] = field(default_factory=dict)
    # Given where the value stands on a subscription and rules look at whole people: some row of these has the value.
    rows: Any = None

    @property
    def operators(self) -> tuple[str, ...]:
        return operators_of(self.kind)

    def condition(self, operator: str, value: Scalar) -> Q:
        self._require(operator)
        positive = OPERATORS[operator].negates or operator
        test = TESTS[self.kind][positive](self.expression, self._read(operator, value))
        holds = test if self.rows is None else Q(Exists(self.rows.filter(test)))
        return holds if positive == operator else negation(holds)

    def words(self, operator: str, value: Scalar) -> str:
        self._require(operator)
        known = OPERATORS[operator]
        read = self._read(operator, value)
        return f"{self.label} {known.words} {self._shown(read)}" if known.takes_value else f"{self.label} {known.words}"

    def _require(self, operator: str) -> None:
        if operator not in self.operators:
            raise InvalidRules(f"{self.label} can be asked {', '.join(self.operators)}, but not {shown(operator)}.")

    def _read(self, operator: str, value: Scalar) -> Any:
        """The value in the form of the kind. Raises InvalidRules."""
        if not OPERATORS[operator].takes_value:
            return None
        try:
            read = custom_fields.parse(self._field(), value)
        except ValueError as error:
            raise InvalidRules(f"{self.label}: {error}") from error
        if read is None:
            raise InvalidRules(f"{self.label}: say what to compare it with.")
        if self.kind == "moment":
            return Day(date.fromisoformat(str(read)), self.timezone)
        return str(read).lower() if self.kind == "address" else read

    def _field(self) -> CustomField:
        kind = {"address": Kind.TEXT, "moment": Kind.DATE}.get(self.kind, self.kind)
        return CustomField(kind=kind, choices=list(self.choices))

    def _shown(self, read: Any) -> str:
        if isinstance(read, bool):
            return "yes" if read else "no"
        if isinstance(read, Day):
            return read.day.isoformat()
        if isinstance(read, int | float):
            return f"{read:,}"
        return f"“{self.choice_labels.get(read, read)}”"


class Vocabulary:
    """The subjects there are in one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def subject(self, name: str) -> Subject:
        """Raises InvalidRules where rules cannot be about this."""
        first, _, rest = name.partition(".")
        found: Subject | None
        if name in self._plain:
            found = self._plain[name]
        elif first == "fields":
            found = self._custom.get(rest)
        elif first == "list":
            found = self._status_on(rest)
        else:
            found = _resolvers[first](rest, self.scope) if first in _resolvers else None
        if found is None:
            raise InvalidRules(f"There is nothing called {shown(name)} that rules could ask about here.")
        return found

    def available(self) -> Iterator[Subject]:
        """Everything of our own that rules can be about, for somebody who chooses."""
        yield from self._plain.values()
        yield from self._custom.values()
        for mailing_list in self._lists.values():
            yield self._on_list(mailing_list)

    @cached_property
    def _plain(self) -> dict[str, Subject]:
        person, zone = self.scope.person, self.scope.organization.timezone
        phone = NullIf(F(f"{person}phone"), Value(""))
        columns: list[Subject] = [
            Column(name="email", label="Email", kind="address", expression=F(f"{person}email")),
            Column(name="email_domain", label="Email domain", kind="address", expression=F(f"{person}email_domain")),
            Column(name="phone", label="Phone", kind="address", expression=phone),
            Column(
                name="created_at",
                label="Known since",
                kind="moment",
                expression=F(f"{person}created_at"),
                timezone=zone,
            ),
            self._on_row("subscribed_at", "Subscription date", "moment", "subscribed_at", timezone=zone),
            self._on_row("status", "Subscription status", "choice", "status", **_STATUSES),
        ]
        return {column.name: column for column in columns}

    @cached_property
    def _custom(self) -> dict[str, Subject]:
        known = CustomField.objects.of(self.scope.organization)
        if self.scope.mailing_lists:
            known = known.filter(Q(mailing_list=None) | Q(mailing_list__in=self.scope.mailing_lists))
        by_key: dict[str, list[CustomField]] = {}
        for custom_field in known.order_by("pk"):
            by_key.setdefault(custom_field.key, []).append(custom_field)
        return {key: self._custom_column(same) for key, same in by_key.items()}

    def _custom_column(self, same: list[CustomField]) -> Column:
        """Fields of one key: the organization's, or those of lists, which share their kind but not their choices."""
        first = same[0]
        about: dict[str, Any] = {"name": f"fields.{first.key}", "label": first.name, "kind": first.kind}
        about["choices"] = tuple(dict.fromkeys(str(choice) for each in same for choice in each.choices))
        json_value = _JSON_VALUES[first.kind]
        if first.mailing_list_id is None:
            return Column(**about, expression=json_value(F(f"{self.scope.person}fields"), first.key))
        return Column(**about, **self._place(lambda row: json_value(F(f"{row}fields"), first.key)))

    def _status_on(self, public_id: str) -> Column | None:
        mailing_list = self._lists.get(public_id)
        return None if mailing_list is None else self._on_list(mailing_list)

    @cached_property
    def _lists(self) -> dict[str, MailingList]:
        return {each.public_id: each for each in MailingList.objects.of(self.scope.organization)}

    def _on_list(self, mailing_list: MailingList) -> Column:
        """The status on this list; empty for people who are not on it."""
        return Column(
            name=f"list.{mailing_list.public_id}",
            label=f"Status on {mailing_list}",
            kind="choice",
            expression=F("status"),
            rows=self._rows().filter(mailing_list=mailing_list),
            **_STATUSES,
        )

    def _on_row(self, name: str, label: str, kind: str, column: str, **about: Any) -> Column:
        return Column(name=name, label=label, kind=kind, **about, **self._place(lambda row: F(f"{row}{column}")))

    def _place(self, expression: Callable[[str], Combinable]) -> dict[str, Any]:
        """A value on a subscription: on the row that is looked at, or on any row of the person."""
        if self.scope.row is not None:
            return {"expression": expression(self.scope.row)}
        return {"expression": expression(""), "rows": self._rows()}

    def _rows(self) -> QuerySet[Subscription]:
        """The person's subscriptions, seen from the scope's query."""
        return Subscription.objects.filter(subscriber=OuterRef(f"{self.scope.person}pk"))


_JSON_VALUES: dict[str, Callable[[Combinable, str], Combinable]] = {
    Kind.TEXT: JsonText,
    Kind.CHOICE: JsonText,
    Kind.DATE: JsonText,
    Kind.NUMBER: JsonNumber,
    Kind.BOOLEAN: JsonBoolean,
}
_STATUSES: dict[str, Any] = {
    "choices": tuple(Subscription.Status.values),
    "choice_labels": {str(value): str(label) for value, label in Subscription.Status.choices},
}
