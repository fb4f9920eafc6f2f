"""What campaigns of an organization usually bring, to hold one against.

The average is that of the last campaigns of the same channel that were sent to their end, each counting alike, whatever
its size: it says what a campaign of ours brings, and one mail to everybody does not drown the rest. Those that nobody
got are left out, and so is the campaign itself. Each rate is the mean of the campaigns' rates.
"""

from collections.abc import Sequence

from campaigns.models import Campaign, State
from stats.figures import RATES, Figures
from stats.listings import for_campaigns
from stats.report_rows import Average

CAMPAIGNS = 20


def average_for(campaign: Campaign) -> Average:
    """Of the campaigns sent before this one; of the latest ones, where it has not finished. In four queries."""
    others = Campaign.objects.kept().in_state(State.SENT).filter(organization=campaign.organization_id)
    others = others.filter(channel=campaign.channel).exclude(pk=campaign.pk)
    if campaign.finished_at:
        others = others.filter(finished_at__lte=campaign.finished_at)
    latest = list(others.order_by("-finished_at", "-pk").values_list("pk", flat=True)[:CAMPAIGNS])
    found = [each for each in for_campaigns(latest).values() if each.figures.delivered]
    return Average(
        campaigns=len(found),
        figures=_means([each.figures for each in found]),
        raw=_means([each.raw for each in found]),
    )


def _means(found: Sequence[Figures]) -> dict[str, float]:
    if not found:
        return {}
    return {name: round(sum(getattr(each, name) for each in found) / len(found), 4) for name in RATES}
