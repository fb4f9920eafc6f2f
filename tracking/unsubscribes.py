"""What an unsubscribe link stands for, and what following it does.

Scope: the lists that the campaign addressed. Where it addressed a segment that is bound to no list, it may have reached
people through any list, and so it is all lists of the organization. Excluded parts are not addressed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import Organization
from audience import subscriptions
from audience.models import MailingList, Subscriber, Subscription
from campaigns.models import Campaign, CampaignRun
from content.tokens import RecipientToken
from tracking.spool import Hit

Status = Subscription.Status
ENDED = (Status.UNSUBSCRIBED, Status.COMPLAINED)


class Gone(Exception):
    """The person or the campaign is no longer there, so that there is nothing to unsubscribe from."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A person and what their unsubscribe link is about; `mailing_lists` is None for all of the organization."""

    subscriber: Subscriber
    organization: Organization
    mailing_lists: tuple[MailingList, ...] | None

    def subscriptions(self, *, everything: bool = False) -> QuerySet[Subscription]:
        """The person's subscriptions in scope that have not ended."""
        rows = self.subscriber.subscriptions.kept().exclude(status__in=ENDED).select_related("mailing_list")
        if everything or self.mailing_lists is None:
            return rows.order_by("mailing_list__name", "pk")
        return rows.filter(mailing_list__in=self.mailing_lists).order_by("mailing_list__name", "pk")


def find(token: RecipientToken) -> Wish:
    """Raises Gone."""
    run = CampaignRun.objects.select_related("campaign__organization").filter(pk=token.run_id).first()
    subscriber = Subscriber.objects.filter(pk=token.subscriber_id).first()
    if run is None or subscriber is None or subscriber.organization_id != run.campaign.organization_id:
        raise Gone
    return Wish(
        subscriber=subscriber, organization=run.campaign.organization, mailing_lists=_addressed_lists(run.campaign)
    )


def _addressed_lists(campaign: Campaign) -> tuple[MailingList, ...] | None:
    lists: dict[int, MailingList] = {}
    parts = campaign.audience.filter(excluded=False).select_related("mailing_list", "segment")
    for part in parts.prefetch_related("segment__mailing_lists"):
        if part.mailing_list is not None:
            named = [part.mailing_list]
        else:
            named = list(part.segment.mailing_lists.all()) if part.segment else []
        if not named:
            return None
        lists |= {each.pk: each for each in named}
    return tuple(lists.values()) or None


def unsubscribe(wish: Wish, *, everything: bool = False, source: str, ip_address: str = "") -> list[int]:
    """End the subscriptions in scope; the ids of those that were active and can be given back by `resubscribe`."""
    with transaction.atomic():
        rows = wish.subscriptions(everything=everything)
        active = [row.pk for row in rows.filter(status=Status.SUBSCRIBED)]
        subscriptions.unsubscribe(
            wish.subscriber,
            mailing_lists=None if everything else wish.mailing_lists,
            source=source,
            ip_address=ip_address or None,
        )
    return active


def resubscribe(
    wish: Wish, subscription_ids: Iterable[int], *, source: str, ip_address: str = ""
) -> list[Subscription]:
    """Undo: of these subscriptions of this person, those that ended by unsubscribing; what came back."""
    return subscriptions.come_back(wish.subscriber, subscription_ids, source=source, ip_address=ip_address or None)


def apply_late(hit: Hit) -> int:
    """Carry out an unsubscription that was only spooled, because the database was away; how many subscriptions that
    ended. Safe to repeat.

    Somebody who subscribed again after it is left alone.
    """
    if hit.data.get("applied") is not False:
        return 0
    try:
        wish = find(RecipientToken(hit.run_id, hit.recipient_id, hit.subscriber_id))
    except Gone:
        return 0
    rows = wish.subscriptions(everything=bool(hit.data.get("everything")))
    older = rows.filter(Q(subscribed_at=None) | Q(subscribed_at__lte=hit.at))
    return subscriptions.unsubscribe(
        wish.subscriber,
        mailing_lists=[row.mailing_list for row in older],
        source=str(hit.data.get("source", "")),
        ip_address=hit.ip_address or None,
    )
