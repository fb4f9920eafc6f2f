"""What happened with one person, the latest first: consent, campaigns, hits, tags and suppressions on one line of time.

Paged by key: each page begins after the last line of the one before, so that the hundredth costs what the first does.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from accounts.admin.pages import row_number
from audience import lifting, suppressions
from audience.admin.lifted_suppressions import held_for, who
from audience.admin.suppression_scope import where
from audience.models import ConsentEvent, LiftedSuppression, Subscriber, Suppression, TaggedSubscription
from campaigns.admin.progress import SKIP_WORDS
from delivery.models import Recipient
from stats.models import Event, EventKind

PAGE = 40
SHOWN = ("", "campaigns", "hits", "consent")
Key = tuple[datetime, int, int]  # when, which source, which row

CONSENT_LOOKS = {
    ConsentEvent.Kind.REQUESTED: ("mark_email_unread", "Was asked to confirm"),
    ConsentEvent.Kind.CONFIRMED: ("mark_email_read", "Confirmed"),
    ConsentEvent.Kind.SUBSCRIBED: ("person_add", "Subscribed"),
    ConsentEvent.Kind.UNSUBSCRIBED: ("person_remove", "Unsubscribed"),
    ConsentEvent.Kind.BOUNCED: ("undo", "Ended by a bounce"),
    ConsentEvent.Kind.COMPLAINED: ("report", "Ended by a complaint"),
}
HIT_LOOKS = {
    EventKind.OPENED: ("drafts", "Opened"),
    EventKind.CLICKED: ("ads_click", "Clicked in"),
    EventKind.UNSUBSCRIBED: ("person_remove", "Unsubscribed by"),
    EventKind.VIEWED: ("visibility", "Viewed in the browser"),
    EventKind.BOUNCED: ("undo", "Bounced"),
    EventKind.COMPLAINED: ("report", "Complained about"),
}
MESSAGE_LOOKS = {
    Recipient.State.SENT: ("outgoing_mail", "Got"),
    Recipient.State.FAILED: ("error", "Could not be sent"),
    Recipient.State.SKIPPED: ("block", "Did not get"),
    Recipient.State.IN_DOUBT: ("help", "It is in doubt whether they got"),
    Recipient.State.PENDING: ("hourglass_top", "Is waiting for"),
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line: what was done with what, and the facts beside it. `campaign` is the key of the campaign it is about."""

    key: Key
    icon: str
    did: str
    what: str = ""
    campaign: int | None = None
    facts: tuple[str, ...] = ()
    quote: str = ""
    link: str = ""

    @property
    def at(self) -> datetime:
        return self.key[0]


@dataclass(frozen=True)
class History:
    """A page of it; `following` is how the next page is asked for, '' on the last."""

    entries: list[Entry]
    following: str = ""


def history(person: Subscriber, *, show: str = "", before: str = "", count: int = PAGE) -> History:
    """A page of what `show` chooses (one of SHOWN), from what follows the line `before` on. One query a source."""
    cursor = _read(before)
    wanted = [(rank, source) for rank, source in enumerate(_SOURCES) if show in source.shown_as]
    found = (_some(person, rank, source, cursor, count + 1) for rank, source in wanted)
    entries = [entry for entry, _ in zip(_latest(found), range(count + 1), strict=False)]
    page = entries[:count]
    return History(page, _written(page[-1].key) if len(entries) > count else "")


def _latest(found: Iterable[list[Entry]]) -> Iterator[Entry]:
    return merge(*found, key=lambda entry: entry.key, reverse=True)


# --- the place where a page begins -------------------------------------------------------------------------------


def _written(key: Key) -> str:
    moment, rank, pk = key
    return f"{moment.isoformat()}~{rank}~{pk}"


def _read(text: str) -> Key | None:
    """None for what nobody was given: the first page then."""
    moment, _, rest = text.partition("~")
    rank, _, pk = rest.partition("~")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    number = row_number(pk)
    return (at, int(rank), number) if at.tzinfo and number and rank in map(str, range(len(_SOURCES))) else None


def _after(rows: QuerySet[Any], rank: int, cursor: Key | None) -> QuerySet[Any]:
    """Lines of this source that come after that line: the sources share moments, so their order decides."""
    if cursor is None:
        return rows
    at, place, pk = cursor
    if rank != place:
        return rows.filter(moment__lte=at) if rank < place else rows.filter(moment__lt=at)
    return rows.filter(Q(moment__lt=at) | Q(moment=at, pk__lt=pk))


# --- where the lines come from -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """`rows` have a `moment`; `entry` makes of one what an Entry takes besides its key."""

    shown_as: tuple[str, ...]
    rows: Callable[[Subscriber], QuerySet[Any]]
    entry: Callable[[Any], Mapping[str, Any]]


def _some(person: Subscriber, rank: int, source: Source, cursor: Key | None, count: int) -> list[Entry]:
    rows = _after(source.rows(person), rank, cursor).order_by("-moment", "-pk")[:count]
    return [Entry(key=(row.moment, rank, row.pk), **source.entry(row)) for row in rows]


