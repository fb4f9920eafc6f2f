"""How fast a run went, from one stretch of time to the next."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Max, Min, QuerySet
from django.db.models.functions import TruncMinute

from campaigns.models import Campaign
from delivery.models import Recipient

STRETCHES = {"minute": 1, "5min": 5, "10min": 10, "15min": 15, "hour": 60}
MOST_POINTS = 60  # what a chart shows; "auto" takes the shortest stretch that needs no more of them


@dataclass(frozen=True)
class Stretch:
    """Messages handed over in the stretch that began `at`."""

    at: datetime
    sent: int


def stretch_for(campaign: Campaign) -> str:
    """The shortest of STRETCHES in which the whole campaign has at most MOST_POINTS."""
    span = _sent(campaign).aggregate(first=Min("settled_at"), last=Max("settled_at"))
    if span["first"] is None:
        return "minute"
    minutes = (span["last"] - span["first"]).total_seconds() / 60
    return next((name for name, each in STRETCHES.items() if minutes / each <= MOST_POINTS), "hour")


def velocity(campaign: Campaign, stretch: str) -> list[Stretch]:
    """Those stretches in which anything was sent, in order. Raises KeyError for what is no stretch."""
    length = STRETCHES[stretch]
    by_minute = _sent(campaign).annotate(at=TruncMinute("settled_at", tzinfo=UTC)).order_by("at").values_list("at")
    found: dict[datetime, int] = {}
    for at, sent in by_minute.annotate(Count("pk")):
        begun = at - timedelta(minutes=(at.hour * 60 + at.minute) % length)
        found[begun] = found.get(begun, 0) + sent
    return [Stretch(at, sent) for at, sent in found.items()]


def _sent(campaign: Campaign) -> QuerySet[Recipient]:
    return Recipient.objects.filter(run__campaign=campaign, state=Recipient.State.SENT, settled_at__isnull=False)
