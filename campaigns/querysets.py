"""Questions about many campaigns; the admin, the APIs and the commands ask the same ones."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db.models import IntegerField, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.permissions import GRANTS, Permission
from accounts.scoping import ScopedQuerySet
from tags.models import folded

if TYPE_CHECKING:
    from accounts.models import User
    from campaigns.models import Campaign  # noqa: F401 - named in the base class

__all__ = ["DATES", "CampaignQuerySet", "ScopedQuerySet"]

DATES = ("created_at", "scheduled_at", "started_at", "finished_at")
APPROVING_ROLES = [role for role, permissions in GRANTS.items() if Permission.APPROVE in permissions]


class CampaignQuerySet(ScopedQuerySet["Campaign"]):
    def kept(self) -> Self:
        """Campaigns nobody has deleted."""
        return self.filter(deleted_at__isnull=True)

    def due(self, at: datetime) -> Self:
        """Scheduled campaigns whose time has come, anywhere at all where it is each person's own, and which nobody has
        paused. Costs one query more, for the few whose time depends on the zone."""
        time_has_come = Q(schedule_type="immediate") | Q(
            schedule_type__in=["future", "recursive"], scheduled_at__lte=at
        )
        time_has_come |= Q(pk__in=_due_somewhere(at))
        return self.kept().filter(time_has_come, state="scheduled", paused=False, organization__is_active=True)

    def overtaken(self, at: datetime) -> Self:
        """Recurring campaigns that are still being sent while their next occurrence has come."""
        running = ["calculating", "sending", "holding"]
        return self.kept().filter(schedule_type="recursive", state__in=running, scheduled_at__lte=at)

    def in_state(self, *states: str) -> Self:
        return self.filter(state__in=states)

    def search(self, keyword: str) -> Self:
        """The keyword is part of the name, in any case; a public id finds its campaign. Nothing finds everything."""
        keyword = keyword.strip()
        return self.filter(Q(name__icontains=keyword) | Q(public_id=keyword)) if keyword else self

    def tagged(self, names: Iterable[str], *, every: bool = False) -> Self:
        """With any of these tags (with `every`, all of them), given by name or public id."""
        from campaigns.models import CampaignTag  # the models import this module

        wanted = list(names)
        groups = [[name] for name in wanted] if every else [wanted]
        found = self
        for group in groups:
            tagged = Q(tag__folded__in=[folded(name) for name in group]) | Q(tag__public_id__in=group)
            found = found.filter(pk__in=CampaignTag.objects.filter(tagged).values("content_object"))
        return found

    def between(self, start: datetime | None, end: datetime | None, *, date: str = "created_at") -> Self:
        """From `start` on and before `end`, by one of DATES; None leaves that side open."""
        if date not in DATES:
            raise ValueError(date)
        bounds: dict[str, Any] = {f"{date}__gte": start, f"{date}__lt": end}
        return self.filter(**{lookup: moment for lookup, moment in bounds.items() if moment is not None})

    def waiting_for(self, user: "User") -> Self:
        """Campaigns this person could approve now: not those they submitted where four eyes are needed."""
        own = Q(submitted_by=user, organization__four_eyes=True)
        waiting = self.kept().filter(state="pending_approval").exclude(own)
        if user.is_superuser:
            return waiting
        memberships = user.memberships.filter(role__in=APPROVING_ROLES, organization__is_active=True)
        return waiting.filter(organization__in=memberships.values("organization"))

    def with_counts(self) -> Self:
        """Adds `sent_count` and `failed_count` over all runs, without a query per campaign."""
        return self.annotate(sent_count=_over_runs("sent"), failed_count=_over_runs("failed"))


def _due_somewhere(at: datetime) -> list[int]:
    """Campaigns for each person's own time of day that somewhere on earth it is."""
    from campaigns import local_times  # which knows the models, and the models import this module
    from campaigns.models import Campaign

    soon = Campaign.objects.filter(state="scheduled", schedule_type="future", local_time=True)
    rows = soon.filter(scheduled_at__lte=at + local_times.FURTHEST).select_related("edition", "organization")
    return [row.pk for row in rows if (begins_at := local_times.begins_at(row)) and begins_at <= at]


def _over_runs(column: str) -> Coalesce:
    from campaigns.models import CampaignRun  # the models import this module

    runs = CampaignRun.objects.filter(campaign=OuterRef("pk")).order_by().values("campaign")
    return Coalesce(Subquery(runs.annotate(total=Sum(column)).values("total")), 0, output_field=IntegerField())
