"""What somebody chooses on their preference page: the lists they are on, and the public ones they are not on."""

from collections.abc import Collection
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q

from audience import subscriptions
from audience.errors import StaysOut
from audience.models import MailingList, Subscription
from tracking.unsubscribes import Wish

Status = Subscription.Status
# Nobody comes back from these by a tick on a page (`audience.joining`).
CLOSED = (Status.BOUNCED, Status.COMPLAINED)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A list as the page offers it."""

    mailing_list: MailingList
    status: str

    @property
    def is_on(self) -> bool:
        return self.status == Status.SUBSCRIBED

    @property
    def waits(self) -> bool:
        return self.status == Status.UNCONFIRMED


@dataclass(kw_only=True)
class Changes:
    """What saving changed. `ended` are the keys of subscriptions that can be given back."""

    joined: list[MailingList] = field(default_factory=list)
    left: list[MailingList] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)


def choices(wish: Wish) -> list[Choice]:
    """By name: the lists the person is on, and the public lists of the organization that are not closed to them."""
    statuses = dict(wish.subscriber.subscriptions.values_list("mailing_list", "status"))
    on = [pk for pk, status in statuses.items() if status in (Status.SUBSCRIBED, Status.UNCONFIRMED)]
    lists = MailingList.objects.of(wish.organization).filter(Q(pk__in=on) | Q(is_public=True)).order_by("name", "pk")
    return [
        Choice(mailing_list=each, status=statuses.get(each.pk, ""))
        for each in lists
        if statuses.get(each.pk) not in CLOSED
    ]


def save(wish: Wish, *, shown: Collection[str], wanted: Collection[str], source: str, ip_address: str) -> Changes:
    """Join and leave, so that of the lists shown the person is on those wanted (public ids). Others stay."""
    changes = Changes()
    address = ip_address or None
    with transaction.atomic():
        for choice in choices(wish):
            each = choice.mailing_list
            if each.public_id not in shown:
                continue
            if each.public_id in wanted and not choice.is_on:
                changes.joined += _join(wish, each, source, address)
            elif each.public_id not in wanted and choice.is_on:
                rows = wish.subscriber.subscriptions.filter(mailing_list=each, status=Status.SUBSCRIBED)
                ended = list(rows.values_list("pk", flat=True))
                subscriptions.unsubscribe(wish.subscriber, mailing_lists=[each], source=source, ip_address=address)
                changes.ended += ended
                changes.left += [each]
    return changes


def _join(wish: Wish, mailing_list: MailingList, source: str, ip_address: str | None) -> list[MailingList]:
    wording = f"Ticked “{mailing_list.name}” on the preference page of {wish.organization.name}."
    try:
        subscriptions.join(wish.subscriber, mailing_list, source=source, ip_address=ip_address, wording=wording)
    except StaysOut:  # somebody ended it for another reason at this very moment
        return []
    return [mailing_list]


def undo(wish: Wish, *, joined: Collection[int], ended: Collection[int], source: str, ip_address: str) -> Changes:
    """Leave the lists that were joined (keys of lists) and give back what was left (keys of subscriptions)."""
    address = ip_address or None
    with transaction.atomic():
        lists = list(MailingList.objects.of(wish.organization).filter(pk__in=joined))
        subscriptions.unsubscribe(wish.subscriber, mailing_lists=lists, source=source, ip_address=address)
        back = subscriptions.come_back(wish.subscriber, ended, source=source, ip_address=address)
    return Changes(joined=[row.mailing_list for row in back], left=lists)
