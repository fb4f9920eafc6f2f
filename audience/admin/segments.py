"""Segments: saved rules over people, written in rows of field, operator and value."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.views.decorators.http import require_POST

from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import actor, desk, row_of
from accounts.admin.pages import DeskForm, page, to
from accounts.models import Edition, Organization
from accounts.permissions import Permission
from audience import exports, segments
from audience.admin import segment_answers, segment_why
from audience.admin.segment_answers import dumped
from audience.admin.segment_palette import palette
from audience.errors import AudienceError, InvalidRules
from audience.models import MailingList, Segment
from audience.segment_trials import Trial
from audience.tasks import recalculate_segment
from campaigns import drafts, removals
from campaigns.errors import CampaignError, NotReady
from campaigns.models import Campaign

Status = Segment.Status
NAMED = 10  # of segments, in a question
TONES = {Status.COMPLETED: " bs-badge--green", Status.FAILED: " bs-badge--red", Status.DRAFT: ""}


@admin.register(Segment)
class SegmentAdmin(ScopedAdmin[Segment]):
    list_display = ("segment", "people", "state", "last_calculated_at", "edition")
    list_filter = ("status",)
    search_fields = ("name", "description")
    list_select_related = ("edition",)
    actions = None
    add_label = "New segment"
    empty_icon = "filter_alt"
    empty_state = (
        "A segment is a saved rule over people, to send to or to leave out: everybody in Berlin, or on two lists."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        """Not those a program made for one campaign; their pages can be reached from that campaign."""
        return super().get_queryset(request).filter(is_ad_hoc=False)

    @admin.display(description="Segment", ordering="name")
    def segment(self, segment: Segment) -> SafeString:
        return format_html('{}<span class="bs-cell-sub">{}</span>', segment.name, segment.description)

    @admin.display(description="People", ordering="user_count")
    def people(self, segment: Segment) -> str:
        return f"{segment.user_count:,}" if segment.status == Status.COMPLETED else "–"

    @admin.display(description="Count", ordering="status")
    def state(self, segment: Segment) -> SafeString:
        tone = TONES.get(Status(segment.status), " bs-badge--blue")
        label = "Counted" if segment.status == Status.COMPLETED else segment.get_status_display()
        return format_html('<span class="bs-badge{}" title="{}">{}</span>', tone, segment.status_reason, label)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        views: list[tuple[str, Any, str]] = [
            ("count/", require_POST(segment_answers.count), "count"),
            ("sample/", require_POST(segment_answers.sample), "sample"),
            ("why/", require_POST(segment_why.why), "why"),
            ("campaigns/", segment_answers.campaigns, "campaigns"),
            ("<int:pk>/change/", edit, "change"),
            ("<int:pk>/delete/", delete, "delete"),
            ("<int:pk>/recount/", require_POST(recount), "recount"),
            ("<int:pk>/people.csv", people_csv, "csv"),
        ]
        ours = [path(route, wrap(view), name=f"audience_segment_{name}") for route, view, name in views]
        return [*ours, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return add(request)


def segment_of(request: HttpRequest, pk: int, permission: Permission = Permission.READ) -> Segment:
    rows = Segment.objects.select_related("organization", "edition")
    return row_of(request, rows, pk, permission, "segment")


# --- the form ----------------------------------------------------------------------------------------------------


class SegmentForm(DeskForm):
    """`rules` is the JSON of the tree; the page's script draws it as rows."""

    name = forms.CharField(max_length=255)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2, "class": "bs-textarea--low"}))
    edition = forms.ModelChoiceField(Edition.objects.none(), required=False, empty_label="No edition")
    mailing_lists = forms.ModelMultipleChoiceField(
        MailingList.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label="On any of these lists"
    )
    rules = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 10, "class": "bs-mono"}))

    def __init__(self, *args: Any, organization: Organization, segment: Segment | None = None, **kwargs: Any) -> None:
        self.organization = organization
        initial = _initial(segment) if segment else {"rules": "{}"}
        super().__init__(*args, initial=initial, **kwargs)
        self.fields["edition"].queryset = Edition.objects.of(organization)  # type: ignore[attr-defined]
        self.fields["mailing_lists"].queryset = MailingList.objects.of(organization)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The rules as they are stored; what is wrong with them is said rule by rule."""
        given: dict[str, Any] = super().clean() or {}
        try:
            trial = Trial.of_text(self.organization, given.get("rules", ""), tuple(given.get("mailing_lists", ())))
            found = [str(problem) for problem in trial.problems]
        except InvalidRules as broken:
            found = [str(broken)]
        if found:
            self.add_error("rules", forms.ValidationError(found))
        return given if found else {**given, "rules": trial.rules}


def _initial(segment: Segment) -> dict[str, Any]:
    return {
        "name": segment.name,
        "description": segment.description,
        "edition": segment.edition_id,
        "mailing_lists": [row.pk for row in segment.mailing_lists.all()],
        "rules": dumped(segment.rules),
    }


# --- pages -------------------------------------------------------------------------------------------------------


def add(request: HttpRequest) -> HttpResponse:
    organization = desk(request).organization
    if not desk(request).may(Permission.CREATE) or organization is None:
        raise PermissionDenied("Choose the organization first.")
    form = SegmentForm(request.POST or None, organization=organization)
    if request.method == "POST" and form.is_valid():
        try:
            segment = segments.create(organization, by=actor(request), **form.cleaned_data)
        except AudienceError as refused:
            form.add_error("rules", str(refused))
        else:
            messages.success(request, f"“{segment.name}” is saved and being counted.")
            return redirect(to("audience_segment_changelist"))
    return _page(request, organization, form, title="New segment")


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Campaigns that address the segment hear of the change."""
    segment = segment_of(request, pk)
    may_edit = desk(request).may(Permission.UPDATE, segment.organization_id)
    form = SegmentForm(request.POST or None, organization=segment.organization, segment=segment)
    if request.method == "POST":
        if not may_edit:
            raise PermissionDenied
        if form.is_valid() and _save(request, segment, form):
            messages.success(request, f"“{segment.name}” is saved and being counted.")
            return redirect(to("audience_segment_change", segment.pk))
    return _page(request, segment.organization, form, title=segment.name, segment=segment, may_edit=may_edit)


