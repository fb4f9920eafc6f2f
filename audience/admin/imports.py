"""Imports of people: upload a file, say what its columns hold, see what would happen, start, watch, get the errors."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.admin.base import RelatedFilter, ScopedAdmin
from accounts.admin.desk import actor, desk, row_of
from accounts.admin.pages import PICK_LIST, DeskForm, fragment, page, to
from accounts.models import Organization
from accounts.permissions import Permission
from audience import fields as custom_fields
from audience import import_rows, imports
from audience.csv_files import DELIMITERS
from audience.errors import AudienceError
from audience.import_preview import Preview
from audience.import_rows import LONGEST_SOURCE
from audience.import_settings import LONGEST_WORDING
from audience.import_steps import AnyImport
from audience.models import Import, MailingList

Status = Import.Status
NEW = "+new"  # what a column says that becomes a field of its own
TONES: dict[str, str] = {
    Status.CONVERTING: "blue",
    Status.DRAFT: "amber",
    Status.QUEUED: "blue",
    Status.RUNNING: "blue",
    Status.COMPLETED: "green",
    Status.CANCELLED: "",
    Status.FAILED: "red",
}
OF_SUBSCRIPTION_NAMES = [
    (import_rows.SUBSCRIBED_AT, "When they agreed"),
    (import_rows.IP_ADDRESS, "From which IP address"),
    (import_rows.SOURCE, "Where they agreed"),
    (import_rows.TAGS, "Tags, with | or , between"),
    (import_rows.STATUS, "Whether they left (status)"),
    (import_rows.UNSUBSCRIBED_AT, "When they left"),
]
DELIMITER_NAMES = {",": "Comma ,", ";": "Semicolon ;", "\t": "Tab", "|": "Vertical bar |"}


class ListFilter(RelatedFilter):
    title = "list"
    parameter_name = "list"
    model: ClassVar = MailingList
    path: ClassVar = "mailing_list"


@admin.register(Import)
class ImportAdmin(ScopedAdmin[Import]):
    view_permission = Permission.UPDATE
    add_permission = Permission.UPDATE
    change_permission = None
    delete_permission = None
    list_display = ("file_name", "mailing_list", "state", "outcome", "created_by", "created_at")
    list_filter = ("status", ListFilter)
    list_select_related = ("mailing_list", "created_by")
    search_fields = ("file_name",)
    ordering = ("-pk",)
    actions = None
    add_label = "Import people"
    empty_icon = "upload_file"
    empty_state = "Upload a CSV file or a workbook. You see what it would add and change before anything happens."

    @admin.display(description="State", ordering="status")
    def state(self, file_import: Import) -> SafeString:
        return format_html('<span class="bs-badge{}">{}</span>', _tone(file_import), file_import.get_status_display())

    @admin.display(description="Outcome")
    def outcome(self, file_import: Import) -> str:
        if file_import.status in (Status.CONVERTING, Status.DRAFT, Status.QUEUED):
            return "–"
        return f"{file_import.added:,} added, {file_import.changed:,} changed, {file_import.refused:,} refused"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        views: list[tuple[str, Any, str]] = [
            ("<int:pk>/change/", import_page, "change"),
            ("<int:pk>/trial/", require_POST(trial_fragment), "trial"),
            ("<int:pk>/progress/", progress_fragment, "progress"),
            ("<int:pk>/start/", require_POST(start), "start"),
            ("<int:pk>/cancel/", require_POST(cancel), "cancel"),
            ("<int:pk>/errors.csv", error_file, "errors"),
        ]
        ours = [path(route, wrap(view), name=f"audience_import_{name}") for route, view, name in views]
        return [*ours, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return upload(request)


def _tone(file_import: Import) -> str:
    tone = TONES[file_import.status]
    return f" bs-badge--{tone}" if tone else ""


def _crumbs() -> list[tuple[str, str]]:
    return [("Imports", to("audience_import_changelist"))]


def import_of(request: HttpRequest, pk: int) -> Import:
    rows = Import.objects.select_related("mailing_list__edition", "organization", "created_by")
    return row_of(request, rows, pk, Permission.UPDATE, "import")


# --- 1: the file -------------------------------------------------------------------------------------------------


class UploadForm(DeskForm):
    mailing_list = forms.ModelChoiceField(
        MailingList.objects.none(), label="Into the list", empty_label="Choose…", widget=forms.Select(attrs=PICK_LIST)
    )
    file = forms.FileField(
        label="CSV file or Excel workbook",
        help_text="One person a row, with an email address or a phone number. Encoding and columns are found out; "
        "of a workbook the first sheet is taken.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,text/csv"}),
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mailing_list"].queryset = MailingList.objects.of(organization)  # type: ignore[attr-defined]


def upload(request: HttpRequest) -> HttpResponse:
    organization = desk(request).organization
    if not desk(request).may(Permission.UPDATE) or organization is None:
        raise PermissionDenied("Choose the organization first.")
    initial = {"mailing_list": request.GET.get("list")}
    form = UploadForm(request.POST or None, request.FILES or None, organization=organization, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            draft = imports.create(given["mailing_list"], given["file"], by=actor(request))
        except AudienceError as refused:
            form.add_error("file", str(refused))
        else:
            return redirect(to("audience_import_change", draft.pk))
    status = 422 if form.is_bound else 200
    template, has_lists = "admin/audience/import/upload.html", MailingList.objects.of(organization).exists()
    return page(
        request, template, title="Import people", crumbs=_crumbs(), form=form, has_lists=has_lists, status=status
    )


# --- 2: its columns ----------------------------------------------------------------------------------------------


class ReadingForm(DeskForm):
    """How the file is read, besides its columns, and on what terms people are put on the list."""

    opt_in_status = forms.ChoiceField(
        label="People who are new on the list", choices=Import.OptInStatus.choices, widget=forms.RadioSelect
    )
    consent_at = forms.DateTimeField(
        required=False,
        label="When they agreed",
        help_text="Where no column says so. Empty: now.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    consent_source = forms.CharField(
        required=False, max_length=LONGEST_SOURCE, label="Where they agreed", help_text="Such as fair-2026 or shop."
    )
    consent_ip_address = forms.GenericIPAddressField(required=False, label="From which IP address")
    consent_wording = forms.CharField(
        required=False,
        max_length=LONGEST_WORDING,
        label="What they were shown",
        help_text="The words they agreed to. Kept in the consent log of everybody who is added.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    on_conflict = forms.ChoiceField(
        label="People who are on the list already", choices=Import.OnConflict.choices, widget=forms.RadioSelect
    )
    has_header = forms.BooleanField(required=False, label="The first row names the columns")
    country_code = forms.CharField(
        required=False, max_length=5, label="Country of phone numbers", help_text="For numbers without one: +49."
    )
    delimiter = forms.ChoiceField(
        label="Columns are divided by", choices=[(each, DELIMITER_NAMES.get(each, each)) for each in DELIMITERS]
    )
    encoding = forms.CharField(max_length=32)


SETTINGS = (
    *("on_conflict", "has_header", "country_code", "delimiter", "encoding", "opt_in_status"),
    *("consent_at", "consent_source", "consent_ip_address", "consent_wording"),
)


def import_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The step the import is at: reading the workbook, columns, progress, outcome."""
    file_import = import_of(request, pk)
    if file_import.status != Status.DRAFT:
        return _outcome_page(request, file_import)
    form = ReadingForm(request.POST or None, initial={name: getattr(file_import, name) for name in SETTINGS})
    if request.method == "POST" and form.is_valid() and _set_up(request, file_import, form):
        return redirect(to("audience_import_change", file_import.pk))
    return _columns_page(request, file_import, form)


