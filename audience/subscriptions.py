"""People joining and leaving lists.

Who may come, and who may come back, is `audience.joining`; `audience.consent` logs every move.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.lookups import IsNull

from accounts.actors import Actor, Surface
from accounts.models import User
from accounts.permissions import Permission, may
from audience import confirmations, consent, erased
from audience import fields as custom_fields
from audience.addresses import normalise_email, normalise_phone
from audience.consent import Evidence
from audience.errors import InvalidAddress, NotAllowed, StaysOut
from audience.joining import ERASED, NOBODY, WHY, Outcome, Way, outcome
from audience.models import CustomField, MailingList, Subscriber, Subscription

Status = Subscription.Status
LEFT = (Status.UNSUBSCRIBED, Status.BOUNCED, Status.COMPLAINED)


# --- joining -----------------------------------------------------------------------------------------------------


def subscribe(
    mailing_list: MailingList,
    *,
    email: str = "",
    phone: str = "",
    fields: Mapping[str, Any] | None = None,
    source: str,
    ip_address: str | None = None,
    at: datetime | None = None,
    wording: str = "",
    by: User | None = None,
    status: str | None = None,
    way: Way | None = None,
) -> Subscription:
    """Put a person on the list, or bring them up to date, as far as `audience.joining` allows it.

    `status` None does what the list asks of everybody: on a double opt-in list the person is `unconfirmed` and gets a
    confirmation mail. `subscribed` says that no confirmation is needed, `unconfirmed` that one is; `unsubscribed`,
    `bounced` and `complained` write down what is known from elsewhere. `ip_address`, `at` and `wording` are the
    evidence of the person's own act, `by` the member of staff who states it; `way` is told from them unless given.

    People are known by their email, or without one by their phone. An empty value takes a field's value away; fields
    not named stay, and a stranger's form (`Way.FORM`) changes nothing about people who are known. Somebody who is
    subscribed already keeps date, source and address of the first time. A suppression stays in force.

    Raises InvalidAddress, InvalidFields, and StaysOut for somebody who does not come back this way.
    """
    if not email and not phone:
        raise InvalidAddress("A subscriber needs an email address or a phone number.")
    address, number = email and normalise_email(email), phone and normalise_phone(phone)
    known = custom_fields.of_list(mailing_list)
    values = custom_fields.parse_all(known, fields or {})
    evidence = Evidence(source=source, at=at, ip_address=ip_address, wording=wording, by=by)
    way = way or (Way.STATED if evidence.is_stated else Way.BARE)
    with transaction.atomic():
        person, is_new = _person(mailing_list.organization_id, address, number)
        row = _row(mailing_list, person)
        done = _decide(mailing_list, person, row, status, way)
        if is_new or way != Way.FORM:
            _update_person(person, number, _of_organization(values, known))
        if row is not None and way != Way.FORM:
            _update_row(row, _of_list(values, known))
        row = row or Subscription(
            mailing_list=mailing_list, subscriber=person, fields=custom_fields.merged({}, _of_list(values, known))
        )
        _carry_out(row, done, status, evidence)
    return row


def join(
    person: Subscriber, mailing_list: MailingList, *, source: str, ip_address: str | None = None, wording: str = ""
) -> Subscription:
    """Put somebody on a list by their own act behind a link in a mail they got. Raises StaysOut."""
    evidence = Evidence(source=source, ip_address=ip_address, wording=wording)
    with transaction.atomic():
        _lockable(Subscriber.objects.all()).get(pk=person.pk)
        row = _row(mailing_list, person)
        done = _decide(mailing_list, person, row, None, Way.LINK)
        row = row or Subscription(mailing_list=mailing_list, subscriber=person)
        _carry_out(row, done, None, evidence)
    return row


def come_back(
    person: Subscriber, subscription_ids: Iterable[int], *, source: str, ip_address: str | None = None
) -> list[Subscription]:
    """Undo, by their own act: of these subscriptions, those that ended by unsubscribing; what came back."""
    ended = person.subscriptions.filter(pk__in=list(subscription_ids), status=Status.UNSUBSCRIBED)
    with transaction.atomic():
        rows = _locked(ended)
        consent.move(rows, Status.SUBSCRIBED, Evidence(source=source, ip_address=ip_address))
    return rows


def _decide(
    mailing_list: MailingList, person: Subscriber, row: Subscription | None, status: str | None, way: Way
) -> Outcome:
    """Raises StaysOut."""
    standing = str(row.status) if row else NOBODY
    if standing in (NOBODY, Status.UNCONFIRMED) and erased.is_kept_out(person):
        standing = ERASED
    confirms = status == Status.UNCONFIRMED or (status is None and mailing_list.opt_in == MailingList.OptIn.DOUBLE)
    done = outcome(standing, way, confirms=confirms)
    writes_down = status in LEFT and standing != ERASED
    if done == Outcome.REFUSE and not writes_down:
        raise StaysOut(f"{person} {WHY[standing]}", standing)
    return done


def _carry_out(row: Subscription, done: Outcome, status: str | None, evidence: Evidence) -> None:
    if status in LEFT:
        if row.status not in (status, Status.COMPLAINED) or row.pk is None:
            _set(row, str(status), evidence)
    elif done == Outcome.SUBSCRIBE:
        _set(row, Status.SUBSCRIBED, evidence)
    elif done == Outcome.ASK and row.pk is None:
        _set(row, Status.UNCONFIRMED, evidence)
        confirmations.queue(row)
    elif done == Outcome.ASK:
        confirmations.ask_again(row, evidence)


def _set(row: Subscription, status: str, evidence: Evidence) -> None:
    if row.pk is not None:
        consent.move([row], status, evidence)
        return
    origin = {"source": evidence.source[:64], "ip_address": evidence.ip_address}
    for name, value in {**origin, **consent.columns(status, evidence)}.items():
        setattr(row, name, value)
    row.save()
    consent.record([row], consent.KINDS[status], evidence)


# --- leaving -----------------------------------------------------------------------------------------------------


def unsubscribe(
    subscriber: Subscriber,
    *,
    mailing_lists: Iterable[MailingList] | None = None,
    source: str,
    ip_address: str | None = None,
    at: datetime | None = None,
    wording: str = "",
    by: User | None = None,
) -> int:
    """Take a person off these lists (None: off all of them); how many subscriptions that ended.

    Idempotent. A bounce is replaced, since it may be mended one day and the wish still holds; a complaint stays.
    """
    evidence = Evidence(source=source, at=at, ip_address=ip_address, wording=wording, by=by)
    rows = subscriber.subscriptions.exclude(status__in=[Status.UNSUBSCRIBED, Status.COMPLAINED])
    return _end(rows, mailing_lists, Status.UNSUBSCRIBED, evidence)


def complain(
    subscriber: Subscriber,
    *,
    mailing_lists: Iterable[MailingList] | None = None,
    source: str,
    at: datetime | None = None,
    by: User | None = None,
) -> int:
    """The person called a mail spam: end these subscriptions (None: all), also those that ended otherwise.

    Idempotent.
    """
    rows = subscriber.subscriptions.exclude(status=Status.COMPLAINED)
    return _end(rows, mailing_lists, Status.COMPLAINED, Evidence(source=source, at=at, by=by))


def bounce(subscriber: Subscriber, *, source: str, at: datetime | None = None, by: User | None = None) -> int:
    """The address does not exist any more: end every subscription that was alive. Idempotent."""
    rows = subscriber.subscriptions.filter(status__in=[Status.SUBSCRIBED, Status.UNCONFIRMED])
    return _end(rows, None, Status.BOUNCED, Evidence(source=source, at=at, by=by))


def reset_bounce(subscriber: Subscriber, *, by: Actor, wording: str = "") -> int:
    """Give back what bounces ended, because somebody knows that the address works; how many. Raises NotAllowed."""
    if by.surface != Surface.SYSTEM and not may(by.user, Permission.UPDATE, subscriber.organization):
        raise NotAllowed(f"You may not change people of {subscriber.organization}.")
    evidence = Evidence(source=f"{by.surface}, bounce reset", wording=wording, by=by.user)
    return give_back_bounced(subscriber, evidence)


def give_back_bounced(subscriber: Subscriber, evidence: Evidence) -> int:
    """What bounced is as it was before: subscribed, or still unconfirmed. Soft bounces are counted anew."""
    with transaction.atomic():
        Subscriber.objects.filter(pk=subscriber.pk).exclude(soft_bounces=0).update(soft_bounces=0)
        rows = _locked(subscriber.subscriptions.filter(status=Status.BOUNCED))
        subscribed = [row for row in rows if row.subscribed_at]
        unconfirmed = [row for row in rows if not row.subscribed_at]
        consent.move(subscribed, Status.SUBSCRIBED, evidence, keeps_origin=True)
        consent.move(unconfirmed, Status.UNCONFIRMED, evidence, keeps_origin=True)
    return len(rows)


def _end(
    rows: QuerySet[Subscription], mailing_lists: Iterable[MailingList] | None, status: str, evidence: Evidence
) -> int:
    if mailing_lists is not None:
        rows = rows.filter(mailing_list__in=list(mailing_lists))
    with transaction.atomic():
        return consent.move(_locked(rows), status, evidence)


def _locked(rows: QuerySet[Subscription]) -> list[Subscription]:
    """Always in the order of their keys, so that two acts never wait for each other in a circle."""
    return list(rows.select_for_update(of=("self",)).select_related("mailing_list").order_by("pk"))


# --- the person --------------------------------------------------------------------------------------------------


def _person(organization_id: int, email: str, phone: str) -> tuple[Subscriber, bool]:
    """The person of this address, made if there is none, and whether they were; locked until the transaction ends."""
    people = _lockable(Subscriber.objects.filter(organization_id=organization_id))
    person = known_person(people, email, phone)
    if person is not None:
        return person, False
    try:
        with transaction.atomic():
            return Subscriber.objects.create(organization_id=organization_id, email=email or None, phone=phone), True
    except IntegrityError:  # somebody else made them at the same moment
        found = known_person(people, email, phone)
        if found is None:
            raise
        return found, False


def _lockable(people: QuerySet[Subscriber]) -> QuerySet[Subscriber]:
    """To be locked, but not against others that write a line about the person: who holds a subscription may have to."""
    return people.select_for_update(no_key=True)


def known_person(people: QuerySet[Subscriber], email: str, phone: str) -> Subscriber | None:
    """By email; without one by phone, rather somebody known by nothing else."""
    if email:
        return people.filter(email=email).first()
    return people.filter(phone=phone).order_by(IsNull(F("email"), False), "pk").first()


def _update_person(person: Subscriber, phone: str, values: Mapping[str, Any]) -> None:
    before = (person.phone, person.fields)
    person.phone, person.fields = phone or person.phone, custom_fields.merged(person.fields, values)
    if before != (person.phone, person.fields):
        person.save(update_fields=["phone", "fields", "modified_at"])


# --- the subscription --------------------------------------------------------------------------------------------


def _row(mailing_list: MailingList, person: Subscriber) -> Subscription | None:
    """Locked; its list and person are the objects at hand."""
    rows = Subscription.objects.select_for_update().filter(mailing_list=mailing_list, subscriber=person)
    row = rows.first()
    if row is not None:
        row.mailing_list, row.subscriber = mailing_list, person
    return row


def _update_row(row: Subscription, values: Mapping[str, Any]) -> None:
    fields = custom_fields.merged(row.fields, values)
    if fields != row.fields:
        row.fields = fields
        row.save(update_fields=["fields", "modified_at"])


def _of_organization(values: Mapping[str, Any], known: Mapping[str, CustomField]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if known[key].mailing_list_id is None}


def _of_list(values: Mapping[str, Any], known: Mapping[str, CustomField]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if known[key].mailing_list_id is not None}
