"""What is known about a person, whichever lists they are on."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audience import fields as custom_fields
from audience.models import CustomField, Subscriber


def change_fields(person: Subscriber, written: Mapping[str, Any]) -> Subscriber:
    """Set the organization-wide fields named; an empty value takes a field's value away. Raises InvalidFields."""
    rows = CustomField.objects.filter(organization=person.organization_id, mailing_list=None)
    values = custom_fields.parse_all({field.key: field for field in rows}, written)
    with transaction.atomic():
        row = Subscriber.objects.select_for_update().get(pk=person.pk)
        row.fields = custom_fields.merged(row.fields, values)
        row.save(update_fields=["fields", "modified_at"])
    return row
