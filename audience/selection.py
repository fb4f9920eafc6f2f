"""Who a message may go to: lists and segments, less those excluded, each person once, with what keeps them out.

How it is decided, in the order of asking:

1. A person is in the audience when an included part reaches them and no excluded part does. An excluded list excludes
   everybody on it, whatever their status there.
2. `no_address`: they have no address for the channel.
3. Of the subscriptions through which the included parts reach them, the best counts: a mailable one if there is any,
   and among equals that of the part that stands first. Its status is the reason if it is not `subscribed`. A segment
   without a list reaches people through any of their subscriptions to the lists it names, or in the organization. Who
   has none has asked for nothing, and counts as `unsubscribed`.
4. `suppressed`: the address, or for email its domain or a domain above that, is suppressed in the system, in the
   organization, or for the list of that subscription.

Rules that cannot be understood reach nobody where they include, and everybody where they exclude.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, StrIndex, Substr

from accounts.models import Organization
from audience.addresses import DOMAINS_ABOVE
from audience.criteria.compiler import EVERYBODY, NOBODY
from audience.errors import InvalidRules
from audience.models import MailingList, Segment, Subscriber, Subscription, Suppression
from audience.segments import Reach, reach, reach_within

SKIP_REASONS = ("unsubscribed", "unconfirmed", "bounced", "complained", "suppressed", "no_address")
Status = Subscription.Status


@dataclass(frozen=True)
class Part:
    """A list, a segment, or a segment within a list; foreign and unknown ids reach nobody."""

    mailing_list_id: int | None = None
    segment_id: int | None = None
    excluded: bool = False


def select(organization: Organization, parts: Sequence[Part], *, channel: str) -> QuerySet[Subscriber]:
    """The audience of these parts for `channel` (`email` or `sms`), one row a person, as one SQL statement.

    Each row carries `subscription_id` (through which the person is reached, or None), `address` ('' without one) and
    `skip_reason` ('' = may be sent to, else one of SKIP_REASONS).
    """
    included = [_reach(organization, part) or Reach(rows=NOBODY) for part in parts if not part.excluded]
    excluded = [_reach(organization, part) or Reach(rows=NOBODY, people=EVERYBODY) for part in parts if part.excluded]
    people = Subscriber.objects.of(organization).filter(_reached(included))
    if excluded:
        people = people.filter(~_reached(excluded))
    ways = _ways(organization, _any([way.rows for way in included]), parts, channel)
    reason = Coalesce(Subquery(ways.values("reason")[:1]), Value(str(Status.UNSUBSCRIBED)))
    return people.annotate(
        subscription_id=Subquery(ways.values("pk")[:1]),
        address=_address(channel),
        skip_reason=Case(When(_no_address(channel), then=Value("no_address")), default=reason),
    )


def means(organization: Organization, part: Part, person: Subscriber) -> bool:
    """Whether this part, by itself, means the person: included or excluded as it is."""
    fallback = Reach(rows=NOBODY, people=EVERYBODY if part.excluded else None)
    way = _reach(organization, part) or fallback
    return Subscriber.objects.of(organization).filter(_reached([way]), pk=person.pk).exists()


# --- which people ------------------------------------------------------------------------------------------------


def _reach(organization: Organization, part: Part) -> Reach | None:
    """Whom a part means; None where its rules cannot be understood."""
    list_id, segment_id = part.mailing_list_id, part.segment_id
    if list_id is not None and not MailingList.objects.of(organization).filter(pk=list_id).exists():
        return Reach(rows=NOBODY)
    if segment_id is None:
        return Reach(rows=NOBODY if list_id is None else Q(mailing_list=list_id))
    segment = Segment.objects.of(organization).select_related("organization").filter(pk=segment_id).first()
    if segment is None:
        return Reach(rows=NOBODY)
    try:
        return reach(segment) if list_id is None else reach_within(segment, list_id)
    except InvalidRules:
        return None


def _reached(ways: Sequence[Reach]) -> Q:
    """On Subscriber: at least one of these means the person."""
    people = [way.people for way in ways if way.people is not None]
    rows = [way.rows for way in ways if way.people is None]
    if rows:
        people.append(Q(Exists(Subscription.objects.filter(_any(rows), subscriber=OuterRef("pk")))))
    return _any(people)


def _any(conditions: Sequence[Q]) -> Q:
    return reduce(or_, conditions, Q()) or NOBODY


# --- how each is reached -----------------------------------------------------------------------------------------


def _ways(organization: Organization, rows: Q, parts: Sequence[Part], channel: str) -> QuerySet[Any]:
    """Subqueries of the selection: the subscriptions by which its person may be reached, the best one first."""
    for_any_list = Q(organization=organization, mailing_list__isnull=False)
    for_list = _suppressed(for_any_list, Q(mailing_list=OuterRef("mailing_list")), channel)
    for_all = Q(organization=None) | Q(organization=organization, mailing_list=None)
    reason = Case(
        When(~Q(status=Status.SUBSCRIBED), then=F("status")),
        When(for_list | _suppressed(for_all, for_all, channel), then=Value("suppressed")),
        default=Value(""),
    )
    ways = Subscription.objects.filter(rows, subscriber=OuterRef("pk")).annotate(reason=reason)
    lists = {part.mailing_list_id for part in parts if not part.excluded}
    if len(lists) == 1 and None not in lists:
        return ways.order_by()  # nobody is on one list twice
    return ways.annotate(rank=_rank(for_list), place=_place(parts)).order_by("rank", "place", "pk")


def _rank(suppressed_for_list: Q) -> Case:
    """Mailable first; then from what could soonest become so to what never should."""
    worse = (Status.UNCONFIRMED, Status.UNSUBSCRIBED, Status.BOUNCED, Status.COMPLAINED)
    return Case(
        When(~suppressed_for_list, status=Status.SUBSCRIBED, then=0),
        When(status=Status.SUBSCRIBED, then=1),
        *[When(status=status, then=rank) for rank, status in enumerate(worse, start=2)],
        output_field=IntegerField(),
    )


def _place(parts: Sequence[Part]) -> Combinable:
    """That of the first included part that names the row's list; rows no part names come last."""
    lists = dict.fromkeys(part.mailing_list_id for part in parts if not part.excluded and part.mailing_list_id)
    cases = [When(mailing_list=pk, then=place) for place, pk in enumerate(lists)]
    return Case(*cases, default=len(cases), output_field=IntegerField()) if cases else F("pk")


