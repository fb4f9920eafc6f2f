"""Campaigns as Octeth's answers show them: every key of its table, in a number of queries that does not grow.

Statistics are of people: what programs load and click is left out, as Octeth leaves it out of its reports.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from api.octeth import echoes, vocabulary
from api.octeth.models import Echo
from api.octeth.rows import UNSET_DAY, UNSET_TIME, enabled, moment
from campaigns.models import Campaign, CampaignAudience, CampaignRun, CampaignTag, ScheduleType, Variant
from campaigns.recurring import CampaignRecurrence
from splittests.models import AutoResend, SplitTest, SplitTestRun
from stats import listings
from stats.figures import Figures

SCHEDULE_TYPES = {
    ScheduleType.NONE: "Not Scheduled",
    ScheduleType.IMMEDIATE: "Immediate",
    ScheduleType.FUTURE: "Future",
    ScheduleType.RECURSIVE: "Recursive",
}
NOTHING = Figures()
WINNERS = {"opened": "highest open rate", "clicked": "most unique clicks"}


class Share(NamedTuple):
    """One variation: its variant, the email it says, its weight, and its share of the audience in per cent."""

    variant_id: int
    email_id: int
    weight: int
    percent: float


class Related:
    """What rows of these campaigns show beside their own columns, read once for all of them."""

    def __init__(self, campaigns: "QuerySet[Campaign]", *, statistics: bool = True, tags: bool = False):
        ids = campaigns.order_by().values("pk")
        self.audience = _grouped(_parts(ids))
        self.variants = _variants(ids)
        self.echoes = echoes.of(Echo.Kind.CAMPAIGN, ids)
        self.resends = {row.campaign_id: row for row in AutoResend.objects.filter(campaign__in=ids)}
        self.tests = {row.campaign_id: row for row in SplitTest.objects.filter(campaign__in=ids)}
        self.decided = _decided(ids)
        self.recurrences = {row.campaign_id: row.value for row in CampaignRecurrence.objects.filter(campaign__in=ids)}
        self.instances = _instances(ids)
        self.figures = {pk: found.figures for pk, found in listings.for_campaigns(ids).items()} if statistics else {}
        self.tags = _tags(ids) if tags else {}


def row(
    campaign: Campaign, related: Related, *, statistics: bool = True, tags: bool = False, zone: str = ""
) -> dict[str, Any]:
    """The keys that every answer about a campaign has; `zone` is the account's unless given."""
    zone = zone or campaign.organization.timezone
    body = {
        **_about(campaign, related, zone),
        **_schedule(campaign, related, zone),
        **_options(campaign, related),
        **_audience(campaign, related),
    }
    if statistics:
        body |= figures(related.figures.get(campaign.pk, NOTHING), campaign)
    if tags:
        named = related.tags.get(campaign.pk, [])
        body |= {"Tags": [tag["Tag"] for tag in named], "TagDetails": named}
    return body


def _about(campaign: Campaign, related: Related, zone: str) -> dict[str, Any]:
    status, echo = vocabulary.status(campaign), related.echoes.get(campaign.pk, {})
    shares = related.variants.get(campaign.pk, [])
    return {
        "CampaignID": campaign.pk,
        "RelOwnerUserID": campaign.organization_id,
        "CampaignName": campaign.name,
        "Name": campaign.name,
        "CampaignStatus": status,
        "Status": status,
        "CampaignStatusReason": vocabulary.status_reason(campaign) or echo.get("CampaignStatusReason", ""),
        "RelEmailID": shares[0].email_id if len(shares) == 1 else 0,
        "CreateDateTime": moment(campaign.created_at, zone),
        "LastActivityDateTime": moment(campaign.modified_at, zone),
        "SendProcessStartedOn": moment(campaign.started_at, zone),
        "SendProcessFinishedOn": moment(campaign.finished_at, zone),
    }


