"""Who did something, as conditions on a person: an EXISTS over recipients, engagements or events, with a count at most.

What was done with people's messages is read from `Recipient`. What they did with them is read from `Engagement`, one
row a message, and where it matters when or on which link, from `Event`. Two rules are the figures' own
(`docs/metrics.md`): a click or a look at the web version proves an open, and a message that was opened without loading
its pixel counts one open.

Every condition can be answered for one person from an index that begins with the subscriber, so that a planner who
cannot do it for all people at once, as under an OR, is still done within seconds.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Sum, When
from django.db.models.expressions import Combinable

from audience.criteria.subjects import EVERYBODY, NOBODY
from delivery.models import Recipient
from stats.models import Agent, Engagement, Event, EventKind
from stats.rule_values import Asked
from stats.tally import PROVES_READING

State = Recipient.State

# Scanners and bots are left out. Privacy proxies count: they hide whether somebody looked, and a rule that took them
# for nobody would call half of an audience inactive.
BY_PEOPLE = ~Q(agent=Agent.BOT)

MESSAGES: dict[str, Q] = {
    "queued": ~Q(state=State.SKIPPED),
    "sent": Q(state=State.SENT),
    "delivered": Q(state=State.SENT, engagement__bounced_at__isnull=True),
    "failed": Q(state=State.FAILED),
}
ENGAGED: dict[str, Q] = {
    "opened": Q(human_read_at__isnull=False) | Q(privacy_opened_at__isnull=False),
    "clicked": Q(human_clicked_at__isnull=False),
    "unsubscribed": Q(unsubscribed_at__isnull=False),
    "complained": Q(complained_at__isnull=False),
    "bounced": Q(bounced_at__isnull=False),
}
# How often, where the engagements know it.
_LOADED = F("human_opens") + F("privacy_opens")
_TIMES: dict[str, Combinable] = {
    "opened": Sum(Case(When(human_opens=0, privacy_opens=0, then=1), default=_LOADED, output_field=IntegerField())),
    "clicked": Sum("human_clicks"),
}
_LOADS = Q(kind=EventKind.OPENED)


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows that tell of one thing, each with a `run` and a `subscriber`; `recipient` leads to the recipient.

    `times` is how often, over the rows of one person; None where each row is one time.
    """

    rows: QuerySet[Any]
    times: Combinable | None = None
    recipient: str = "recipient__"
    moment: str = "at"


def did(what: str, asked: Asked, person: str) -> Q:
    """They did `what` as often as asked; `person` is the lookup prefix from the query to Subscriber. Never unknown."""
    if asked.count is None:
        return _at_least(1, what, asked, person)
    number = asked.count.number
    if asked.count.comparison == "at_least":
        return _at_least(number, what, asked, person)
    if asked.count.comparison == "at_most":
        return ~_at_least(number + 1, what, asked, person)
    return _at_least(number, what, asked, person) & ~_at_least(number + 1, what, asked, person)


def _at_least(number: int, what: str, asked: Asked, person: str) -> Q:
    if number == 0:
        return EVERYBODY
    if asked.runs == ():
        return NOBODY
    source = _source(what, asked, is_counted=number > 1)
    rows = _restricted(source, asked).filter(subscriber=OuterRef(f"{person}pk"))
    if number == 1:
        return Q(Exists(rows))
    if source.times is None:
        return Q(Exists(rows.order_by()[number - 1 : number]))  # there is a last one of so many
    often = rows.order_by().values("subscriber").annotate(times=source.times).filter(times__gte=number)
    return Q(Exists(often))


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
        return Source(rows=Recipient.objects.filter(MESSAGES[what]), recipient="", moment="settled_at")
    if asked.window or asked.link or (is_counted and what not in _TIMES):
        return _opens() if what == "opened" else Source(rows=Event.objects.filter(BY_PEOPLE, kind=what))
    return Source(rows=Engagement.objects.filter(ENGAGED[what]), times=_TIMES.get(what))


def _opens() -> Source:
    """Every load of the pixel, and one for each message that was clicked or viewed without any."""
    read = Event.objects.filter(BY_PEOPLE, kind__in=sorted(PROVES_READING))
    messages, loaded = Count("recipient", distinct=True), Count("recipient", distinct=True, filter=_LOADS)
    loads = Count("recipient", filter=_LOADS)  # not of rows: the index knows the recipient
    return Source(rows=read, times=loads + messages - loaded)
