"""Reports that nobody could be found for, automatic replies and other mail: for superusers, to look at."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.base import ReadOnlyAdmin
from accounts.permissions import Permission
from tracking.models import StrayMail


@admin.register(StrayMail)
class StrayMailAdmin(ReadOnlyAdmin[StrayMail]):
    """They belong to no organization, so that no member of one sees them."""

    view_permission = Permission.MANAGE_MEMBERS
    list_title = "Unmatched reports"
    intro = "What came back and changed no figure. Nothing is guessed; old ones are deleted."
    empty_state = (
        "Every report that came back was counted. Bounces that name nobody, and automatic replies, stand here."
    )
    list_display = ("received_at", "reason", "kind", "address", "sender", "subject", "source")
    list_filter = ("reason", "kind", "source")
    search_fields = ("address", "sender", "subject")
    ordering = ("-pk",)
    fields = ("received_at", "reason", "source", "kind", "address", "sender", "subject", "detail", "as_it_came")
    readonly_fields = ("as_it_came",)

    def visible(self, request: HttpRequest) -> QuerySet[StrayMail]:
        rows = StrayMail.objects.all()
        return rows if self._may_look(request) else rows.none()

    def get_queryset(self, request: HttpRequest) -> QuerySet[StrayMail]:
        return super().get_queryset(request).defer("raw")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may_look(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_look(request)

    def _may_look(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    @admin.display(description="As it came")
    def as_it_came(self, stray: StrayMail) -> SafeString:
        return format_html('<pre class="whitespace-pre-wrap">{}</pre>', bytes(stray.raw).decode("utf-8", "replace"))
