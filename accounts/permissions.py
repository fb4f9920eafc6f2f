"""Which role may do what in an organization (spec: one table for every surface)."""

from enum import StrEnum

from accounts.models import Membership, Organization, Role, User


class Permission(StrEnum):
    """Named as the campaign acts are; surfaces ask `may()` and never look at roles."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    SEND = "send"
    UPDATE_STATE = "update_state"
    DELETE = "delete"
    APPROVE = "approve"
    RETRY = "retry"
    MANAGE_MEMBERS = "manage_members"


_MARKETER = {
    Permission.READ,
    Permission.CREATE,
    Permission.UPDATE,
    Permission.SEND,
    Permission.UPDATE_STATE,
    Permission.DELETE,
}
GRANTS: dict[str, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.MANAGER: frozenset(_MARKETER),
    Role.APPROVER: frozenset({Permission.READ, Permission.APPROVE}),
    Role.VIEWER: frozenset({Permission.READ}),
}


def membership_of(user: User, organization: Organization) -> Membership | None:
    return Membership.objects.filter(user=user, organization=organization).select_related("organization").first()


def may(user: User | None, permission: Permission, organization: Organization) -> bool:
    """Whether this person may do this in that organization; nobody (None) may do nothing."""
    return permission in granted(user, organization)


def granted(user: User | None, organization: Organization) -> frozenset[Permission]:
    """Everything this person may do in that organization."""
    if user is None or not user.is_active:
        return frozenset()
    if user.is_superuser:
        return frozenset(Permission)
    active = Membership.objects.filter(user=user, organization=organization, organization__is_active=True)
    role = active.values_list("role", flat=True).first()  # asked with every act: one column, not two whole rows
    return GRANTS[role] if role else frozenset()


def grants(membership: Membership, permission: Permission) -> bool:
    """Whether this membership allows this; nothing is allowed in an organization that is not active."""
    return membership.organization.is_active and permission in GRANTS[membership.role]


def is_trusted(user: User | None, organization: Organization) -> bool:
    """Whether this person's campaigns may go out without approval where only untrusted members need one."""
    if user is None:
        return False
    if user.is_superuser:
        return True
    membership = membership_of(user, organization)
    return membership is not None and membership.trusted
