"""Emails: the list, and the editor with a preview that follows what is typed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.admin.base import RelatedFilter, ScopedAdmin
from accounts.admin.desk import actor, desk, row_of
from accounts.admin.pages import DeskForm, page, to
from accounts.models import Edition, Organization
from accounts.permissions import Permission
from campaigns import drafts, removals
from campaigns.errors import CampaignError, NotReady
from campaigns.models import RUNNING, Campaign
from content.admin import email_languages, email_preview
from content.models import Email, MergeLanguage, Template


class EmailForm(DeskForm):
    title = forms.CharField(max_length=255, label="Name", help_text="Only you and your colleagues see it.")
    subject = forms.CharField(max_length=998, required=False)
    preheader = forms.CharField(
        max_length=500, required=False, help_text="The grey line that inboxes show after the subject."
    )
    from_name = forms.CharField(max_length=200, required=False, label="Sender name")
    from_email = forms.EmailField(required=False, label="Sender address")
    reply_to = forms.EmailField(required=False, label="Replies go to")
    edition = forms.ModelChoiceField(Edition.objects.none(), required=False, empty_label="No edition")
    merge_language = forms.ChoiceField(choices=email_languages.NAMES.items(), label="Merge language")
    html = forms.CharField(
        required=False, label="HTML", widget=forms.Textarea(attrs={"class": "bs-code", "spellcheck": "true"})
    )
    text = forms.CharField(
        required=False,
        label="Text part",
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="For people who read mail without HTML. Left empty, it is made from the HTML.",
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["edition"].queryset = Edition.objects.of(organization).filter(is_archived=False)  # type: ignore[attr-defined]
        for name in ("subject", "from_email", "html"):
            self.fields[name].is_needed = True  # type: ignore[attr-defined]  # before it can be sent, not before it can be saved
        for name in ("title", "subject", "from_name", "preheader"):
            self.fields[name].widget.attrs["autocomplete"] = "off"

    def take(self, problems: dict[str, list[str]]) -> None:
        """Show what the domain found wrong where it was typed."""
        for name, found in problems.items():
            self.add_error(name if name in self.fields else None, ValidationError(found))


class EditionFilter(RelatedFilter):
    title = "edition"
    parameter_name = "edition"
    model = Edition
    path = "edition"


@admin.register(Email)
class EmailAdmin(ScopedAdmin[Email]):
    list_display = ("email", "sender", "campaigns", "modified_at")
    list_filter = (EditionFilter, "kind")
    search_fields = ("title", "subject")
    list_select_related = ("edition",)
    ordering = ("-modified_at", "-pk")
    actions = None
    add_label = "New email"
    empty_icon = "mail"
    empty_state = "Write an email once, then send it with a campaign."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        kept = Q(variants__campaign__deleted_at__isnull=True)
        rows = super().get_queryset(request).defer("html", "text")
        return rows.annotate(campaign_count=Count("variants__campaign", filter=kept, distinct=True))

    @admin.display(description="Email", ordering="title")
    def email(self, email: Email) -> SafeString:
        return format_html('{}<span class="bs-cell-sub">{}</span>', email.title, email.subject or "no subject yet")

    @admin.display(description="From", ordering="from_email")
    def sender(self, email: Email) -> str:
        return email.from_email or "not set"

    @admin.display(description="Campaigns", ordering="campaign_count")
    def campaigns(self, email: Any) -> str:
        return f"{email.campaign_count:,}" if email.campaign_count else "–"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        views: list[tuple[str, Any, str]] = [
            ("preview/", require_POST(email_preview.preview_typed), "preview"),
            ("preview/body/", require_POST(email_preview.preview_body), "preview_body"),
            ("<int:pk>/duplicate/", require_POST(duplicate), "duplicate"),
            ("<int:pk>/change/", edit, "change"),
            ("<int:pk>/delete/", delete, "delete"),
        ]
        ours = [path(route, wrap(view), name=f"content_email_{name}") for route, view, name in views]
        return [*ours, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return add(request)


# --- the editor --------------------------------------------------------------------------------------------------


def email_of(request: HttpRequest, pk: int, permission: Permission = Permission.READ) -> Email:
    rows = Email.objects.select_related("organization", "edition")
    return row_of(request, rows, pk, permission, "email")


def add(request: HttpRequest) -> HttpResponse:
    """A new email, perhaps from a template."""
    at = desk(request)
    if not at.may(Permission.CREATE) or at.organization is None:
        raise PermissionDenied("Choose the organization first.")
    email = _blank(request, at.organization)
    form = _form(request, email)
    if request.method == "POST" and form.is_valid() and _save_new(email, form):
        messages.success(request, f"“{email.title}” is saved.")
        return redirect(to("content_email_change", email.pk))
    return _editor(request, email, form, title="New email")


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change an email; campaigns that wait for approval or were approved hear of it."""
    email = email_of(request, pk)
    may_edit = desk(request).may(Permission.UPDATE, email.organization_id)
    form = _form(request, email)
    if request.method == "POST":
        if not may_edit:
            raise PermissionDenied
        if form.is_valid() and _save(request, email, form):
            messages.success(request, f"“{email.title}” is saved.")
            return redirect(_after(request, email))
    return _editor(request, email, form, title=email.title, may_edit=may_edit)


