"""The recurrence a campaign keeps, and what is due of it. Written only under the campaign's lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.scoping import ScopedQuerySet
from campaigns.errors import NotReady
from campaigns.recurrence import BOUNDS, MOST_INSTANCES, Recurrence

if TYPE_CHECKING:
    from campaigns.models import Campaign

# Missed slots are counted to here, and so many named; after months of downtime "every minute" has a great many.
MOST_COUNTED, MOST_NAMED = 1_000, 20


class CampaignRecurrence(models.Model):
    """The lists of a `Recurrence`; its zone is the campaign's `schedule_tz`, its next occurrence `scheduled_at`.

    It counts while the campaign's schedule type is recursive; a draft may keep one until it is scheduled.
    """

    organization_path = "campaign__organization"

    campaign = models.OneToOneField(
        "campaigns.Campaign", primary_key=True, on_delete=models.CASCADE, related_name="recurrence"
    )
    days_of_week = models.JSONField(default=list, blank=True, help_text="1, Monday, to 7, Sunday; empty for every day.")
    days_of_month = models.JSONField(default=list, blank=True, help_text="1 to 31; empty for every day.")
    months = models.JSONField(default=list, blank=True, help_text="1 to 12; empty for every month.")
    hours = models.JSONField(help_text="0 to 23.")
    minutes = models.JSONField(help_text="0 to 59.")
    max_instances = models.PositiveIntegerField(default=0, help_text="How many times in all; 0 for no end.")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(max_instances__lte=MOST_INSTANCES), name="campaigns_recurrence_limit_in_bounds"
            ),
            models.CheckConstraint(
                condition=~Q(hours=[]) & ~Q(minutes=[]), name="campaigns_recurrence_has_a_time_of_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value.cron} of {self.campaign_id}"

    @property
    def value(self) -> Recurrence:
        lists: dict[str, Any] = {name: tuple(getattr(self, name)) for name in BOUNDS}
        return Recurrence(**lists, max_instances=self.max_instances)


def of(campaign: Campaign) -> Recurrence | None:
    """What the campaign keeps, whether or not it counts now."""
    kept = CampaignRecurrence.objects.filter(campaign=campaign.pk).first()
    return kept.value if kept else None


def keep(campaign: Campaign, recurrence: Recurrence | None) -> None:
    """Keep this one, or none. Raises NotReady where more instances have gone out than it has."""
    if recurrence is None:
        CampaignRecurrence.objects.filter(campaign=campaign.pk).delete()
        return
    done = campaign.runs.count()
    if recurrence.max_instances and done >= recurrence.max_instances:
        many = f"{done:,} have gone out" if done > 1 else "one has gone out"
        raise NotReady({"max_instances": [f"Of {recurrence.max_instances:,} times, {many} already. Allow more."]})
    CampaignRecurrence.objects.update_or_create(campaign_id=campaign.pk, defaults=recurrence.data)


def is_exhausted(campaign: Campaign) -> bool:
    """Whether it has gone out as many times as it may."""
    kept = of(campaign)
    return kept is None or bool(kept.max_instances and campaign.runs.count() >= kept.max_instances)


def from_on(recurrence: Recurrence, moment: datetime, tz: str) -> Iterator[datetime]:
    """Its occurrences from that moment on."""
    return recurrence.after(moment - timedelta(microseconds=1), tz)


# --- what is due -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Due:
    """What the clock finds: the slot to start for, if any, the slots nobody can make up for, and the one to wait for.

    `missed` names the first MOST_NAMED; `count` is how many there are, up to MOST_COUNTED.
    """

    slot: datetime | None
    missed: tuple[datetime, ...]
    count: int
    following: datetime | None

    @property
    def data(self) -> dict[str, Any]:
        """For the history."""
        return {"slots": [each.isoformat() for each in self.missed], "count": self.count}


def due(campaign: Campaign, moment: datetime, *, starts: bool = True) -> Due:
    """What is due of a campaign whose next slot has come.

    At most one start makes up for what was missed: the last slot, if it is no older than CATCH_UP_MINUTES. Without
    `starts` all slots are missed, since the instance before is still being sent.
    """
    kept = of(campaign)
    first = campaign.scheduled_at
    if kept is None or first is None:  # the caller asks only of what is due
        raise ValueError(campaign)
    slots = from_on(kept, first, campaign.schedule_tz)
    passed = list(islice(takewhile(lambda each: each <= moment, slots), MOST_COUNTED))
    latest = passed[-1:]
    if len(passed) == MOST_COUNTED:  # further back than anybody names; the last is looked for from the other end
        recent = kept.after(moment - _catch_up(), campaign.schedule_tz)
        latest = [*latest, *takewhile(lambda each: each <= moment, recent)][-1:]
    slot = latest[0] if starts and latest and moment - latest[0] <= _catch_up() else None
    missed = [each for each in passed if each != slot]
    return Due(
        slot=slot,
        missed=tuple(missed[:MOST_NAMED]),
        count=len(missed),
        following=next(kept.after(moment, campaign.schedule_tz), None),
    )


def _catch_up() -> timedelta:
    return timedelta(minutes=settings.CATCH_UP_MINUTES)