def _schedule(campaign: Campaign, related: Related, account: str) -> dict[str, Any]:
    """The time as it was chosen, in the zone it was chosen in, which is named as it was written."""
    zone = campaign.schedule_tz or account
    day, time = _send_moment(campaign.scheduled_at, zone)
    recurrence = related.recurrences.get(campaign.pk)

    def listed(name: str) -> str:
        return ",".join(map(str, getattr(recurrence, name))) or "0" if recurrence else ""

    return {
        "ScheduleType": SCHEDULE_TYPES[ScheduleType(campaign.schedule_type)],
        "SendDate": day,
        "SendTime": time,
        "SendTimeZone": related.echoes.get(campaign.pk, {}).get("SendTimeZone") or zone,
        "ScheduleRecDaysOfWeek": listed("days_of_week"),
        "ScheduleRecDaysOfMonth": listed("days_of_month"),
        "ScheduleRecMonths": listed("months"),
        "ScheduleRecHours": listed("hours"),
        "ScheduleRecMinutes": listed("minutes"),
        "ScheduleRecSendMaxInstance": recurrence.max_instances if recurrence else 0,
        "ScheduleRecSentInstances": related.instances.get(campaign.pk, 0) if recurrence else 0,
    }


def _send_moment(at: datetime | None, zone: str) -> tuple[str, str]:
    if at is None:
        return UNSET_DAY, UNSET_TIME
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%d}", f"{local:%H:%M:%S}"


def _options(campaign: Campaign, related: Related) -> dict[str, Any]:
    resend, echo = related.resends.get(campaign.pk), related.echoes.get(campaign.pk, {})
    test = related.tests.get(campaign.pk)
    return {
        "ApprovalUserExplanation": echo.get("ApprovalUserExplanation", ""),
        "GoogleAnalyticsDomains": campaign.analytics_domains,
        "PublishOnRSS": enabled(campaign.is_public),
        "S2SEnabled": campaign.tracks_conversions,
        "AutoResendEnabled": bool(resend and resend.enabled),
        "AutoResendWaitDays": resend.wait_days if resend and resend.enabled else 0,
        "AutoResendSubject": resend.subject if resend else "",
        "AutoResendPreHeaderText": resend.preheader if resend else "",
        "OriginalCampaignID": campaign.original_id or echo.get("OriginalCampaignID", 0),
        "Options": _variations(related.variants.get(campaign.pk, [])),
        "AutoResendCampaign": [],
        "SplitTest": _test_row(test, _phase(campaign, related)) if test else False,
    }


def _variations(shares: list[Share]) -> dict[str, Any]:
    if len(shares) < 2:
        return {}
    rows = [
        {"EmailID": share.email_id, "Weight": share.weight, "Distribution": _tidy(share.percent)} for share in shares
    ]
    return {"ABTesting": {"Variations": rows}}


