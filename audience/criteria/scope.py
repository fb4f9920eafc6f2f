"""From where, and when, a rule looks at a person."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from django.utils.timezone import now

from accounts.models import Organization


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The query a condition is written for.

    `person` is the lookup prefix from the query's model to Subscriber. `row` is the prefix to the Subscription that is
    looked at, or None where rules look at the person as a whole. `mailing_lists` are the lists whose fields may be
    named; empty means all lists of the organization. `now` is the moment that "in the last 7 days" counts from, the
    same for all conditions of a tree.

    `segment` is the saved segment the rules are those of, if they are of one. The compiler itself keeps in `negated`
    that a rule stands under an odd number of negations, and in `segments` the segments it got there by.
    """

    organization: Organization
    mailing_lists: tuple[int, ...] = ()
    person: str = ""
    row: str | None = None
    now: datetime = field(default_factory=now)
    segment: int | None = None
    negated: bool = False
    segments: tuple[int, ...] = ()

    @classmethod
    def of_people(cls, organization: Organization) -> Self:
        """For a query of Subscriber that looks at whole people."""
        return cls(organization=organization)

    @classmethod
    def of_rows(cls, organization: Organization, mailing_lists: tuple[int, ...]) -> Self:
        """For a query of Subscription that looks at one row of one of these lists."""
        return cls(organization=organization, mailing_lists=mailing_lists, person="subscriber__", row="")

    @classmethod
    def of_people_behind_rows(cls, organization: Organization) -> Self:
        """For a query of Subscription that looks at the whole person the row belongs to."""
        return cls(organization=organization, person="subscriber__")

    @property
    def opposite(self) -> Self:
        """The same under one negation more."""
        return replace(self, negated=not self.negated)

    def on(self, mailing_list: int) -> Self:
        """For a query of Subscription that looks at a row of this list, within this scope."""
        return replace(self, mailing_lists=(mailing_list,), person="subscriber__", row="")

    def within(self, segment: int, mailing_lists: tuple[int, ...]) -> Self:
        """For the rules of a segment that a rule names: at rows of its lists, or at whole people without any."""
        chain = (*self.segments, segment)
        if mailing_lists:
            return replace(self, mailing_lists=mailing_lists, person="subscriber__", row="", segments=chain)
        return replace(self, mailing_lists=(), row=None, segments=chain)
