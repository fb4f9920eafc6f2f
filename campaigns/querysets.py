"""Questions about many campaigns."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import Q

from accounts.scoping import ScopedQuerySet

if TYPE_CHECKING:
    from campaigns.models import Campaign  # noqa: F401 - named in the base class

__all__ = ["CampaignQuerySet", "ScopedQuerySet"]


class CampaignQuerySet(ScopedQuerySet["Campaign"]):
    def kept(self) -> Self:
        """Campaigns nobody has deleted."""
        return self.filter(deleted_at__isnull=True)

    def due(self, at: datetime) -> Self:
        """Scheduled campaigns whose time has come and which nobody has paused."""
        time_has_come = Q(schedule_type="immediate") | Q(schedule_type="future", scheduled_at__lte=at)
        return self.kept().filter(time_has_come, state="scheduled", paused=False, organization__is_active=True)