def _tidy(percent: float) -> float | int:
    rounded = round(percent, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def _phase(campaign: Campaign, related: Related) -> str:
    """No document says what the words are."""
    if campaign.started_at is None:
        return "Planned"
    return "Completed" if related.decided.get(campaign.pk) else "Testing"


def _test_row(test: SplitTest, status: str) -> dict[str, Any]:
    size = test.share_percent
    return {
        "SplitTestID": test.pk,
        "TestSize": int(size) if size == int(size) else float(size),
        "TestDuration": int(test.waiting_time.total_seconds()),
        "Winner": WINNERS.get(test.metric, test.get_metric_display()),
        "Status": status,
    }


def _audience(campaign: Campaign, related: Related) -> dict[str, Any]:
    parts = [part for part in related.audience.get(campaign.pk, []) if not part.excluded]
    bundle = next((part.bundle for part in parts if part.bundle), "")
    return {
        "RulesJsonBundle": bundle or related.echoes.get(campaign.pk, {}).get("RulesJsonBundle", ""),
        "RecipientLists": [{"ListID": part.list_id, "Name": part.list_name} for part in parts if part.is_whole_list],
        "RecipientSegments": [
            {"SegmentID": part.segment_id, "SegmentName": part.segment_name, "ListID": part.list_id or 0}
            for part in parts
            if part.segment_id and not part.bundle
        ],
    }


# --- figures -----------------------------------------------------------------------------------------------------


def figures(found: Figures, campaign: Campaign) -> dict[str, Any]:
    """Octeth's counters of one campaign."""
    return {
        "TotalRecipients": campaign.total_recipients,
        "TotalSent": found.sent,
        "TotalFailed": found.failed,
        "TotalDelivered": found.delivered,
        "TotalOpens": found.opens,
        "UniqueOpens": found.opened,
        "TotalClicks": found.clicks,
        "UniqueClicks": found.clicked,
        "TotalConversions": found.conversions,
        "UniqueConversions": found.converted,
        "TotalForwards": found.forwards,
        "UniqueForwards": found.forwarded,
        "TotalViewsOnBrowser": found.views,
        "UniqueViewsOnBrowser": found.viewed,
        "TotalUnsubscriptions": found.unsubscribed,
        "TotalHardBounces": found.bounced_hard,
        "TotalSoftBounces": found.bounced - found.bounced_hard,
        "TotalSpamReports": found.complained,
        "TotalRevenue": found.revenue_cents,
        "HardBounceRatio": ratio(found.bounced_hard, found.sent),
        "SoftBounceRatio": ratio(found.bounced - found.bounced_hard, found.sent),
        "BenchmarkEmailsPerSecond": throughput(campaign, found.sent)["EmailsPerSecond"],
    }


def ratio(part: int, whole: int) -> str:
    """Per cent with two decimals, as text."""
    return f"{100 * part / whole:.2f}" if whole > 0 else "0.00"


def throughput(campaign: Campaign, sent: int, *, now: datetime | None = None) -> dict[str, Any]:
    """`EmailsPerSecond` over the `Duration` in whole seconds, to the end of sending or to `now`; zeros before."""
    end = campaign.finished_at or now
    seconds = int((end - campaign.started_at).total_seconds()) if end and campaign.started_at and sent else 0
    per_second = round(sent / max(1, seconds), 1) if sent and (end and campaign.started_at) else 0
    return {"EmailsPerSecond": per_second, "Duration": seconds}


# --- reading -----------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """One part of an audience; `bundle` is the text of the RulesJsonBundle it was made from."""

    campaign_id: int
    list_id: int | None
    list_name: str | None
    segment_id: int | None
    segment_name: str | None
    excluded: bool
    bundle: str

    @property
    def is_whole_list(self) -> bool:
        return self.list_id is not None and self.segment_id is None


def _parts(ids: Any) -> Iterator[Part]:
    rows = CampaignAudience.objects.filter(campaign__in=ids).order_by("campaign_id", "pk")
    named = rows.values_list(
        *("campaign_id", "mailing_list_id", "mailing_list__name", "segment_id", "segment__name", "excluded"),
        *("segment__is_ad_hoc", "segment__written_as"),
    )
    for pk, list_id, list_name, segment_id, segment_name, excluded, is_ad_hoc, written in named:
        yield Part(pk, list_id, list_name, segment_id, segment_name, excluded, written if is_ad_hoc else "")


def _grouped(parts: Iterator[Part]) -> Mapping[int, list[Part]]:
    found: dict[int, list[Part]] = defaultdict(list)
    for part in parts:
        found[part.campaign_id].append(part)
    return found


def _variants(ids: Any) -> Mapping[int, list[Share]]:
    rows = Variant.objects.filter(campaign__in=ids).order_by("campaign_id", "position")
    found: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for campaign_id, pk, email_id, weight in rows.values_list("campaign_id", "pk", "email_id", "weight"):
        found[campaign_id].append((pk, email_id or 0, weight))
    return {campaign_id: _shares(each) for campaign_id, each in found.items()}


def _shares(variants: list[tuple[int, int, int]]) -> list[Share]:
    total = sum(weight for _, _, weight in variants) or 1
    return [Share(pk, email_id, weight, 100 * weight / total) for pk, email_id, weight in variants]


def _tags(ids: Any) -> Mapping[int, list[dict[str, Any]]]:
    links = CampaignTag.objects.filter(content_object__in=ids).order_by("content_object_id", "tag__name")
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for campaign_id, tag_id, name in links.values_list("content_object_id", "tag_id", "tag__name"):
        found[campaign_id].append({"TagID": tag_id, "Tag": name})
    return found


def _decided(ids: Any) -> dict[int, bool]:
    """By campaign, whether the test of its last run has ended."""
    rows = SplitTestRun.objects.filter(run__campaign__in=ids).order_by("run__number")
    return {campaign_id: chosen is not None for campaign_id, chosen in rows.values_list("run__campaign", "chosen")}


def _instances(ids: Any) -> dict[int, int]:
    counted: dict[int, int] = defaultdict(int)
    runs = CampaignRun.objects.filter(campaign__in=ids, frozen_at__isnull=False).order_by()
    for campaign_id in runs.values_list("campaign_id", flat=True):
        counted[campaign_id] += 1
    return counted
