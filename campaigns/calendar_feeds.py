"""Addresses at which a calendar program reads what goes out: they cannot log in, so the address is the secret."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from accounts.actors import Actor
from accounts.models import Organization, User
from accounts.permissions import Permission, may
from accounts.scoping import ScopedQuerySet
from accounts.texts import validate_one_line
from campaigns.errors import NotAllowed, NotReady

TOUCH_EVERY = timedelta(minutes=15)
MOST = 20  # of one person in one organization


class CalendarFeed(models.Model):
    """One such address: whose it is, and a hash of its token. It shows what that person may see, for as long as they
    may."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="calendar_feeds")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100, validators=[validate_one_line])
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name


def issue(organization: Organization, *, name: str, by: Actor) -> tuple[CalendarFeed, str]:
    """A new address and its token of 43 characters, which is nowhere to be found afterwards."""
    if by.user is None or not may(by.user, Permission.READ, organization):
        raise NotAllowed(f"You may not see the campaigns of {organization}.")
    named = " ".join(name.split())[:100]
    if not named:
        raise NotReady({"name": ["Name what reads it, such as “phone”."]})
    if CalendarFeed.objects.filter(organization=organization, user=by.user, revoked_at__isnull=True).count() >= MOST:
        raise NotReady({"name": [f"You have {MOST} addresses here already. Revoke one that nobody reads."]})
    token = secrets.token_urlsafe(32)
    feed = CalendarFeed.objects.create(organization=organization, user=by.user, name=named, digest=_digest(token))
    return feed, token


def revoke(feed: CalendarFeed, *, by: Actor) -> CalendarFeed:
    """From now on nobody reads it. By whose it is, or who manages the organization's members."""
    is_own = by.user is not None and by.user.pk == feed.user_id
    if not is_own and not may(by.user, Permission.MANAGE_MEMBERS, feed.organization):
        raise NotAllowed("Only whose address it is or an administrator of the organization revokes it.")
    CalendarFeed.objects.filter(pk=feed.pk, revoked_at__isnull=True).update(revoked_at=now())
    feed.refresh_from_db(fields=["revoked_at"])
    return feed


def find(token: str) -> CalendarFeed | None:
    """The feed at this address, if its owner may still look; notes that it is read, now and then.

    The look-up is by a SHA-256 of 256 random bits, as that of API keys is.
    """
    rows = CalendarFeed.objects.select_related("organization", "user")
    feed = rows.filter(digest=_digest(token), revoked_at__isnull=True, organization__is_active=True).first()
    if feed is None or not may(feed.user, Permission.READ, feed.organization):
        return None
    moment = now()
    if feed.last_used_at is None or moment - feed.last_used_at >= TOUCH_EVERY:
        CalendarFeed.objects.filter(pk=feed.pk).update(last_used_at=moment)
    return feed


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
