"""Raw events as they came in: for superusers, to look at."""

from django.contrib import admin

from accounts.admin.base import ReadOnlyAdmin
from accounts.permissions import Permission
from stats.models import Event


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    view_permission = Permission.MANAGE_MEMBERS
    list_display = ("kind", "at", "recipient", "run", "url", "ip_address", "user_agent")
    list_filter = ("kind",)
    list_select_related = ("recipient", "run__campaign")
    ordering = ("-pk",)
    raw_id_fields = ("recipient", "run")
