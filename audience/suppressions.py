"""Addresses, domains and numbers nothing is sent to: in the whole system, in an organization, or for one list.

A suppressed domain covers its subdomains too (`audience.addresses.covering_domains`). Suppressing never touches a
subscription: lifting a suppression gives back exactly the consent there was.

What is known already keeps its first reason, source and date, whoever says it again. Only superusers, and Broadsheet
itself, suppress and lift for the whole system. Lifting is in `audience.lifting`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet

from accounts.actors import Actor, Surface
from accounts.models import Organization, User
from accounts.permissions import Permission, may
from audience.addresses import (
    INVISIBLE,
    covering_domains,
    domain_of,
    normalise_domain,
    normalise_email,
    normalise_phone,
)
from audience.errors import InvalidAddress, NotAllowed, TooMany
from audience.models import MailingList, Subscriber, Suppression

Kind = Suppression.Kind
MOST_CHECKED = 500
_CHUNK = 1000
_PHONE_LETTERS = frozenset("+0123456789()[]-./ ")


@dataclass
class Outcome:
    """What became of many values: how many are new, how many were there already, and why others were refused."""

    added: int = 0
    known: int = 0
    refused: dict[str, str] = field(default_factory=dict)


def suppress(
    *,
    organization: Organization | None,
    kind: str,
    value: str,
    reason: str = Suppression.Reason.MANUAL,
    source: str = "",
    mailing_list: MailingList | None = None,
    by: User | None = None,
) -> Suppression:
    """Never send here again, in the scope of the list, else of the organization, else (None) of the system.

    Idempotent: the first suppression stays with its reason and date. Raises InvalidAddress.
    """
    suppression, _ = Suppression.objects.get_or_create(
        **scope(organization, mailing_list),
        kind=kind,
        value=normalise(kind, value),
        defaults={"reason": reason, "source": source[:200], "created_by": by},
    )
    return suppression


def suppress_many(
    values: Iterable[str],
    *,
    organization: Organization | None,
    kind: str,
    reason: str = Suppression.Reason.IMPORTED,
    source: str = "",
    mailing_list: MailingList | None = None,
    by: User | None = None,
) -> Outcome:
    """Like `suppress` for many values, in a few statements; what is malformed is told and the rest is kept."""
    outcome, good = Outcome(), dict[str, None]()
    for value in values:
        try:
            good[normalise(kind, value)] = None
        except InvalidAddress as error:
            outcome.refused[value] = str(error)
    new: dict[str, Any] = {"kind": kind, "reason": reason, "source": source[:200], "created_by": by}
    new |= scope(organization, mailing_list)
    with transaction.atomic():
        outcome.added = store([Suppression(value=value, **new) for value in good])
    outcome.known = len(good) - outcome.added
    return outcome


_INSERT = """
INSERT INTO audience_suppression (organization_id, mailing_list_id, created_by_id, created_at, kind, value, reason,
    source)
"""
_AT_ONCE = """
SELECT %s, %s, %s, %s, new.kind, new.value, new.reason, new.source
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY
    AS new (kind, value, reason, source, number)
ORDER BY new.kind, new.value, new.number
"""
_ONE_BY_ONE = "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
_PASSED_OVER = "ON CONFLICT DO NOTHING"


def store(rows: Sequence[Suppression]) -> int:
    """Insert those of these normalised rows, all of one scope, that are new; how many that were.

    What is there, or stands twice, is passed over: the first stays. On PostgreSQL in one statement and always in one
    order, so that two who store the same never wait for each other in a circle.
    """
    if not rows:
        return 0
    one = rows[0]
    moment = connection.ops.adapt_datetimefield_value(one.created_at)
    same = (one.organization_id, one.mailing_list_id, one.created_by_id, moment)
    own = [(str(row.kind), row.value, str(row.reason), row.source) for row in rows]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_INSERT + _AT_ONCE + _PASSED_OVER, [*same, *map(list, zip(*own, strict=True))])
        else:
            cursor.executemany(_INSERT + _ONE_BY_ONE + _PASSED_OVER, [(*same, *each) for each in own])
        return int(cursor.rowcount)


def require_may(by: Actor, organization: Organization | None, permission: Permission = Permission.CREATE) -> None:
    """Raises NotAllowed unless this actor may suppress there; without an organization, for everybody."""
    if by.surface == Surface.SYSTEM:
        return
    if organization is None:
        if by.user is None or not (by.user.is_active and by.user.is_superuser):
            raise NotAllowed("Only superusers decide what is suppressed for every organization.")
    elif not may(by.user, permission, organization):
        raise NotAllowed(f"You may not change what is suppressed for {organization}.")


# --- what is suppressed ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is known about one thing that was asked for: how it is compared, and all that forbids it, widest first.

    `problem` says why it could not be understood; then it has no value, and nothing is known of it.
    """

    written: str
    kind: str = ""
    value: str = ""
    suppressions: tuple[Suppression, ...] = ()
    problem: str = ""

    @property
    def is_suppressed(self) -> bool:
        return bool(self.suppressions)


