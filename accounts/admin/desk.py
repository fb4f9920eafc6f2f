"""Who sits at the desk: what the person behind a request may do, and in which organization they work now."""

from dataclasses import dataclass, field
from typing import TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from accounts.actors import Actor, Surface
from accounts.models import Membership, Organization, Role, User
from accounts.permissions import Permission, grants
from accounts.scoping import ScopedQuerySet

RowT = TypeVar("RowT", bound=Model)
SESSION_KEY = "organization"
EVERY = "every"  # what the switch says for all organizations at once


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One person at work. `organization` is the one they work in; None while they look at all of theirs."""

    user: User
    organizations: tuple[Organization, ...]
    organization: Organization | None
    memberships: dict[int, Membership] = field(default_factory=dict)

    def may(self, permission: Permission, organization: Organization | int | None = None) -> bool:
        """In that organization; without one, in the one worked in, or in any while looking at all."""
        if self.user.is_superuser:
            return True
        chosen = organization or self.organization
        if chosen is None:
            return any(grants(membership, permission) for membership in self.memberships.values())
        key = chosen if isinstance(chosen, int) else chosen.pk
        return key in self.memberships and grants(self.memberships[key], permission)

    @property
    def role(self) -> str:
        """The role worked in; a superuser counts as an administrator, several roles as the first of the list."""
        if self.user.is_superuser:
            return Role.ADMIN
        if self.organization:
            return self.memberships[self.organization.pk].role
        roles = {membership.role for membership in self.memberships.values()}
        return next((role for role in (Role.ADMIN, Role.MANAGER, Role.APPROVER) if role in roles), Role.VIEWER)

    @property
    def has_choice(self) -> bool:
        return len(self.organizations) > 1


def desk(request: HttpRequest) -> Desk:
    """The desk of this request, set up once."""
    if not hasattr(request, "_desk"):
        request._desk = _set_up(request)  # type: ignore[attr-defined]
    return cast(Desk, request._desk)  # type: ignore[attr-defined]


def actor(request: HttpRequest) -> Actor:
    """The `by=` of what is done from here."""
    return Actor(user=cast(User, request.user), surface=Surface.ADMIN)


def row_of(request: HttpRequest, rows: QuerySet[RowT], pk: int, permission: Permission, what: str) -> RowT:
    """The row a page is about: 404 where this person may not know of it, 403 where their role does not allow the act.

    What holds in the whole system belongs to no organization, and only superusers see it.
    """
    row = cast("ScopedQuerySet[RowT]", rows).visible_to(request.user).filter(pk=pk).first()
    if row is None:
        raise Http404(f"There is no such {what}.")
    if not desk(request).may(permission, row.organization_id):  # type: ignore[attr-defined]
        raise PermissionDenied
    return row


def choose(request: HttpRequest, public_id: str) -> None:
    """Work in this organization from now on (or in every one of them)."""
    request.session[SESSION_KEY] = public_id


def _set_up(request: HttpRequest) -> Desk:
    user = cast(User, request.user)
    if not user.is_authenticated:  # the theme asks on the login page too
        return Desk(user=user, organizations=(), organization=None)
    rows = Membership.objects.filter(user=user, organization__is_active=True).select_related("organization")
    memberships = {row.organization_id: row for row in rows.order_by("created_at", "pk")}
    organizations = _organizations(user, memberships)
    chosen = _chosen(request, organizations, memberships)
    return Desk(user=user, organizations=organizations, organization=chosen, memberships=memberships)


def _organizations(user: User, memberships: dict[int, Membership]) -> tuple[Organization, ...]:
    if user.is_superuser:
        return tuple(Organization.objects.visible_to(user))
    mine = [membership.organization for membership in memberships.values()]
    return tuple(sorted(mine, key=lambda organization: organization.name.casefold()))


def _chosen(
    request: HttpRequest, organizations: tuple[Organization, ...], memberships: dict[int, Membership]
) -> Organization | None:
    """What the switch says; at first the organization one joined first, and all of them for a superuser."""
    wanted = request.session.get(SESSION_KEY)
    for organization in organizations:
        if organization.public_id == wanted or len(organizations) == 1:
            return organization
    if wanted == EVERY or not memberships:
        return None
    return next(iter(memberships.values())).organization
