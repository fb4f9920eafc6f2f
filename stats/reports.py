"""What became of campaigns, from the runs' own columns, the counters and the counted outcomes: the cost grows neither
with the events nor with the recipients."""

from collections.abc import Mapping

from campaigns.models import Campaign, Channel, Variant
from delivery.models import Recipient
from stats.breakdowns import bounce_codes, by_domain, by_program
from stats.counted import NOTHING, Counts, added_up, columns_of, results, summed
from stats.figures import Results
from stats.links import links
from stats.listings import run_columns
from stats.models import READ, Breakdown, Counter, EventKind
from stats.outcomes import Outcomes, outcomes
from stats.report_rows import Report, VariantRow
from stats.timeline import Point, by_day, by_hour, over_time
from stats.trends import average_for

State = Recipient.State
DOMAINS_SHOWN = 50


def report(campaign: Campaign) -> Report:
    """Everything a report page shows, over all runs of the campaign; zeros before it was started."""
    counts = summed(Counter.objects.filter(run__campaign=campaign), "variant_id")
    run = run_columns([campaign.pk]).get(campaign.pk, {})
    whole = results(run, added_up(counts.values()), campaign.channel, campaign.total_recipients)
    variants = list(campaign.variants.order_by("position"))
    counted = outcomes(campaign, largest=DOMAINS_SHOWN)
    hours, zone = hours_of(campaign), (campaign.edition or campaign.organization).timezone
    return Report(
        figures=whole.figures,
        raw=whole.raw,
        timeline=over_time(hours, zone),
        hours=by_hour(hours, zone),
        days=by_day(hours, zone),
        links=links(campaign, variants),
        variants=_variant_rows(campaign, variants, counts, whole, counted),
        domains=by_domain(campaign, counted.domains),
        clients=by_program(campaign, Breakdown.Dimension.CLIENT),
        devices=by_program(campaign, Breakdown.Dimension.DEVICE),
        outcomes={state.value: getattr(whole.figures, state.value) for state in State},
        skip_reasons=counted.skip_reasons,
        bounce_codes=bounce_codes(campaign),
        average=average_for(campaign),
        counted_at=counted.counted_at,
    )


def _variant_rows(
    campaign: Campaign, variants: list[Variant], counts: Mapping[int, Counts], whole: Results, counted: Outcomes
) -> list[VariantRow]:
    """A plain campaign's one variant is the whole; several share it."""
    if len(variants) == 1:
        return [VariantRow(variant=variants[0], figures=whole.figures, raw=whole.raw)]
    rows = []
    for variant in variants:
        own = columns_of(counted.variants.get(variant.pk, {}))
        found = results(own, counts.get(variant.pk, {}), campaign.channel, own["planned"] - own["skipped"])
        rows.append(VariantRow(variant=variant, figures=found.figures, raw=found.raw))
    return rows


def hours_of(campaign: Campaign) -> list[Point]:
    """Opens and clicks by hour of the organization's clock, in order."""
    shown = {EventKind.CLICKED.value: ("clicks", "clicked")}
    if campaign.channel == Channel.EMAIL:
        shown[READ] = ("opens", "opened")
    counters = Counter.objects.filter(run__campaign=campaign, kind__in=shown)
    return [Point(at=hour, **point_counts(counts, shown)) for hour, counts in sorted(summed(counters, "hour").items())]


def point_counts(counts: Counts, shown: Mapping[str, tuple[str, str]]) -> dict[str, int]:
    """The counts of a point by name, of people and of every hit; `shown`: what (total, unique) are called, by kind."""
    found: dict[str, int] = {}
    for kind, names in shown.items():
        sums = counts.get(kind, NOTHING)
        found |= dict(zip(names, sums.of(kind, people=True), strict=True))
        found |= dict(zip((f"raw_{name}" for name in names), sums.of(kind, people=False), strict=True))
    return found
