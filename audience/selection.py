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

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
    Window,
)
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Lower, Replace, RowNumber, Trim
from django.db.models.lookups import In
from django.db.models.sql.compiler import SQLCompiler

from accounts.models import Organization
from audience.addresses import DOMAINS_ABOVE
from audience.criteria.compiler import EVERYBODY, NOBODY
from audience.errors import InvalidRules
from audience.models import MailingList, Segment, Subscriber, Subscription, Suppression
from audience.segments import Reach, reach, reach_within

SKIP_REASONS = ("unsubscribed", "unconfirmed", "bounced", "complained", "suppressed", "no_address")
Status, Kind = Subscription.Status, Suppression.Kind


@dataclass(frozen=True)
class Part:
    """A list, a segment, or a segment within a list; foreign and unknown ids reach nobody."""

    mailing_list_id: int | None = None
    segment_id: int | None = None
    excluded: bool = False


def select(
    organization: Organization, parts: Sequence[Part], *, channel: str, person: Subscriber | None = None
) -> QuerySet[Subscriber]:
    """The audience of these parts for `channel` (`email` or `sms`), one row a person, as one SQL statement.

    Each row carries `subscription_id` (through which the person is reached, or None), `address` ('' without one) and
    `skip_reason` ('' = may be sent to, else one of SKIP_REASONS). With `person`, that person's row only. `way` is the
    subscription, for further questions (`value_of`).
    """
    people = _reached_by(organization, [part for part in parts if not part.excluded], channel)
    if any(part.excluded for part in parts):
        people = people.filter(~_left_out(organization, parts))
    if person:
        people = people.filter(pk=person.pk)
    domains = _domain_of_one(organization) if person else _domains_at_once(organization)
    return _judged(organization, people, channel, domains)


def select_through(organization: Organization, rows: QuerySet[Subscription], *, channel: str) -> QuerySet[Subscriber]:
    """As `select`, of the people whom these subscriptions reach; not more than one of them may be anybody's."""
    joined = Q(subscriptions__in=Subquery(rows.order_by().values("pk")))
    people = Subscriber.objects.of(organization).annotate(way=FilteredRelation("subscriptions", condition=joined))
    return _judged(organization, people.filter(way__isnull=False), channel, _domains_at_once(organization))


def _judged(organization: Organization, people: QuerySet[Subscriber], channel: str, domains: Q) -> QuerySet[Subscriber]:
    return people.annotate(
        subscription_id=F("way__pk"), address=_address(channel), skip_reason=_reason(organization, channel, domains)
    )


def value_of(key: str, *, row: str, person: str) -> Combinable:
    """A person's custom field as text, or NULL: that of the list, else the organization's; as `fields.person` has it.

    `row` and `person` lead to the subscription that reaches the person, and to the person.
    """
    of_list, own = KeyTextTransform(key, f"{row}fields"), KeyTextTransform(key, f"{person}fields")
    return Coalesce(of_list, own, output_field=TextField())


def excluded(organization: Organization, parts: Sequence[Part]) -> QuerySet[Subscriber]:
    """The people whom an included part means and an excluded part keeps out of the audience."""
    people = Subscriber.objects.of(organization)
    if not any(part.excluded for part in parts):
        return people.filter(NOBODY)
    included = [_reach(organization, part) or _NOBODY for part in parts if not part.excluded]
    return people.filter(_reached(included), _left_out(organization, parts))


def at_most(organization: Organization, parts: Sequence[Part]) -> int:
    """A number no audience of these parts is larger than, far cheaper than to count it."""
    rows, people = meant(organization, parts)
    return rows.count() + people.count()


def at_most_by(
    rows: QuerySet[Subscription], people: QuerySet[Subscriber], key: str, spellings: Collection[str]
) -> dict[str, int]:
    """The same of who is `meant`, for each of these spellings of a custom field, and as '' for every other value."""
    on_lists = rows.annotate(spelling=spelled(value_of(key, row="", person="subscriber__"), spellings))
    on_none = people.annotate(spelling=spelled(KeyTextTransform(key, "fields"), spellings))
    counted: Counter[str] = Counter()
    for found in (on_lists.values_list("spelling"), on_none.values_list("spelling")):
        counted.update(dict(found.order_by().annotate(people=Count("pk"))))
    return dict(counted)


def spelled(value: Combinable, spellings: Collection[str]) -> Combinable:
    """A value in lower case, trimmed, with underscores for spaces, where that is one of the spellings; else ''."""
    plain = Lower(Replace(Trim(value), Value(" "), Value("_"), output_field=TextField()))
    return Case(When(In(plain, list(spellings)), then=plain), default=Value(""), output_field=TextField())


