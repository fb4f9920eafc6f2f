"""API keys: issued here and shown once, revoked here for good."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts import keys
from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import actor, desk
from accounts.admin.pages import DeskForm, page, to
from accounts.models import ApiKey, Membership, OctethErrors
from accounts.permissions import Permission


class NewKeyForm(DeskForm):
    name = forms.CharField(max_length=100, help_text="What will use this key, for example “shop”.")
    membership = forms.ModelChoiceField(
        Membership.objects.none(), label="Acts as", help_text="The key may do what this member may do."
    )

    bound_ip = forms.GenericIPAddressField(
        label="Only from", required=False, help_text="The only IP address it works from; empty: any address."
    )
    octeth_errors = forms.ChoiceField(
        label="Errors of the Octeth API",
        required=False,
        choices=[("", "As the installation does"), *OctethErrors.choices],
        help_text="Only for clients written for Octeth or Oempro that expect errors in one shape.",
    )

    def __init__(self, *args: Any, members: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["membership"]
        choice.queryset = members  # type: ignore[attr-defined]
        choice.label_from_instance = lambda member: f"{member.user} ({member.get_role_display()})"  # type: ignore[attr-defined]


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin[ApiKey]):
    view_permission = Permission.MANAGE_MEMBERS
    add_permission = Permission.MANAGE_MEMBERS
    change_permission = None
    delete_permission = None  # revoked keys stay in the list, so that history can name them
    list_display = ("name", "start", "acts_as", "last_used_at", "status")
    list_select_related = ("membership__user", "membership__organization")
    search_fields = ("name", "prefix")
    list_display_links = None
    actions = None
    add_label = "Issue key"
    empty_icon = "key"
    empty_state = "A key lets a program work with campaigns through the API, with the role of one of your members."

    @admin.display(description="Key")
    def start(self, key: ApiKey) -> SafeString:
        return format_html('<span class="bs-key">{}…</span>', key.prefix)

    @admin.display(description="Acts as")
    def acts_as(self, key: ApiKey) -> str:
        return f"{key.membership.user} ({key.membership.get_role_display()})"

    @admin.display(description="Status", ordering="revoked_at")
    def status(self, key: ApiKey) -> SafeString:
        if key.revoked_at:
            return format_html('<span class="bs-badge">Revoked {}</span>', key.revoked_at.strftime("%d %b %Y"))
        link = '<a class="bs-btn bs-btn--small bs-btn--danger" href="{}" data-dialog>Revoke</a>'
        return format_html(
            '<span class="bs-row"><span class="bs-badge bs-badge--green">Active</span>' + link + "</span>",
            to("accounts_apikey_revoke", key.pk),
        )

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/revoke/", wrap(self.revoke_page), name="accounts_apikey_revoke"),
            path("<int:pk>/revoke/now/", wrap(require_POST(self.revoke)), name="accounts_apikey_revoke_now"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Issue a key; its text is shown on the answer to this POST and never again."""
        organization = desk(request).organization
        if not self.has_add_permission(request) or organization is None:
            raise PermissionDenied("Choose the organization first.")
        candidates = Membership.objects.of(organization).select_related("user")
        form = NewKeyForm(request.POST or None, members=candidates)
        crumbs = [("API keys", to("accounts_apikey_changelist"))]
        if request.method == "POST" and form.is_valid():
            chosen = form.cleaned_data
            key, plain = keys.issue(
                chosen["membership"],
                name=chosen["name"],
                by=actor(request),
                bound_ip=chosen["bound_ip"] or None,
                octeth_errors=chosen["octeth_errors"],
            )
            basic = keys.basic(key.membership.organization_id, plain)
            template = "admin/accounts/apikey/issued.html"
            return page(request, template, title="Key issued", crumbs=crumbs, key=key, plain=plain, basic=basic)
        return page(request, "admin/accounts/apikey/add.html", title="Issue key", crumbs=crumbs, form=form)

    def revoke_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask before revoking; changes nothing."""
        template = "admin/accounts/apikey/revoke.html"
        crumbs = [("API keys", to("accounts_apikey_changelist"))]
        return page(request, template, title="Revoke key", crumbs=crumbs, key=self._key(request, pk))

    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        key = self._key(request, pk)
        keys.revoke(key, by=actor(request))
        messages.success(request, f"The key “{key.name}” no longer works.")
        return HttpResponseRedirect(to("accounts_apikey_changelist"))

    def _key(self, request: HttpRequest, pk: int) -> ApiKey:
        key = self.get_object(request, str(pk))
        if key is None:
            raise Http404
        if not desk(request).may(Permission.MANAGE_MEMBERS, key.membership.organization_id):
            raise PermissionDenied
        return key
