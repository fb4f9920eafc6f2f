"""How the variations of a campaign did, each by those it was sent to."""

from dataclasses import dataclass
from typing import Any

from campaigns.models import Campaign, Variant
from stats.figures import Figures, rate
from stats.reports import report


@dataclass(frozen=True)
class Metrics:
    """One variation and its figures."""

    variant: Variant
    figures: Figures

    @property
    def counters(self) -> dict[str, int]:
        """As they stand within `Options.ABTesting`: with `TotalRecipient`, without an s."""
        found = self.figures
        return {
            "TotalRecipient": found.total_recipients,
            "TotalSent": found.sent,
            "TotalFailed": found.failed,
            "UniqueOpens": found.opened,
            "UniqueClicks": found.clicked,
            "TotalRevenue": found.revenue_cents,
            "TotalUnsubscriptions": found.unsubscribed,
        }


def metrics(campaign: Campaign) -> dict[int, Metrics]:
    """By variant id, in the order of positions."""
    measured = {row.variant.pk: row.figures for row in report(campaign).variants}
    variants = campaign.variants.select_related("email")
    return {variant.pk: Metrics(variant, measured.get(variant.pk, Figures())) for variant in variants}


def percent(part: int, whole: int) -> float:
    """From 0 to 100, with two decimals."""
    return round(100 * rate(part, whole), 2)


def amount(cents: int) -> str:
    """A sum of money as text: `120.00`."""
    return f"{cents / 100:.2f}"


def rates(found: Figures) -> dict[str, Any]:
    return {
        "OpenRate": percent(found.opened, found.delivered),
        "ClickRate": percent(found.clicked, found.delivered),
        "CTOR": percent(found.clicked, found.opened),
    }
