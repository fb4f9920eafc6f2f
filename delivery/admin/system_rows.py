"""Recipients and batches as the system keeps them: for superusers, to look at."""

from django.contrib import admin

from accounts.admin.base import ReadOnlyAdmin
from accounts.permissions import Permission
from delivery.models import Batch, Recipient


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin[Recipient]):
    view_permission = Permission.MANAGE_MEMBERS
    list_display = ("address", "run", "state", "skip_reason", "attempts", "reply_code", "settled_at")
    list_filter = ("state",)
    list_select_related = ("run__campaign",)
    search_fields = ("address",)
    ordering = ("-pk",)


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin[Batch]):
    view_permission = Permission.MANAGE_MEMBERS
    list_display = ("number", "run", "state", "worker", "lease_until", "not_before")
    list_filter = ("state",)
    list_select_related = ("run__campaign",)
    ordering = ("-pk",)
