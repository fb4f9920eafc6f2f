"""Subjects that are no single value: tags, suppression, a random sample, and reasons to select nobody."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import StrIndex, Substr
from django.db.models.lookups import LessThan

from audience import fields as custom_fields
from audience.addresses import DOMAINS_ABOVE, shown
from audience.criteria.columns import require
from audience.criteria.expressions import PRIME, Drawn, negation
from audience.criteria.known import Known
from audience.criteria.scope import Scope
from audience.criteria.tree import Json
from audience.errors import InvalidRules, Unanswerable
from audience.models import CustomField, Subscription, Suppression, TaggedSubscription

# True of no row and of every row, and still conditions: Django drops an empty Q from an OR, which turns "everybody"
# into "nobody else", and refuses to write a statement around an empty IN.
NOBODY = Q(pk__lt=0)
EVERYBODY = Q(pk__gt=0)


# --- nobody and everybody ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What a parser writes for something that cannot be asked here, with the reason.

    `nobody` is unanswerable: it selects nobody under a "not" either. `everybody` is known to hold for each person.
    """

    name: str
    operators: tuple[str, ...] = ("because",)
    kind: str = "verdict"

    @property
    def label(self) -> str:
        return self.name.capitalize()

    def condition(self, operator: str, value: Json) -> Q:
        reason = self._reason(operator, value)
        if self.name == "nobody":
            raise Unanswerable(reason)
        return EVERYBODY

    def words(self, operator: str, value: Json) -> str:
        return f"{self.name} ({self._reason(operator, value)})"

    def _reason(self, operator: str, value: Json) -> str:
        require(self, operator)
        if not isinstance(value, str) or not value.strip():
            raise InvalidRules(f"Say why it is {self.name}.")
        return value.strip().rstrip(".")


# --- a random sample ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """So many percent of all people, the same ones for the same seed."""

    scope: Scope
    name: str = "sample"
    label: str = "Random sample"
    kind: str = "sample"
    operators: tuple[str, ...] = ("percent",)

    def condition(self, operator: str, value: Json) -> Q:
        percent, seed = self._read(operator, value)
        return Q(drawn_below(f"{self.scope.person}pk", seed, percent / 100))

    def words(self, operator: str, value: Json) -> str:
        percent, seed = self._read(operator, value)
        return f"in a random sample of {percent:g}%" + (f" ({seed})" if seed else "")

    def _read(self, operator: str, value: Json) -> tuple[float, str]:
        require(self, operator)
        if not isinstance(value, dict) or not {"percent"} <= value.keys() <= {"percent", "seed"}:
            raise InvalidRules(f'{self.label}: say how many percent: {{"percent": 10, "seed": "spring"}}.')
        try:
            percent = custom_fields.parse(CustomField(kind=CustomField.Kind.NUMBER), value["percent"])
        except ValueError as error:
            raise InvalidRules(f"{self.label}: {error}") from error
        seed = value.get("seed", "")
        if not isinstance(percent, int | float) or not 0 < percent <= 100:
            raise InvalidRules(f"{self.label}: {shown(str(value['percent']))} is not a number of percent up to 100.")
        if not isinstance(seed, str | int) or len(str(seed)) > 100:
            raise InvalidRules(f"{self.label}: the seed is a word or a number.")
        return float(percent), str(seed)


def drawn(key: str, seed: str) -> Drawn:
    """A number below PRIME for each person, as if drawn by lot; `key` is the lookup of their primary key."""
    digest = hashlib.sha256(seed.encode()).digest()
    a, b, c, d = (int.from_bytes(digest[at : at + 8]) for at in (0, 8, 16, 24))
    return Drawn(F(key), (a % (PRIME - 1) + 1, b % PRIME, c % (PRIME - 1) + 1, d % PRIME))


def drawn_below(key: str, seed: str, share: float) -> Any:
    """The lot falls on this share of all, from 0 to 1."""
    return LessThan(drawn(key, seed), share * PRIME)


