"""Sessions of the command API: an id given at login, good for so many days after it was last used.

Octeth's sessions live `SESSION_LIFETIME_DAYS`; several of one person may live at once.
"""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.utils.timezone import now

from accounts.models import CommandSession, Membership

RENEW_EVERY = timedelta(hours=1)


def issue(membership: Membership, *, is_admin: bool = False) -> str:
    """A new session; its id is 40 hexadecimal digits and is nowhere to be found afterwards."""
    plain = secrets.token_hex(20)
    CommandSession.objects.create(membership=membership, digest=_digest(plain), is_admin=is_admin)
    return plain


def find(plain: str) -> CommandSession | None:
    """The session with this id, if it may act now; its life is renewed, at most once an hour."""
    session = (
        CommandSession.objects.select_related("membership__user", "membership__organization")
        .filter(
            digest=_digest(plain),
            last_used_at__gte=now() - _lifetime(),
            membership__user__is_active=True,
            membership__organization__is_active=True,
        )
        .first()
    )
    if session is not None:
        _renew(session)
    return session


def end(plain: str) -> bool:
    """Log out: the id opens nothing any more. Whether there was such a session."""
    deleted, _ = CommandSession.objects.filter(digest=_digest(plain)).delete()
    return deleted > 0


def forget_expired() -> int:
    """How many sessions nobody can use any more were deleted."""
    deleted, _ = CommandSession.objects.filter(last_used_at__lt=now() - _lifetime()).delete()
    return deleted


def _lifetime() -> timedelta:
    return timedelta(days=settings.OCTETH_SESSION_DAYS)


def _digest(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _renew(session: CommandSession) -> None:
    moment = now()
    if moment - session.last_used_at >= RENEW_EVERY:
        CommandSession.objects.filter(pk=session.pk).update(last_used_at=moment)
        session.last_used_at = moment
