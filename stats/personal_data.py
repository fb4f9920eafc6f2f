"""What statistics hold about a person, for `audience.privacy`: every hit.

Erased, a hit keeps what is counted (kind, time, which link) and loses what tells whose it was: the person, the IP
address, the user agent, and the address of the link, into which an author may have written merge fields; there it goes
from counters, too. Hits that are still in the spool arrive so as well (`stats.ingest`).
"""

from typing import Any, NamedTuple

from django.db.models import QuerySet

from audience.models import Subscriber
from audience.privacy import Holding, hold
from campaigns.models import Campaign, Channel
from delivery.models import Recipient
from stats.links import links_in_content
from stats.models import ClickedLink, Counter, Event, EventKind, StrayHit
from tracking import spool

LINK = ("recipient__run__campaign", "recipient__variant", "link_position")


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
    author wrote, merge fields made it, and reports show what the author wrote. Once retention has dropped the hits,
    nobody can tell whose address it was; then all that are not the author's go."""
    urls = _urls_clicked(person)
    for campaign in Campaign.objects.filter(pk__in={link.campaign_id for link in urls}):
        written = links_in_content(campaign)
        for link, theirs in urls.items():
            if link.campaign_id == campaign.pk and (wrote := written.get((link.variant_id, link.position))):
                clicks = Counter.objects.filter(run__campaign=campaign, kind=EventKind.CLICKED)
                rows = clicks.filter(variant=link.variant_id, link_position=link.position).exclude(url=wrote)
                (rows.filter(url__in=theirs) if theirs else rows).update(url="")


class Link(NamedTuple):
    campaign_id: int
    variant_id: int
    position: int


def _urls_clicked(person: Subscriber) -> dict[Link, set[str]]:
    """The addresses by the link of a mail; none where the hits are gone."""
    mail = {"run__campaign__channel": Channel.EMAIL, "variant__isnull": False}
    theirs = Recipient.objects.filter(subscriber=person, **mail)
    clicked = ClickedLink.objects.filter(recipient__in=theirs).order_by()
    found: dict[Link, set[str]] = {Link(*link): set() for link in clicked.values_list(*LINK)}
    hits = Event.objects.filter(recipient__in=theirs, kind=EventKind.CLICKED).exclude(url="").order_by()
    for *link, url in hits.values_list(*LINK, "url").distinct():
        found.setdefault(Link(*link), set()).add(url)
    return found
