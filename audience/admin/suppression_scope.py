"""Where a suppression holds, in words, and which of them are seen at this desk."""

from typing import Any, ClassVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from accounts.admin.base import RelatedFilter
from accounts.admin.desk import desk
from audience.models import MailingList


class ListFilter(RelatedFilter):
    title = "only for the list"
    parameter_name = "list"
    model: ClassVar = MailingList
    path: ClassVar = "mailing_list"


def where(row: Any) -> str:
    """Where a suppression, or an import of them, holds."""
    if row.mailing_list:
        return f"the list {row.mailing_list}"
    return "every list" if row.organization_id else "every organization"


def in_sight(request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
    """Those of the organization; for superusers, those of the whole system too. The latest first."""
    at, manager = desk(request), model._default_manager
    rows: Any = manager.visible_to(at.user)  # type: ignore[attr-defined]
    if at.organization is not None:
        of_system = Q(organization=None) if at.user.is_superuser else Q(pk__in=[])
        rows = rows.filter(Q(organization=at.organization) | of_system)
    return rows.order_by("-pk")  # type: ignore[no-any-return]
