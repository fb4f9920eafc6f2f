"""Suppressions: addresses, numbers and domains that never get anything."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import actor, desk
from accounts.admin.pages import DeskForm, page, to
from accounts.models import Organization
from audience.models import MailingList, Suppression
from audience.suppressions import Outcome, suppress_many

MANY = 5000
TOLD = 10


class SuppressForm(DeskForm):
    kind = forms.ChoiceField(choices=Suppression.Kind.choices, widget=forms.RadioSelect, initial=Suppression.Kind.EMAIL)
    values = forms.CharField(
        label="Addresses, numbers or domains",
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=f"One a line, up to {MANY:,}. They are skipped by every campaign from now on.",
    )
    mailing_list = forms.ModelChoiceField(
        MailingList.objects.none(),
        required=False,
        label="Only for the list",
        empty_label="Every list",
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mailing_list"].queryset = MailingList.objects.of(organization)  # type: ignore[attr-defined]

    def clean_values(self) -> list[str]:
        lines = (line.strip() for line in self.cleaned_data["values"].splitlines())
        values = list(dict.fromkeys(line for line in lines if line))
        if len(values) > MANY:
            raise forms.ValidationError(f"These are {len(values):,} lines; add at most {MANY:,} at a time.")
        return values


@admin.register(Suppression)
class SuppressionAdmin(ScopedAdmin[Suppression]):
    """Those of the organization and of its lists; superusers also see those of the whole system."""

    list_display = ("value", "kind", "reason", "scope", "created_at", "created_by")
    list_filter = ("kind", "reason")
    list_select_related = ("mailing_list", "organization", "created_by")
    search_fields = ("value",)
    change_permission = None
    add_label = "Suppress"
    empty_icon = "block"
    empty_state = "Nobody is suppressed. Hard bounces and complaints end up here by themselves."
    list_display_links = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Suppression]:
        at = desk(request)
        if at.user.is_superuser and at.organization:
            return Suppression.objects.filter(Q(organization=at.organization) | Q(organization=None)).order_by("-pk")
        return super().get_queryset(request)

    @admin.display(description="Holds for")
    def scope(self, suppression: Suppression) -> str:
        if suppression.mailing_list:
            return f"the list {suppression.mailing_list}"
        return "every list" if suppression.organization else "every organization"

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Suppress many at once; what cannot be understood is named and left out."""
        organization = desk(request).organization
        if not self.has_add_permission(request) or organization is None:
            raise PermissionDenied("Choose the organization first.")
        form = SuppressForm(request.POST or None, organization=organization)
        if request.method == "POST" and form.is_valid():
            _tell(request, _suppress(request, organization, form.cleaned_data))
            return redirect(to("audience_suppression_changelist"))
        crumbs = [("Suppressions", to("audience_suppression_changelist"))]
        return page(request, "admin/audience/suppression/add.html", title="Suppress", crumbs=crumbs, form=form)


def _suppress(request: HttpRequest, organization: Organization, given: dict[str, Any]) -> Outcome:
    return suppress_many(
        given["values"],
        organization=organization,
        mailing_list=given["mailing_list"],
        kind=given["kind"],
        reason=Suppression.Reason.MANUAL,
        source="admin",
        by=actor(request).user,
    )


def _tell(request: HttpRequest, outcome: Outcome) -> None:
    """What became of the lines."""
    if outcome.added or outcome.known:
        known = f" {outcome.known:,} had been suppressed before." if outcome.known else ""
        messages.success(request, f"{outcome.added:,} suppressed.{known}")
    for value, problem in list(outcome.refused.items())[:TOLD]:
        messages.error(request, f"{value}: {problem}")
    if len(outcome.refused) > TOLD:
        messages.error(request, f"… and {len(outcome.refused) - TOLD:,} more lines that could not be understood.")
