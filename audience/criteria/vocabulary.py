"""What rules can be about: the fields a condition may name, and what each means in SQL and in words.

Of the person: `email`, `email_domain`, `phone`, `created_at`, `suppressed`, `sample`. Of the subscription looked at:
`status`, `subscribed_at`, `confirmed_at`, `unsubscribed_at`, `ip_address`, `unsubscribe_ip_address`, `bounce`,
`subscription_id`, `tags`. Then `fields.<key>` for custom fields, `list.<public id>` for the status on some list,
`segment.<public id>`, and `nobody` and `everybody` with a reason. Rooms above register subjects of their own under
another first word (`register`), such as what somebody opened.
"""

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any, Protocol

from django.db.models import Case, F, OuterRef, Q, QuerySet, Value, When

from audience.addresses import shown
from audience.criteria.columns import Column, JsonList, json_expression
from audience.criteria.in_segment import InSegment
from audience.criteria.known import Known
from audience.criteria.scope import Scope
from audience.criteria.subjects import Fact, Sample, Tags, Verdict, suppressed
from audience.criteria.tree import Json
from audience.errors import InvalidRules
from audience.models import CustomField, MailingList, Subscription

__all__ = ["Column", "JsonList", "Subject", "Vocabulary", "register"]


class Subject(Protocol):
    """What a condition is about."""

    @property
    def name(self) -> str: ...  # as conditions write it
    @property
    def label(self) -> str: ...  # as people read it
    @property
    def operators(self) -> tuple[str, ...]: ...
    def condition(self, operator: str, value: Json) -> Q:
        """On the scope's model; never unknown when negated. Raises InvalidRules, and Unanswerable to select nobody."""

    def words(self, operator: str, value: Json) -> str:
        """The condition as part of an English sentence. Raises InvalidRules."""


Resolver = Callable[[str, Scope], Subject | None]
_resolvers: dict[str, Resolver] = {}


def register(first_word: str, resolver: Resolver) -> None:
    """Let rules name `<first_word>.<rest>`; `resolver(rest, scope)` gives the subject, or None if there is none."""
    if first_word in _OWN:
        raise ValueError(f"{first_word} is taken.")
    _resolvers[first_word] = resolver


OF_PERSON = ("email", "email_domain", "phone", "created_at", "suppressed", "sample")
OF_ROW = (
    "status",
    "subscribed_at",
    "confirmed_at",
    "unsubscribed_at",
    "ip_address",
    "unsubscribe_ip_address",
    "bounce",
    "subscription_id",
    "tags",
)
_OWN = {*OF_PERSON, *OF_ROW, "fields", "list", "segment", "nobody", "everybody"}


