"""How much an organization has sent."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum
from django.utils.timezone import now

from accounts.models import Organization
from campaigns.models import CampaignRun


@dataclass(frozen=True)
class Usage:
    """Messages handed over: in this month of the organization's time zone by when their run began, and ever."""

    this_month: int
    ever: int


def of(organization: Organization) -> Usage:
    runs = CampaignRun.objects.of(organization).order_by()
    month = Sum("sent", filter=Q(started_at__gte=_month_began(organization)))
    found = runs.aggregate(month=month, ever=Sum("sent"))
    return Usage(this_month=found["month"] or 0, ever=found["ever"] or 0)


def _month_began(organization: Organization) -> datetime:
    local = now().astimezone(ZoneInfo(organization.timezone))
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
