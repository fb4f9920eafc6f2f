"""Deleting what campaigns are made of: emails, segments and lists.

A campaign that is not over keeps its parts: it has to be changed or cancelled first. One that is over has its content
and its recipients on record, so its parts may go, and its history says that they went. A list is kept for as long as
any campaign names it, since its people are known by it.
"""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q

from accounts.actors import Actor
from accounts.permissions import Permission, may
from audience import list_removal
from audience.imports import AT_WORK
from audience.models import MailingList, Segment
from campaigns.errors import Locked, NotAllowed
from campaigns.models import UNFINISHED, Campaign, CampaignAudience, Variant
from campaigns.transitions import record
from content.models import Email

AT_ONCE = 10_000  # subscriptions that end in one request


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


def delete_list(mailing_list: MailingList, *, by: Actor, with_people: bool = False) -> None:
    """Delete the list and, if asked for, the subscriptions to it; the people stay. Raises NotAllowed and Locked.

    It is seen nowhere from now on. With more subscriptions than AT_ONCE its rows go in the background.
    """
    _require_may(by, mailing_list)
    with transaction.atomic():
        MailingList.objects.select_for_update().get(pk=mailing_list.pk)
        why = keeps_list(mailing_list)
        count = mailing_list.subscriptions.count()
        if not why and count and not with_people:
            why = f"{count:,} people are on the list {mailing_list}; say that their subscriptions may end with it."
        if why:
            raise Locked(why)
        if count > AT_ONCE:
            list_removal.begin(mailing_list)
        else:
            list_removal.forget_imports(mailing_list)
            mailing_list.delete()


def keeps_list(mailing_list: MailingList) -> str:
    """Why a list cannot be deleted, whatever anybody says; empty if it can."""
    named = CampaignAudience.objects.filter(mailing_list=mailing_list).select_related("campaign").first()
    if named:
        return f"The campaign {named.campaign} names the list {mailing_list}, so it is kept."
    if segment := mailing_list.segments.first():
        # without its last list a segment would mean everybody
        return f"The segment {segment} names the list {mailing_list}; change that first."
    if mailing_list.imports.filter(status__in=AT_WORK).exists():
        return f"People are being imported into the list {mailing_list}; wait for the end, or cancel it."
    return ""


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


def _require_may(by: Actor, row: Email | Segment | MailingList) -> None:
    if not may(by.user, Permission.DELETE, row.organization):
        raise NotAllowed(f"You may not delete anything of {row.organization}.")
