"""One person's data: everything that is held, as a file, and the erasing of it (GDPR articles 15, 17 and 20).

Rooms above the audience hold data about people too. Each registers what it holds when its app starts: how to count it,
to export it and to erase it. Erasing goes from the top down, so that a room still finds what it knows the person by.
What is counted for reports stays, without anything that tells whose it was (docs/decisions/0034).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.actors import Actor, Surface
from accounts.permissions import Permission, may
from audience import import_files, lifting, suppressions
from audience.erased import hashed
from audience.errors import NotAllowed
from audience.models import ConsentEvent, Erasure, LiftedSuppression, Subscriber, Subscription, Suppression

Rows = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What a room holds about a person: how many rows, the rows as JSON, and how they are erased or made nobody's
    (answering how many)."""

    name: str
    count: Callable[[Subscriber], int]
    export: Callable[[Subscriber], Rows]
    erase: Callable[[Subscriber], int]


_holdings: dict[str, Holding] = {}


def hold(holding: Holding) -> None:
    """Register what a room above the audience holds; rooms start from the bottom up."""
    _holdings[holding.name] = holding


# --- looking -----------------------------------------------------------------------------------------------------


def summary(person: Subscriber) -> dict[str, int]:
    """How many rows of what are held about this person; what `erase` will show to have erased."""
    ours = {
        "subscriptions": person.subscriptions.count(),
        "consent": person.consent_events.count(),
        "suppressions": _suppressions(person).count(),
        "lifted_suppressions": lifting.of_person(person).count(),
    }
    return ours | {name: holding.count(person) for name, holding in _holdings.items()}


def export(person: Subscriber, *, by: Actor) -> dict[str, Any]:
    """Everything that is held about this person, ready for JSON; times are ISO 8601 in UTC. Raises NotAllowed."""
    _require(by, Permission.UPDATE, person)
    data: dict[str, Any] = {
        "person": {
            "id": person.public_id,
            "organization": person.organization.name,
            "email": person.email,
            "phone": person.phone,
            "fields": person.fields,
            "created_at": _time(person.created_at),
            "modified_at": _time(person.modified_at),
        },
        "subscriptions": [_subscription(row) for row in _subscriptions(person)],
        "consent": [_consent(row) for row in person.consent_events.select_related("by").order_by("pk")],
        "suppressions": [_suppression(row) for row in _suppressions(person)],
        "lifted_suppressions": [_lifted(row) for row in lifting.of_person(person).select_related("by").order_by("pk")],
    }
    return data | {name: holding.export(person) for name, holding in _holdings.items()}


# --- erasing -----------------------------------------------------------------------------------------------------


def erase(person: Subscriber, *, by: Actor, keep_out: bool = True) -> Erasure:
    """Forget this person for good; the record says by whom, when, and how many rows of what.

    `keep_out`: a hash of what they were known by stays, and nobody but themselves can bring them back. Who left, who
    complained and who is suppressed is kept out in any case, since that wish would be forgotten with them. Figures of
    campaigns stay as they are.

    Raises NotAllowed, and MailOnItsWay while a worker holds a message to them.
    """
    _require(by, Permission.DELETE, person)
    with transaction.atomic():
        locked = Subscriber.objects.select_for_update(of=("self",), no_key=True)
        person = locked.select_related("organization").get(pk=person.pk)
        counts = {"subscriptions": person.subscriptions.count(), "consent": person.consent_events.count()}
        keep_out = keep_out or _has_objected(person)
        for name, holding in reversed(_holdings.items()):
            counts[name] = holding.erase(person)
        counts["suppressions"], _ = _suppressions(person).filter(organization=person.organization_id).delete()
        counts["lifted_suppressions"] = lifting.forget_person(person, by=by)
        erasure = _record(person, counts, by, keep_out)
        import_files.forget_person(person)
        person.delete()
    return erasure


def _record(person: Subscriber, counts: dict[str, int], by: Actor, keep_out: bool) -> Erasure:
    return Erasure.objects.create(
        organization=person.organization,
        subscriber_public_id=person.public_id,
        email_hash=hashed(person.organization, person.email or "") if keep_out else "",
        phone_hash=hashed(person.organization, person.phone) if keep_out else "",
        keep_out=keep_out,
        erased=counts,
        by=by.user,
        surface=by.surface,
    )


def _has_objected(person: Subscriber) -> bool:
    said_no = person.subscriptions.filter(status__in=[Subscription.Status.UNSUBSCRIBED, Subscription.Status.COMPLAINED])
    return said_no.exists() or _suppressions(person).exists()


def _require(by: Actor, permission: Permission, person: Subscriber) -> None:
    if by.surface != Surface.SYSTEM and not may(by.user, permission, person.organization):
        raise NotAllowed(f"You may not do this to people of {person.organization}.")


# --- what the audience holds -------------------------------------------------------------------------------------


def _subscriptions(person: Subscriber) -> QuerySet[Subscription]:
    return person.subscriptions.select_related("mailing_list").prefetch_related("tagged__tag").order_by("pk")


def _suppressions(person: Subscriber) -> QuerySet[Suppression]:
    return Suppression.objects.filter(suppressions.about(person)).order_by("pk")


def _subscription(row: Subscription) -> dict[str, Any]:
    return {
        "list": row.mailing_list.name,
        "status": row.status,
        "source": row.source,
        "ip_address": row.ip_address,
        "subscribed_at": _time(row.subscribed_at),
        "confirmation_sent_at": _time(row.confirmation_sent_at),
        "confirmed_at": _time(row.confirmed_at),
        "unsubscribed_at": _time(row.unsubscribed_at),
        "unsubscribe_source": row.unsubscribe_source,
        "unsubscribe_ip_address": row.unsubscribe_ip_address,
        "fields": row.fields,
        "tags": sorted(each.tag.name for each in row.tagged.all()),
        "created_at": _time(row.created_at),
    }


def _consent(row: ConsentEvent) -> dict[str, Any]:
    return {
        "list": row.list_name,
        "what": row.kind,
        "at": _time(row.at),
        "recorded_at": _time(row.recorded_at),
        "source": row.source,
        "ip_address": row.ip_address,
        "wording": row.wording,
        "by": str(row.by) if row.by else None,
    }


def _suppression(row: Suppression) -> dict[str, Any]:
    return {
        "value": row.value,
        "scope": row.scope,
        "reason": row.reason,
        "source": row.source,
        "created_at": _time(row.created_at),
    }


def _lifted(row: LiftedSuppression) -> dict[str, Any]:
    return {
        "value": row.value,
        "scope": row.scope,
        "list": row.list_name or None,
        "reason": row.reason,
        "source": row.source,
        "suppressed_at": _time(row.suppressed_at),
        "lifted_at": _time(row.at),
        "by": str(row.by) if row.by else None,
        "why": row.why,
    }


def _time(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
