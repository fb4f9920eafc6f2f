"""What hits do beyond being counted: the subscriptions they end. In the transaction that stores them.

- An unsubscription that was only spooled, since the database was away, is carried out.
- A hard bounce ends the person's subscriptions and suppresses the address; if they have another address by now, only
  the old one is suppressed.
- Soft bounces add up, at most one a message; the third (SOFT_BOUNCE_LIMIT) is a hard one. Something that arrived since
  the last (a receipt, an open or a click of a person) starts the count anew.
- A complaint ends all subscriptions of the person in the organization, and suppresses the address.
- What was refused for another reason than the address (`other`) does nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from accounts.models import Organization
from audience import suppressions, undeliverable
from audience.models import Subscriber, Suppression
from stats import bulk
from stats.counting import Judged
from stats.models import Agent, BounceType, Engagement, EventKind
from stats.tally import bounce_type
from tracking.spool import Record
from tracking.unsubscribes import apply_late

BOUNCED, COMPLAINED = EventKind.BOUNCED.value, EventKind.COMPLAINED.value
EMAIL, PHONE = Suppression.Kind.EMAIL.value, Suppression.Kind.PHONE.value
ARRIVED = {EventKind.OPENED.value, EventKind.CLICKED.value, EventKind.VIEWED.value, EventKind.DELIVERED.value}
HARD, SOFT = BounceType.HARD.value, BounceType.SOFT.value


def end_late(records: Sequence[Record]) -> None:
    """Unsubscriptions that the page could not carry out, since the database was away; also those whose recipient is
    gone, as long as the person and the run are there."""
    for record in records:
        if record.hit is not None and record.hit.kind == EventKind.UNSUBSCRIBED and (ended := apply_late(record.hit)):
            record.hit.data["ended"] = ended


def carry_out(judged: Sequence[Judged]) -> list[Judged]:
    """The same hits, each that has ended subscriptions with their number (`ended` of its data), and a soft bounce that
    was one too many as a hard one (`soft_bounces` of its data says how many there were)."""
    returned = [each for each in judged if each.hit.kind in (BOUNCED, COMPLAINED) and each.known.subscriber_id]
    if not returned:
        return list(judged)
    people = undeliverable.locked(each.known.subscriber_id for each in returned if each.known.subscriber_id)
    cases = [
        Case(each, people[each.known.subscriber_id], dict(each.hit.data))
        for each in returned
        if each.known.subscriber_id in people
    ]
    _count_soft([case for case in cases if case.bounced(SOFT)], judged)
    hard = [case for case in cases if case.bounced(HARD)]
    complaints = [case for case in cases if case.judged.hit.kind == COMPLAINED]
    _end([case for case in hard if case.is_at_this_address], undeliverable.bounced, source="bounce")
    _end(complaints, undeliverable.complained, source="complaint")
    _suppress(hard, Suppression.Reason.BOUNCED, settings.HARD_BOUNCE_SUPPRESSES)
    _suppress(complaints, Suppression.Reason.COMPLAINED, settings.COMPLAINT_SUPPRESSES)
    data = {id(case.judged): case.data for case in cases}
    return [_with(each, data.get(id(each))) for each in judged]


@dataclass(slots=True)
class Case:
    """A bounce or a complaint of somebody who is there, and what its data says by now."""

    judged: Judged
    person: Subscriber
    data: dict[str, Any]

    def bounced(self, kind: str) -> bool:
        return self.judged.hit.kind == BOUNCED and bounce_type(self.data) == kind

    @property
    def address(self) -> str:
        return self.judged.known.address

    @property
    def is_at_this_address(self) -> bool:
        return self.address in (self.person.email, self.person.phone)


# --- soft bounces ------------------------------------------------------------------------------------------------


def _count_soft(cases: Sequence[Case], judged: Sequence[Judged]) -> None:
    """Once a message: servers repeat themselves, and what failed is sent again."""
    if not cases:
        return
    limit = settings.SOFT_BOUNCE_LIMIT
    counted, arrivals = _bounced_before(cases), _arrivals(judged, {case.person.pk for case in cases})
    for case in cases:
        recipient_id = case.judged.hit.recipient_id
        if recipient_id in counted or not case.is_at_this_address:
            continue
        counted.add(recipient_id)
        at = case.judged.hit.at
        anew = _has_heard_since(case.person, [moment for moment in arrivals.get(case.person.pk, ()) if moment <= at])
        if undeliverable.count_soft(case.person, at, anew=anew, limit=limit):
            case.data |= {"type": HARD, "soft_bounces": case.person.soft_bounces}


def _bounced_before(cases: Sequence[Case]) -> set[int]:
    recipients = [case.judged.hit.recipient_id for case in cases]
    known = Engagement.objects.filter(recipient__in=bulk.among(recipients)).exclude(bounce_type="")
    return set(known.values_list("recipient_id", flat=True))


def _arrivals(judged: Sequence[Judged], people: set[int]) -> dict[int, list[datetime]]:
    """When something arrived by the hits at hand, which are not stored yet."""
    arrivals: dict[int, list[datetime]] = {}
    for hit, known, verdict in judged:
        if known.subscriber_id in people and hit.kind in ARRIVED and verdict.agent == Agent.HUMAN:
            arrivals.setdefault(known.subscriber_id, []).append(hit.at)
    return arrivals


def _has_heard_since(person: Subscriber, arrivals: Sequence[datetime]) -> bool:
    """Whether anything is known to have arrived since the last soft bounce."""
    since = person.soft_bounced_at
    if not person.soft_bounces or since is None:
        return False
    if any(moment > since for moment in arrivals):
        return True
    arrived = Q(delivered_at__gt=since) | Q(human_read_at__gt=since)
    return Engagement.objects.filter(arrived, subscriber=person).exists()


# --- ending and suppressing --------------------------------------------------------------------------------------


def _end(cases: Sequence[Case], end: Callable[..., Mapping[int, int]], *, source: str) -> None:
    """Whose report came first has ended what there was."""
    first: dict[int, Case] = {}
    for case in cases:
        first.setdefault(case.person.pk, case)
    if not first:
        return
    ended = end({pk: case.judged.hit.at for pk, case in first.items()}, source=source)
    for pk, case in first.items():
        if number := ended.get(pk, 0):
            case.data["ended"] = number


def _suppress(cases: Iterable[Case], reason: str, scope: str) -> None:
    if scope == "nothing":
        return
    values: dict[tuple[Organization | None, str], set[str]] = {}
    for case in cases:
        kind = EMAIL if "@" in case.address else PHONE
        if case.address:
            where = case.person.organization if scope == "organization" else None
            values.setdefault((where, kind), set()).add(case.address)
    for (organization, kind), addresses in values.items():
        suppressions.suppress_many(
            sorted(addresses), organization=organization, kind=kind, reason=reason, source="tracking"
        )


def _with(judged: Judged, data: dict[str, Any] | None) -> Judged:
    if data is None or data == judged.hit.data:
        return judged
    return judged._replace(hit=replace(judged.hit, data=data))
