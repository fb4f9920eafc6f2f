"""Fields that more than one resource has: public ids, times in a zone of their own, lines that go into mail headers."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.utils.timezone import is_aware
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Edition, Organization
from accounts.permissions import Permission
from accounts.scoping import ScopedQuerySet
from accounts.texts import validate_one_line
from api.management.access import organization_of, permits, visible
from api.management.numbers import numbered_id

RowT = TypeVar("RowT", bound=models.Model)
PUBLIC_ID = re.compile(r"[a-z]{3}_[a-z0-9]{20}")
YEARS = (1970, 2999)  # every zone's clock can show these


@extend_schema_field({"type": "string"})
class PublicIdRelatedField(serializers.RelatedField[RowT, str, str]):
    """Another resource, named by its public id. What the caller may not see does not exist.

    With `permission`, neither does what belongs to an organization in which the caller may not do that.
    """

    default_error_messages = {  # noqa: RUF012 - REST framework reads a plain dict
        "does_not_exist": 'Invalid pk "{pk_value}" - object does not exist.',
        "incorrect_type": "Incorrect type. Expected pk value, received {data_type}.",
    }

    def __init__(self, *, permission: Permission | None = None, **kwargs: Any) -> None:
        self.permission = permission
        super().__init__(**kwargs)

    def get_queryset(self) -> ScopedQuerySet[RowT]:
        return visible(self.context["request"], cast("models.QuerySet[RowT]", super().get_queryset()))

    def to_internal_value(self, data: Any) -> RowT:
        if not isinstance(data, str):
            self.fail("incorrect_type", data_type=type(data).__name__)
        try:
            found = self.get_queryset().get(public_id=data if PUBLIC_ID.fullmatch(data) else "")
        except ObjectDoesNotExist:
            self.fail("does_not_exist", pk_value=data)
        if self.permission is not None and not self._permits(found):
            self.fail("does_not_exist", pk_value=data)
        return found

    def to_representation(self, value: Any) -> str:
        return str(value.public_id)

    def _permits(self, found: RowT) -> bool:
        assert self.permission is not None  # noqa: S101 - asked only with one
        return permits(self.context["request"], self.permission, organization_of(found))


def of_organization(attrs: dict[str, Any], organization: Organization, names: dict[str, str]) -> None:
    """Refuse what belongs to another organization than this, in the words for what does not exist.

    `names` maps the attribute to the field's name. A caller in two organizations could otherwise mix them.
    """
    errors = {
        field: [f'Invalid pk "{attrs[name].public_id}" - object does not exist.']
        for name, field in names.items()
        if attrs.get(name) is not None and attrs[name].organization_id != organization.pk
    }
    if errors:
        raise serializers.ValidationError(errors)


class StaysInOrganization(serializers.ModelSerializer[RowT]):
    """The organization is chosen when the thing is made; later, `organization_id` in a body is ignored.

    What it names is of the same organization: its edition, if it has one.
    """

    def organization_of(self, attrs: dict[str, Any]) -> Organization:
        owner: Organization = self.instance.organization if self.instance else attrs["organization"]  # type: ignore[attr-defined]
        return owner

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        of_organization(attrs, self.organization_of(attrs), {"edition": "edition_id"})
        return attrs

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        if self.instance is not None:
            fields["organization_id"].read_only = True
        return fields


class NumberedIdField(serializers.CharField):
    """The id of a thing that has none of its own."""

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        self.prefix = prefix
        super().__init__(source="pk", read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        return numbered_id(self.prefix, value)


class LocalDateTimeField(serializers.DateTimeField):
    """A time as people write it: without an offset it stays naive, until `localised` knows the zone it is meant in."""

    def enforce_timezone(self, value: datetime) -> datetime:
        return super().enforce_timezone(value) if is_aware(value) else value


def zone_of(edition: Edition | None, organization: Organization) -> ZoneInfo:
    """The zone in which people of this edition (or, without one, of this organization) read the clock."""
    return ZoneInfo(edition.timezone if edition else organization.timezone)


def localised(value: datetime, zone: tzinfo, field: str) -> datetime:
    """A time as `LocalDateTimeField` gives it, made aware: one without an offset is meant in this zone.

    An hour that the clock shows twice means its first time, and one that it skips moves on by as much as is skipped
    (RFC 5545, 3.3.5). Raises ValidationError for years nobody schedules in.
    """
    if not YEARS[0] <= value.year <= YEARS[1]:
        raise serializers.ValidationError({field: ["Datetime value out of range."]})
    if is_aware(value):
        return value
    # by way of UTC, since a skipped hour exists on no clock
    return value.replace(tzinfo=zone, fold=0).astimezone(UTC).astimezone(zone)


class HeaderField(serializers.CharField):
    """Text on one line, such as a name or what becomes a mail header, which must not be able to start another one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.append(validate_one_line)
