"""API keys: issued once in plain text, stored as a hash, recognised by it, revoked for good.

A key acts as its membership: that user, with that role, in that organization and no other.
"""

import base64
import hashlib
import secrets
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.utils.timezone import now

from accounts.actors import Actor, Surface
from accounts.models import ApiKey, Membership
from accounts.permissions import Permission, may

PREFIX = "bs_"
SHOWN_CHARACTERS = 11  # of the plain text, so that a person can tell keys apart
TOUCH_EVERY = timedelta(minutes=1)


def issue(
    membership: Membership,
    *,
    name: str,
    by: Actor,
    bound_ip: str | None = None,
    octeth_errors: str = "",
    hexadecimal: bool = False,
) -> tuple[ApiKey, str]:
    """A new key and its plain text, such as `bs_` and 43 characters, which is nowhere to be found afterwards.

    `hexadecimal`: 40 hexadecimal digits instead (160 random bits), for programs that expect a key to look so.
    Raises PermissionDenied unless it is the actor's own membership or the actor manages members there.
    """
    _require_may_manage(membership, by)
    plain = secrets.token_hex(20) if hexadecimal else PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        membership=membership,
        name=name,
        prefix=plain[:SHOWN_CHARACTERS],
        digest=_digest(plain),
        issued_by=by.user,
        bound_ip=bound_ip,
        octeth_errors=octeth_errors,
    )
    return key, plain


def authenticate(plain: str, *, address: str = "") -> ApiKey | None:
    """The key with this plain text, if it may act now from this IP address; notes its use, at most once a minute.

    A key that is bound to an address opens nothing from anywhere else.

    The look-up is by a SHA-256 of 256 random bits: how long it takes tells an attacker nothing, and a leaked database
    opens nothing, so no salt and no slow hash is needed.
    """
    key = (
        ApiKey.objects.select_related("membership__user", "membership__organization")
        .filter(
            digest=_digest(plain),
            revoked_at__isnull=True,
            membership__user__is_active=True,
            membership__organization__is_active=True,
        )
        .first()
    )
    if key is None or (key.bound_ip and key.bound_ip != address):
        return None
    _touch(key, address)
    return key


def basic(organization_id: int, plain: str) -> str:
    """A key as it stands behind `Basic ` (RFC 7617) where the user is the organization's id."""
    return base64.b64encode(f"{organization_id}:{plain}".encode()).decode()


def count_login(key: ApiKey) -> None:
    """One more session was opened with this key."""
    ApiKey.objects.filter(pk=key.pk).update(logins=F("logins") + 1)


def revoke(key: ApiKey, *, by: Actor) -> ApiKey:
    """From now on nobody gets in with it; the row stays, since histories name it. Revoking twice changes nothing."""
    _require_may_manage(key.membership, by)
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now())
    key.refresh_from_db(fields=["revoked_at"])
    return key


def _digest(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _touch(key: ApiKey, address: str) -> None:
    moment = now()
    if key.last_used_at is None or moment - key.last_used_at >= TOUCH_EVERY:
        key.last_used_at, key.last_used_ip = moment, address or key.last_used_ip
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=moment, last_used_ip=key.last_used_ip)


def _require_may_manage(membership: Membership, by: Actor) -> None:
    if by.surface == Surface.SYSTEM or (by.user is not None and by.user.pk == membership.user_id):
        return
    if not may(by.user, Permission.MANAGE_MEMBERS, membership.organization):
        raise PermissionDenied("Only the member or an administrator of the organization manages these API keys.")
