"""Who would get a campaign if it went out now: counted, with what keeps the others out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse

from accounts.admin.pages import fragment
from accounts.models import Organization
from audience.selection import Part, select
from campaigns.admin.lookup import of_campaign
from campaigns.admin.progress import SKIP_WORDS
from campaigns.models import Campaign


@dataclass(frozen=True)
class Estimate:
    """`people` in the audience; `mailable` of them would get it; `skipped` names why the others would not."""

    people: int
    mailable: int
    skipped: tuple[tuple[str, int], ...]


def estimate(organization: Organization, parts: Iterable[Part], *, channel: str) -> Estimate:
    """One statement over the audience; nothing is stored."""
    chosen = list(parts)
    if not any(not part.excluded for part in chosen):
        return Estimate(0, 0, ())
    rows: Any = select(organization, chosen, channel=channel)  # its annotations are unknown to the type checker
    counted: dict[str, int] = dict(
        rows.order_by().values_list("skip_reason").annotate(people=Count("pk")).order_by("-people")
    )
    mailable = counted.pop("", 0)
    skipped = tuple((SKIP_WORDS.get(reason, reason), people) for reason, people in counted.items())
    return Estimate(mailable + sum(people for _, people in skipped), mailable, skipped)


def estimate_of(campaign: Campaign) -> Estimate:
    parts = [Part(part.mailing_list_id, part.segment_id, part.excluded) for part in campaign.audience.all()]
    return estimate(campaign.organization, parts, channel=campaign.channel)


@of_campaign()
def estimate_fragment(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The estimate for a page that has been shown already."""
    template = "short" if "short" in request.GET else "full"
    return fragment(request, f"admin/campaigns/campaign/estimate_{template}.html", estimate=estimate_of(campaign))
