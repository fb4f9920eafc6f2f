"""HTTP Basic with an organization's id and one of its API keys. The first request may carry it: no 401 comes first."""

import base64
import binascii

from accounts import keys
from accounts.models import ApiKey
from api.greenarrow.errors import NotAuthorized
from audience.criteria.greenarrow.place import number

REFUSED = "You must supply a valid authentication id and key."


def credentials(header: str) -> tuple[int, str]:
    """The organization's id and the key. Raises NotAuthorized."""
    scheme, _, blob = header.strip().partition(" ")
    try:
        decoded = base64.b64decode(blob.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise NotAuthorized(REFUSED) from None
    organization, colon, plain = decoded.partition(":")
    pk = number(organization) if organization == organization.strip() else None
    if scheme.lower() != "basic" or not colon or not plain or pk is None:
        raise NotAuthorized(REFUSED)
    return pk, plain


def authenticated(header: str, *, address: str = "") -> ApiKey:
    """The key that asks, from this IP address. Raises NotAuthorized, also for a key of another organization than the
    one named."""
    organization_id, plain = credentials(header)
    key = keys.authenticate(plain, address=address)
    if key is None or key.membership.organization_id != organization_id:
        raise NotAuthorized(REFUSED)
    return key
