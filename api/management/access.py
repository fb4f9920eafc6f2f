"""What the one who asks may see and do. A key sees one organization, with the role of its membership."""

from typing import Any, TypeVar, cast

from django.db import models
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.actors import Actor, Surface
from accounts.models import ApiKey, Organization, User
from accounts.permissions import Permission, grants, may
from accounts.scoping import ScopedQuerySet

RowT = TypeVar("RowT", bound=models.Model)


def caller(request: Request) -> User:
    """Who asks. Views that act let in only people who are authenticated."""
    return cast("User", request.user)


def key_of(request: Request) -> ApiKey | None:
    return request.auth if isinstance(request.auth, ApiKey) else None


def actor(request: Request) -> Actor:
    """The `by=` of every act done through this API."""
    return Actor(user=caller(request), surface=Surface.MANAGEMENT, api_key=key_of(request))


def visible(request: Request, rows: models.QuerySet[RowT]) -> ScopedQuerySet[RowT]:
    """The rows this request may know of."""
    key = key_of(request)
    scoped = cast("ScopedQuerySet[RowT]", rows).visible_to(request.user)
    return scoped.of(key.membership.organization) if key else scoped


def organization_of(row: Any) -> Organization | None:
    """Whose row this is; None for what holds in the whole system."""
    path = getattr(row, "organization_path", "organization")
    if path == "pk":
        return cast("Organization", row)
    for step in path.split("__"):
        row = getattr(row, step)
    return cast("Organization | None", row)


def permits(request: Request, permission: Permission, organization: Organization | None) -> bool:
    """What holds in the whole system is for superusers, and never for a key, which reaches one organization."""
    key = key_of(request)
    if organization is None:
        return key is None and caller(request).is_superuser
    if key is not None:
        return key.membership.organization_id == organization.pk and grants(key.membership, permission)
    return may(caller(request), permission, organization)


class RolePermission(BasePermission):
    """A view names in `needs` what each of its actions takes; reading takes `READ`, an action not named is refused."""

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        needs = cast("dict[str, Permission]", getattr(view, "needs", {}))
        permission = needs.get(getattr(view, "action", ""))
        if permission is None and request.method in SAFE_METHODS:
            permission = Permission.READ
        return permission is not None and permits(request, permission, organization_of(obj))
