"""Remembering what a client wrote, and saying it again."""

from collections.abc import Iterable, Mapping
from typing import Any

from accounts.models import Organization
from api.octeth.models import Echo


def remember(organization: Organization, kind: Echo.Kind, row_id: int, values: Mapping[str, Any]) -> None:
    """Beside what was remembered before; called in the transaction that writes the row, under its lock."""
    if not values:
        return
    echo, _ = Echo.objects.get_or_create(kind=kind, row_id=row_id, defaults={"organization": organization})
    echo.values = {**echo.values, **values}
    echo.save(update_fields=["values"])


def of(kind: Echo.Kind, row_ids: Iterable[int] | Any) -> dict[int, dict[str, Any]]:
    """By row, in one query; `row_ids` may be a query of them."""
    return dict(Echo.objects.filter(kind=kind, row_id__in=row_ids).values_list("row_id", "values"))


def forget(kind: Echo.Kind, row_ids: Iterable[int]) -> None:
    Echo.objects.filter(kind=kind, row_id__in=row_ids).delete()