def meant(organization: Organization, parts: Sequence[Part]) -> tuple[QuerySet[Subscription], QuerySet[Subscriber]]:
    """Subscriptions, and people without any, whom the included parts mean; some perhaps more than once."""
    reaches = [_reach(organization, part) or _NOBODY for part in parts if not part.excluded]
    rows = _any([each.rows for each in reaches if each.people is None])
    people = _any([each.people for each in reaches if each.people is not None])
    return Subscription.objects.filter(rows), Subscriber.objects.of(organization).filter(people)


def means(organization: Organization, part: Part, person: Subscriber) -> bool:
    """Whether this part, by itself, means the person."""
    way = _reach(organization, part) or (_EVERYBODY if part.excluded else _NOBODY)
    return Subscriber.objects.of(organization).filter(_reached([way]), pk=person.pk).exists()


def reasons_now(organization: Organization, subscriptions: Mapping[int, int | None], *, channel: str) -> dict[int, str]:
    """Of people by id, each with the subscription through which a message is to reach them: those it may not go to now,
    with the reason. Who has none counts as `unsubscribed`."""
    ways = Q(subscriptions__in=[pk for pk in subscriptions.values() if pk])
    people = Subscriber.objects.of(organization).filter(pk__in=list(subscriptions))
    people = people.annotate(way=FilteredRelation("subscriptions", condition=ways))
    reasons = people.annotate(skip_reason=_reason(organization, channel, _domain_of_one(organization)))
    return dict(reasons.exclude(skip_reason="").order_by().values_list("pk", "skip_reason"))


# --- which people ------------------------------------------------------------------------------------------------

# What rules that cannot be understood mean, where they include and where they exclude.
_NOBODY, _EVERYBODY = Reach(rows=NOBODY), Reach(rows=NOBODY, people=EVERYBODY)


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


def _left_out(organization: Organization, parts: Sequence[Part]) -> Q:
    """On Subscriber: an excluded part means the person."""
    return _reached([_reach(organization, part) or _EVERYBODY for part in parts if part.excluded])


# --- how each is reached -----------------------------------------------------------------------------------------
#
# Everything is joined for all people at once and nothing is looked up for each: with a million people, that makes a
# few seconds of half a minute.


def _reached_by(organization: Organization, parts: Sequence[Part], channel: str) -> QuerySet[Subscriber]:
    """Whom these parts mean, each joined with the best of the subscriptions that reach them, as `way`."""
    reaches = [_reach(organization, part) or _NOBODY for part in parts]
    rows = Subscription.objects.filter(_any([each.rows for each in reaches])).order_by()
    lists = {part.mailing_list_id for part in parts}
    if len(parts) == 1 and parts[0].segment_id is None and reaches[0].rows is not NOBODY:
        joined = Q(subscriptions__mailing_list=parts[0].mailing_list_id)
    elif len(lists) == 1 and None not in lists:  # nobody is on one list twice
        joined = Q(subscriptions__in=Subquery(rows.values("pk")))
    else:
        joined = Q(subscriptions__in=Subquery(_best(organization, rows, parts, channel).values("pk")))
    on_no_list = [each.people for each in reaches if each.people is not None]
    people = Subscriber.objects.of(organization).annotate(way=FilteredRelation("subscriptions", condition=joined))
    return people.filter(_any([Q(way__isnull=False), *on_no_list]))


def _best(
    organization: Organization, rows: QuerySet[Subscription], parts: Sequence[Part], channel: str
) -> QuerySet[Subscription]:
    """Of each person's rows one: a mailable one if there is any, else by rank, else by the order of the parts."""
    rank = _rank(_suppressed_for_list(organization, channel, row="", person="subscriber__"))
    ranked = _kept(organization, rows).annotate(rank=rank, place=_place(parts))
    if connection.features.can_distinct_on_fields:
        return ranked.order_by("subscriber_id", "rank", "place", "pk").distinct("subscriber_id")
    number = Window(RowNumber(), partition_by=F("subscriber_id"), order_by=["rank", "place", "pk"])
    return ranked.annotate(number=number).filter(number=1)


