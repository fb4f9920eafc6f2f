"""How far a campaign is: the numbers of its run, fetched again and again while it is being sent."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.http import HttpRequest, HttpResponse

from accounts.admin.pages import fragment
from campaigns.admin.lookup import of_campaign
from campaigns.models import RUNNING, Campaign, CampaignRun, State
from delivery import progress

SKIP_WORDS = {
    "unsubscribed": "unsubscribed",
    "unconfirmed": "never confirmed",
    "bounced": "bounced before",
    "complained": "complained before",
    "suppressed": "on the suppression list",
    "no_address": "without an address",
    "capped": "mailed within the frequency cap",
    "expired": "expired before it was their turn",
    "cancelled": "left when it was cancelled",
    "erased": "erased while they waited",
}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """The numbers a bar is drawn from: planned = sent + failed + skipped + in_doubt + pending."""

    planned: int = 0
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    in_doubt: int = 0

    @property
    def pending(self) -> int:
        return self.planned - self.sent - self.failed - self.skipped - self.in_doubt

    @property
    def to_send(self) -> int:
        """People a message is attempted to."""
        return self.planned - self.skipped

    @property
    def settled(self) -> int:
        return self.to_send - self.pending


COLUMNS = ("planned", "sent", "failed", "skipped", "in_doubt")


def bars_of(campaigns: Iterable[Campaign]) -> dict[int, Bar]:
    """By campaign id, in one query."""
    rows: Any = CampaignRun.objects.filter(campaign__in=list(campaigns)).order_by().values("campaign_id")
    totals = rows.annotate(**{f"all_{name}": Sum(name) for name in COLUMNS})
    return {row["campaign_id"]: Bar(**{name: row[f"all_{name}"] for name in COLUMNS}) for row in totals}


def progress_context(campaign: Campaign) -> dict[str, Any]:
    """What the template of the progress needs."""
    now = progress.of(campaign)
    reasons = [(SKIP_WORDS.get(reason, reason), people) for reason, people in now.skipped_by_reason.items()]
    bar = Bar(**{name: getattr(now, name) for name in COLUMNS})
    return {"campaign": campaign, "progress": now, "bar": bar, "skip_reasons": reasons}


@of_campaign()
def progress_fragment(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The bars and numbers; tells the page to load anew when the campaign has moved on."""
    answer = fragment(request, "admin/campaigns/campaign/progress.html", **progress_context(campaign))
    if f"{campaign.state}:{campaign.paused}" != request.GET.get("was", ""):
        answer.headers["HX-Refresh"] = "true"
    return answer


def is_live(campaign: Campaign) -> bool:
    """Whether the page should keep asking: somebody else, the clock or a worker is about to move the campaign."""
    return not campaign.paused and campaign.state in (*RUNNING, State.SCHEDULED, State.PENDING_APPROVAL)
