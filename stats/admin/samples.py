"""The variants of a split test in the report: as they were when it was decided, and what has come since."""

from dataclasses import dataclass, replace
from typing import Any

from campaigns.models import Campaign
from splittests import snapshots
from splittests.models import SplitTestRun
from stats.admin import tables
from stats.admin.hits import of_set
from stats.admin.tables import Comparison
from stats.report_rows import Report, VariantRow

Rows = list[tuple[Comparison, list[tuple[str, bool]]]]


@dataclass(frozen=True, kw_only=True)
class Decided:
    """`sample`: the comparison as it was decided. `rest`: how many got the winner besides, `name` of it."""

    run: SplitTestRun
    name: str
    sample: Rows
    rest: int


def decided(campaign: Campaign, found: Report, *, raw: bool) -> Decided | None:
    """Of the last test that was decided and kept what it saw; None without one."""
    rows = SplitTestRun.objects.filter(run__campaign=campaign, chosen__isnull=False)
    run = rows.select_related("run__campaign", "chosen", "chosen_by").order_by("run__number").last()
    kept = snapshots.figures(run) if run else {}
    if run is None or run.chosen is None or not kept:
        return None
    beside = [
        VariantRow(variant=row.variant, figures=kept[row.variant.pk].figures, raw=kept[row.variant.pk].raw)
        for row in found.variants
        if row.variant.pk in kept
    ]
    now = {row.variant.pk: row.figures.sent for row in found.variants}
    return Decided(
        run=run,
        name=run.chosen.name,
        sample=with_values(tables.comparisons(beside, campaign.channel, raw=raw)),
        rest=max(0, now.get(run.chosen_id or 0, 0) - of_set(kept[run.chosen.pk], raw=False).sent),
    )


def with_values(found: list[Comparison]) -> Rows:
    """Each comparison with its values as they are shown, and which of them is the best."""
    return [
        (each, [(tables.shown(each.definition, value), place == each.best) for place, value in enumerate(each.values)])
        for each in found
    ]


def without_verdict(found: list[Comparison]) -> list[Comparison]:
    """Values alone: the one that went to the rest, and later, is not to be held against the others."""
    return [replace(each, best=None, words="") for each in found]


def of_variants(campaign: Campaign, found: Report, *, raw: bool) -> dict[str, Any]:
    """What the report shows of variants side by side."""
    compared, test = tables.comparisons(found.variants, campaign.channel, raw=raw), decided(campaign, found, raw=raw)
    return {"comparisons": with_values(without_verdict(compared) if test else compared), "decided": test}
