"""Filter parameters that more than one list has. A wrong value is refused (400), an unknown parameter is ignored."""

from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import extend_schema_field

from api.management.fields import YEARS


class Ordering(django_filters.OrderingFilter):  # type: ignore[misc]  # django-filter has no types
    """Comma separated, `-` for descending; rows without a value come last, rows with the same one by id."""

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        keys = [key for key in value or [] if key]
        if not keys:
            return qs
        if [self.param_map[key.lstrip("-")] for key in keys] == ["pk"]:
            return qs.order_by("-pk" if keys[0].startswith("-") else "pk")  # as its index has it
        order = [F(self.param_map[key.lstrip("-")]) for key in keys]
        directed = [
            column.desc(nulls_last=True) if key.startswith("-") else column.asc(nulls_last=True)
            for key, column in zip(keys, order, strict=True)
        ]
        return qs.order_by(*directed, "-pk" if keys[-1].startswith("-") else "pk")


def ordering(**columns: str) -> Ordering:
    """`ordering=` over these names, each with the column it stands for."""
    described = {"type": "string", "enum": [sign + name for name in columns for sign in ("", "-")]}
    filtering = Ordering(fields=[(column, name) for name, column in columns.items()])
    extend_schema_field(described)(filtering)
    return filtering


class Filters(FilterSet):  # type: ignore[misc]
    """A list's filters."""


class OwnedFilters(Filters):
    """The filters of what belongs to an organization."""

    organization_id = django_filters.CharFilter("organization__public_id", label="Only of this organization.")


def _require_sane_year(value: Any) -> None:
    if not YEARS[0] <= value.year <= YEARS[1]:
        raise ValidationError("Enter a year between {} and {}.".format(*YEARS))


def moment(column: str, lookup: str, label: str) -> django_filters.IsoDateTimeFilter:
    """A bound of a date range; a time without an offset is UTC, a date is its midnight."""
    return django_filters.IsoDateTimeFilter(column, lookup, label=label, validators=[_require_sane_year])


class Words(django_filters.BaseInFilter, django_filters.CharFilter):  # type: ignore[misc]
    """Comma separated; any of them will do."""
