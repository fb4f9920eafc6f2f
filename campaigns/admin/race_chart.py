"""The race of a split test over time: how the variants stood at each look, and how likely each was the best."""

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse

from accounts.admin.pages import fragment
from campaigns.admin.lookup import of_campaign
from campaigns.local_times import zone_of
from campaigns.models import Campaign, Channel, State, Variant
from splittests import looks, words
from splittests.decisions import PER_PERSON, Metric
from splittests.looks import Look, Seen
from splittests.models import SplitTest, SplitTestRun
from stats.admin.charts import TONES, Chart, moment, series

Value = Callable[[Seen], float]


@of_campaign()
def race_chart(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Two charts and the table behind them; nothing before the first look."""
    rows = SplitTestRun.objects.filter(run__campaign=campaign).select_related("run").order_by("run__number")
    row = rows.last()
    found = looks.of(row)
    variants = list(campaign.variants.order_by("position"))
    test = SplitTest.objects.filter(campaign=campaign).first()
    is_live = row is not None and row.chosen_id is None and campaign.state in (State.SENDING, State.HOLDING)
    context: dict[str, Any] = {"campaign": campaign, "live": is_live, "test": test, "variants": variants}
    if test and found:
        context |= _charts(campaign, Metric(test.metric), variants, found)
    return fragment(request, "admin/campaigns/campaign/race_chart.html", **context)


def _charts(campaign: Campaign, metric: Metric, variants: Sequence[Variant], found: Sequence[Look]) -> dict[str, Any]:
    zone = ZoneInfo(zone_of(campaign))
    labels = [moment(look.at.astimezone(zone), "hour") for look in found]
    return {
        "rates": _rates(campaign, metric, variants, found, labels),
        "chances": _chart(labels, _lines(variants, found, lambda seen: seen.chance), unit="share"),
        "steps": [(label, _cells(metric, variants, look)) for label, look in zip(labels, found, strict=True)],
    }


def _rates(
    campaign: Campaign, metric: Metric, variants: Sequence[Variant], found: Sequence[Look], labels: list[str]
) -> Chart:
    """By the metric; of a share, opens and clicks can be switched on beside it."""
    lines = _lines(variants, found, lambda seen: seen.rate / 100 if metric == Metric.REVENUE else seen.rate)
    if metric in PER_PERSON:
        return _chart(labels, lines, unit="")
    if metric != Metric.OPENED and campaign.channel == Channel.EMAIL:
        lines += _lines(variants, found, lambda seen: seen.opened, more=", opened", shown=False)
    if metric != Metric.CLICKED:
        lines += _lines(variants, found, lambda seen: seen.clicked, more=", clicked", shown=False)
    return _chart(labels, lines, unit="share")


def _lines(
    variants: Sequence[Variant], found: Sequence[Look], value: Value, *, more: str = "", shown: bool = True
) -> list[dict[str, object]]:
    return [
        series(f"{variant.name}{more}", tone, [_at(look, variant, value) for look in found], shown=shown)
        for variant, tone in zip(variants, cycle(TONES), strict=False)
    ]


def _at(look: Look, variant: Variant, value: Value) -> float | None:
    seen = look.seen.get(variant.pk)
    return round(value(seen), 5) if seen else None


def _chart(labels: list[str], lines: list[dict[str, object]], *, unit: str) -> Chart:
    return {"labels": labels, "series": lines, "unit": unit}


def _cells(metric: Metric, variants: Sequence[Variant], look: Look) -> list[tuple[str, str]]:
    """Of each variant its rate and its chance."""
    seen = [look.seen.get(each.pk) for each in variants]
    return [(words.rate(metric, each.rate), words.share(each.chance)) if each else ("–", "–") for each in seen]
