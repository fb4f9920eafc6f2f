"""Members of an organization: who they are, what they may do."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import members
from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import actor, desk
from accounts.admin.pages import DeskForm, page, to
from accounts.members import MemberError
from accounts.models import Membership, Role
from accounts.permissions import Permission

ROLE_HELP = {
    Role.ADMIN: "Everything: members, settings, approval, retries.",
    Role.MANAGER: "Writes, schedules and sends campaigns; keeps lists.",
    Role.APPROVER: "Looks at campaigns before they go out: approves or rejects them.",
    Role.VIEWER: "Looks at campaigns and reports, changes nothing.",
}


class NewMemberForm(DeskForm):
    email = forms.EmailField(label="Email address", help_text="Somebody with an account here is simply let in.")
    name = forms.CharField(label="Name", required=False, max_length=150)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.MANAGER, widget=forms.RadioSelect)
    trusted = forms.BooleanField(
        required=False, help_text="Campaigns of a trusted member need no approval, unless every campaign does."
    )


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin[Membership]):
    view_permission = Permission.MANAGE_MEMBERS
    add_permission = Permission.MANAGE_MEMBERS
    change_permission = Permission.MANAGE_MEMBERS
    delete_permission = Permission.MANAGE_MEMBERS
    list_title = "Members"
    list_display = ("person", "role", "needs_approval", "last_login", "organization")
    list_filter = ("role", "trusted")
    list_select_related = ("user", "organization")
    search_fields = ("user__username", "user__email", "user__first_name", "user__last_name")
    ordering = ("user__username",)
    fields = ("person", "role", "trusted")
    readonly_fields = ("person",)
    actions = None
    add_label = "Add member"
    radio_fields: ClassVar = {"role": admin.VERTICAL}

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = super().get_list_display(request)
        return columns if desk(request).organization is None else columns[:-1]

    @admin.display(description="Person", ordering="user__username")
    def person(self, member: Membership) -> SafeString:
        name = member.user.get_full_name() or member.user.username
        return format_html('{}<span class="bs-cell-sub">{}</span>', name, member.user.email)

    @admin.display(description="Campaigns", ordering="trusted")
    def needs_approval(self, member: Membership) -> str:
        if member.role not in (Role.ADMIN, Role.MANAGER):
            return "–"
        return "trusted" if member.trusted else "need approval"

    @admin.display(description="Last seen", ordering="user__last_login", empty_value="never")
    def last_login(self, member: Membership) -> Any:
        return member.user.last_login

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Let somebody in; a new account's password is shown this once."""
        organization = desk(request).organization
        if not self.has_add_permission(request) or organization is None:
            raise PermissionDenied("Choose the organization first.")
        form = NewMemberForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                member, password = members.add(organization, by=actor(request), **form.cleaned_data)
            except MemberError as refused:
                form.add_error("email", str(refused))
            else:
                return self._welcome(request, member, password)
        crumbs = [("Members", to("accounts_membership_changelist"))]
        return page(
            request,
            "admin/accounts/membership/add.html",
            title="Add member",
            crumbs=crumbs,
            form=form,
            roles=[(value, label, ROLE_HELP[value]) for value, label in zip(Role, Role.labels, strict=True)],
        )

    def _welcome(self, request: HttpRequest, member: Membership, password: str) -> HttpResponse:
        if not password:
            messages.success(request, f"{member.user.email} is a member now and logs in with the account they have.")
            return HttpResponseRedirect(to("accounts_membership_changelist"))
        crumbs = [("Members", to("accounts_membership_changelist"))]
        template = "admin/accounts/membership/added.html"
        return page(request, template, title="Member added", crumbs=crumbs, member=member, password=password)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        before = Membership.objects.get(pk=obj.pk)
        try:
            members.change(before, role=obj.role, trusted=obj.trusted, by=actor(request))
        except MemberError as refused:
            messages.error(request, str(refused))

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        try:
            members.remove(obj, by=actor(request))
        except MemberError as refused:
            messages.error(request, str(refused))

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        if not Membership.objects.filter(pk=obj_id).exists():
            messages.success(request, f"{obj_display.removesuffix(' in None')}: membership ended.")
        return HttpResponseRedirect(to("accounts_membership_changelist"))