def look_up(
    organization: Organization, written: Sequence[str], *, mailing_list: MailingList | None = None
) -> list[Finding]:
    """Which of these addresses, domains and numbers are suppressed, in which scopes, and why; in the order given.

    Without a list, the suppressions for any of the organization's lists are named too. One query, whatever is asked;
    the list and the system of each suppression can be read from its row. Raises TooMany above MOST_CHECKED.
    """
    if len(written) > MOST_CHECKED:
        raise TooMany(f"Check at most {MOST_CHECKED} at a time; these are {len(written):,}.")
    asked = [_understood(one) for one in written]
    scopes = Q(organization=None) | Q(organization=organization)
    if mailing_list is not None:
        scopes &= Q(mailing_list=None) | Q(mailing_list=mailing_list)
    wanted = {value for one in asked if one.value for value in _covering(one)}
    found = defaultdict[tuple[str, str], list[Suppression]](list)
    for row in Suppression.objects.filter(scopes, value__in=wanted).select_related("mailing_list").order_by("pk"):
        found[row.kind, row.value].append(row)
    return [_with_suppressions(one, found) for one in asked]


def _understood(written: str) -> Finding:
    kind = kind_of(written)
    try:
        return Finding(written=written, kind=kind, value=normalise(kind, written))
    except InvalidAddress as error:
        return Finding(written=written, problem=str(error))


def _covering(asked: Finding) -> dict[str, str]:
    """Each value whose suppression forbids this one, with its kind."""
    if asked.kind == Kind.PHONE:
        return {asked.value: Kind.PHONE}
    above = dict.fromkeys(covering_domains(domain_of(asked.value)), str(Kind.DOMAIN))
    return {asked.value: str(asked.kind)} | above


def _with_suppressions(asked: Finding, found: dict[tuple[str, str], list[Suppression]]) -> Finding:
    if asked.problem:
        return asked
    rows = [row for value, kind in _covering(asked).items() for row in found.get((kind, value), ())]
    return replace(asked, suppressions=tuple(sorted(rows, key=_width)))


def about(person: Subscriber) -> Q:
    """Rows about exactly this person's address or number that hold for them; a domain's are about nobody in
    particular."""
    values = [value for value in (person.email, person.phone) if value]
    scopes = Q(organization=None) | Q(organization=person.organization_id)
    return scopes & Q(value__in=values) & ~Q(kind=Kind.DOMAIN)


def by_reason(rows: QuerySet[Suppression]) -> dict[str, int]:
    """How many of these there are for each reason, zeros included."""
    counts = dict(rows.order_by().values_list("reason").annotate(suppressed=Count("pk")))
    return {str(reason): counts.get(reason, 0) for reason in Suppression.Reason.values}


def check(organization: Organization, address: str, *, mailing_list: MailingList | None = None) -> Suppression | None:
    """What forbids sending to this normalised address (email or phone), the widest scope first; None: nothing does."""
    return check_many(organization, [address], mailing_list=mailing_list).get(address)


def check_many(
    organization: Organization, addresses: Iterable[str], *, mailing_list: MailingList | None = None
) -> dict[str, Suppression]:
    """Those of these normalised addresses that nothing may be sent to, each with what forbids it."""
    values_of = {address: _values(address) for address in addresses}
    wanted = list(dict.fromkeys(value for values in values_of.values() for value in values))
    scopes = Q(organization=None) | Q(organization=organization, mailing_list=None)
    if mailing_list is not None:
        scopes |= Q(organization=organization, mailing_list=mailing_list)
    found: dict[str, Suppression] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = Suppression.objects.filter(scopes, value__in=wanted[start : start + _CHUNK])
        for row in sorted(rows, key=_width):
            found.setdefault(row.value, row)
    forbidding = {address: [found[v] for v in values if v in found] for address, values in values_of.items()}
    return {address: min(rows, key=_width) for address, rows in forbidding.items() if rows}


def kind_of(written: str) -> str:
    """What somebody means who writes this: an address, a domain (`example.com`, `@example.com`) or a phone number."""
    text = written.strip(INVISIBLE)
    if text.startswith(("@", "*")):
        return Kind.DOMAIN
    if "@" in text:
        return Kind.EMAIL
    return Kind.PHONE if text and set(text) <= _PHONE_LETTERS else Kind.DOMAIN


def normalise(kind: str, value: str) -> str:
    """The value as it is stored and compared. Raises InvalidAddress."""
    match kind:
        case Kind.EMAIL:
            return normalise_email(value)
        case Kind.PHONE:
            return normalise_phone(value)
        case Kind.DOMAIN:
            return normalise_domain(value)
    raise InvalidAddress(f"Only {', '.join(Kind.values)} can be suppressed.")


def _values(address: str) -> tuple[str, ...]:
    """The values whose suppression forbids this address."""
    return (address, *covering_domains(domain_of(address))) if "@" in address else (address,)


def _width(suppression: Suppression) -> int:
    if suppression.organization_id is None:
        return 0
    return 1 if suppression.mailing_list_id is None else 2


def scope(
    organization: Organization | None, mailing_list: MailingList | None
) -> dict[str, Organization | MailingList | None]:
    """The columns that say where a suppression holds. Raises InvalidAddress."""
    if mailing_list is not None and (organization is None or mailing_list.organization_id != organization.pk):
        raise InvalidAddress("The list belongs to another organization.")
    return {"organization": organization, "mailing_list": mailing_list}
