"""Putting many people on a list at once: what each row would change, and a few statements that do it.

A `Book` holds the people and subscriptions a chunk of rows is about, takes the rows in order, and writes what came of
them. Nobody comes back: who unsubscribed, bounced or complained stays so, and a row that says so ends a subscription.
This is the whole way on SQLite; on PostgreSQL `audience.import_staging` does the same for most rows inside the
database.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TypeVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import User
from audience import consent, import_status
from audience.addresses import covering_domains, domain_of
from audience.consent import Evidence
from audience.fields import Value, merged
from audience.import_rows import Refusal, Row
from audience.import_status import GONE
from audience.models import (
    ConsentEvent,
    Import,
    MailingList,
    Subscriber,
    SubscriberTag,
    Subscription,
    Suppression,
    TaggedSubscription,
)

ModelT = TypeVar("ModelT", bound=models.Model)
Status = Subscription.Status
OnConflict = Import.OnConflict
SOURCE = "import"
_BATCH = 1000
# What is known of a person, by name: `phone`, `status`, `tags`, and the keys of fields.
Standing = Mapping[str, Value | None]
# Told of each row what became of it (`added`, `changed`, `unchanged`), and what was known before and after it.
Tell = Callable[[Row, str, Standing, Standing], None]


class Overtaken(Exception):
    """Somebody else added one of these people meanwhile; nothing is written, and it is to be tried again."""


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


@dataclass(frozen=True, kw_only=True)
class Terms:
    """On what terms an import puts people on its list: what becomes of those it finds there, and the evidence of their
    consent where a row has none of its own."""

    mailing_list: MailingList
    on_conflict: str = OnConflict.UPDATE
    status: str = Status.SUBSCRIBED
    subscribed_at: datetime | None = None
    ip_address: str | None = None
    source: str = SOURCE
    wording: str = ""
    by_id: int | None = None
    moment: datetime

    @property
    def kind(self) -> str:
        """What the consent log says about people who are added and of whom the file says nothing else."""
        return consent.KINDS[self.status]

    def agreed_at(self, row: Row) -> datetime:
        return row.subscribed_at or self.subscribed_at or self.moment


def terms_of(file_import: Import) -> Terms:
    return Terms(
        mailing_list=file_import.mailing_list,
        on_conflict=file_import.on_conflict,
        status=file_import.opt_in_status,
        subscribed_at=file_import.consent_at,
        ip_address=file_import.consent_ip_address,
        source=file_import.consent_source or SOURCE,
        wording=file_import.consent_wording,
        by_id=file_import.created_by_id,
        moment=now(),
    )


class Book:
    """People and their subscriptions to one list, as they are and as the rows taken so far leave them."""

    def __init__(self, terms: Terms, *, locked: bool = False, tell: Tell | None = None) -> None:
        self.terms, self.mailing_list, self.locked, self.tell = terms, terms.mailing_list, locked, tell
        self._people: dict[int, Subscriber] = {}
        self._by_email: dict[str, Subscriber] = {}
        self._by_phone: dict[str, list[Subscriber]] = {}
        self._looked_up: set[str] = set()
        self._subscriptions: dict[int, Subscription] = {}  # by id() of the person, who may have no key yet
        self._tags: dict[int, set[str]] = {}  # by id() of the subscription: what it carries
        self._dirty_people: dict[int, Subscriber] = {}
        self._dirty_subscriptions: dict[int, Subscription] = {}
        self._said_at: dict[int, datetime] = {}  # by id() of a new subscription: when they agreed, or left
        self._ended: dict[int, tuple[Subscription, Row]] = {}  # by id() of a subscription that was there
        self._new_tags: list[tuple[Subscription, str]] = []

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
        before = self._standing_of(person) if self.tell and person else {}
        person = person or self._new_person(row)
        became = self._put(person, row, counts)
        setattr(counts, became, getattr(counts, became) + 1)
        if self.tell:
            self.tell(row, became, before, self._standing_of(person))

    def _put(self, person: Subscriber, row: Row, counts: Counts) -> str:
        """What became of the row."""
        subscription = self._subscriptions.get(id(person))
        if subscription is None:
            self._change_person(person, row)
            self._subscribe(person, row)
            return "added"
        counts.kept_out += self._status(subscription) in GONE
        is_left = self.terms.on_conflict == OnConflict.SKIP
        return "unchanged" if is_left or not self._change(person, subscription, row) else "changed"

    def _standing_of(self, person: Subscriber) -> Standing:
        subscription = self._subscriptions.get(id(person))
        known: dict[str, Value | None] = {"phone": person.phone or None, **person.fields}
        if subscription:
            tags = sorted(self._tags.get(id(subscription), ()))
            known |= {**subscription.fields, "status": self._status(subscription), "tags": list(tags) or None}
        return known

    def _status(self, subscription: Subscription) -> str:
        """As the rows taken so far leave it."""
        _, row = self._ended.get(id(subscription), (None, None))
        return row.status if row else subscription.status

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
            created_at=self.terms.moment,
        )
        if row.email:
            self._by_email[row.email] = person
        if row.phone:
            self._by_phone.setdefault(row.phone, []).append(person)
        self._dirty_people[id(person)] = person
        return person

    def _subscribe(self, person: Subscriber, row: Row) -> None:
        terms, agreed_at, status = self.terms, self.terms.agreed_at(row), row.status or self.terms.status
        asks = status == terms.status == Status.UNCONFIRMED and person.email
        subscription = Subscription(
            mailing_list=self.mailing_list,
            subscriber=person,
            fields=row.list_values,
            status=status,
            source=row.source or terms.source,
            ip_address=row.ip_address or terms.ip_address,
            subscribed_at=agreed_at if status == Status.SUBSCRIBED else None,
            confirmation_due_at=terms.moment if asks else None,
            created_at=terms.moment,
        )
        self._subscriptions[id(person)] = self._dirty_subscriptions[id(person)] = subscription
        self._said_at[id(subscription)] = agreed_at
        if status in GONE:
            self._end_new(subscription, row)
            subscription.subscribed_at = row.subscribed_at
        self._tag(subscription, row)

    def _end(self, subscription: Subscription, row: Row) -> bool:
        """Whether the row says that they left, and nothing stronger is known."""
        if not self._overwrites or not import_status.ends(row.status, self._status(subscription)):
            return False
        if subscription.pk is None:
            self._end_new(subscription, row)
        else:
            self._ended[id(subscription)] = subscription, row
        return True

    def _end_new(self, subscription: Subscription, row: Row) -> None:
        self._said_at[id(subscription)] = at = row.unsubscribed_at or self.terms.moment
        for name, value in consent.columns(row.status, Evidence(source=SOURCE, at=at)).items():
            setattr(subscription, name, value)

    def _change(self, person: Subscriber, subscription: Subscription, row: Row) -> bool:
        changed = self._change_person(person, row)
        changed = self._end(subscription, row) or changed
        values = self._merged(subscription.fields, row.list_values)
        if values != subscription.fields:
            subscription.fields = values
            self._dirty_subscriptions[id(person)] = subscription
            changed = True
        return self._tag(subscription, row) or changed

    def _change_person(self, person: Subscriber, row: Row) -> bool:
        values = self._merged(person.fields, row.values)
        phone = row.phone if row.phone and (self._overwrites or not person.phone) else person.phone
        if (values, phone) == (person.fields, person.phone):
            return False
        person.fields, person.phone = values, phone
        self._by_phone.setdefault(phone, []).append(person)
        self._dirty_people[id(person)] = person
        return True

    def _tag(self, subscription: Subscription, row: Row) -> bool:
        carried = self._tags.setdefault(id(subscription), set())
        new = [name for name in row.tags if name not in carried]
        carried.update(new)
        self._new_tags += [(subscription, name) for name in new]
        return bool(new)

    @property
    def _overwrites(self) -> bool:
        return self.terms.on_conflict == OnConflict.UPDATE

    def _merged(self, known: Mapping[str, Value], said: Mapping[str, Value]) -> dict[str, Value]:
        return merged(known, said) if self._overwrites else {**said, **known}

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
        new = [
            each
            for each in (people.select_for_update(no_key=True) if self.locked else people)
            if each.pk not in self._people
        ]
        self._people |= {each.pk: each for each in new}
        self._by_email |= {each.email: each for each in new if each.email}
        for each in new:
            self._by_phone.setdefault(each.phone, []).append(each)
        rows_of = Subscription.objects.filter(mailing_list=self.mailing_list, subscriber__in=new).order_by("pk")
        known = list(rows_of.select_for_update() if self.locked else rows_of)
        for subscription in known:
            subscription.mailing_list = self.mailing_list
            self._subscriptions[id(self._people[subscription.subscriber_id])] = subscription
        if any(row.tags for row in rows):
            self._look_up_tags({each.pk: each for each in known})

    def _look_up_tags(self, subscriptions: Mapping[int, Subscription]) -> None:
        carried = TaggedSubscription.objects.filter(subscription__in=list(subscriptions))
        for pk, name in carried.values_list("subscription", "tag__name"):
            self._tags.setdefault(id(subscriptions[pk]), set()).add(name)

    def write(self) -> None:
        """Store what the rows changed, in a few statements; called once, in a transaction."""
        people = sorted(self._dirty_people.values(), key=lambda person: (person.email or "", person.phone))
        columns = ["phone", "fields", "modified_at"]
        _upsert([each for each in people if each.email], ["organization", "email"], columns)
        _upsert([each for each in people if not each.email and each.pk], ["id"], ["fields", "modified_at"])
        self._add_phones([each for each in people if not each.email and not each.pk])
        subscriptions = list(self._dirty_subscriptions.values())
        new = [row for row in subscriptions if row.pk is None]
        self._spare_suppressed(new)
        _upsert(subscriptions, ["mailing_list", "subscriber"], ["fields", "modified_at"])
        consent.append([self._event(row) for row in new])
        self._write_ends()
        self._write_tags()

    def _event(self, row: Subscription) -> ConsentEvent:
        """Of somebody new; of who left, nothing is known but that they did."""
        is_gone = row.status in GONE
        return ConsentEvent(
            subscriber_id=row.subscriber_id,
            mailing_list=self.mailing_list,
            list_name=self.mailing_list.name,
            kind=consent.KINDS[row.status],
            at=self._said_at[id(row)],
            recorded_at=self.terms.moment,
            source=SOURCE if is_gone else row.source,
            ip_address=None if is_gone else row.ip_address,
            wording="" if is_gone else self.terms.wording,
            by_id=self.terms.by_id,
        )

    def _write_ends(self) -> None:
        if not self._ended:
            return
        by = User.objects.filter(pk=self.terms.by_id or 0).first()
        ends: dict[tuple[str, datetime], list[Subscription]] = defaultdict(list)
        for subscription, row in self._ended.values():
            ends[row.status, row.unsubscribed_at or self.terms.moment].append(subscription)
        for (status, at), rows in ends.items():
            consent.move(rows, status, Evidence(source=SOURCE, at=at, by=by))

    def _spare_suppressed(self, new: list[Subscription]) -> None:
        """Nobody who is suppressed gets a confirmation mail."""
        waiting = {str(row.subscriber.email): row for row in new if row.confirmation_due_at}
        for email in suppressed(self.mailing_list, waiting):
            waiting[email].confirmation_due_at = None

    def _write_tags(self) -> None:
        keys = tag_keys(self.mailing_list, {name for _, name in self._new_tags})
        rows = [TaggedSubscription(subscription=row, tag_id=keys[name]) for row, name in self._new_tags]
        TaggedSubscription.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_BATCH)

    def _add_phones(self, people: list[Subscriber]) -> None:
        """People known by a phone only. Raises Overtaken.

        Django cannot name the partial index that keeps them apart, so it cannot update whom somebody else adds at the
        same moment.
        """
        if not people:
            return
        Subscriber.objects.bulk_create(people, ignore_conflicts=True)
        alone = Subscriber.objects.filter(organization=self.mailing_list.organization_id, email=None)
        keys = dict(alone.filter(public_id__in=[each.public_id for each in people]).values_list("public_id", "pk"))
        if len(keys) < len(people):
            raise Overtaken
        for person in people:
            person.pk = keys[person.public_id]


def _upsert(rows: list[ModelT], unique: list[str], columns: list[str]) -> None:
    """Insert these rows, or change these columns of those that are there."""
    for some in ([row for row in rows if row.pk is None], [row for row in rows if row.pk is not None]):
        if some:
            manager = type(some[0])._default_manager
            manager.bulk_create(some, update_conflicts=True, unique_fields=unique, update_fields=columns)


def tag_keys(mailing_list: MailingList, names: Iterable[str]) -> dict[str, int]:
    """The keys of these tags of the list; those that are new are made, in order, so that two imports do not clash."""
    wanted = sorted(set(names))
    if not wanted:
        return {}
    tags = SubscriberTag.objects.filter(mailing_list=mailing_list, name__in=wanted)
    keys: dict[str, int] = dict(tags.values_list("name", "pk"))
    new = [SubscriberTag(mailing_list=mailing_list, name=name) for name in wanted if name not in keys]
    if new:
        SubscriberTag.objects.bulk_create(new, ignore_conflicts=True)
        keys = dict(tags.values_list("name", "pk"))
    return keys


def suppressed(mailing_list: MailingList, emails: Iterable[str]) -> set[str]:
    """Those of these normalised addresses that are suppressed for this list, in whatever scope."""
    values: dict[str, list[str]] = {}
    for email in emails:
        for value in (email, *covering_domains(domain_of(email))):
            values.setdefault(value, []).append(email)
    wanted, found = list(values), set[str]()
    scope = Q(organization=None) | Q(organization=mailing_list.organization_id, mailing_list=None)
    rows = Suppression.objects.filter(scope | Q(mailing_list=mailing_list)).exclude(kind=Suppression.Kind.PHONE)
    for start in range(0, len(wanted), _BATCH):
        for value in rows.filter(value__in=wanted[start : start + _BATCH]).values_list("value", flat=True):
            found.update(values[value])
    return found
