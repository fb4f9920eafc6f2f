"""Addresses of erased people, as hashes: whoever asked to be forgotten is not brought back by the next import.

The hash is HMAC-SHA256 under the organization's public id: the same in a year, whatever keys are replaced, and another
one in each organization. Addresses can be guessed, and so it is still personal data, kept for one purpose
(docs/decisions/0034).
"""

import hmac
from collections.abc import Iterable

from django.db.models import Q

from accounts.models import Organization
from audience.models import Erasure, Subscriber

_CHUNK = 1000


def is_kept_out(person: Subscriber) -> bool:
    """Whether what this person is known by belongs to somebody who was erased."""
    addresses = [address for address in (person.email, "" if person.email else person.phone) if address]
    return bool(kept_out(person.organization, addresses))


def kept_out(organization: Organization, addresses: Iterable[str]) -> set[str]:
    """Those of these normalised addresses and numbers that only their owners can bring back."""
    hashes = {hashed(organization, address): address for address in addresses}
    wanted, found = list(hashes), set[str]()
    rows = Erasure.objects.filter(organization=organization, keep_out=True)
    if not wanted or not rows.exists():
        return set()
    for start in range(0, len(wanted), _CHUNK):
        some = wanted[start : start + _CHUNK]
        for pair in rows.filter(Q(email_hash__in=some) | Q(phone_hash__in=some)).values_list(
            "email_hash", "phone_hash"
        ):
            found |= {hashes[each] for each in pair if each in hashes}
    return found


def let_back_in(person: Subscriber) -> None:
    """They came back by their own act: nothing keeps them out any more."""
    hashes = [hashed(person.organization, address) for address in (person.email, person.phone) if address]
    rows = Erasure.objects.filter(organization=person.organization_id, keep_out=True)
    rows.filter(Q(email_hash__in=hashes) | Q(phone_hash__in=hashes)).update(keep_out=False)


def hashed(organization: Organization, address: str) -> str:
    """64 hexadecimal digits for a normalised address; "" for none."""
    return hmac.digest(organization.public_id.encode(), address.encode(), "sha256").hex() if address else ""
