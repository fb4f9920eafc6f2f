"""Who did something, as conditions on a person: an EXISTS over recipients, engagements or events, with a count at most.

What was done with people's messages is read from `Recipient`. What they did with them is read from `Engagement`, one
row a message, and where it matters when or on which link, from `Event`. Two rules are the figures' own
(`docs/metrics.md`): a click or a look at the web version proves an open, and a message that was opened without loading
its pixel counts one open.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Sum, When
from django.db.models.expressions import Combinable

from audience.criteria.compiler import EVERYBODY, NOBODY
from delivery.models import Recipient
from stats.models import Event, EventKind
from stats.rule_values import Asked
from stats.tally import PROVES_READING

State = Recipient.State

# Hits of machines (scanners, prefetching proxies) are to be left out by a condition here, and by ingest in
# `Engagement`, as soon as ingest tells them from people.
BY_PEOPLE = Q()

MESSAGES: dict[str, Q] = {
    "queued": ~Q(state=State.SKIPPED),
    "sent": Q(state=State.SENT),
    "delivered": Q(state=State.SENT, engagement__bounced_at__isnull=True),
    "failed": Q(state=State.FAILED),
}
FIRST_TIMES: dict[str, str] = {
    "opened": "engagement__read_at",
    "clicked": "engagement__clicked_at",
    "unsubscribed": "engagement__unsubscribed_at",
    "complained": "engagement__complained_at",
    "bounced": "engagement__bounced_at",
}
_LOADS = Q(kind=EventKind.OPENED)
_MESSAGES_READ = Count("recipient", distinct=True)
_MESSAGES_LOADED = Count("recipient", distinct=True, filter=_LOADS)


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows that tell of one thing; `person` leads from a row to its subscriber, `recipient` to its recipient.

    `times` is how often, over the rows of one person.
    """

    rows: QuerySet[Any]
    person: str
    recipient: str
    moment: str
    times: Combinable


def did(what: str, asked: Asked, person: str) -> Q:
    """They did `what` as often as asked; `person` is the lookup prefix from the query to Subscriber. Never unknown."""
    if asked.is_about_nothing:
        return NOBODY
    if asked.count is None:
        return _at_least(1, what, asked, person)
    number = asked.count.number
    if asked.count.comparison == "at_least":
        return _at_least(number, what, asked, person)
    if asked.count.comparison == "at_most":
        return ~_at_least(number + 1, what, asked, person)
    return _at_least(number, what, asked, person) & ~_at_least(number + 1, what, asked, person)


def did_not(what: str, asked: Asked, person: str) -> Q:
    """The opposite; but nobody where the rule is about nothing, so that a slip of an id never means everybody."""
    return NOBODY if asked.is_about_nothing else ~did(what, asked, person)


def _at_least(number: int, what: str, asked: Asked, person: str) -> Q:
    if number == 0:
        return EVERYBODY
    if asked.runs == ():
        return NOBODY
    source = _source(what, asked, is_counted=number > 1)
    rows = _restricted(source, asked).filter(**{source.person: OuterRef(f"{person}pk")})
    if number > 1:
        rows = rows.order_by().values(source.person).annotate(times=source.times).filter(times__gte=number)
    return Q(Exists(rows))


def _restricted(source: Source, asked: Asked) -> QuerySet[Any]:
    rows = source.rows
    if asked.runs is not None:
        rows = rows.filter(run__in=asked.runs)
    elif asked.channel:
        rows = rows.filter(run__campaign__channel=asked.channel)
    if asked.email is not None:
        rows = rows.filter(**{f"{source.recipient}variant__email": asked.email})
    if asked.link:
        rows = rows.filter(url=asked.link)
    return rows if asked.window is None else rows.filter(asked.window.holds(source.moment))


# --- where it is written down ------------------------------------------------------------------------------------


def _source(what: str, asked: Asked, *, is_counted: bool) -> Source:
    if what in MESSAGES:
        return _messages(MESSAGES[what], Count("pk"))
    if asked.window or asked.link or (is_counted and what not in _TIMES):
        return _opens() if what == "opened" else _events(Q(kind=what), Count("pk"))
    return _messages(Q(**{f"{FIRST_TIMES[what]}__isnull": False}), _TIMES.get(what, Count("pk")))


def _messages(chosen: Q, times: Combinable) -> Source:
    rows = Recipient.objects.filter(chosen)
    return Source(rows=rows, person="subscriber", recipient="", moment="settled_at", times=times)


def _events(chosen: Q, times: Combinable) -> Source:
    rows = Event.objects.filter(BY_PEOPLE, chosen)
    return Source(rows=rows, person="recipient__subscriber", recipient="recipient__", moment="at", times=times)


def _opens() -> Source:
    """Every load of the pixel, and one for each message that was clicked or viewed without any."""
    loads = Count("pk", filter=_LOADS)
    return _events(Q(kind__in=sorted(PROVES_READING)), loads + _MESSAGES_READ - _MESSAGES_LOADED)


# The same from the engagements, which know how often without reading every event.
_TIMES: dict[str, Combinable] = {
    "opened": Sum(Case(When(engagement__opens=0, then=1), default=F("engagement__opens"), output_field=IntegerField())),
    "clicked": Sum("engagement__clicks"),
}
