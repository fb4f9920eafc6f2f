"""The schedule a draft keeps before anybody submits it: what its author means, and nothing the clock looks at.

Octeth's clients write the schedule and the wish to go out in two calls, in either order.
"""

from django.db import transaction
from django.utils.timezone import now

from accounts.actors import Actor
from accounts.permissions import Permission, may
from campaigns import recurring, schedules
from campaigns.errors import Locked, NotAllowed, NotReady
from campaigns.models import Campaign, ScheduleType, State
from campaigns.schedules import Schedule


def keep(campaign: Campaign, kind: ScheduleType, *, by: Actor) -> None:
    """Time, zone and recurrence are the draft's own columns (`drafts.edit`). Raises Locked, NotReady, NotAllowed."""
    if not may(by.user, Permission.UPDATE, campaign.organization):
        raise NotAllowed(f"You may not update campaigns of {campaign.organization}.")
    with transaction.atomic():
        row = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
        if row.state != State.DRAFT:
            raise Locked(f"In state {row.state} a schedule is changed by scheduling it again.")
        if kind == ScheduleType.FUTURE and row.scheduled_at is None:
            raise NotReady({"scheduled_at": ["Say when the campaign is to go out."]})
        row.schedule_type = kind
        row.save(update_fields=["schedule_type", "modified_at"])


def of(campaign: Campaign) -> Schedule | None:
    """The schedule a campaign keeps, or none. Raises NotReady where something of it is missing."""
    match ScheduleType(campaign.schedule_type):
        case ScheduleType.IMMEDIATE:
            return schedules.IMMEDIATELY
        case ScheduleType.FUTURE:
            return Schedule(type=ScheduleType.FUTURE, at=campaign.scheduled_at, tz=campaign.schedule_tz)
        case ScheduleType.RECURSIVE:
            recurrence = recurring.of(campaign)
            if recurrence is None:
                raise NotReady({"recurrence": ["Say on which days and at what times it recurs."]})
            return schedules.recurring(recurrence, campaign.schedule_tz, after=now())
    return None
