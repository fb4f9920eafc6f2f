"""Imports of suppressions: which there were, how far one is, and what became of its rows."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import actor, row_of
from accounts.admin.pages import fragment, page, to
from accounts.permissions import Permission
from audience import suppression_imports
from audience.admin.imports import TONES, refused_rows
from audience.admin.suppression_scope import in_sight, where
from audience.errors import AudienceError
from audience.models import SuppressionImport


@admin.register(SuppressionImport)
class SuppressionImportAdmin(ScopedAdmin[SuppressionImport]):
    add_permission = None
    change_permission = None
    delete_permission = None
    list_display = ("file_name", "holds_for", "state", "outcome", "created_by", "created_at")
    list_filter = ("status",)
    list_select_related = ("mailing_list", "created_by")
    search_fields = ("file_name",)
    ordering = ("-pk",)
    actions = None
    empty_icon = "upload_file"
    empty_state = "Files of suppressions show up here, with what became of their rows."

    def get_queryset(self, request: HttpRequest) -> QuerySet[SuppressionImport]:
        return in_sight(request, SuppressionImport)

    @admin.display(description="Holds for")
    def holds_for(self, made: SuppressionImport) -> str:
        return where(made)

    @admin.display(description="State", ordering="status")
    def state(self, made: SuppressionImport) -> SafeString:
        return format_html('<span class="bs-badge{}">{}</span>', _tone(made), made.get_status_display())

    @admin.display(description="Outcome")
    def outcome(self, made: SuppressionImport) -> str:
        return f"{made.added:,} added, {made.known:,} already there, {made.refused:,} refused"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        views: list[tuple[str, Any, str]] = [
            ("<int:pk>/change/", outcome_page, "change"),
            ("<int:pk>/progress/", progress_fragment, "progress"),
            ("<int:pk>/cancel/", require_POST(cancel), "cancel"),
            ("<int:pk>/errors.csv", error_file, "errors"),
        ]
        ours = [path(route, wrap(view), name=f"audience_suppressionimport_{name}") for route, view, name in views]
        return [*ours, *super().get_urls()]


def _tone(made: SuppressionImport) -> str:
    tone = TONES.get(made.status, "")
    return f" bs-badge--{tone}" if tone else ""


def import_of(request: HttpRequest, pk: int) -> SuppressionImport:
    rows = SuppressionImport.objects.select_related("mailing_list", "organization", "created_by")
    return row_of(request, rows, pk, Permission.CREATE, "import")


def outcome_page(request: HttpRequest, pk: int) -> HttpResponse:
    made = import_of(request, pk)
    crumbs = [
        ("Suppressions", to("audience_suppression_changelist")),
        ("Files", to("audience_suppressionimport_changelist")),
    ]
    return page(
        request,
        "admin/audience/suppressionimport/outcome.html",
        title=made.file_name,
        crumbs=crumbs,
        made=made,
        where=where(made),
        tone=_tone(made),
        live=made.status in suppression_imports.AT_WORK,
    )


def progress_fragment(request: HttpRequest, pk: int) -> HttpResponse:
    """The bar; tells the page to load anew when the import has moved on."""
    made = import_of(request, pk)
    answer = fragment(request, "admin/audience/import/progress.html", file_import=made)
    if made.status != request.GET.get("was", ""):
        answer.headers["HX-Refresh"] = "true"
    return answer


def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    made = import_of(request, pk)
    try:
        suppression_imports.cancel(made, by=actor(request))
        messages.success(request, f"The import of {made.file_name} is cancelled; what is suppressed stays so.")
    except AudienceError as refused:
        messages.error(request, str(refused))
    return redirect(to("audience_suppressionimport_change", pk))


def error_file(request: HttpRequest, pk: int) -> FileResponse:
    return refused_rows(import_of(request, pk))
