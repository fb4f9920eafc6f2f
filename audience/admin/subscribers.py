"""People: who they are, which lists they are on, what they got."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.admin.base import ChoiceFilter, DateRangeFilter, RelatedFilter, ScopedAdmin
from accounts.admin.desk import actor, desk
from accounts.admin.pages import PICK_LIST, DeskForm, dress, page, row_number, to
from accounts.models import Organization
from accounts.permissions import Permission
from audience import people, subscriptions
from audience.admin import person_acts
from audience.admin.person_page import badge, person_of, person_page
from audience.errors import AudienceError, InvalidFields
from audience.models import CustomField, MailingList, Subscriber, Subscription

Status = Subscription.Status


class ListFilter(RelatedFilter):
    title = "list"
    parameter_name = "list"
    model: ClassVar = MailingList
    path: ClassVar = "subscriptions__mailing_list"


class StatusFilter(ChoiceFilter):
    """On the list that is filtered for, if one is; else anywhere."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Status.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> QuerySet[Subscriber]:
        if self.value() not in Status.values:
            return queryset
        rows = Subscription.objects.visible_to(request.user).filter(status=self.value())
        chosen = row_number(request.GET.get("list"))
        rows = rows.filter(mailing_list=chosen) if chosen else rows
        return queryset.filter(pk__in=rows.values("subscriber"))


