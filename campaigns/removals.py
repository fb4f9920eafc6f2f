"""Deleting what campaigns are made of: emails and segments.

A campaign that is not over keeps its parts: it has to be changed or cancelled first. One that is over has its content
and its recipients on record, so its parts may go, and its history says that they went.
"""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q

from accounts.actors import Actor
from accounts.permissions import Permission, may
from audience.models import Segment
from campaigns.errors import Locked, NotAllowed
from campaigns.models import UNFINISHED, Campaign, CampaignAudience, Variant
from campaigns.transitions import record
from content.models import Email


def delete_email(email: Email, *, by: Actor) -> None:
    """Raises Locked while a campaign that is not over says it, NotAllowed."""
    _require_may(by, email)
    with transaction.atomic():
        _release(Q(variants__email=email), f"The email {email}", by)
        Variant.objects.filter(email=email).update(email=None)
        email.delete()


def delete_segment(segment: Segment, *, by: Actor) -> None:
    """Raises Locked while a campaign that is not over addresses it, NotAllowed."""
    _require_may(by, segment)
    with transaction.atomic():
        _release(Q(audience__segment=segment), f"The segment {segment}", by)
        CampaignAudience.objects.filter(segment=segment).delete()
        segment.delete()


def _release(uses: Q, what: str, by: Actor) -> None:
    ids = Campaign.objects.filter(uses).values("pk")
    users = list(Campaign.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))
    _require_over(users, what)
    for campaign in users:
        record(campaign, "edit", by=by, before=campaign.state, reason=f"{what} was deleted.")


def _require_over(users: Iterable[Campaign], what: str) -> None:
    for campaign in users:
        if campaign.state in UNFINISHED and not campaign.deleted_at:
            raise Locked(f"{what} is used by the campaign {campaign}, which is not over yet.")


def _require_may(by: Actor, row: Email | Segment) -> None:
    if not may(by.user, Permission.DELETE, row.organization):
        raise NotAllowed(f"You may not delete anything of {row.organization}.")
