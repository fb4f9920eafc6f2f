"""What is known about a person, whichever lists they are on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import Organization
from audience import erased, subscriptions
from audience import fields as custom_fields
from audience.addresses import normalise_email, normalise_phone
from audience.consent import Evidence
from audience.errors import AlreadyThere, InvalidAddress, StaysOut
from audience.joining import ERASED, WHY
from audience.models import CustomField, Subscriber, Subscription


def change_fields(person: Subscriber, written: Mapping[str, Any]) -> Subscriber:
    """Set the organization-wide fields named; an empty value takes a field's value away. Raises InvalidFields."""
    values = custom_fields.parse_all(_fields_of(person.organization_id), written)
    with transaction.atomic():
        row = Subscriber.objects.select_for_update().get(pk=person.pk)
        row.fields = custom_fields.merged(row.fields, values)
        row.save(update_fields=["fields", "modified_at"])
    return row


def create(
    organization: Organization, *, email: str = "", phone: str = "", fields: Mapping[str, Any] | None = None
) -> Subscriber:
    """Somebody who is on no list yet, and so was never asked.

    Raises InvalidAddress, AlreadyThere, InvalidFields, and StaysOut for somebody who was erased.
    """
    if not email and not phone:
        raise InvalidAddress("A subscriber needs an email address or a phone number.")
    address, number = email and normalise_email(email), phone and normalise_phone(phone)
    values = custom_fields.parse_all(_fields_of(organization.pk), fields or {})
    with transaction.atomic():
        _require_free(organization.pk, address, number)
        _require_not_erased(organization, address or number)
        with _somebody_else(organization.pk, address, number), transaction.atomic():
            return Subscriber.objects.create(
                organization=organization,
                email=address or None,
                phone=number,
                fields=custom_fields.merged({}, values),
            )


def change(person: Subscriber, written: Mapping[str, Any]) -> Subscriber:
    """Change `email`, `phone` and `fields`, whichever are named. At a new address, what bounced is as it was before.

    Raises InvalidAddress, AlreadyThere, InvalidFields, and StaysOut for the address of somebody who was erased.
    """
    values = custom_fields.parse_all(_fields_of(person.organization_id), written.get("fields") or {})
    with transaction.atomic():
        row = Subscriber.objects.select_for_update().get(pk=person.pk)
        email, phone = written.get("email", row.email) or "", written.get("phone", row.phone) or ""
        if not email and not phone:
            raise InvalidAddress("A subscriber needs an email address or a phone number.")
        before = row.email
        row.email, row.phone = (normalise_email(email) if email else None), phone and normalise_phone(phone)
        _require_free(row.organization_id, row.email or "", row.phone, but=row)
        if row.email and row.email != before:
            _require_not_erased(row.organization, row.email)
        row.fields = custom_fields.merged(row.fields, values)
        with _somebody_else(row.organization_id, row.email or "", row.phone), transaction.atomic():
            row.save()
        if row.email and row.email != before:
            subscriptions.give_back_bounced(row, Evidence(source="address changed"))
    return row


def change_list_fields(subscription: Subscription, written: Mapping[str, Any]) -> Subscription:
    """Set the fields of this list that are named; an empty value takes a field's value away. Raises InvalidFields."""
    rows = CustomField.objects.filter(mailing_list=subscription.mailing_list_id)
    values = custom_fields.parse_all({field.key: field for field in rows}, written)
    with transaction.atomic():
        row = Subscription.objects.select_for_update().get(pk=subscription.pk)
        row.fields = custom_fields.merged(row.fields, values)
        row.save(update_fields=["fields", "modified_at"])
    return row


def _fields_of(organization_id: int) -> dict[str, CustomField]:
    rows = CustomField.objects.filter(organization=organization_id, mailing_list=None)
    return {field.key: field for field in rows}


def _require_free(organization_id: int, email: str, phone: str, *, but: Subscriber | None = None) -> None:
    """An address is one person's; a number only among people known by nothing else. Raises AlreadyThere."""
    people = Subscriber.objects.filter(organization=organization_id)
    same = people.filter(email=email) if email else people.filter(email=None, phone=phone)
    other = (same.exclude(pk=but.pk) if but else same).first()
    if other is not None:
        raise AlreadyThere(f"{other} is known already.", other)


def _require_not_erased(organization: Organization, address: str) -> None:
    """Raises StaysOut."""
    if erased.kept_out(organization, [address]):
        raise StaysOut(f"{address} {WHY[ERASED]}", ERASED)


@contextmanager
def _somebody_else(organization_id: int, email: str, phone: str) -> Iterator[None]:
    """Somebody else took the address at the same moment. Raises AlreadyThere."""
    try:
        yield
    except IntegrityError:
        _require_free(organization_id, email, phone)
        raise
