"""Who is calling: a session, a person's API key, or an administrator's.

Octeth's account ("user") is our organization: its id is `UserID` and `RelOwnerUserID`. A key acts as its membership.
A key or session counts as an administrator's where its member is an administrator of the organization or of the
whole installation; the latter reaches every organization with the `admin.` commands.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from django.db import models
from django.http import HttpRequest

from accounts import keys, sessions
from accounts.actors import Actor, Surface
from accounts.models import ApiKey, Membership, Organization, Role, User
from accounts.permissions import Permission, granted
from accounts.scoping import ScopedQuerySet
from api.octeth.parameters import Parameters
from tracking.clients import client_address

RowT = TypeVar("RowT", bound=models.Model)


@dataclass(frozen=True)
class Caller:
    """Somebody with a credential that holds. `is_admin`: it opens what takes an administrator."""

    membership: Membership
    api_key: ApiKey | None = None
    is_admin: bool = False

    @property
    def organization(self) -> Organization:
        return self.membership.organization

    @property
    def user(self) -> User:
        return self.membership.user

    @property
    def actor(self) -> Actor:
        return Actor(user=self.user, surface=Surface.OCTETH, api_key=self.api_key)

    @property
    def is_everywhere(self) -> bool:
        """Whether the `admin.` commands reach every organization."""
        return self.is_admin and self.user.is_superuser

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        return granted(self.user, self.organization)

    def own(self, rows: models.QuerySet[RowT]) -> ScopedQuerySet[RowT]:
        """Of these rows those of the caller's organization: the one place that says what a client may know of."""
        return cast("ScopedQuerySet[RowT]", rows).of(self.organization)

    def administered(self, rows: models.QuerySet[RowT]) -> ScopedQuerySet[RowT]:
        """What an `admin.` command reaches."""
        return cast("ScopedQuerySet[RowT]", rows) if self.is_everywhere else self.own(rows)


def find(request: HttpRequest, parameters: Parameters, *, admin: bool = False) -> Caller | None:
    """The first credential that holds: SessionID, APIKey, AdminAPIKey, then the Authorization header.

    A stale SessionID does not defeat a key beside it. With `admin`, an administrator's credential is preferred.
    """
    found = list(_callers(request, parameters)) if admin else None
    if found is None:
        return next(_callers(request, parameters), None)
    return next((caller for caller in found if caller.is_admin), found[0] if found else None)


def credential(request: HttpRequest, parameters: Parameters) -> str:
    """What rate limits count by: the credential as it was sent, or the address."""
    sent = (parameters.text(name) for name in ("SessionID", "APIKey", "AdminAPIKey"))
    return next((each for each in [*sent, _bearer(request)] if each), client_address(request.META))


def _callers(request: HttpRequest, parameters: Parameters) -> Iterator[Caller]:
    address = client_address(request.META)
    bearer = _bearer(request)
    for plain in (parameters.word("SessionID"), bearer):
        session = sessions.find(plain) if plain else None
        if session is not None:
            yield Caller(session.membership, is_admin=session.is_admin)
    for name in ("APIKey", "AdminAPIKey", ""):
        plain = parameters.word(name) if name else bearer
        key = keys.authenticate(plain, address=address) if plain else None
        if key is not None and (name != "AdminAPIKey" or administers(key.membership)):
            yield Caller(key.membership, api_key=key, is_admin=administers(key.membership))


def _bearer(request: HttpRequest) -> str:
    scheme, _, plain = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return plain.strip() if scheme.lower() == "bearer" else ""


def administers(membership: Membership) -> bool:
    return membership.user.is_superuser or membership.role == Role.ADMIN
