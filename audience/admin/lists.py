"""Mailing lists: who is on them, and how they grow."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify

from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import actor, desk
from accounts.admin.pages import page, to
from accounts.permissions import Permission
from audience import exports
from audience.models import MailingList, Subscription
from campaigns import removals

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

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        export = path("<int:pk>/people.csv", wrap(self.people_csv), name="audience_mailinglist_csv")
        ours = path("<int:pk>/delete/", wrap(self.ask_delete), name="audience_mailinglist_delete")
        return [export, ours, *super().get_urls()]

    def _list(self, request: HttpRequest, pk: int) -> MailingList:
        found = self.get_object(request, str(pk))
        if found is None:
            raise Http404("There is no such list.")
        return found

    def people_csv(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Everybody on the list, as a file that can be imported again."""
        mailing_list = self._list(request, pk)
        lines = (line.encode() for line in exports.people_on(mailing_list))
        answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        answer.headers["Content-Disposition"] = f'attachment; filename="{slugify(mailing_list.name) or "list"}.csv"'
        return answer  # type: ignore[return-value]  # a view may stream

    def ask_delete(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask on GET, with how many subscriptions end; delete on POST. The people stay."""
        mailing_list = self._list(request, pk)
        if not self.has_delete_permission(request, mailing_list):
            raise PermissionDenied
        count, here = mailing_list.subscriptions.count(), to("audience_mailinglist_change", pk)
        if why := removals.keeps_list(mailing_list):
            messages.error(request, why)
            return redirect(here)
        if request.method == "POST":
            removals.delete_list(mailing_list, by=actor(request), with_people=True)
            messages.success(request, f"The list “{mailing_list.name}” is deleted.")
            return redirect(to("audience_mailinglist_changelist"))
        return page(
            request,
            "admin/parts/delete.html",
            title="Delete",
            crumbs=[("Lists", to("audience_mailinglist_changelist")), (mailing_list.name, here)],
            what=f"the list “{mailing_list.name}”",
            keeps=f"{count:,} subscriptions end with it, and with them who asked for what. The people stay.",
            action=to("audience_mailinglist_delete", pk),
            back=here,
        )


def _summary(mailing_list: MailingList, request: HttpRequest) -> dict[str, Any]:
    """How many are on the list in which state, and the latest imports."""
    counts = dict(mailing_list.subscriptions.order_by().values_list("status").annotate(people=Count("pk")))
    return {
        "mailing_list": mailing_list,
        "statuses": [(status.value, status.label, counts.get(status.value, 0)) for status in Status],
        "imports": mailing_list.imports.order_by("-pk")[:3],
        "may_import": desk(request).may(Permission.UPDATE, mailing_list.organization_id),
    }
