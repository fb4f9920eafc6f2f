"""The consent log, and the one place where the status of a subscription changes.

`move` changes the status of rows that are there, `record` is for whoever writes new rows in bulk. Both write a
ConsentEvent for every row, in the transaction that changes it. `audience.append_only` keeps the log as it was written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from audience.models import ConsentEvent, Subscription

Status = Subscription.Status
Kind = ConsentEvent.Kind
KINDS: dict[str, Kind] = {
    Status.UNCONFIRMED: Kind.REQUESTED,
    Status.SUBSCRIBED: Kind.SUBSCRIBED,
    Status.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
    Status.BOUNCED: Kind.BOUNCED,
    Status.COMPLAINED: Kind.COMPLAINED,
}
_CHUNK = 1000


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How it is known: `source` is where (page, one-click, api, admin, import...), `at` when the person said so (None:
    now), `ip_address` theirs, `wording` what they were shown, `by` the member of staff who entered it, if one did."""

    source: str
    at: datetime | None = None
    ip_address: str | None = None
    wording: str = ""
    by: User | None = None

    @property
    def is_stated(self) -> bool:
        """Whether it says anything about the person's own act, beyond who wrote it down here."""
        return bool(self.wording or self.ip_address)


def move(
    rows: Sequence[Subscription],
    status: str,
    evidence: Evidence,
    *,
    kind: str | None = None,
    keeps_origin: bool = False,
) -> int:
    """Give these rows this status and log it; how many there were.

    `kind` where the status does not say it all. `keeps_origin`: they were so before, and where and when the consent
    came from stays. The rows come locked, with their lists, in a transaction.
    """
    if not rows:
        return 0
    changes = {"status": status, "modified_at": now()} if keeps_origin else columns(status, evidence, kind=kind)
    if kind == Kind.CONFIRMED and rows[0].status == Status.UNCONFIRMED:  # where they first asked stays the source
        changes = {name: value for name, value in changes.items() if name not in {"source", "ip_address"}}
    with transaction.atomic():
        Subscription.objects.filter(pk__in=[row.pk for row in rows]).update(**changes)
        record(rows, kind or KINDS[status], evidence)
    for row in rows:
        for name, value in changes.items():
            setattr(row, name, value)
    return len(rows)


def end_many(rows: Sequence[Subscription], status: str, *, source: str, at: Mapping[int, datetime]) -> None:
    """Give the rows of many people this status and log each with its own time (`at`, by person).

    Only for what ends without the person's own words: bounced, complained. The rows come as in `move`.
    """
    if not rows:
        return
    changes = columns(status, Evidence(source=source))
    with transaction.atomic():
        Subscription.objects.filter(pk__in=[row.pk for row in rows]).update(**changes)
        append([event(row, KINDS[status], Evidence(source=source, at=at[row.subscriber_id])) for row in rows])


def columns(status: str, evidence: Evidence, *, kind: str | None = None) -> dict[str, Any]:
    """What stands in a subscription that has this status from now on."""
    at, source = evidence.at or now(), evidence.source[:64]
    changes: dict[str, Any] = {"status": status, "confirmation_due_at": None, "modified_at": now()}
    match status:
        case Status.SUBSCRIBED | Status.UNCONFIRMED:
            changes |= {"source": source, "ip_address": evidence.ip_address}
            changes |= {"subscribed_at": at if status == Status.SUBSCRIBED else None}
            changes |= {"unsubscribed_at": None, "unsubscribe_source": "", "unsubscribe_ip_address": None}
        case Status.UNSUBSCRIBED:
            changes |= {"unsubscribed_at": at, "unsubscribe_source": source}
            changes |= {"unsubscribe_ip_address": evidence.ip_address}
    if status != Status.SUBSCRIBED:
        changes["confirmation_sent_at"] = None  # links that were sent before count no more
    return changes | ({"confirmed_at": at} if kind == Kind.CONFIRMED else {})


def record(rows: Iterable[Subscription], kind: str, evidence: Evidence) -> None:
    """Log the same for all of these rows; call it in the transaction that writes them."""
    append([event(row, kind, evidence) for row in rows])


def event(row: Subscription, kind: str, evidence: Evidence) -> ConsentEvent:
    """A line of the log, not yet written. The row has its list and its person's key."""
    moment = now()
    return ConsentEvent(
        subscriber_id=row.subscriber_id,
        mailing_list_id=row.mailing_list_id,
        list_name=row.mailing_list.name,
        kind=kind,
        at=evidence.at or moment,
        recorded_at=moment,
        source=evidence.source[:64],
        ip_address=evidence.ip_address,
        wording=evidence.wording,
        by=evidence.by,
    )


def append(events: Sequence[ConsentEvent]) -> None:
    """Write lines of the log, in this order."""
    ConsentEvent.objects.bulk_create(events, batch_size=_CHUNK)