def _kept(organization: Organization, rows: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """Nobody is reached through a list that is being deleted; hardly ever there is one, and so nothing to say."""
    lists = MailingList.with_deleted.filter(organization=organization, deleted_at__isnull=False)
    leaving = list(lists.values_list("pk", flat=True))
    return rows.exclude(mailing_list__in=leaving) if leaving else rows


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


# --- what keeps them out -----------------------------------------------------------------------------------------


def _reason(organization: Organization, channel: str, domains: Q) -> Case:
    """On people joined with their `way`: one of SKIP_REASONS, or ''. `domains`: their domain is suppressed."""
    rows = _everywhere(organization)
    if channel == "sms":
        suppressed = _one_of(rows, Kind.PHONE, Q(phone__in=rows.filter(kind=Kind.PHONE).values("value")))
    else:
        suppressed = _one_of(rows, Kind.EMAIL, Q(email__in=rows.filter(kind=Kind.EMAIL).values("value")))
        suppressed |= _one_of(rows, Kind.DOMAIN, domains)
    for_list = _suppressed_for_list(organization, channel, row="way__", person="")
    return Case(
        When(_no_address(channel), then=Value("no_address")),
        When(way__isnull=True, then=Value(str(Status.UNSUBSCRIBED))),
        When(~Q(way__status=Status.SUBSCRIBED), then=F("way__status")),
        When(suppressed | for_list, then=Value("suppressed")),
        default=Value(""),
    )


def _everywhere(organization: Organization) -> QuerySet[Suppression]:
    """What is suppressed in the system or in the organization, whatever the list."""
    return Suppression.objects.filter(Q(organization=None) | Q(organization=organization, mailing_list=None))


def _one_of(suppressions: QuerySet[Suppression], kind: str, condition: Q) -> Q:
    """On Subscriber: there are suppressions of this kind at all, and the person meets the condition.

    The first question is asked once for the whole statement; most organizations suppress no domains. The second looks
    people up by their own key: so PostgreSQL can find everybody it holds for at once, or look up the one it is about.
    """
    them = Subscriber.objects.filter(condition, pk=OuterRef("pk"))
    return Q(Exists(suppressions.filter(kind=kind))) & Q(Exists(them))


def _domains_at_once(organization: Organization) -> Q:
    """On Subscriber: the domain is suppressed. Each domain of the organization is decided about once.

    No domain has 0 people: that half of the condition only makes it one about groups.
    """
    rows = _everywhere(organization).filter(kind=Kind.DOMAIN, value__in=_domains(OuterRef("email_domain")))
    domains = Subscriber.objects.of(organization).order_by().values("email_domain").annotate(people=Count("pk"))
    return Q(email_domain__in=domains.filter(Q(people=0) | Q(Exists(rows))).values("email_domain"))


def _domain_of_one(organization: Organization) -> Q:
    """On Subscriber: the domain is suppressed, looked up for this person."""
    rows = _everywhere(organization).filter(kind=Kind.DOMAIN, value__in=_domains(OuterRef("email_domain")))
    return Q(Exists(rows))


def _suppressed_for_list(organization: Organization, channel: str, *, row: str, person: str) -> Q:
    """Suppressed for the list of a subscription; `row` and `person` lead to the subscription and the subscriber.

    Again each first question is asked once: hardly anybody suppresses for one list.
    """
    kinds: dict[str, list[Combinable]] = {Kind.PHONE: [OuterRef(f"{person}phone")]}
    if channel == "email":
        kinds = {Kind.EMAIL: [OuterRef(f"{person}email")], Kind.DOMAIN: _domains(OuterRef(f"{person}email_domain"))}
    rows = Suppression.objects.filter(organization=organization, mailing_list__isnull=False)
    of_list = rows.filter(mailing_list=OuterRef(f"{row}mailing_list"))
    return _any(
        [
            Q(Exists(rows.filter(kind=kind))) & Q(Exists(of_list.filter(kind=kind, value__in=values)))
            for kind, values in kinds.items()
        ]
    )


def _domains(domain: Combinable) -> list[Combinable]:
    """The domain and those above it."""
    domains = [domain]
    for _ in range(DOMAINS_ABOVE):
        domains.append(DomainAbove(domains[-1]))
    return domains


class DomainAbove(Func):
    """`example.com` of `mail.example.com`; a domain without a dot is its own."""

    function = "broadsheet_domain_above"
    output_field = TextField()

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="regexp_replace(%(expressions)s, '^[^.]*[.]', '')", **extra)


# --- the address -------------------------------------------------------------------------------------------------


def _address(channel: str) -> Combinable:
    return F("phone") if channel == "sms" else Coalesce("email", Value(""))


def _no_address(channel: str) -> Q:
    return Q(phone="") if channel == "sms" else Q(email=None) | Q(email="")