def _set_up(request: HttpRequest, draft: Import, form: ReadingForm) -> bool:
    try:
        mapping = _mapping(request, draft)
        imports.set_up(draft, by=actor(request), mapping=mapping, **form.cleaned_data)
    except AudienceError as refused:
        form.add_error(None, str(refused))
        return False
    return True


def _chosen(request: HttpRequest) -> dict[str, str]:
    """Column number -> what it is said to hold."""
    pairs = ((name.removeprefix("column-"), str(target)) for name, target in request.POST.items() if "column-" in name)
    return {number: target for number, target in pairs if number.isdecimal()}


def _mapping(request: HttpRequest, draft: Import) -> dict[str, str]:
    """What each column holds; one that is to become a field gets one."""
    chosen = _chosen(request)
    for column in imports.preview(draft).columns:
        if chosen.get(str(column.number)) == NEW:
            chosen[str(column.number)] = _new_field(draft, column.heading or f"Column {column.number + 1}")
    return chosen


def _new_field(draft: Import, heading: str) -> str:
    """A text field of the organization, named like the column; the one that is there, if it is."""
    key = custom_fields.suggest_key(heading)
    if key not in custom_fields.of_list(draft.mailing_list):
        custom_fields.create(draft.organization, key=key, name=heading[:255])
    return key


