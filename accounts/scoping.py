"""The one place that decides which rows a person may see.

Every model below an organization has a manager made from `ScopedQuerySet` and names the lookup path to its
organization in `organization_path`. Surfaces start from `visible_to(user)` (or `of(organization)`), never from
`objects.all()`; `tests/accounts/test_scoping.py` walks every model to hold this.
"""

from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models

if TYPE_CHECKING:
    from accounts.models import Organization, User

RowT = TypeVar("RowT", bound=models.Model, covariant=True)


class ScopedQuerySet(models.QuerySet[RowT]):
    """Rows that belong to organizations; `organization_path` is the lookup from the row to its organization."""

    @property
    def organization_path(self) -> str:
        return str(getattr(self.model, "organization_path", "organization"))

    def of(self, organization: "Organization") -> Self:
        """Rows of this one organization."""
        return self.filter(**{self.organization_path: organization.pk})

    def visible_to(self, user: "User | Any") -> Self:
        """Rows of the organizations this person is a member of; superusers see every organization."""
        from accounts.models import Organization  # the models import this module

        if not getattr(user, "is_active", False):
            return self.none()
        if user.is_superuser:
            return self
        mine = Organization.objects.filter(memberships__user=user, is_active=True).values("pk")
        return self.filter(**{f"{self.organization_path}__in": mine})
