"""Addresses, domains and numbers nothing is sent to: in the whole system, in an organization, or for one list.

A suppressed domain covers its subdomains too (`audience.addresses.covering_domains`). Suppressing never touches a
subscription: lifting a suppression gives back exactly the consent there was.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q

from accounts.models import Organization, User
from audience.addresses import covering_domains, domain_of, normalise_domain, normalise_email, normalise_phone
from audience.errors import InvalidAddress
from audience.models import MailingList, Suppression

Kind = Suppression.Kind
_CHUNK = 1000


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
        **_scope(organization, mailing_list),
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
    scope = _scope(organization, mailing_list)
    new = {"kind": kind, "reason": reason, "source": source[:200], "created_by": by, **scope}
    with transaction.atomic():
        before = Suppression.objects.filter(**scope, kind=kind).count()
        rows = (Suppression(value=value, **new) for value in good)
        Suppression.objects.bulk_create(rows, batch_size=_CHUNK, ignore_conflicts=True)
        outcome.added = Suppression.objects.filter(**scope, kind=kind).count() - before
    outcome.known = len(good) - outcome.added
    return outcome


def lift(
    *,
    organization: Organization | None,
    kind: str,
    value: str,
    mailing_list: MailingList | None = None,
) -> bool:
    """Take a suppression of exactly this scope away; whether there was one. Raises InvalidAddress."""
    scope = _scope(organization, mailing_list)
    deleted, _ = Suppression.objects.filter(**scope, kind=kind, value=normalise(kind, value)).delete()
    return deleted > 0


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


def _scope(
    organization: Organization | None, mailing_list: MailingList | None
) -> dict[str, Organization | MailingList | None]:
    if mailing_list is not None and (organization is None or mailing_list.organization_id != organization.pk):
        raise InvalidAddress("The list belongs to another organization.")
    return {"organization": organization, "mailing_list": mailing_list}
