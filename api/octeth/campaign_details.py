"""What Campaign.Get adds to a campaign's row: statistics by day, by variation and by domain, and its resends."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db.models import Count, Q, QuerySet

from api.octeth import vocabulary
from api.octeth.callers import Caller
from api.octeth.campaign_rows import Related, figures
from api.octeth.parameters import Parameters
from api.octeth.rows import moment
from api.octeth.variations import metrics, percent, rates
from campaigns.models import Campaign, CampaignAudience, Variant
from stats import breakdowns, daily, listings, trends
from stats.daily import OfDay
from stats.figures import Figures
from stats.models import Agent, Event, EventKind

DEFAULT_DAYS, MOST_DAYS = 15, 365
PEOPLE_SHOWN = 100
DOMAINS_SHOWN = 100
OTHERS = "other"
BLOCKS = {
    "OpenStatistics": "opened",
    "ClickStatistics": "clicked",
    "UnsubscriptionStatistics": "unsubscribed",
    "ForwardStatistics": "forwarded",
    "BrowserViewStatistics": "viewed",
    "ConversionStatistics": "converted",
}
BY_VARIATION = ("OpenStatistics", "ClickStatistics", "ConversionStatistics", "UnsubscriptionStatistics")
ACTIVITIES = {
    EventKind.FORWARDED: "Email Forwarded",
    EventKind.VIEWED: "Browser View",
    EventKind.UNSUBSCRIBED: "Unsubscribed",
}


def days(given: Parameters) -> int:
    """`StatisticsDays`: from 1 to 365, and 15 for what is no number."""
    asked = given.id("StatisticsDays")
    return DEFAULT_DAYS if asked is None else min(MOST_DAYS, max(1, asked))


def statistics(campaign: Campaign, given: Parameters) -> dict[str, Any]:
    """The days from the one on which sending began, how the campaign did beside others, and who took part last.

    The blocks stand at the top and once more in `Statistics`, since documents print both.
    """
    found = daily.daily(campaign, days(given))
    blocks = {block: _days(found.whole[name]) for block, name in BLOCKS.items()}
    own = _figures(campaign)
    unbounced, hard, soft = breakdowns.bounced_or_not(own)
    usual = trends.average_for(campaign).figures
    return {
        **blocks,
        "BounceStatistics": [
            {"BounceType": name, "count": people}
            for name, people in (("Not Bounced", unbounced), ("Hard", hard), ("Soft", soft))
        ],
        "OverallOpenPerformance": percent(own.opened, own.delivered),
        "OverallClickPerformance": percent(own.clicked, own.delivered),
        "OverallAccountOpenPerformance": round(100 * usual.get("open_rate", 0.0), 2),
        "OverallAccountClickPerformance": round(100 * usual.get("click_rate", 0.0), 2),
        "OpenPerformance": _performance(blocks["OpenStatistics"], own.delivered),
        "ClickPerformance": _performance(blocks["ClickStatistics"], own.delivered),
        "SubscribersOpened": _people(campaign, EventKind.OPENED),
        "SubscribersClicked": _people(campaign, EventKind.CLICKED),
        "Statistics": blocks,
    }


def _figures(campaign: Campaign) -> Figures:
    found = listings.for_campaigns([campaign.pk]).get(campaign.pk)
    return found.figures if found else Figures()


def _days(days: Mapping[date, OfDay]) -> dict[str, dict[str, int]]:
    return {day.isoformat(): {"Unique": found.unique, "Total": found.total} for day, found in days.items()}


def _performance(block: Mapping[str, Mapping[str, int]], delivered: int) -> list[dict[str, Any]]:
    return [{"Date": day, "Rate": percent(found["Unique"], delivered)} for day, found in block.items()]


def _people(campaign: Campaign, kind: str) -> list[dict[str, Any]]:
    """Those who did it last, with what else they did."""
    hits = Event.objects.filter(run__campaign=campaign, kind=kind, agent=Agent.HUMAN).order_by("-pk")
    latest = dict(hits.values_list("recipient_id", "recipient__address")[: 3 * PEOPLE_SHOWN])
    shown = dict(list(latest.items())[:PEOPLE_SHOWN])
    return [
        {"Email": address, "Activities": activities}
        for address, activities in zip(shown.values(), _activities(campaign, shown), strict=True)
    ]


def _activities(campaign: Campaign, recipients: Iterable[int]) -> list[list[dict[str, str]]]:
    zone = campaign.organization.timezone
    found: dict[int, list[dict[str, str]]] = {pk: [] for pk in recipients}
    hits = Event.objects.filter(recipient__in=found, kind__in=ACTIVITIES, agent=Agent.HUMAN).order_by("pk")
    for recipient_id, kind, at in hits.values_list("recipient_id", "kind", "at"):
        found[recipient_id].append({"activity": ACTIVITIES[EventKind(kind)], "time": moment(at, zone)})
    return list(found.values())


def by_variation(campaign: Campaign, body: Mapping[str, Any], related: Related) -> dict[str, Any]:
    """The metrics of each variation within `Options`, and the days of each within those blocks the body has."""
    shares = related.variants.get(campaign.pk, [])
    if len(shares) < 2:
        return {}
    measured = metrics(campaign)
    rows = [
        {**known, **measured[share.variant_id].counters}
        for known, share in zip(body["Options"]["ABTesting"]["Variations"], shares, strict=True)
    ]
    found: dict[str, Any] = {"Options": {"ABTesting": {"Variations": rows}}}
    if "OpenStatistics" in body:
        of_day = daily.daily(campaign, len(body["OpenStatistics"]) or 1).variants
        for block in BY_VARIATION:
            days_of = {each.email_id: of_day.get(each.variant_id, {}).get(BLOCKS[block], {}) for each in shares}
            series = {str(email_id): _days(each) for email_id, each in days_of.items()}
            found[block] = {**body[block], "ByVariation": series}
    return found


def domains(campaign: Campaign) -> dict[str, dict[str, int]]:
    """The hundred domains with most recipients, and the rest together."""
    named: dict[str, dict[str, int]] = {}
    for row in breakdowns.largest_domains(campaign, DOMAINS_SHOWN):
        shown = figures(row.figures, campaign) | {"TotalRecipients": row.figures.total_recipients}
        named[OTHERS if row.others or not row.domain else row.domain] = {name: shown[name] for name in OF_DOMAINS}
    return named


OF_DOMAINS = (
    *("TotalRecipients", "TotalSent", "TotalFailed", "UniqueOpens", "UniqueClicks", "TotalHardBounces"),
    *("TotalSoftBounces", "TotalUnsubscriptions", "TotalSpamReports"),
)


# --- resends -----------------------------------------------------------------------------------------------------


def resends(campaign: Campaign, caller: Caller) -> dict[str, Any]:
    """`ParentCampaign` of an auto-resend, and `AutoResendCampaign` of what was sent once more."""
    kept = caller.own(Campaign.objects.kept().select_related("organization"))
    body: dict[str, Any] = {}
    if campaign.original_id and (parent := kept.filter(pk=campaign.original_id).first()):
        body["ParentCampaign"] = brief(parent)
    child = kept.filter(original=campaign.pk).first()
    return body | {"AutoResendCampaign": brief(child) if child else []}


def brief(campaign: Campaign) -> dict[str, Any]:
    found = _figures(campaign)
    return {
        "CampaignID": campaign.pk,
        "CampaignName": campaign.name,
        "CampaignStatus": vocabulary.status(campaign),
        "TotalSent": found.sent,
        "UniqueOpens": found.opened,
        "UniqueClicks": found.clicked,
        **rates(found),
    }


# --- how far a campaign is set up --------------------------------------------------------------------------------


def setups(campaigns: "QuerySet[Campaign]") -> dict[int, dict[str, Any]]:
    """By campaign: the subject and the parts of its first content, and how many lists and segments it addresses."""
    ids = campaigns.order_by().values("pk")
    found = {pk: _setup("", "", "", 0, 0) for pk in ids.values_list("pk", flat=True)}
    parts = CampaignAudience.objects.filter(campaign__in=ids, excluded=False).order_by().values_list("campaign_id")
    audiences = parts.annotate(lists=Count("pk", filter=Q(segment=None)), segments=Count("segment"))
    counted = {pk: (lists, segments) for pk, lists, segments in audiences}
    said = Variant.objects.filter(campaign__in=ids).order_by("campaign_id", "-position")
    for pk, subject, html, text in said.values_list("campaign_id", "email__subject", "email__html", "email__text"):
        found[pk] = _setup(subject, html, text, *counted.get(pk, (0, 0)))
    return found


def _setup(subject: str | None, html: str | None, text: str | None, lists: int, segments: int) -> dict[str, Any]:
    return {
        "EmailSubject": subject or "",
        "HasHTMLContent": bool(html),
        "HasPlainContent": bool(text),
        "AudienceListCount": lists,
        "AudienceSegmentCount": segments,
        "HasAudience": bool(lists or segments),
    }
