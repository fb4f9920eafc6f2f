"""What every admin page is made from. The theme (unfold) is imported here and nowhere else.

`ScopedAdmin` shows the rows of the organizations its reader belongs to, offers only choices of those, and asks
`accounts.permissions` (never Django's model permissions) what may be done.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from unfold import forms as theme_forms
from unfold import widgets as theme_widgets

from accounts.admin.desk import desk
from accounts.admin.pages import row_number
from accounts.admin.paginator import BigTablePaginator
from accounts.models import Organization
from accounts.permissions import Permission
from accounts.scoping import ScopedQuerySet

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, TabularInline
    from django.contrib.admin.filters import DateFieldListFilter as ThemeDateFilter
    from django.contrib.admin.filters import SimpleListFilter as ChoiceFilter
    from django.contrib.admin.views.main import ChangeList
else:
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.contrib.filters.admin import DropdownFilter as ChoiceFilter
    from unfold.contrib.filters.admin import RangeDateFilter as ThemeDateFilter
    from unfold.views import ChangeList

__all__ = [
    "INPUT_CLASSES",
    "SELECT_CLASSES",
    "ChangeList",
    "ChoiceFilter",
    "DateRangeFilter",
    "ModelAdmin",
    "ReadOnlyAdmin",
    "RelatedFilter",
    "ScopedAdmin",
    "ScopedForm",
    "TabularInline",
    "UserForms",
]

RowT = TypeVar("RowT", bound=models.Model)
INPUT_CLASSES = " ".join(theme_widgets.INPUT_CLASSES)
SELECT_CLASSES = " ".join(theme_widgets.SELECT_CLASSES)
DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y")  # as the picker writes them, and as people do


class ScopedForm(forms.ModelForm[Any]):
    """A form whose row belongs to an organization that nobody types in. The admin sets `organization`."""

    organization: Organization | None = None
    constraint_messages: ClassVar[dict[str, tuple[str, str]]] = {}  # constraint name -> (field, message)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.organization and getattr(self.instance, "organization_id", 0) is None:
            self.instance.organization = self.organization

    def _get_validation_exclusions(self) -> set[str]:
        """Ask the constraints that name the organization too, although it is no field of the form."""
        return super()._get_validation_exclusions() - {"organization"}  # type: ignore[misc, no-any-return]

    def _update_errors(self, errors: ValidationError) -> None:
        if not hasattr(errors, "error_dict"):
            super()._update_errors(errors)  # type: ignore[misc]
            return
        placed: dict[str, list[ValidationError]] = {}
        for name, found in errors.error_dict.items():
            for error in found:
                field, message = self._worded(name, error)
                placed.setdefault(field if field in self.fields else NON_FIELD_ERRORS, []).append(message)
        super()._update_errors(ValidationError(placed))  # type: ignore[misc]

    def _worded(self, name: str, error: ValidationError) -> tuple[str, ValidationError]:
        for constraint, (field, message) in self.constraint_messages.items():
            if constraint in str(error.message):
                return field, ValidationError(message)
        return name, error


class ScopedAdmin(ModelAdmin[RowT]):
    """Rows of the organization worked in, with permissions by role."""

    form = ScopedForm
    paginator = BigTablePaginator
    show_full_result_count = False
    list_per_page = 50
    list_filter_submit = True
    warn_unsaved_form = True
    compressed_fields = False
    formfield_overrides: ClassVar = {
        models.TextField: {"widget": theme_widgets.UnfoldAdminTextareaWidget(attrs={"rows": 3})}
    }
    list_title: ClassVar[str] = ""  # as the sidebar says it; without it, the plural of the model
    empty_state: ClassVar[str] = ""  # what to do when there is nothing yet; shown on an empty list
    intro: ClassVar[str] = ""  # one sentence above the list

    view_permission = Permission.READ
    add_permission: Permission | None = Permission.CREATE
    change_permission: Permission | None = Permission.UPDATE
    delete_permission: Permission | None = Permission.DELETE

    # --- rows

    def visible(self, request: HttpRequest) -> models.QuerySet[RowT]:
        """Every row this person may see, whichever organization they work in."""
        manager: Any = self.model._default_manager
        rows: models.QuerySet[RowT] = manager.visible_to(request.user)
        return rows

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[RowT]:
        rows: Any = self.visible(request)
        if (organization := desk(request).organization) and isinstance(rows, ScopedQuerySet):
            rows = rows.of(organization)
        ordering = self.get_ordering(request)
        return rows.order_by(*ordering) if ordering else rows  # type: ignore[no-any-return]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> RowT | None:
        """A link into another of one's organizations works, whichever one is worked in."""
        field: Any = self.model._meta.get_field(from_field) if from_field else self.model._meta.pk
        try:
            return self.visible(request).filter(**{field.name: field.to_python(object_id)}).first()
        except (ValidationError, ValueError):
            return None

    def organization_of(self, row: Any) -> Organization | int | None:
        """The organization a row belongs to."""
        path = getattr(self.model, "organization_path", "organization")
        if path == "pk":
            return row.pk if row.pk else None
        *steps, last = path.split("__")
        for step in steps:
            row = getattr(row, step, None)
        return getattr(row, f"{last}_id", None)

    # --- permissions

    def _may(self, request: HttpRequest, permission: Permission | None, row: Any) -> bool:
        if permission is None:
            return False
        organization = self.organization_of(row) if row is not None else None
        if row is not None and row.pk and organization is None:
            return bool(request.user.is_active and getattr(request.user, "is_superuser", False))
        return desk(request).may(permission, organization)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.view_permission, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.add_permission, None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.change_permission, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.delete_permission, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    # --- pages

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {"title": self._plural, "crumbs": [(self._plural, "")], **(extra_context or {})}
        return super().changelist_view(request, context)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One way to save; and a new row knows its organization before it is written."""
        if object_id is None and desk(request).organization is None and self.add_permission and self._needs_choice:
            messages.info(request, "Choose the organization it is for first, at the top of the menu.")
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        here = self.get_object(request, object_id) if object_id else None
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        context = {
            "crumbs": [(self._plural, back), (str(here) if here else "New", "")],
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
            **(extra_context or {}),
        }
        return super().changeform_view(request, object_id, form_url, context)

    @property
    def _plural(self) -> str:
        return self.list_title or str(capfirst(self.model._meta.verbose_name_plural or ""))

    @property
    def _needs_choice(self) -> bool:
        return any(field.name == "organization" for field in self.model._meta.fields)

    # --- choices and forms

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, bound to the row's organization or, for a new row, to the one worked in."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"organization": self.working_organization(request, obj)})

    def working_organization(self, request: HttpRequest, row: Any = None) -> Organization | None:
        if row is not None and (organization := self.organization_of(row)):
            return organization if isinstance(organization, Organization) else Organization.objects.get(pk=organization)
        return desk(request).organization

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A plain choice: the rows it names have pages of their own."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        if field is not None and db_field.many_to_one:
            named = db_field.related_model._meta
            searched = {"data-one": named.verbose_name, "data-all": named.verbose_name_plural}
            field.widget.attrs |= searched  # by `static/broadsheet/picker.js`, where there are many
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault("queryset", self._choices(db_field, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault("queryset", self._choices(db_field, request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _choices(self, db_field: Any, request: HttpRequest) -> Any:
        manager = db_field.remote_field.model._default_manager
        rows = manager.all()
        if isinstance(rows, ScopedQuerySet):
            rows = rows.visible_to(request.user)
            row = self._row_of(request)
            organization = self.working_organization(request, row)
            rows = rows.of(organization) if organization else rows
        return rows

    def _row_of(self, request: HttpRequest) -> Any:
        match = request.resolver_match
        object_id = match.kwargs.get("object_id") if match else None
        return self.get_object(request, object_id) if object_id else None


class DateRangeFilter(ThemeDateFilter):
    """From one day to another, both included, in the zone of the page."""

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        first, last = self._day("from"), self._day("to")
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": first})
        return queryset.filter(**{f"{self.field_path}__lt": last + timedelta(days=1)}) if last else queryset

    def _day(self, end: str) -> datetime | None:
        """The midnight a day begins with; None for what is not a day."""
        typed = str(self.used_parameters.get(f"{self.field_path}_{end}") or "")
        day = next((day for form in DAYS if (day := _day_written(typed, form))), None)
        return timezone.make_aware(day) if day else None


def _day_written(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - made aware by the caller
    except ValueError:
        return None


class RelatedFilter(ChoiceFilter):
    """Narrow a list to the rows that name one of the organization's own; `model` is what is named, `path` the way."""

    model: ClassVar[type[models.Model]]
    path: ClassVar[str]
    offered = 1000

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows: Any = self.model._default_manager
        rows = rows.visible_to(request.user)
        if organization := desk(request).organization:
            rows = rows.of(organization)
        return [(str(row.pk), str(row)) for row in rows[: self.offered]]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        number = row_number(value)
        return queryset.filter(**{self.path: number}) if number else queryset.none()


class ReadOnlyAdmin(ScopedAdmin[RowT]):
    """Rows the system owns: to look at, never to touch."""

    add_permission = None
    change_permission = None
    delete_permission = None
    actions = None


class UserForms:
    """The theme's forms for accounts."""

    add = theme_forms.UserCreationForm
    change = theme_forms.UserChangeForm
    password = theme_forms.AdminPasswordChangeForm
