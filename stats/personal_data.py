"""What statistics hold about a person, for `audience.privacy`: every hit.

Erased, a hit keeps what is counted (kind, time, which link) and loses what tells whose it was: the person, the IP
address, the user agent, and the address of the link, into which an author may have written merge fields. Hits that are
still in the spool arrive so, too (`stats.ingest`).
"""

from typing import Any

from django.db.models import QuerySet

from audience.models import Subscriber
from audience.privacy import Holding, hold
from delivery.models import Recipient
from stats.models import Event, StrayHit
from tracking import spool


def register() -> None:
    hold(Holding(name="hits", count=_count, export=_hits, erase=_erase))


def _events(person: Subscriber) -> QuerySet[Event]:
    return Event.objects.filter(recipient__in=Recipient.objects.filter(subscriber=person).values("pk"))


def _count(person: Subscriber) -> int:
    return _events(person).count()


def _hits(person: Subscriber) -> list[dict[str, Any]]:
    rows = _events(person).select_related("run__campaign").order_by("pk")
    return [
        {
            "campaign": row.run.campaign.name,
            "what": row.kind,
            "at": row.at.isoformat(),
            "link_position": row.link_position,
            "url": row.url,
            "ip_address": row.ip_address,
            "user_agent": row.user_agent,
            "data": row.data,
        }
        for row in rows
    ]


def _erase(person: Subscriber) -> int:
    _erase_strays(person)
    return _events(person).update(ip_address=None, user_agent="", url="", data={})


def _erase_strays(person: Subscriber) -> None:
    """Lines that could not be counted are kept as they were read; there are few of them."""
    for stray in StrayHit.objects.filter(line__contains=f",{person.pk},"):
        hit = spool.decode(stray.line.encode())
        if hit is None or hit.subscriber_id == person.pk:
            stray.delete()