def _columns_page(request: HttpRequest, draft: Import, form: ReadingForm) -> HttpResponse:
    unreadable, seen, size = "", Preview(columns=[], rows=[]), 0
    try:
        seen, size = imports.preview(draft), draft.file.size
    except AudienceError as refused:
        unreadable = str(refused)
    except (OSError, ValueError):
        unreadable = "The uploaded file is gone; discard this import and upload it again."
    return page(
        request,
        "admin/audience/import/columns.html",
        title=draft.file_name,
        crumbs=_crumbs(),
        file_import=draft,
        form=form,
        seen=seen,
        size=size,
        unreadable=unreadable,
        targets=_targets(draft.mailing_list),
        status=422 if form.is_bound else 200,
    )


def _targets(mailing_list: MailingList) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a column may hold, by group."""
    known: Mapping[str, Any] = custom_fields.of_list(mailing_list)
    fields = sorted(((key, field.name) for key, field in known.items()), key=lambda pair: pair[1].casefold())
    groups = [("Address", [("email", "Email address"), ("phone", "Phone number")]), ("Fields", fields)]
    groups += [("Consent and tags", OF_SUBSCRIPTION_NAMES)]
    return [(name, choices) for name, choices in [*groups, ("", [(NEW, "+ Make a new field")])] if choices]


def trial_fragment(request: HttpRequest, pk: int) -> HttpResponse:
    """What starting it with the columns as they are chosen right now would do; nothing is written."""
    draft, context = import_of(request, pk), dict[str, Any]()
    form = ReadingForm(request.POST)
    for name, value in form.cleaned_data.items() if form.is_valid() else ():
        setattr(draft, name, value)
    draft.mapping = {number: target for number, target in _chosen(request).items() if target not in ("", NEW)}
    try:
        context["trial"] = imports.dry_run(draft)
    except (AudienceError, LookupError) as refused:
        context["refused"] = str(refused)
    except (OSError, ValueError):
        context["refused"] = "The uploaded file is gone."
    return fragment(request, "admin/audience/import/trial.html", file_import=draft, **context)


# --- 3: under way and over ---------------------------------------------------------------------------------------


def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what is chosen on the page, and begin."""
    draft = import_of(request, pk)
    form = ReadingForm(request.POST)
    if draft.status == Status.DRAFT and not (form.is_valid() and _set_up(request, draft, form)):
        return _columns_page(request, draft, form)
    try:
        imports.start(draft, by=actor(request))
    except AudienceError as refused:
        messages.error(request, str(refused))
    return redirect(to("audience_import_change", pk))


def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    file_import = import_of(request, pk)
    try:
        imports.cancel(file_import, by=actor(request))
        messages.success(request, f"The import of {file_import.file_name} is cancelled; what was done stays done.")
    except AudienceError as refused:
        messages.error(request, str(refused))
    return redirect(to("audience_import_change", pk))


def _outcome_page(request: HttpRequest, file_import: Import) -> HttpResponse:
    return page(
        request,
        "admin/audience/import/outcome.html",
        title=file_import.file_name,
        crumbs=_crumbs(),
        file_import=file_import,
        tone=_tone(file_import),
        live=file_import.status in imports.AT_WORK,
    )


def progress_fragment(request: HttpRequest, pk: int) -> HttpResponse:
    """The bar; tells the page to load anew when the import has moved on."""
    file_import = import_of(request, pk)
    answer = fragment(request, "admin/audience/import/progress.html", file_import=file_import)
    if file_import.status != request.GET.get("was", ""):
        answer.headers["HX-Refresh"] = "true"
    return answer


def error_file(request: HttpRequest, pk: int) -> FileResponse:
    return refused_rows(import_of(request, pk))


def refused_rows(row: AnyImport) -> FileResponse:
    """The refused rows with their reasons."""
    if not row.error_file:
        raise Http404("No row was refused.")
    name = f"{row.file_name.rpartition('.')[0] or 'import'}-errors.csv"
    try:
        file = row.error_file.open("rb")
    except FileNotFoundError:
        raise Http404("The file of the refused rows is gone.") from None
    return FileResponse(file, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")