class Vocabulary:
    """The subjects there are in one scope."""

    def __init__(self, scope: Scope, known: Known | None = None) -> None:
        self.scope = scope
        self.known = known or Known(scope.organization)

    def subject(self, name: str) -> Subject:
        """Raises InvalidRules where rules cannot be about this."""
        first, _, rest = name.partition(".")
        found: Subject | None
        if name in self._plain:
            found = self._plain[name]()
        elif first == "fields":
            found = self._custom.get(rest)
        elif first == "list":
            found = self._status_on(rest)
        elif first == "segment":
            found = self._in_segment(rest)
        else:
            found = _resolvers[first](rest, self.scope) if first in _resolvers else None
        if found is None:
            raise InvalidRules(f"There is nothing called {shown(name)} that rules could ask about here.")
        return found

    def available(self) -> Iterator[Subject]:
        """Everything of our own that rules can be about, for somebody who chooses; segments are many, and left out."""
        yield from (self._plain[name]() for name in (*OF_PERSON, *OF_ROW))
        yield from self._custom.values()
        for mailing_list in self.known.lists.values():
            yield self._on_list(mailing_list)

    # --- the same, looked at from elsewhere ----------------------------------------------------------------------

    @cached_property
    def opposite(self) -> "Vocabulary":
        """Under one negation more."""
        return Vocabulary(self.scope.opposite, self.known)

    def on(self, public_id: str) -> tuple[MailingList, "Vocabulary"]:
        """For a row of this list. Raises InvalidRules for a list that is not the organization's."""
        mailing_list = self.known.lists.get(public_id)
        if mailing_list is None:
            raise InvalidRules(f"There is no list {shown(public_id)} that people could be on.")
        return mailing_list, Vocabulary(self.scope.on(mailing_list.pk), self.known)

    def within(self, segment: int, mailing_lists: tuple[int, ...]) -> "Vocabulary":
        """For the rules of a segment that a rule names."""
        return Vocabulary(self.scope.within(segment, mailing_lists), self.known)

    def rows(self) -> "QuerySet[Subscription]":
        """The person's subscriptions, seen from the scope's query."""
        rows = Subscription.objects.filter(subscriber=OuterRef(f"{self.scope.person}pk"))
        leaving = self.known.lists_being_deleted
        return rows.exclude(mailing_list__in=leaving) if leaving else rows

    # --- the subjects --------------------------------------------------------------------------------------------

    @cached_property
    def _plain(self) -> dict[str, Callable[[], Subject]]:
        """Made when they are asked for: most trees ask for a few."""
        scope, person = self.scope, self.scope.person
        return {
            "email": lambda: Column(name="email", label="Email", kind="address", expression=F(f"{person}email")),
            "email_domain": lambda: Column(
                name="email_domain", label="Email domain", kind="address", expression=F(f"{person}email_domain")
            ),
            "phone": lambda: Column(name="phone", label="Phone", kind="address", expression=F(f"{person}phone")),
            "created_at": lambda: Column(
                name="created_at", label="Known since", kind="moment", expression=F(f"{person}created_at"), **self._when
            ),
            "suppressed": lambda: Fact("suppressed", "Suppressed", suppressed(scope, self.known)),
            "sample": lambda: Sample(scope),
            "status": lambda: self._on_row("status", "Subscription status", "choice", **_STATUSES),
            **{name: partial(self._on_row, name, label, "moment", **self._when) for name, label in _MOMENTS.items()},
            **{name: partial(self._on_row, name, label, "ip") for name, label in _IP_ADDRESSES.items()},
            "bounce": lambda: self._placed(_bounce, name="bounce", label="Bounce", kind="choice", **_BOUNCES),
            "subscription_id": lambda: self._placed(
                lambda row: F(f"{row}pk"), name="subscription_id", label="Subscription ID", kind="number"
            ),
            "tags": lambda: self._placed(lambda row: Tags(row, self.known), name="tags", label="Tags", kind="tags"),
            "nobody": lambda: Verdict("nobody"),
            "everybody": lambda: Verdict("everybody"),
        }

    @property
    def _when(self) -> dict[str, Any]:
        return {"timezone": self.scope.organization.timezone, "now": self.scope.now}

    @cached_property
    def _custom(self) -> dict[str, Subject]:
        lists = self.scope.mailing_lists
        by_key: dict[str, list[CustomField]] = {}
        for each in self.known.fields:
            if not lists or each.mailing_list_id is None or each.mailing_list_id in lists:
                by_key.setdefault(each.key, []).append(each)
        return {key: self._custom_column(same) for key, same in by_key.items()}

    def _custom_column(self, same: list[CustomField]) -> Column:
        """Fields of one key: the organization's, or those of lists, which share their kind but not their choices."""
        first = same[0]
        about: dict[str, Any] = {"name": f"fields.{first.key}", "label": first.name, "kind": first.kind, **self._when}
        about["choices"] = tuple(dict.fromkeys(str(choice) for each in same for choice in each.choices))
        if first.mailing_list_id is None:
            return Column(**about, expression=json_expression(first.kind, f"{self.scope.person}fields", first.key))
        return self._placed(lambda row: json_expression(first.kind, f"{row}fields", first.key), **about)

    def _status_on(self, public_id: str) -> Column | None:
        mailing_list = self.known.lists.get(public_id)
        return None if mailing_list is None else self._on_list(mailing_list)

    def _on_list(self, mailing_list: MailingList) -> Column:
        """The status on this list; empty for people who are not on it."""
        return Column(
            name=f"list.{mailing_list.public_id}",
            label=f"Status on {mailing_list}",
            kind="choice",
            expression=F("status"),
            rows=self.rows().filter(mailing_list=mailing_list),
            **_STATUSES,
        )

    def _in_segment(self, public_id: str) -> InSegment | None:
        segment = self.known.segment(public_id)
        return None if segment is None else InSegment(segment, self)

    def _on_row(self, name: str, label: str, kind: str, **about: Any) -> Column:
        return self._placed(lambda row: F(f"{row}{name}"), name=name, label=label, kind=kind, **about)

    def _placed(self, expression: Callable[[str], Any], **about: Any) -> Column:
        """A value on a subscription: on the row that is looked at, or on any row of the person."""
        if self.scope.row is not None:
            return Column(**about, expression=expression(self.scope.row))
        return Column(**about, expression=expression(""), rows=self.rows())


def _bounce(row: str) -> Any:
    """Soft bounces are not kept on the subscription; nobody has one."""
    return Case(When(**{f"{row}status": Subscription.Status.BOUNCED}, then=Value("hard")), default=Value("none"))


_MOMENTS = {
    "subscribed_at": "Subscription date",
    "confirmed_at": "Confirmation date",
    "unsubscribed_at": "Unsubscription date",
}
_IP_ADDRESSES = {"ip_address": "Subscription IP", "unsubscribe_ip_address": "Unsubscription IP"}
_STATUSES: dict[str, Any] = {
    "choices": tuple(Subscription.Status.values),
    "choice_labels": {str(value): str(label) for value, label in Subscription.Status.choices},
}
_BOUNCES: dict[str, Any] = {
    "choices": ("none", "soft", "hard"),
    "choice_labels": {"none": "Not bounced", "soft": "Soft", "hard": "Hard"},
}
