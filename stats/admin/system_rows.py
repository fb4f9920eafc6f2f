"""Raw events as they came in, and what was refused: for superusers, to look at."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.desk import desk
from accounts.permissions import Permission
from stats.models import Event, Refusal


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    view_permission = Permission.MANAGE_MEMBERS
    list_display = ("kind", "at", "recipient", "run", "url", "ip_address", "user_agent", "agent", "agent_reason")
    list_filter = ("kind", "agent", "agent_reason")
    list_select_related = ("recipient", "run__campaign")
    ordering = ("-pk",)
    raw_id_fields = ("recipient", "run")


@admin.register(Refusal)
class RefusalAdmin(ReadOnlyAdmin[Refusal]):
    """Links that were refused, by day (UTC) and reason. Whose they are is not known."""

    view_permission = Permission.MANAGE_MEMBERS
    list_display = ("day", "reason", "count")
    list_filter = ("day",)
    ordering = ("-day", "-count")

    def visible(self, request: HttpRequest) -> QuerySet[Refusal]:
        return Refusal.objects.all() if desk(request).user.is_superuser else Refusal.objects.none()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return desk(request).user.is_superuser
