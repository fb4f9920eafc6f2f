"""Who would get a campaign if it went out now: counted, with what keeps the others out."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from accounts.admin.pages import fragment
from campaigns.admin.lookup import of_campaign
from campaigns.admin.progress import SKIP_WORDS
from campaigns.admin.variant_sizes import planned_sizes
from campaigns.models import Campaign
from delivery import audiences
from delivery.audiences import Audience


@dataclass(frozen=True)
class Estimate:
    """`people` in the audience; `mailable` of them would get it; `skipped` names why the others would not.

    `excluded` people are not in the audience: another list or segment keeps them out.
    """

    people: int
    mailable: int
    skipped: tuple[tuple[str, int], ...]
    excluded: int = 0


def estimate(audience: Audience) -> Estimate:
    """As `delivery.audiences.estimate`, in words."""
    counted = audiences.estimate(audience)
    skipped = tuple((SKIP_WORDS.get(reason, reason), people) for reason, people in counted.skipped.items())
    return Estimate(counted.people, counted.mailable, skipped, counted.excluded)


def estimate_of(campaign: Campaign) -> Estimate:
    return estimate(audiences.of(campaign))


@of_campaign()
def estimate_fragment(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The estimate for a page that has been shown already, with the numbers of its variants."""
    template = "short" if "short" in request.GET else "full"
    found = estimate_of(campaign)
    sizes = planned_sizes(campaign, found.mailable) if found.mailable else None
    return fragment(request, f"admin/campaigns/campaign/estimate_{template}.html", estimate=found, sizes=sizes)
