"""The history of lifted suppressions: who lifted what, when and why. Nothing in it changes but that it may forget."""

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import actor, desk
from accounts.admin.pages import page, to
from accounts.permissions import Permission
from audience import lifting
from audience.admin.suppression_scope import ListFilter, in_sight
from audience.errors import AudienceError
from audience.models import LiftedSuppression

SAMPLE = 10


@admin.register(LiftedSuppression)
class LiftedSuppressionAdmin(ScopedAdmin[LiftedSuppression]):
    """Those of the organization and of its lists; superusers also see those of the whole system."""

    add_permission = None
    change_permission = None
    delete_permission = None
    list_title = "Lifted suppressions"
    intro = "Who lifted what, when and why. Lines stay as they are; all one can do is let them forget the address."
    list_display = ("address", "suppressed", "lifted", "reason_to_lift")
    list_filter = ("kind", "reason", ListFilter)
    list_select_related = ("organization", "by")
    search_fields = ("value", "why")
    list_display_links = None
    actions = ("forget",)
    empty_icon = "history"
    empty_state = "Nothing has been lifted yet. Whoever lifts a suppression stands here, with when and why."

    def get_queryset(self, request: HttpRequest) -> QuerySet[LiftedSuppression]:
        return in_sight(request, LiftedSuppression)

    def changelist_view(self, request: HttpRequest, extra_context: object = None) -> HttpResponse:
        crumbs = [("Suppressions", to("audience_suppression_changelist")), ("Lifted", "")]
        return super().changelist_view(request, {"crumbs": crumbs})

    @admin.display(description="Address, number or domain", ordering="value")
    def address(self, row: LiftedSuppression) -> SafeString:
        return _two_lines(row.value or f"a forgotten {row.get_kind_display().lower()}", f"for {held_for(row)}")

    @admin.display(description="Was suppressed", ordering="suppressed_at")
    def suppressed(self, row: LiftedSuppression) -> SafeString:
        facts = [f"{localtime(row.suppressed_at):%-d %b %Y}", row.source]
        return _two_lines(row.get_reason_display(), " · ".join(filter(None, facts)))

    @admin.display(description="Lifted", ordering="pk")
    def lifted(self, row: LiftedSuppression) -> SafeString:
        return _two_lines(f"{localtime(row.at):%-d %b %Y, %H:%M}", f"by {who(row)}")

    @admin.display(description="Why")
    def reason_to_lift(self, row: LiftedSuppression) -> str:
        return row.why or "–"

    # --- forgetting

    def has_forget_permission(self, request: HttpRequest) -> bool:
        return desk(request).may(Permission.DELETE)

    @admin.action(description="Forget the addresses…", permissions=["forget"])
    def forget(self, request: HttpRequest, queryset: QuerySet[LiftedSuppression]) -> HttpResponse | None:
        """Ask, with the number; forget when asked again with the answer."""
        if "confirmed" not in request.POST:
            return self._ask(request, queryset)
        try:
            forgotten = lifting.forget(queryset, by=actor(request))
        except AudienceError as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, f"{forgotten:,} forgotten. That something was lifted, when and by whom, stays.")
        return None

    def _ask(self, request: HttpRequest, chosen: QuerySet[LiftedSuppression]) -> HttpResponse:
        known = chosen.exclude(value="")
        return page(
            request,
            "admin/audience/liftedsuppression/forget.html",
            title="Forget",
            crumbs=[
                ("Suppressions", to("audience_suppression_changelist")),
                ("Lifted", to("audience_liftedsuppression_changelist")),
            ],
            total=known.count(),
            sample=known[:SAMPLE],
            selected=request.POST.getlist(ACTION_CHECKBOX_NAME),
            checkbox=ACTION_CHECKBOX_NAME,
            select_across=request.POST.get("select_across", "0"),
        )


def _two_lines(first: str, second: str) -> SafeString:
    return format_html('{}<span class="bs-cell-sub">{}</span>', first, second)


def held_for(row: LiftedSuppression) -> str:
    """Where it held, also when its list is gone."""
    if row.list_name:
        return f"the list {row.list_name}"
    return "every list" if row.organization_id else "every organization"


def who(row: LiftedSuppression) -> str:
    """Who lifted it, and by which door."""
    name = str(row.by) if row.by else "somebody who is gone"
    return name if row.surface == "admin" else f"{name}, {row.get_surface_display()}"
