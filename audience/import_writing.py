"""Putting many people on a list at once: what each row would change, and a few statements that do it.

A `Book` holds the people and subscriptions a chunk of rows is about, takes the rows in order, and writes what came of
them. Nobody's subscription changes its status: who unsubscribed, bounced or complained stays so.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from audience.fields import Value, merged
from audience.import_rows import Refusal, Row
from audience.models import MailingList, Subscriber, Subscription

ModelT = TypeVar("ModelT", bound=models.Model)
_GONE = frozenset({Subscription.Status.UNSUBSCRIBED, Subscription.Status.BOUNCED, Subscription.Status.COMPLAINED})


@dataclass
class Counts:
    """Added + changed + unchanged + refused are all rows; `kept_out` are among the changed and unchanged ones."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    kept_out: int = 0

    @property
    def rows(self) -> int:
        return self.added + self.changed + self.unchanged + self.refused

    def __iadd__(self, other: "Counts") -> "Counts":
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self


class Book:
    """People and their subscriptions to one list, as they are and as the rows taken so far leave them."""

    def __init__(
        self, mailing_list: MailingList, *, update: bool, source: str = "import", locked: bool = False
    ) -> None:
        """`update`: rows overwrite what is known of people on the list; otherwise they only fill in what is missing."""
        self.mailing_list, self.update, self.source, self.locked = mailing_list, update, source, locked
        self.moment = now()
        self._people: dict[int, Subscriber] = {}
        self._by_email: dict[str, Subscriber] = {}
        self._by_phone: dict[str, list[Subscriber]] = {}
        self._looked_up: set[str] = set()
        self._subscriptions: dict[int, Subscription] = {}  # by id() of the person, who may have no key yet
        self._dirty_people: dict[int, Subscriber] = {}
        self._dirty_subscriptions: dict[int, Subscription] = {}

    def take(self, rows: Iterable[Row | Refusal]) -> Counts:
        """Take these rows, one after the other; what became of them."""
        rows = list(rows)
        counts = Counts(refused=sum(isinstance(row, Refusal) for row in rows))
        good = [row for row in rows if isinstance(row, Row)]
        self._look_up(good)
        for row in good:
            self._take(row, counts)
        return counts

    # --- one row -------------------------------------------------------------------------------------------------

    def _take(self, row: Row, counts: Counts) -> None:
        person = self._by_email.get(row.email) if row.email else self._known_by(row.phone)
        if person is None:
            person = self._new_person(row)
        subscription = self._subscriptions.get(id(person))
        if subscription is None:
            self._change_person(person, row)
            self._subscribe(person, row)
            counts.added += 1
            return
        counts.kept_out += subscription.status in _GONE
        if self.update and self._change(person, subscription, row):
            counts.changed += 1
        else:
            counts.unchanged += 1

    def _known_by(self, phone: str) -> Subscriber | None:
        """Rather somebody who is known by nothing else, as in `subscriptions.known_person`."""
        people = [each for each in self._by_phone.get(phone, []) if each.phone == phone]
        return min(people, key=lambda each: (each.email is not None, each.pk or sys.maxsize), default=None)

    def _new_person(self, row: Row) -> Subscriber:
        person = Subscriber(
            organization_id=self.mailing_list.organization_id,
            email=row.email or None,
            phone=row.phone,
            fields=row.values,
            created_at=self.moment,
        )
        if row.email:
            self._by_email[row.email] = person
        if row.phone:
            self._by_phone.setdefault(row.phone, []).append(person)
        self._dirty_people[id(person)] = person
        return person

    def _subscribe(self, person: Subscriber, row: Row) -> None:
        subscription = Subscription(
            mailing_list=self.mailing_list,
            subscriber=person,
            fields=row.list_values,
            source=self.source,
            subscribed_at=self.moment,
            created_at=self.moment,
        )
        self._subscriptions[id(person)] = self._dirty_subscriptions[id(person)] = subscription

    def _change(self, person: Subscriber, subscription: Subscription, row: Row) -> bool:
        changed = self._change_person(person, row)
        values = merged(subscription.fields, row.list_values)
        if values != subscription.fields:
            subscription.fields = values
            self._dirty_subscriptions[id(person)] = subscription
            changed = True
        return changed

    def _change_person(self, person: Subscriber, row: Row) -> bool:
        values = self._merged(person.fields, row.values)
        phone = row.phone if row.phone and (self.update or not person.phone) else person.phone
        if (values, phone) == (person.fields, person.phone):
            return False
        person.fields, person.phone = values, phone
        self._by_phone.setdefault(phone, []).append(person)
        self._dirty_people[id(person)] = person
        return True

    def _merged(self, known: Mapping[str, Value], said: Mapping[str, Value]) -> dict[str, Value]:
        return merged(known, said) if self.update else {**said, **known}

    # --- many rows -----------------------------------------------------------------------------------------------

    def _look_up(self, rows: list[Row]) -> None:
        """Read the people these rows are about, and their subscriptions.

        Always in the order of their keys, so that two imports never wait for each other in a circle.
        """
        emails = {row.email for row in rows if row.email} - self._looked_up
        phones = {row.phone for row in rows if not row.email} - self._looked_up
        self._looked_up |= emails | phones
        people = Subscriber.objects.filter(organization=self.mailing_list.organization_id).order_by("pk")
        people = people.filter(Q(email__in=emails) | Q(phone__in=phones) if phones else Q(email__in=emails))
        new = [each for each in (people.select_for_update() if self.locked else people) if each.pk not in self._people]
        self._people |= {each.pk: each for each in new}
        self._by_email |= {each.email: each for each in new if each.email}
        for each in new:
            self._by_phone.setdefault(each.phone, []).append(each)
        rows_of = Subscription.objects.filter(mailing_list=self.mailing_list, subscriber__in=new).order_by("pk")
        for subscription in rows_of.select_for_update() if self.locked else rows_of:
            self._subscriptions[id(self._people[subscription.subscriber_id])] = subscription

    def write(self) -> None:
        """Store what the rows changed, in a few statements; called once, in a transaction."""
        people = sorted(self._dirty_people.values(), key=lambda person: (person.email or "", person.phone))
        _upsert([each for each in people if each.email], ["organization", "email"], ["phone", "fields", "modified_at"])
        _upsert([each for each in people if not each.email and each.pk], ["id"], ["fields", "modified_at"])
        self._add_phones([each for each in people if not each.email and not each.pk])
        subscriptions = list(self._dirty_subscriptions.values())
        _upsert(subscriptions, ["mailing_list", "subscriber"], ["fields", "modified_at"])

    def _add_phones(self, people: list[Subscriber]) -> None:
        """People known by a phone only.

        Django cannot name the partial index that keeps them apart, so whoever somebody else adds at the same moment is
        left to them and looked up.
        """
        if not people:
            return
        Subscriber.objects.bulk_create(people, ignore_conflicts=True)
        alone = Subscriber.objects.filter(organization=self.mailing_list.organization_id, email=None)
        keys = dict(alone.filter(phone__in=[each.phone for each in people]).values_list("phone", "pk"))
        for person in people:
            person.pk = keys[person.phone]


def _upsert(rows: list[ModelT], unique: list[str], columns: list[str]) -> None:
    """Insert these rows, or change these columns of those that are there."""
    for some in ([row for row in rows if row.pk is None], [row for row in rows if row.pk is not None]):
        if some:
            manager = type(some[0])._default_manager
            manager.bulk_create(some, update_conflicts=True, unique_fields=unique, update_fields=columns)