def _save(request: HttpRequest, segment: Segment, form: SegmentForm) -> bool:
    try:
        drafts.edit_segment(segment, by=actor(request), **form.cleaned_data)
    except NotReady as refused:
        for name, found in refused.problems.items():
            form.add_error(name if name in form.fields else None, forms.ValidationError(found))
    except CampaignError as refused:
        form.add_error(None, str(refused))
    except AudienceError as refused:
        form.add_error("rules", str(refused))
    return form.is_valid()


def _page(
    request: HttpRequest,
    organization: Organization,
    form: SegmentForm,
    *,
    title: str,
    segment: Segment | None = None,
    may_edit: bool = True,
) -> HttpResponse:
    return page(
        request,
        "admin/audience/segment/editor.html",
        title=title,
        crumbs=[("Segments", to("audience_segment_changelist"))],
        form=form,
        segment=segment,
        may_edit=may_edit,
        organization=organization,
        palette=palette(organization, _typed(form), segment=segment),
        sentence=_sentence(form, organization, segment),
        users=_users(segment)[:10] if segment else [],
        status=422 if form.is_bound else 200,
    )


def _typed(form: SegmentForm) -> Any:
    """The rules the page begins with, if they are JSON."""
    try:
        return json.loads(form["rules"].value() or "{}")
    except (json.JSONDecodeError, RecursionError):
        return {}


def _sentence(form: SegmentForm, organization: Organization, segment: Segment | None) -> str:
    """What is stored, for pages without scripts."""
    return segments.sentence(segment) if segment else f"Everybody in {organization}."


def _users(segment: Segment) -> QuerySet[Campaign]:
    return Campaign.objects.kept().filter(audience__segment=segment).distinct()


def recount(request: HttpRequest, pk: int) -> HttpResponse:
    segment = segment_of(request, pk, Permission.UPDATE)
    transaction.on_commit(lambda: recalculate_segment.delay(segment.pk))
    messages.info(request, f"“{segment.name}” is being counted.")
    return redirect(to("audience_segment_change", pk))


def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask on GET; delete on POST, unless a campaign that is not over addresses it."""
    segment = segment_of(request, pk, Permission.DELETE)
    if request.method == "POST":
        try:
            removals.delete_segment(segment, by=actor(request))
        except CampaignError as refused:
            messages.error(request, str(refused))
            return redirect(to("audience_segment_change", pk))
        messages.success(request, f"The segment “{segment.name}” is deleted.")
        return redirect(to("audience_segment_changelist"))
    return page(
        request,
        "admin/parts/delete.html",
        title="Delete",
        crumbs=[("Segments", to("audience_segment_changelist")), (segment.name, to("audience_segment_change", pk))],
        what=f"the segment “{segment.name}”",
        keeps=_what_stays(segment),
        action=to("audience_segment_delete", pk),
        back=to("audience_segment_change", pk),
    )


def _what_stays(segment: Segment) -> str:
    """What deleting means, with numbers."""
    people = segment.user_count
    said = [f"{people:,} {'person is' if people == 1 else 'people are'} in it; they stay."]
    if campaigns := _users(segment).count():
        said.append(
            f"{campaigns:,} {'campaign names' if campaigns == 1 else 'campaigns name'} it and keep what was sent."
        )
    if others := list(_named_by(segment)[:NAMED]):
        names = ", ".join(f"“{other}”" for other in others)
        said.append(f"Other segments ask for it, and will hold nobody until their rules are changed: {names}.")
    return " ".join(said)


def _named_by(segment: Segment) -> QuerySet[Segment]:
    """Segments whose rules ask whether people are in this one."""
    rows = Segment.objects.of(segment.organization).exclude(pk=segment.pk)
    return rows.annotate(written=Cast("rules", TextField())).filter(written__contains=f"segment.{segment.public_id}")


def people_csv(request: HttpRequest, pk: int) -> HttpResponse:
    segment = segment_of(request, pk)
    lines = (line.encode() for line in exports.people_in(segment))
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{slugify(segment.name) or "segment"}.csv"'
    return answer  # type: ignore[return-value]  # a view may stream
