"""What the variants' samples have brought so far: the hits of people (`stats`), of those a message was delivered to."""

from collections.abc import Mapping

from django.db.models import Count, FloatField, Sum
from django.db.models.functions import Cast, Coalesce

from campaigns.models import CampaignRun
from delivery.models import Recipient
from splittests.decisions import PER_PERSON, Measured, Metric
from stats.counted import Counts, results, summed
from stats.figures import Figures
from stats.models import Counter, Engagement

# What a person did how often; the columns of `Engagement`.
HOW_OFTEN = {Metric.OPENS: "human_opens", Metric.CLICKS: "human_clicks", Metric.REVENUE: "revenue_cents"}


def measure(run: CampaignRun, metric: Metric) -> list[Measured]:
    """One for each variant, in their order. The rest of the audience has got nothing yet, and is not looked at."""
    return measured(run, metric, figures(run))


def figures(run: CampaignRun) -> dict[int, Figures]:
    """Of people, by variant in their order."""
    counts, sent = summed(Counter.objects.filter(run=run), "variant_id"), _sent(run)
    variants = run.campaign.variants.order_by("position").values_list("pk", flat=True)
    return {pk: _figures(run, sent.get(pk, 0), counts.get(pk, {})) for pk in variants}


def measured(run: CampaignRun, metric: Metric, found: Mapping[int, Figures]) -> list[Measured]:
    amounts = _amounts(run, metric) if metric in PER_PERSON else {}
    return [_measured(pk, metric, each, amounts.get(pk)) for pk, each in found.items()]


def _figures(run: CampaignRun, sent: int, counts: Counts) -> Figures:
    return results({"planned": sent, "sent": sent}, counts, run.campaign.channel).figures


def _sent(run: CampaignRun) -> Mapping[int, int]:
    sent = Recipient.objects.filter(run=run, batch__held=False, state=Recipient.State.SENT).order_by()
    return dict(sent.values_list("variant").annotate(Count("pk")))


def _amounts(run: CampaignRun, metric: Metric) -> dict[int, tuple[int, int]]:
    """By variant: the sum over people, and the sum of squares."""
    column = HOW_OFTEN[metric]
    squared = Cast(column, FloatField()) * Cast(column, FloatField())  # one large order squared is no 64-bit number
    rows = Engagement.objects.filter(recipient__run=run).order_by().values_list("recipient__variant")
    sums = rows.annotate(amount=Coalesce(Sum(column), 0), squares=Coalesce(Sum(squared), 0.0))
    return {variant: (int(amount), round(squares)) for variant, amount, squares in sums}


def _measured(variant_id: int, metric: Metric, figures: Figures, amount: tuple[int, int] | None) -> Measured:
    if metric in PER_PERSON:
        brought, squares = amount or (0, 0)
        return Measured(variant_id=variant_id, people=figures.delivered, amount=brought, squares=squares)
    if metric == Metric.CLICK_TO_OPEN:
        return Measured(variant_id=variant_id, people=figures.opened, amount=figures.clicked)
    return Measured(variant_id=variant_id, people=figures.delivered, amount=getattr(figures, metric.value))