def _blank(request: HttpRequest, organization: Organization) -> Email:
    """An email that is not stored yet, with the sender of the organization's first edition."""
    edition = Edition.objects.of(organization).filter(is_archived=False, from_email__gt="").first()
    template = request.GET.get("template", "")
    chosen = Template.objects.of(organization).filter(pk=template).first() if template.isdecimal() else None
    return Email(
        organization=organization,
        edition=edition,
        from_name=edition.from_name if edition else "",
        from_email=edition.from_email if edition else "",
        merge_language=chosen.merge_language if chosen else MergeLanguage.BROADSHEET,
        html=chosen.html if chosen else "",
        created_by=actor(request).user,
    )


def _form(request: HttpRequest, email: Email) -> EmailForm:
    names = EmailForm.base_fields
    initial = {name: getattr(email, name) for name in names}
    return EmailForm(request.POST or None, organization=email.organization, initial=initial)


def _save_new(email: Email, form: EmailForm) -> bool:
    for name, value in form.cleaned_data.items():
        setattr(email, name, value)
    try:
        email.full_clean()
    except ValidationError as error:
        form.take(error.message_dict)
        return False
    email.save()
    return True


def _save(request: HttpRequest, email: Email, form: EmailForm) -> bool:
    try:
        drafts.edit_email(email, by=actor(request), **form.cleaned_data)
    except NotReady as refused:
        form.take(refused.problems)
    except CampaignError as refused:
        form.add_error(None, str(refused))
    return form.is_valid()


def _after(request: HttpRequest, email: Email) -> str:
    """Back to the campaign one came from, if that was asked for."""
    campaign = request.GET.get("campaign", "")
    if campaign.isdecimal() and "_back" in request.POST:
        return to("campaigns_campaign_change", campaign)
    return f"{to('content_email_change', email.pk)}" + (f"?campaign={campaign}" if campaign.isdecimal() else "")


def _editor(request: HttpRequest, email: Email, form: EmailForm, *, title: str, may_edit: bool = True) -> HttpResponse:
    users = drafts.users_of(email) if email.pk else Campaign.objects.none()
    wanted = request.GET.get("campaign", "")
    return page(
        request,
        "admin/content/email/editor.html",
        title=title,
        crumbs=[("Emails", to("content_email_changelist"))],
        email=email,
        form=form,
        may_edit=may_edit,
        may_delete=bool(email.pk) and desk(request).may(Permission.DELETE, email.organization_id),
        campaign=users.filter(pk=wanted).first() if wanted.isdecimal() else None,
        users=users[:10],
        locked=users.filter(state__in=RUNNING).first(),
        guides=email_languages.guides(email.organization),
        language=form["merge_language"].value() or email.merge_language,
        people=email_preview.people(email.organization),
        templates=Template.objects.of(email.organization)[:20] if not email.pk else [],
        status=422 if form.is_bound else 200,
    )


def duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """A new email that says the same."""
    email = email_of(request, pk, Permission.CREATE)
    twin = drafts.duplicate_email(email, by=actor(request), title=f"Copy of {email.title}"[:255])
    messages.success(request, f"“{twin.title}” is a copy you can change freely.")
    return redirect(to("content_email_change", twin.pk))


def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask on GET; delete on POST, unless a campaign that is not over says it."""
    email = email_of(request, pk, Permission.DELETE)
    if request.method == "POST":
        try:
            removals.delete_email(email, by=actor(request))
        except CampaignError as refused:
            messages.error(request, str(refused))
            return redirect(to("content_email_change", pk))
        messages.success(request, f"The email “{email.title}” is deleted.")
        return redirect(to("content_email_changelist"))
    return page(
        request,
        "admin/parts/delete.html",
        title="Delete",
        crumbs=[("Emails", to("content_email_changelist")), (email.title, to("content_email_change", pk))],
        what=f"the email “{email.title}”",
        keeps="Campaigns that were sent with it keep what they said.",
        action=to("content_email_delete", pk),
        back=to("content_email_change", pk),
    )
