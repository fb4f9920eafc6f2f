"""People whose mail came back, and people who complained: for many at once, in the transaction of who counts it.

Everybody is locked in one order, people before their subscriptions, as whoever erases or changes a person does. Who is
gone meanwhile is passed over.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from audience import consent
from audience.models import Subscriber, Subscription

Status = Subscription.Status
ALIVE = (Status.SUBSCRIBED, Status.UNCONFIRMED)


def locked(subscriber_ids: Iterable[int]) -> dict[int, Subscriber]:
    """Those who are there, by key, until the transaction ends; nobody erases them meanwhile."""
    people = Subscriber.objects.filter(pk__in=set(subscriber_ids)).select_related("organization").order_by("pk")
    return {each.pk: each for each in people.select_for_update(of=("self",), no_key=True)}


def bounced(people: Mapping[int, datetime], *, source: str) -> Counter[int]:
    """End every subscription of these people that was alive; how many that were, by person. Idempotent."""
    return _end(people, Status.BOUNCED, ALIVE, source)


def complained(people: Mapping[int, datetime], *, source: str) -> Counter[int]:
    """End every subscription of these people, also those that ended otherwise; how many were alive, by person."""
    return _end(people, Status.COMPLAINED, (*ALIVE, Status.UNSUBSCRIBED, Status.BOUNCED), source)


def _end(people: Mapping[int, datetime], status: str, before: tuple[str, ...], source: str) -> Counter[int]:
    rows = Subscription.objects.filter(subscriber__in=list(people), status__in=before).select_related("mailing_list")
    ending = list(rows.order_by("pk").select_for_update(of=("self",)))
    alive = Counter(row.subscriber_id for row in ending if row.status in ALIVE)
    consent.end_many(ending, status, source=source, at=people)
    return alive


def count_soft(person: Subscriber, at: datetime, *, anew: bool, limit: int) -> bool:
    """One more soft bounce of somebody who is locked; whether it is the one that counts as hard (`limit`; 0: none is).

    `anew`: something has arrived since the last one, so that this is the first again.
    """
    person.soft_bounces = 1 if anew else min(person.soft_bounces + 1, 32_000)
    person.soft_bounced_at = at
    person.save(update_fields=["soft_bounces", "soft_bounced_at"])
    return bool(limit) and person.soft_bounces >= limit
