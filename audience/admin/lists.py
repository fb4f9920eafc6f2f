"""Mailing lists: who is on them, and how they grow."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify

from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import actor, desk
from accounts.admin.pages import page, to
from accounts.permissions import Permission
from audience import confirmations, exports, list_removal
from audience.models import MailingList, Subscriber, Subscription
from campaigns import removals
from campaigns.errors import CampaignError

Status = Subscription.Status


@admin.register(MailingList)
class MailingListAdmin(ScopedAdmin[MailingList]):
    list_title = "Lists"
    list_display = ("name", "subscribed", "joining", "edition", "created_at")
    search_fields = ("name", "description")
    list_select_related = ("edition",)
    fieldsets = (
        (None, {"fields": ("name", "description", "edition", "is_public")}),
        (
            "How people join",
            {
                "fields": ("opt_in", "confirmation_subject", "confirmation_text"),
                "description": "With double opt-in people get a mail and are on the list once they follow its link. "
                "Save, then look at the mail above.",
            },
        ),
    )
    radio_fields: ClassVar = {"opt_in": admin.VERTICAL}
    change_form_outer_before_template = "admin/audience/mailinglist/summary.html"
    list_before_template = "admin/audience/mailinglist/removals.html"
    actions = None
    add_label = "New list"
    empty_icon = "groups"
    empty_state = "People subscribe to lists, and campaigns are sent to lists. Make one, then import people into it."

    def get_queryset(self, request: HttpRequest) -> QuerySet[MailingList]:
        on_it = Subscription.objects.filter(mailing_list=OuterRef("pk"), status=Status.SUBSCRIBED).order_by()
        count = on_it.values("mailing_list").annotate(people=Count("pk")).values("people")
        people = Coalesce(Subquery(count, output_field=IntegerField()), 0)
        return super().get_queryset(request).annotate(people=people)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        organization = desk(request).organization
        removals = list_removal.under_way(organization) if organization else []
        return super().changelist_view(request, {**(extra_context or {}), "removals": removals})

    @admin.display(description="Subscribed", ordering="people")
    def subscribed(self, mailing_list: Any) -> SafeString:
        url = f"{to('audience_subscriber_changelist')}?list={mailing_list.pk}"
        return format_html('<a href="{}">{}</a>', url, f"{mailing_list.people:,}")

    @admin.display(description="Opt-in", ordering="opt_in")
    def joining(self, mailing_list: MailingList) -> str:
        return "Double" if mailing_list.opt_in == MailingList.OptIn.DOUBLE else "Single"

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
        mail = path("<int:pk>/confirmation/", wrap(self.confirmation), name="audience_mailinglist_confirmation")
        return [export, ours, mail, *super().get_urls()]

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

    def confirmation(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The confirmation mail of the list as somebody would get it."""
        mailing_list = self._list(request, pk)
        person = Subscriber(organization=mailing_list.organization, email="anna@example.com")
        row = Subscription(pk=0, mailing_list=mailing_list, subscriber=person)  # nobody's, so its link leads nowhere
        mail = confirmations.mail(row)
        return page(
            request,
            "admin/audience/mailinglist/confirmation.html",
            title="Confirmation mail",
            crumbs=_crumbs(mailing_list),
            mail=mail,
            body=mail.body.replace(confirmations.link(row), f"{settings.BASE_URL}/… (a link of their own)"),
            mailing_list=mailing_list,
        )

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
            try:
                removals.delete_list(mailing_list, by=actor(request), with_people=True)
            except CampaignError as refused:  # somebody named it meanwhile
                messages.error(request, str(refused))
                return redirect(here)
            later = " Its subscriptions end in the background." if count > removals.AT_ONCE else ""
            messages.success(request, f"The list “{mailing_list.name}” is deleted.{later}")
            return redirect(to("audience_mailinglist_changelist"))
        return page(
            request,
            "admin/parts/delete.html",
            title="Delete",
            crumbs=_crumbs(mailing_list),
            what=f"the list “{mailing_list.name}”",
            keeps=f"{count:,} {'subscription ends' if count == 1 else 'subscriptions end'} with it. The people stay, "
            "and so does the log of what they agreed to.",
            action=to("audience_mailinglist_delete", pk),
            back=here,
        )


def _crumbs(mailing_list: MailingList) -> list[tuple[str, str]]:
    here = to("audience_mailinglist_change", mailing_list.pk)
    return [("Lists", to("audience_mailinglist_changelist")), (mailing_list.name, here)]


def _summary(mailing_list: MailingList, request: HttpRequest) -> dict[str, Any]:
    """How many are on the list in which state, and the latest imports."""
    counts = dict(mailing_list.subscriptions.order_by().values_list("status").annotate(people=Count("pk")))
    return {
        "mailing_list": mailing_list,
        "page": settings.BASE_URL + reverse("subscribe", args=[mailing_list.public_id]),
        "statuses": [(status.value, status.label, counts.get(status.value, 0)) for status in Status],
        "imports": mailing_list.imports.order_by("-pk")[:3],
        "may_import": desk(request).may(Permission.UPDATE, mailing_list.organization_id),
    }