@admin.register(Subscriber)
class SubscriberAdmin(ScopedAdmin[Subscriber]):
    delete_permission = None  # reports count the people they were sent to
    list_display = ("person", "phone", "lists", "created_at")
    list_filter = (ListFilter, StatusFilter, ("created_at", DateRangeFilter))
    search_fields = ("email",)
    search_help_text = "Search address or number"
    ordering = ("-pk",)
    actions = None
    add_label = "Add subscriber"
    empty_icon = "person"
    empty_state = "Nobody is here yet. Import a CSV file into a list, or add people one by one."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscriber]:
        on = Prefetch("subscriptions", Subscription.objects.kept().select_related("mailing_list"))
        return super().get_queryset(request).prefetch_related(on)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Subscriber], search_term: str
    ) -> tuple[QuerySet[Subscriber], bool]:
        """A whole address is looked up by its index; anything else is searched for."""
        term = search_term.strip().lower()
        if "@" in term and not term.startswith("@"):
            exact = queryset.filter(email=term)
            return (exact if exact.exists() else queryset.filter(email__startswith=term)), False
        return queryset.filter(Q(email__contains=term) | Q(phone__contains=term)) if term else queryset, False

    @admin.display(description="Person", ordering="email")
    def person(self, person: Subscriber) -> SafeString:
        name = " ".join(str(person.fields.get(key, "")) for key in ("first_name", "last_name")).strip()
        return format_html('{}<span class="bs-cell-sub">{}</span>', str(person), name)

    @admin.display(description="Lists")
    def lists(self, person: Subscriber) -> SafeString:
        rows = [(badge(row), row.mailing_list) for row in person.subscriptions.all()]
        return format_html_join(" ", '<span class="bs-badge{}">{}</span>', rows)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        views: list[tuple[str, Any, str]] = [
            ("<int:pk>/change/", person_page, "change"),
            ("<int:pk>/edit/", edit, "edit"),
            ("<int:pk>/subscribe/", person_acts.subscribe, "subscribe"),
            ("<int:pk>/unsubscribe/", person_acts.unsubscribe, "unsubscribe"),
            ("<int:pk>/ask-again/", require_POST(person_acts.ask_again), "ask_again"),
            ("<int:pk>/reset-bounce/", require_POST(person_acts.reset_bounce), "reset_bounce"),
            ("<int:pk>/data.json", person_acts.export, "export"),
            ("<int:pk>/erase/", person_acts.erase, "erase"),
        ]
        ours = [path(route, wrap(view), name=f"audience_subscriber_{name}") for route, view, name in views]
        return [*ours, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return add(request)


# --- adding and changing -----------------------------------------------------------------------------------------


class PersonForm(DeskForm):
    """Address, fields of the organization, and the list to put somebody on."""

    email = forms.CharField(required=False, max_length=254, label="Email address")
    phone = forms.CharField(required=False, max_length=40, label="Phone number", help_text="Such as +4930123456.")
    mailing_list = forms.ModelChoiceField(
        MailingList.objects.none(), label="List", empty_label="Choose a list…", widget=forms.Select(attrs=PICK_LIST)
    )

    def __init__(self, *args: Any, organization: Organization, person: Subscriber | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = list(CustomField.objects.of(organization).filter(mailing_list=None))
        self.fields["mailing_list"].queryset = MailingList.objects.of(organization)  # type: ignore[attr-defined]
        for known in self.known:
            self.fields[f"field_{known.key}"] = _form_field(known, person)
        if person:
            for name in ("email", "phone"):
                self.fields[name].initial, self.fields[name].disabled = getattr(person, name), True
            self.fields["mailing_list"].required = False

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not given.get("email") and not given.get("phone"):
            self.add_error("email", "Give an email address or a phone number.")
        return given

    @property
    def known_fields(self) -> list[Any]:
        return [self[f"field_{known.key}"] for known in self.known]

    @property
    def values(self) -> dict[str, Any]:
        return {known.key: self.cleaned_data[f"field_{known.key}"] for known in self.known}


def _form_field(known: CustomField, person: Subscriber | None) -> forms.Field:
    """A box that fits the kind; the audience's own validation has the last word."""
    common: dict[str, Any] = {"label": known.name, "required": False}
    if person:
        common["initial"] = person.fields.get(known.key)
    match known.kind:
        case CustomField.Kind.CHOICE:
            field: forms.Field = forms.ChoiceField(choices=[("", "–"), *((v, v) for v in known.choices)], **common)
        case CustomField.Kind.MULTI_CHOICE:
            boxes = forms.CheckboxSelectMultiple()
            field = forms.MultipleChoiceField(choices=[(v, v) for v in known.choices], widget=boxes, **common)
        case CustomField.Kind.BOOLEAN:
            field = forms.BooleanField(**common)
        case CustomField.Kind.DATE:
            field = forms.CharField(widget=forms.DateInput(attrs={"type": "date"}), **common)
        case CustomField.Kind.TIME:
            field = forms.CharField(widget=forms.TimeInput(attrs={"type": "time", "step": 1}), **common)
        case CustomField.Kind.NUMBER:
            field = forms.CharField(widget=forms.TextInput(attrs={"inputmode": "decimal"}), **common)
        case _:
            field = forms.CharField(**common)
    dress(field)
    return field


def add(request: HttpRequest) -> HttpResponse:
    """Put somebody on a list."""
    organization = desk(request).organization
    if not desk(request).may(Permission.CREATE) or organization is None:
        raise PermissionDenied("Choose the organization first.")
    form = PersonForm(
        request.POST or None, organization=organization, initial={"mailing_list": request.GET.get("list")}
    )
    if request.method == "POST" and form.is_valid() and (row := _subscribe(request, form)):
        messages.success(request, f"{row.subscriber} is on {row.mailing_list} now.")
        return redirect(to("audience_subscriber_change", row.subscriber_id))
    return _form_page(request, form, title="Add subscriber")


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what is known about a person, or put them on another list."""
    person = person_of(request, pk, Permission.UPDATE)
    form = PersonForm(request.POST or None, organization=person.organization, person=person)
    if request.method == "POST" and form.is_valid() and _change(request, form, person):
        messages.success(request, f"What is known about {person} is saved.")
        return redirect(to("audience_subscriber_change", person.pk))
    return _form_page(request, form, title="Edit", person=person)


def _subscribe(request: HttpRequest, form: PersonForm) -> Subscription | None:
    given = form.cleaned_data
    written = {key: value for key, value in form.values.items() if value not in ("", None)}
    email, phone = given["email"] or "", given["phone"] or ""
    try:
        return subscriptions.subscribe(
            given["mailing_list"],
            email=email,
            phone=phone,
            fields=written,
            source="admin",
            by=actor(request).user,
        )
    except AudienceError as refused:
        _take(form, refused)
        return None


def _change(request: HttpRequest, form: PersonForm, person: Subscriber) -> bool:
    """The fields, and a list more if one is chosen."""
    try:
        with transaction.atomic():
            people.change_fields(person, form.values)
            if mailing_list := form.cleaned_data["mailing_list"]:
                email = person.email or ""
                by = actor(request).user
                subscriptions.subscribe(mailing_list, email=email, phone=person.phone, source="admin", by=by)
    except AudienceError as refused:
        _take(form, refused)
    return form.is_valid()


def _take(form: PersonForm, refused: AudienceError) -> None:
    """Show what the audience refused where it was typed."""
    if isinstance(refused, InvalidFields):
        for key, problem in refused.problems.items():
            form.add_error(f"field_{key}" if f"field_{key}" in form.fields else None, problem)
    else:
        form.add_error("email" if form.cleaned_data.get("email") else "phone", str(refused))


def _form_page(request: HttpRequest, form: PersonForm, *, title: str, person: Subscriber | None = None) -> HttpResponse:
    crumbs = [("Subscribers", to("audience_subscriber_changelist"))]
    if person:
        crumbs.append((str(person), to("audience_subscriber_change", person.pk)))
    template = "admin/audience/subscriber/form.html"
    return page(request, template, title=title, crumbs=crumbs, form=form, person=person)