def _suppressed(any_scope: Q, scope: Q, channel: str) -> Q:
    """On the rows of `_ways`: the selection's person is suppressed in this scope.

    The first question of each pair is asked once for the whole statement; most organizations suppress no domains and
    nothing for one list only, and then their people need not be looked up one by one.
    """
    kinds: dict[str, list[Combinable]] = {Suppression.Kind.PHONE: [_person("phone")]}
    if channel == "email":
        kinds = {Suppression.Kind.EMAIL: [_person("email")], Suppression.Kind.DOMAIN: _domains()}
    return _any(
        [
            Q(Exists(Suppression.objects.filter(any_scope, kind=kind)))
            & Q(Exists(Suppression.objects.filter(scope, kind=kind, value__in=values)))
            for kind, values in kinds.items()
        ]
    )


def _domains() -> list[Combinable]:
    """The person's domain and those above it."""
    domains: list[Combinable] = [_person("email_domain")]
    for _ in range(DOMAINS_ABOVE):
        domains.append(Substr(domains[-1], StrIndex(domains[-1], Value(".")) + 1))
    return domains


def _person(name: str) -> OuterRef:
    """A column of the row's person, by a join: SQLite cannot reach two levels out of an ORDER BY."""
    return OuterRef(f"subscriber__{name}")


# --- the address -------------------------------------------------------------------------------------------------


def _address(channel: str) -> Combinable:
    return F("phone") if channel == "sms" else Coalesce("email", Value(""))


def _no_address(channel: str) -> Q:
    return Q(phone="") if channel == "sms" else Q(email=None) | Q(email="")
