"""What statistics hold about a person, for `audience.privacy`: every hit.

Erased, a hit keeps what is counted (kind, time, which link) and loses what tells whose it was: the person, the IP
address, the user agent, and the address of the link, into which an author may have written merge fields; there it goes
from counters, too. Hits that are still in the spool arrive so as well (`stats.ingest`).
"""

from typing import Any

from django.db.models import QuerySet

from audience.models import Subscriber
from audience.privacy import Holding, hold
from campaigns.models import Campaign, Channel
from delivery.models import Recipient
from stats.links import links_in_content
from stats.models import Counter, Event, EventKind, StrayHit
from tracking import spool

LINK = ("link_position", "url")


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
    _forget_their_links(person)
    return _events(person).update(ip_address=None, user_agent="", url="", data={})


def _erase_strays(person: Subscriber) -> None:
    """Lines that could not be counted are kept as they were read; there are few of them."""
    for stray in StrayHit.objects.filter(line__contains=f",{person.pk},"):
        hit = spool.decode(stray.line.encode())
        if hit is None or hit.subscriber_id == person.pk:
            stray.delete()


def _forget_their_links(person: Subscriber) -> None:
    """Counters keep the address of a link as whoever clicked it first in an hour had it. Where that is not what the
    author wrote, merge fields made it, and reports show what the author wrote."""
    clicks = _events(person).filter(kind=EventKind.CLICKED, run__campaign__channel=Channel.EMAIL).exclude(url="")
    by_campaign: dict[int, list[tuple[int, int, str]]] = {}
    for campaign_id, *click in clicks.order_by().values_list("run__campaign", "recipient__variant", *LINK).distinct():
        by_campaign.setdefault(campaign_id, []).append((click[0], click[1], click[2]))
    for campaign in Campaign.objects.filter(pk__in=by_campaign):
        written = links_in_content(campaign)
        for variant_id, position, url in by_campaign[campaign.pk]:
            if written.get((variant_id, position), url) != url:
                rows = Counter.objects.filter(run__campaign=campaign, variant=variant_id, link_position=position)
                rows.filter(kind=EventKind.CLICKED, url=url).update(url="")
