"""Organizations: the switch between them, and the settings of the one worked in."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import choose, desk
from accounts.admin.pages import next_address, to
from accounts.models import Edition, Organization
from accounts.permissions import Permission


@admin.register(Organization)
class OrganizationAdmin(ScopedAdmin[Organization]):
    """Administrators edit their own; only superusers make and remove organizations."""

    view_permission = Permission.MANAGE_MEMBERS
    add_permission = None
    change_permission = Permission.MANAGE_MEMBERS
    delete_permission = None
    list_display = ("name", "timezone", "approval", "is_active", "created_at")
    search_fields = ("name", "slug")
    list_filter = ("is_active",)
    prepopulated_fields: ClassVar = {"slug": ["name"]}
    add_label = "Add organization"
    empty_state = "An organization owns its lists, emails and campaigns."
    fieldsets: ClassVar = (
        (None, {"fields": ("name", "slug", "timezone", "postal_address")}),
        (
            "Approval",
            {
                "fields": ("approval", "four_eyes", "approval_covers_schedule"),
                "description": "Who has to look at a campaign before it goes out.",
            },
        ),
        ("Sending", {"fields": ("frequency_cap_hours", "timezone_field")}),
        ("Status", {"fields": ("is_active",)}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        return False  # everything it ever sent hangs on it: make it inactive instead

    def get_readonly_fields(self, request: HttpRequest, obj: Organization | None = None) -> Any:
        return () if getattr(request.user, "is_superuser", False) else ("slug", "is_active")

    def get_prepopulated_fields(self, request: HttpRequest, obj: Organization | None = None) -> Any:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("switch/", wrap(switch), name="accounts_organization_switch"),
            path("settings/", wrap(settings_of_mine), name="accounts_organization_settings"),
            *super().get_urls(),
        ]


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Work in another organization from now on."""
    choose(request, request.POST.get("organization", ""))
    return HttpResponseRedirect(next_address(request, to("index")))


def settings_of_mine(request: HttpRequest) -> HttpResponse:
    """The settings of the organization worked in."""
    if organization := desk(request).organization:
        return HttpResponseRedirect(to("accounts_organization_change", organization.pk))
    messages.info(request, "Choose the organization whose settings you want to see.")
    return HttpResponseRedirect(to("accounts_organization_changelist"))


@admin.register(Edition)
class EditionAdmin(ScopedAdmin[Edition]):
    """Brands or publications, each with its own sender and time zone."""

    add_permission = Permission.MANAGE_MEMBERS
    change_permission = Permission.MANAGE_MEMBERS
    delete_permission = Permission.MANAGE_MEMBERS
    list_display = ("name", "sender", "timezone", "is_archived")
    list_filter = ("is_archived",)
    search_fields = ("name", "slug")
    prepopulated_fields: ClassVar = {"slug": ["name"]}
    add_label = "Add edition"
    empty_icon = "newspaper"
    empty_state = (
        "An edition is a brand or publication with its own sender and time zone. "
        "Campaigns of an edition are scheduled in its time."
    )
    fieldsets: ClassVar = (
        (None, {"fields": ("name", "slug", "timezone", "default_language")}),
        ("Sender of new emails", {"fields": ("from_name", "from_email")}),
        ("Text messages", {"fields": ("default_country_code",)}),
        ("Life", {"fields": ("start_date", "end_date", "is_draft", "is_archived")}),
    )

    @admin.display(description="Sender")
    def sender(self, edition: Edition) -> str:
        if edition.from_email:
            return f"{edition.from_name} <{edition.from_email}>" if edition.from_name else edition.from_email
        return "not set"

    def get_prepopulated_fields(self, request: HttpRequest, obj: Edition | None = None) -> Any:
        return {} if obj else super().get_prepopulated_fields(request, obj)
