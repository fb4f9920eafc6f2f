"""Suppressions: addresses, numbers and domains that never get anything."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path

from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import actor, desk
from accounts.admin.pages import PICK_LIST, DeskForm, page, to
from accounts.models import Organization
from accounts.permissions import Permission
from audience import lifting, suppression_files, suppression_imports, suppressions
from audience.admin.suppression_scope import ListFilter, in_sight, where
from audience.errors import AudienceError
from audience.models import MailingList, Suppression
from audience.suppression_files import Taken

TOLD = 10
SAMPLE = 10


class SuppressForm(DeskForm):
    """What to suppress, typed or in a file, where, and why."""

    values = forms.CharField(
        label="Addresses, numbers or domains",
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="One a line. Campaigns skip them from now on.",
    )
    file = forms.FileField(
        label="Or a file",
        required=False,
        help_text="CSV or text of any length; columns named email, domain, phone, reason and source are found.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv,text/plain"}),
    )
    reason = forms.ChoiceField(choices=Suppression.Reason.choices, initial=Suppression.Reason.MANUAL)
    source = forms.CharField(
        required=False, max_length=200, help_text="Where you know it from, such as the provider you come from."
    )
    mailing_list = forms.ModelChoiceField(
        MailingList.objects.none(),
        required=False,
        label="Only for the list",
        empty_label="Every list",
        widget=forms.Select(attrs=PICK_LIST),
    )
    for_everybody = forms.BooleanField(
        required=False, label="For every organization", help_text="Only superusers see this choice."
    )

    def __init__(self, *args: Any, organization: Organization | None, may_all: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lists = MailingList.objects.of(organization) if organization else MailingList.objects.none()
        self.fields["mailing_list"].queryset = lists  # type: ignore[attr-defined]
        if not may_all:
            del self.fields["for_everybody"]
        elif organization is None:
            self.fields["for_everybody"].initial = True
            self.fields["for_everybody"].required = True

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not given.get("values", "").strip() and not given.get("file"):
            self.add_error("values", "Type at least one, or choose a file.")
        if given.get("for_everybody") and given.get("mailing_list"):
            self.add_error("mailing_list", "Choose a list or every organization, not both.")
        return given


class CheckForm(DeskForm):
    values = forms.CharField(
        label="Addresses, numbers or domains",
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=f"One a line, up to {suppressions.MOST_CHECKED}.",
    )

    def clean_values(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["values"].splitlines() if line.strip()]


class LiftForm(DeskForm):
    why = forms.CharField(
        label="Why?",
        max_length=lifting.LONGEST_WHY,
        widget=forms.Textarea(attrs={"rows": 2, "class": "bs-textarea--low"}),
        help_text="Such as “asked for it by phone”. Kept in the history with your name.",
    )


@admin.register(Suppression)
class SuppressionAdmin(ScopedAdmin[Suppression]):
    """Those of the organization and of its lists; superusers also see those of the whole system."""

    list_display = ("value", "kind", "reason", "holds_for", "source", "created_at", "created_by")
    list_filter = ("kind", "reason", ListFilter)
    list_select_related = ("mailing_list", "organization", "created_by")
    list_before_template = "admin/audience/suppression/head.html"
    search_fields = ("value",)
    change_permission = None
    delete_permission = None  # they are lifted, after a question with numbers
    actions = ("lift",)
    add_label = "Suppress"
    empty_icon = "block"
    empty_state = "Nobody is suppressed. Hard bounces and complaints end up here by themselves."
    list_display_links = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Suppression]:
        return in_sight(request, Suppression)

    @admin.display(description="Holds for")
    def holds_for(self, suppression: Suppression) -> str:
        return where(suppression)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        counts = suppressions.by_reason(self.get_queryset(request)) if self.has_view_permission(request) else {}
        reasons = [
            {"value": reason.value, "label": reason.label, "count": counts.get(reason, 0)}
            for reason in Suppression.Reason
        ]
        chosen = {"reasons": reasons, "chosen": request.GET.get("reason__exact", ""), "total": sum(counts.values())}
        return super().changelist_view(request, {**(extra_context or {}), **chosen})

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        views: list[tuple[str, Any, str]] = [
            ("check/", self.check_view, "check"),
            ("suppressed.csv", self.csv_view, "csv"),
        ]
        ours = [path(route, wrap(view), name=f"audience_suppression_{name}") for route, view, name in views]
        return [*ours, *super().get_urls()]

    # --- pages

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Suppress many at once; what cannot be understood is named and left out."""
        at = desk(request)
        if not self.has_add_permission(request) or (at.organization is None and not at.user.is_superuser):
            raise PermissionDenied("Choose the organization first.")
        form = SuppressForm(
            request.POST or None,
            request.FILES or None,
            organization=at.organization,
            may_all=at.user.is_superuser,
        )
        if request.method == "POST" and form.is_valid() and (next_page := _suppress(request, form)):
            return redirect(next_page)
        template = "admin/audience/suppression/add.html"
        return page(request, template, title="Suppress", crumbs=_crumbs(), form=form, status=_status(form))

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """Which of many are suppressed, in which scopes, and why. Changes nothing."""
        organization = desk(request).organization
        if not self.has_view_permission(request) or organization is None:
            raise PermissionDenied("Choose the organization first.")
        form, found = CheckForm(request.POST or None), []
        if request.method == "POST" and form.is_valid():
            try:
                found = suppressions.look_up(organization, form.cleaned_data["values"])
            except AudienceError as refused:
                form.add_error("values", str(refused))
        return page(
            request,
            "admin/audience/suppression/check.html",
            title="Check",
            crumbs=_crumbs(),
            form=form,
            found=[(one, [(row, where(row)) for row in one.suppressions]) for one in found],
            suppressed=sum(one.is_suppressed for one in found),
            status=_status(form),
        )

    def csv_view(self, request: HttpRequest) -> HttpResponse:
        """All of them, as a file that can be imported again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        lines = (line.encode() for line in suppression_files.lines(self.get_queryset(request)))
        answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        answer.headers["Content-Disposition"] = 'attachment; filename="suppressed.csv"'
        return answer  # type: ignore[return-value]  # a view may stream

    # --- lifting

    def has_lift_permission(self, request: HttpRequest) -> bool:
        return desk(request).may(Permission.DELETE)

    @admin.action(description="Lift…", permissions=["lift"])
    def lift(self, request: HttpRequest, queryset: QuerySet[Suppression]) -> HttpResponse | None:
        """Ask, with numbers and for the reason; lift when asked again with the answer."""
        form = LiftForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self._ask(request, queryset, form)
        try:
            lifted = lifting.lift(queryset, by=actor(request), why=form.cleaned_data["why"])
        except AudienceError as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, f"{lifted:,} lifted. Campaigns reach them again where they are subscribed.")
        return None

    def _ask(self, request: HttpRequest, chosen: QuerySet[Suppression], form: LiftForm) -> HttpResponse:
        counts = suppressions.by_reason(chosen)
        return page(
            request,
            "admin/audience/suppression/lift.html",
            title="Lift",
            crumbs=_crumbs(),
            form=form,
            status=_status(form),
            counts=[(Suppression.Reason(reason).label, count) for reason, count in counts.items() if count],
            total=sum(counts.values()),
            complained=counts[Suppression.Reason.COMPLAINED],
            sample=[(row, where(row)) for row in chosen.select_related("mailing_list")[:SAMPLE]],
            selected=request.POST.getlist(ACTION_CHECKBOX_NAME),
            checkbox=ACTION_CHECKBOX_NAME,
            select_across=request.POST.get("select_across", "0"),
        )


def _crumbs() -> list[tuple[str, str]]:
    return [("Suppressions", to("audience_suppression_changelist"))]


def _status(form: forms.Form) -> int:
    return 422 if form.is_bound and form.errors else 200


def _suppress(request: HttpRequest, form: SuppressForm) -> str:
    """What was typed at once, and the file in the background; the page to go to, or '' with the reason in the form."""
    given = form.cleaned_data
    how = {
        "organization": None if given.get("for_everybody") else desk(request).organization,
        "mailing_list": given["mailing_list"],
        "by": actor(request),
        "reason": given["reason"],
        "source": given["source"] or "admin",
    }
    field = "file"
    try:
        # the file first: it is refused, if it is, before anything typed is suppressed
        made = suppression_imports.create(given["file"], **how) if given["file"] else None
        field = "values"
        if given["values"].strip():
            _tell(request, suppression_files.take_text(given["values"], **how))
    except AudienceError as refused:
        form.add_error(field, str(refused))
        return ""
    return to("audience_suppressionimport_change", made.pk) if made else to("audience_suppression_changelist")


def _tell(request: HttpRequest, taken: Taken) -> None:
    """What became of the lines."""
    counts = taken.counts
    if counts.added or counts.known:
        known = f" {counts.known:,} had been suppressed before." if counts.known else ""
        messages.success(request, f"{counts.added:,} suppressed.{known}")
    for row in taken.refusals[:TOLD]:
        messages.error(request, f"Row {row.number}: {row.reason}")
    if counts.refused > TOLD:
        messages.error(request, f"… and {counts.refused - TOLD:,} more rows that could not be understood.")
