"""Mailing lists: who is on them, and how they grow."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import desk
from accounts.admin.pages import to
from accounts.permissions import Permission
from audience.models import MailingList, Subscription

Status = Subscription.Status


@admin.register(MailingList)
class MailingListAdmin(ScopedAdmin[MailingList]):
    list_title = "Lists"
    list_display = ("name", "subscribed", "edition", "created_at")
    search_fields = ("name", "description")
    list_select_related = ("edition",)
    fields = ("name", "description", "edition")
    change_form_outer_before_template = "admin/audience/mailinglist/summary.html"
    actions = None
    add_label = "New list"
    empty_icon = "groups"
    empty_state = "People subscribe to lists, and campaigns are sent to lists. Make one, then import people into it."

    def get_queryset(self, request: HttpRequest) -> QuerySet[MailingList]:
        on_it = Subscription.objects.filter(mailing_list=OuterRef("pk"), status=Status.SUBSCRIBED).order_by()
        count = on_it.values("mailing_list").annotate(people=Count("pk")).values("people")
        people = Coalesce(Subquery(count, output_field=IntegerField()), 0)
        return super().get_queryset(request).annotate(people=people)

    @admin.display(description="Subscribed", ordering="people")
    def subscribed(self, mailing_list: Any) -> SafeString:
        url = f"{to('audience_subscriber_changelist')}?list={mailing_list.pk}"
        return format_html('<a href="{}">{}</a>', url, f"{mailing_list.people:,}")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        more = {"summary": _summary(found, request)} if found else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})


def _summary(mailing_list: MailingList, request: HttpRequest) -> dict[str, Any]:
    """How many are on the list in which state, and the latest imports."""
    counts = dict(mailing_list.subscriptions.order_by().values_list("status").annotate(people=Count("pk")))
    return {
        "mailing_list": mailing_list,
        "statuses": [(status.value, status.label, counts.get(status.value, 0)) for status in Status],
        "imports": mailing_list.imports.order_by("-pk")[:3],
        "may_import": desk(request).may(Permission.UPDATE, mailing_list.organization_id),
    }