def _people(person: Subscriber) -> QuerySet[Any]:
    return Subscriber.objects.filter(pk=person.pk).annotate(moment=F("created_at"))


def _consent(person: Subscriber) -> QuerySet[Any]:
    return person.consent_events.select_related("by").annotate(moment=F("at"))


def _messages(person: Subscriber) -> QuerySet[Any]:
    rows = Recipient.objects.filter(subscriber=person).select_related("run__campaign")
    return rows.annotate(moment=Coalesce("settled_at", "run__frozen_at", "run__started_at"))


def _hits(person: Subscriber) -> QuerySet[Any]:
    rows = Event.objects.filter(recipient__in=Recipient.objects.filter(subscriber=person))
    return rows.select_related("run__campaign").annotate(moment=F("at"))


def _tags(person: Subscriber) -> QuerySet[Any]:
    rows = TaggedSubscription.objects.filter(subscription__in=person.subscriptions.all())
    return rows.select_related("tag__mailing_list").annotate(moment=F("created_at"))


def _suppressed(person: Subscriber) -> QuerySet[Any]:
    rows = Suppression.objects.filter(suppressions.about(person)).select_related("mailing_list", "created_by")
    return rows.annotate(moment=F("created_at"))


def _once_suppressed(person: Subscriber) -> QuerySet[Any]:
    return lifting.of_person(person).select_related("suppressed_by").annotate(moment=F("suppressed_at"))


def _lifted(person: Subscriber) -> QuerySet[Any]:
    return lifting.of_person(person).select_related("by").annotate(moment=F("at"))


def _consent_entry(row: ConsentEvent) -> Mapping[str, Any]:
    icon, did = CONSENT_LOOKS[ConsentEvent.Kind(row.kind)]
    facts = (row.source, f"from {row.ip_address}" if row.ip_address else "", f"by {row.by}" if row.by else "")
    return {"icon": icon, "did": did, "what": row.list_name, "facts": _said(facts), "quote": row.wording}


def _message_entry(row: Recipient) -> Mapping[str, Any]:
    icon, did = MESSAGE_LOOKS[Recipient.State(row.state)]
    reply = f"{row.reply_code or ''} {row.reply_text}".strip() if row.state != Recipient.State.SENT else ""
    facts = (SKIP_WORDS.get(row.skip_reason, row.skip_reason), reply, row.address)
    return {"icon": icon, "did": did, **_campaign(row), "facts": _said(facts)}


def _hit_entry(row: Event) -> Mapping[str, Any]:
    icon, did = HIT_LOOKS[EventKind(row.kind)]
    details = [str(value) for value in row.data.values() if isinstance(value, str | int) and str(value)]
    facts = (*details[:3], f"from {row.ip_address}" if row.ip_address else "", row.user_agent[:120])
    return {"icon": icon, "did": did, **_campaign(row), "facts": _said(facts), "link": row.url}


def _tag_entry(row: TaggedSubscription) -> Mapping[str, Any]:
    return {"icon": "sell", "did": "Got the tag", "what": row.tag.name, "facts": (f"on {row.tag.mailing_list}",)}


def _suppressed_entry(row: Suppression) -> Mapping[str, Any]:
    by = f"by {row.created_by}" if row.created_by else ""
    facts = (f"for {where(row)}", row.get_reason_display().lower(), row.source, by)
    return {"icon": "block", "did": "Was suppressed:", "what": row.value, "facts": _said(facts)}


def _once_suppressed_entry(row: LiftedSuppression) -> Mapping[str, Any]:
    by = f"by {row.suppressed_by}" if row.suppressed_by else ""
    facts = (f"for {held_for(row)}", row.get_reason_display().lower(), row.source, by)
    return {"icon": "block", "did": "Was suppressed:", "what": row.value, "facts": _said(facts)}


def _lifted_entry(row: LiftedSuppression) -> Mapping[str, Any]:
    facts = (f"for {held_for(row)}", f"by {who(row)}")
    return {
        "icon": "lock_open",
        "did": "A suppression was lifted:",
        "what": row.value,
        "facts": facts,
        "quote": row.why,
    }


def _campaign(row: Recipient | Event) -> Mapping[str, Any]:
    return {"what": row.run.campaign.name, "campaign": row.run.campaign_id}


def _said(facts: Iterable[str]) -> tuple[str, ...]:
    return tuple(fact for fact in facts if fact)


# Where two lines have the same moment, what stands further down here is the later one.
_SOURCES = (
    Source(("",), _people, lambda row: {"icon": "person", "did": "Became known here"}),
    Source(("", "consent"), _consent, _consent_entry),
    Source(("",), _tags, _tag_entry),
    Source(("", "consent"), _once_suppressed, _once_suppressed_entry),
    Source(("", "consent"), _suppressed, _suppressed_entry),
    Source(("", "consent"), _lifted, _lifted_entry),
    Source(("", "campaigns"), _messages, _message_entry),
    Source(("", "hits"), _hits, _hit_entry),
)