# --- tags --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tags:
    """The tags of a subscription; `row` is the prefix to it."""

    row: str
    known: Known

    def has_any_of(self, values: tuple[str, ...]) -> Q:
        return self._tagged([pk for value in values for pk in self.known.tags.get(value.lower(), ())])

    def has_all_of(self, values: tuple[str, ...]) -> Q:
        each = Q()
        for value in values:
            each &= self.has_any_of((value,))
        return each

    def has_something(self) -> Q:
        return Q(Exists(TaggedSubscription.objects.filter(subscription=OuterRef(f"{self.row}pk"))))

    def _tagged(self, tags: list[int]) -> Q:
        rows = TaggedSubscription.objects.filter(subscription=OuterRef(f"{self.row}pk"), tag__in=tags)
        return Q(Exists(rows)) if tags else NOBODY


# --- suppression -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fact:
    """A subject that is so or not: `holds` is never unknown."""

    name: str
    label: str
    holds: Q
    kind: str = "boolean"
    operators: tuple[str, ...] = ("is", "is_not")

    def condition(self, operator: str, value: Json) -> Q:
        wanted = self.wanted(operator, value)
        return self.holds if wanted else negation(self.holds)

    def words(self, operator: str, value: Json) -> str:
        return f"{self.label} is {'yes' if self.wanted(operator, value) else 'no'}"

    def wanted(self, operator: str, value: Json) -> bool:
        return wanted(self, operator, value)


def wanted(subject: Any, operator: str, value: Json) -> bool:
    """Whether the subject is asked to be so. Raises InvalidRules."""
    require(subject, operator)
    if isinstance(value, list | dict):
        raise InvalidRules(f"{subject.label}: say yes or no.")
    try:
        read = custom_fields.parse(CustomField(kind=CustomField.Kind.BOOLEAN), value)
    except ValueError as error:
        raise InvalidRules(f"{subject.label}: {error}") from error
    if read is None:
        raise InvalidRules(f"{subject.label}: say yes or no.")
    return bool(read) is (operator == "is")


def suppressed(scope: Scope, known: Known) -> Q:
    """Nothing is sent to the person's address: in the system, the organization, or the list of the row looked at.

    Where no row is looked at, the lists of all their subscriptions count. The address is the email address and its
    domain with those above it; of people without one, the phone number.
    """
    organization = scope.organization
    everywhere = Q(organization=None) | Q(organization=organization, mailing_list=None)
    wide = _banned(everywhere, known.suppressed_everywhere, scope.person)
    if not known.suppressed_for_lists:
        return wide
    if scope.row is not None:
        of_row = Q(mailing_list=OuterRef(f"{scope.row}mailing_list"))
        return wide | _banned(of_row, known.suppressed_for_lists, scope.person)
    # whether any list knows the address is found by hashing; only of the few it is asked which lists they are on
    for_some_list = _banned(
        Q(organization=organization, mailing_list__isnull=False), known.suppressed_for_lists, scope.person
    )
    on_row = _banned(Q(mailing_list=OuterRef("mailing_list")), known.suppressed_for_lists, "subscriber__")
    on_list = Q(Exists(Subscription.objects.filter(on_row, subscriber=OuterRef(f"{scope.person}pk"))))
    return wide | (for_some_list & on_list)


def _banned(scope: Q, kinds: Collection[str], person: str) -> Q:
    """Asked only of the kinds there are: most organizations suppress no domains.

    One EXISTS for each value, since a planner can hash an equality with a column, and not a list of expressions.
    """
    without_email = Q(**{f"{person}email": None}) | Q(**{f"{person}email": ""})
    banned = NOBODY
    if Suppression.Kind.EMAIL in kinds:
        banned |= _listed(scope, Suppression.Kind.EMAIL, OuterRef(f"{person}email"))
    if Suppression.Kind.DOMAIN in kinds:
        for domain in _domains(person):
            banned |= _listed(scope, Suppression.Kind.DOMAIN, domain)
    if Suppression.Kind.PHONE in kinds:
        banned |= without_email & _listed(scope, Suppression.Kind.PHONE, OuterRef(f"{person}phone"))
    return banned


def _listed(scope: Q, kind: str, value: Any) -> Q:
    return Q(Exists(Suppression.objects.filter(scope, kind=kind, value=value)))


def _domains(person: str) -> list[Any]:
    """The person's domain and those above it; '' where there is none."""
    domains: list[Any] = [OuterRef(f"{person}email_domain")]
    for _ in range(DOMAINS_ABOVE):
        domains.append(Substr(domains[-1], StrIndex(domains[-1], Value(".")) + 1))
    return domains
