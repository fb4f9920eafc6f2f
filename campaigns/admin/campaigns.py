"""Campaigns in the admin: the list is Django's, every other page is our own and goes through the lifecycle."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST

from accounts.admin.base import DateRangeFilter, ScopedAdmin
from accounts.admin.pages import to
from accounts.templatetags.figures import percent
from campaigns.admin import (
    approvals,
    calendar_page,
    campaign_page,
    estimates,
    form,
    instances,
    list_page,
    preview,
    progress,
    race_chart,
    recipients,
    recurrences,
    send_times,
    split_tests,
    variants,
)
from campaigns.admin.transitions import transition
from campaigns.models import Campaign, CampaignTag, Channel
from campaigns.templatetags.campaign_words import channel_icon, state_badge
from stats.admin import comparison, report
from stats.overviews import LARGEST_COMPARISON

NOTHING = mark_safe('<span class="bs-none">–</span>')


@admin.register(Campaign)
class CampaignAdmin(ScopedAdmin[Campaign]):
    list_display = ("campaign", "state_now", "audience_now", "opened", "clicked", "when")
    list_filter = (
        list_page.StateFilter,
        list_page.ChannelFilter,
        list_page.EditionFilter,
        list_page.TagFilter,
        ("created_at", DateRangeFilter),
        ("scheduled_at", DateRangeFilter),
    )
    search_fields = ("name",)
    search_help_text = "Search name, subject or tag"
    date_hierarchy = "created_at"
    list_select_related = ("edition", "organization")
    ordering = ("-created_at", "-pk")
    list_before_template = "admin/campaigns/campaign/pills.html"
    actions = ("compare",)
    add_label = "New campaign"
    empty_icon = "campaign"
    empty_state = (
        "A campaign is one message to an audience. Write it, let it be approved, send it, see what it brought."
    )

    # --- the list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        labels = Prefetch("campaign_tags", CampaignTag.objects.select_related("tag"))
        rows: Any = super().get_queryset(request)
        return rows.kept().prefetch_related(labels)  # type: ignore[no-any-return]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Campaign], search_term: str
    ) -> tuple[QuerySet[Campaign], bool]:
        return queryset.filter(list_page.search_words(search_term)), bool(search_term)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[list_page.CampaignList]:
        return list_page.CampaignList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        rows: Any = super().get_queryset(request)
        pills = list_page.pills(rows.kept(), request.GET.get("status", ""))
        return super().changelist_view(request, {**(extra_context or {}), "pills": pills, "title": "Campaigns"})

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Deleting asks its own question, one campaign at a time."""
        found = super().get_actions(request)
        return {name: found[name] for name in ("compare",) if name in found}

    @admin.action(description="Compare")
    def compare(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> HttpResponse:
        """The page to compare those that are ticked; it says so itself where they are too many."""
        ids = queryset.values_list("pk", flat=True)[: LARGEST_COMPARISON + 1]
        return redirect(f"{to('campaigns_campaign_compare')}?{urlencode([('id', pk) for pk in ids])}")

    @admin.display(description="Campaign", ordering="name")
    def campaign(self, campaign: Campaign) -> SafeString:
        labels = [link.tag.name for link in campaign.campaign_tags.all()]
        more = render_to_string("admin/campaigns/campaign/cell.html", {"campaign": campaign, "labels": labels})
        return format_html("{} {}{}", channel_icon(campaign), campaign.name, more)

    @admin.display(description="State", ordering="state")
    def state_now(self, campaign: Campaign) -> SafeString:
        return state_badge(campaign)

    @admin.display(description="Sent")
    def audience_now(self, campaign: Campaign) -> str:
        if not campaign.is_started:
            return NOTHING
        found = campaign.report  # type: ignore[attr-defined]
        return f"{found.sent:,}" if found and found.sent == campaign.total_recipients else _of(campaign, found)

    @admin.display(description="Opened")
    def opened(self, campaign: Campaign) -> str:
        return _rate(campaign, "open_rate") if campaign.channel == Channel.EMAIL else NOTHING

    @admin.display(description="Clicked")
    def clicked(self, campaign: Campaign) -> str:
        return _rate(campaign, "click_rate")

    @admin.display(description="When", ordering="scheduled_at")
    def when(self, campaign: Campaign) -> str:
        return render_to_string("admin/campaigns/campaign/when.html", {"campaign": campaign}).strip()

    # --- pages of our own

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        views: list[tuple[str, Any, str]] = [
            ("approvals/", approvals.queue, "approvals"),
            ("calendar/", calendar_page.calendar_page, "calendar"),
            ("calendar/feeds/", calendar_page.feeds_page, "calendar_feeds"),
            ("calendar/feeds/<int:pk>/revoke/", require_POST(calendar_page.revoke_feed), "calendar_revoke"),
            ("compare/", comparison.compare_page, "compare"),
            ("estimate/", form.estimate_draft, "estimate_draft"),
            ("sms-parts/", preview.sms_parts, "sms_parts"),
            ("<int:pk>/edit/", form.edit, "edit"),
            ("<int:pk>/transitions/<slug:verb>/", transition, "transition"),
            ("<int:pk>/progress/", progress.progress_fragment, "progress"),
            ("<int:pk>/variants/", variants.variants_page, "variants"),
            ("<int:pk>/variants/numbers/", variants.numbers, "variant_numbers"),
            ("<int:pk>/race/", split_tests.race_fragment, "race"),
            ("<int:pk>/zones/", send_times.zones_fragment, "zones"),
            ("<int:pk>/once-more/", send_times.resend_fragment, "resent"),
            ("<int:pk>/auto-resend/", send_times.resend_page, "resend"),
            ("<int:pk>/race/chart/", race_chart.race_chart, "race_chart"),
            ("<int:pk>/instances/", instances.instances_page, "instances"),
            ("<int:pk>/recurrence/", require_POST(recurrences.preview), "recurrence"),
            ("<int:pk>/estimate/", estimates.estimate_fragment, "estimate"),
            ("<int:pk>/preview/", preview.preview_fragment, "preview"),
            ("<int:pk>/preview/body/", preview.preview_body, "preview_body"),
            ("<int:pk>/test/", preview.send_test, "test"),
            ("<int:pk>/copy/", campaign_page.copy, "copy"),
            ("<int:pk>/publish/", require_POST(campaign_page.publish), "publish"),
            ("<int:pk>/recipients/", recipients.recipients_page, "recipients"),
            ("<int:pk>/recipients/<int:recipient>/resolve/", require_POST(recipients.resolve), "resolve"),
            ("<int:pk>/report/", report.report_page, "report"),
            ("<int:pk>/report/map/", report.map_body, "report_map"),
            ("<int:pk>/report/people.csv", report.people_csv, "report_csv"),
            ("<int:pk>/report/people.xlsx", report.people_xlsx, "report_xlsx"),
            ("<int:pk>/change/", campaign_page.campaign_page, "change"),
        ]
        ours = [path(route, wrap(view), name=f"campaigns_campaign_{name}") for route, view, name in views]
        return [*ours, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return form.add(request)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return redirect(to("campaigns_campaign_transition", object_id, "delete"))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return redirect(to("campaigns_campaign_change", object_id))


def _of(campaign: Campaign, found: Any) -> str:
    return f"{found.sent if found else 0:,} of {campaign.total_recipients:,}"


def _rate(campaign: Campaign, name: str) -> str:
    found = campaign.report  # type: ignore[attr-defined]
    return percent(getattr(found, name)) if found and found.sent else NOTHING
