"""Up to five campaigns beside each other: their figures, and how fast people opened and clicked. The address says which
campaigns, so that it can be handed on to whoever may see them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict

from accounts.admin.desk import desk
from accounts.admin.pages import page, row_number
from campaigns.admin.lookup import crumbs_of
from campaigns.models import Campaign, Channel
from campaigns.querysets import CampaignQuerySet
from stats.admin import charts, tables
from stats.admin.hits import count, of_set, wants_raw
from stats.admin.tiles import LESS_IS_BETTER
from stats.figures import DEFINITIONS, Definition
from stats.overviews import LARGEST_COMPARISON, compare
from stats.report_rows import Compared

OFFERED = 50
COUNTS = (
    "sent",
    "delivered",
    "opened",
    "opens",
    "clicked",
    "clicks",
    "unsubscribed",
    "bounced",
    "complained",
    "converted",
    "revenue_cents",
)
RATES = (
    *("delivery_rate", "open_rate", "click_rate", "click_to_open_rate"),
    *("unsubscribe_rate", "bounce_rate", "complaint_rate", "conversion_rate"),
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The campaigns that can be compared, in the order asked for, and what to say about the others."""

    campaigns: list[Campaign] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    is_refused: bool = False


def compare_page(request: HttpRequest) -> HttpResponse:
    rows, raw = _visible(request), wants_raw(request)
    wanted = _wanted(request.GET, rows)
    found = compare(wanted.campaigns) if len(wanted.campaigns) > 1 and not wanted.is_refused else []
    return page(
        request,
        "admin/campaigns/campaign/compare.html",
        title="Compare",
        crumbs=crumbs_of(),
        status=422 if wanted.is_refused else 200,
        raw=raw,
        wanted=wanted,
        most=LARGEST_COMPARISON,
        found=found,
        table=_table(found, raw=raw),
        curves=_curves(found, raw=raw),
        offered=_offered(request, rows, wanted.campaigns),
        q=request.GET.get("q", "").strip(),
    )


def _visible(request: HttpRequest) -> CampaignQuerySet:
    rows: CampaignQuerySet = Campaign.objects.visible_to(request.user).kept()
    return rows.select_related("organization")


def _wanted(asked: QueryDict, rows: CampaignQuerySet) -> Wanted:
    """One's own campaigns that were started. Those of others are told of as if they were not there."""
    ids = list(dict.fromkeys(row_number(text) or 0 for text in asked.getlist("id")))
    if len(ids) > LARGEST_COMPARISON:
        kept = list(rows.filter(pk__in=ids[:OFFERED]))
        said = f"Up to {LARGEST_COMPARISON} campaigns can be compared, and these are {len(ids)}. Take some away."
        return Wanted(campaigns=kept, problems=[said], is_refused=True)
    found = {campaign.pk: campaign for campaign in rows.filter(pk__in=ids)}
    started = [found[pk] for pk in ids if pk in found and found[pk].is_started]
    waiting = [found[pk].name for pk in ids if pk in found and not found[pk].is_started]
    problems = [f"“{name}” has not been sent yet." for name in waiting]
    if missing := len(ids) - len(found):
        problems.append(
            f"{missing} of the campaigns cannot be found; maybe deleted, or of an organization you are not in."
        )
    return Wanted(campaigns=started, problems=problems)


def _offered(request: HttpRequest, rows: CampaignQuerySet, chosen: Sequence[Campaign]) -> list[tuple[Campaign, bool]]:
    """Those chosen, then the latest ones, or those whose name fits."""
    if organization := desk(request).organization:
        rows = rows.of(organization)
    started = rows.filter(started_at__isnull=False).order_by("-started_at", "-pk")
    if words := request.GET.get("q", "").strip():
        started = started.filter(name__icontains=words)
    taken = {campaign.pk for campaign in chosen}
    others = [campaign for campaign in started[:OFFERED] if campaign.pk not in taken]
    return [(campaign, True) for campaign in chosen] + [(campaign, False) for campaign in others]


# --- the figures -------------------------------------------------------------------------------------------------


def _table(found: Sequence[Compared], *, raw: bool) -> list[tuple[Definition, list[tuple[str, bool]]]]:
    """Figures by row, campaigns by column, each value with whether it is the best; without what nobody has."""
    if not found:
        return []
    sets = [of_set(each, raw=raw) for each in found]
    kept = [name for name in COUNTS if name in ("sent", "delivered") or any(getattr(each, name) for each in sets)]
    lines = []
    for name in (*kept, *RATES):
        definition, values = tables.definition_of(name), [getattr(each, name) for each in sets]
        best = _best(name, values) if definition.is_rate else None
        if not definition.is_rate or any(values):
            lines.append((definition, [(tables.shown(definition, value), value == best) for value in values]))
    return lines


def _best(name: str, values: Sequence[float]) -> float | None:
    """None where nothing stands out."""
    best = min(values) if name in LESS_IS_BETTER else max(values)
    return best if values.count(best) == 1 else None


def _curves(found: Sequence[Compared], *, raw: bool) -> list[dict[str, Any]]:
    """Opened (where there is an email) and clicked, as charts with the table behind each."""
    names = ("clicked",) if all(each.campaign.channel == Channel.SMS for each in found) else ("opened", "clicked")
    return [_curve(found, name, raw=raw) for name in names] if found else []


def _curve(found: Sequence[Compared], name: str, *, raw: bool) -> dict[str, Any]:
    chart = charts.since_start(found, name, raw=raw)
    hours = range(len(chart["labels"]))
    counts = [[count(step, name, raw=raw) for step in each.elapsed][: charts.hours_begun(each)] for each in found]
    rows = [(hour + 1, [each[hour] if hour < len(each) else None for each in counts]) for hour in hours]
    return {"name": name, "label": DEFINITIONS[name].label, "chart": chart, "rows": rows}
