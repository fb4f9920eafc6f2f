"""People joining and leaving lists."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.lookups import IsNull
from django.utils.timezone import now

from audience import fields as custom_fields
from audience.addresses import normalise_email, normalise_phone
from audience.errors import InvalidAddress
from audience.models import CustomField, MailingList, Subscriber, Subscription

Status = Subscription.Status


def subscribe(
    mailing_list: MailingList,
    *,
    email: str = "",
    phone: str = "",
    fields: Mapping[str, Any] | None = None,
    source: str,
    ip_address: str | None = None,
    status: str = Status.SUBSCRIBED,
) -> Subscription:
    """Put a person on the list, or bring them up to date; they asked for it themselves, so it also brings them back.

    People are known by their email, or without one by their phone. An empty value takes a field's value away; fields
    not named stay. Somebody who is subscribed already keeps date, source and address of the first time, and is not put
    back to `unconfirmed`. A suppression stays in force. Raises InvalidAddress and InvalidFields.
    """
    if not email and not phone:
        raise InvalidAddress("A subscriber needs an email address or a phone number.")
    address, number = email and normalise_email(email), phone and normalise_phone(phone)
    known = custom_fields.of_list(mailing_list)
    values = custom_fields.parse_all(known, fields or {})
    with transaction.atomic():
        person = _person(mailing_list.organization_id, address, number)
        _update_person(person, number, _of_organization(values, known))
        return _put_on_list(mailing_list, person, _of_list(values, known), status, source, ip_address)


def unsubscribe(
    subscriber: Subscriber,
    *,
    mailing_lists: Iterable[MailingList] | None = None,
    source: str,
    ip_address: str | None = None,
) -> int:
    """Take a person off these lists (None: off all of them); how many subscriptions that ended.

    Idempotent. A bounce is replaced, since it may be mended one day and the wish still holds; a complaint stays.
    """
    rows = subscriber.subscriptions.exclude(status__in=[Status.UNSUBSCRIBED, Status.COMPLAINED])
    if mailing_lists is not None:
        rows = rows.filter(mailing_list__in=list(mailing_lists))
    moment = now()
    return rows.update(
        status=Status.UNSUBSCRIBED,
        unsubscribed_at=moment,
        unsubscribe_source=source[:64],
        unsubscribe_ip_address=ip_address,
        modified_at=moment,
    )


# --- the person --------------------------------------------------------------------------------------------------


def _person(organization_id: int, email: str, phone: str) -> Subscriber:
    """The person of this address, made if there is none; locked until the transaction ends."""
    people = Subscriber.objects.filter(organization_id=organization_id)
    person = known_person(people.select_for_update(), email, phone)
    if person is not None:
        return person
    try:
        with transaction.atomic():
            return Subscriber.objects.create(organization_id=organization_id, email=email or None, phone=phone)
    except IntegrityError:  # somebody else made them at the same moment
        found = known_person(people.select_for_update(), email, phone)
        if found is None:
            raise
        return found


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


def _put_on_list(
    mailing_list: MailingList,
    person: Subscriber,
    values: Mapping[str, Any],
    status: str,
    source: str,
    ip_address: str | None,
) -> Subscription:
    consent = {"source": source[:64], "ip_address": ip_address}
    row, is_new = Subscription.objects.select_for_update().get_or_create(
        mailing_list=mailing_list,
        subscriber=person,
        defaults={"fields": custom_fields.merged({}, values), **consent, **_dates(status), "status": status},
    )
    if not is_new:
        _bring_up_to_date(row, values, status, consent)
    return row


def _bring_up_to_date(row: Subscription, values: Mapping[str, Any], status: str, consent: dict[str, Any]) -> None:
    row.fields = custom_fields.merged(row.fields, values)
    stays = row.status == status or (row.status == Status.SUBSCRIBED and status == Status.UNCONFIRMED)
    if not stays:
        for name, value in {**consent, **_dates(status), "status": status}.items():
            setattr(row, name, value)
    row.save()


def _dates(status: str) -> dict[str, Any]:
    """When what happened, for a subscription that has this status from now on."""
    ended = status == Status.UNSUBSCRIBED
    dates: dict[str, Any] = {"unsubscribed_at": now() if ended else None, "unsubscribe_source": ""}
    if not ended:
        dates |= {"subscribed_at": now() if status == Status.SUBSCRIBED else None, "unsubscribe_ip_address": None}
    return dates


def _of_organization(values: Mapping[str, Any], known: Mapping[str, CustomField]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if known[key].mailing_list_id is None}


def _of_list(values: Mapping[str, Any], known: Mapping[str, CustomField]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if known[key].mailing_list_id is not None}
