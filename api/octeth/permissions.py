"""The permission names of Octeth's user groups, in the words of our roles."""

from collections.abc import Iterable

from accounts.permissions import Permission

EVERYTHING = "*"

# What a command asks for by name, and what a member needs for it here. READ goes to every member.
PERMISSIONS: dict[str, Permission] = {
    "Campaign.Create": Permission.CREATE,
    "Campaign.Update": Permission.UPDATE,
    "Campaign.Get": Permission.READ,
    "Campaigns.Get": Permission.READ,
    "Campaign.Delete": Permission.DELETE,
    "List.Create": Permission.CREATE,
    "List.Get": Permission.READ,
    "List.Update": Permission.UPDATE,
    "List.Delete": Permission.DELETE,
    "Lists.Get": Permission.READ,
    "CustomField.Create": Permission.CREATE,
    "CustomField.Update": Permission.UPDATE,
    "CustomFields.Get": Permission.READ,
    "CustomFields.Delete": Permission.DELETE,
    "Segment.Create": Permission.CREATE,
    "Segment.Update": Permission.UPDATE,
    "Segments.Get": Permission.READ,
    "Segments.Delete": Permission.DELETE,
    "Subscribers.Get": Permission.READ,
    "Subscribers.Import": Permission.UPDATE,
    "Subscribers.Delete": Permission.DELETE,
    "Subscriber.Update": Permission.UPDATE,
    "EmailTemplates.Manage": Permission.UPDATE,
    "Email.SpamTest": Permission.READ,
    "User.Update": Permission.READ,
}


def names(granted: Iterable[Permission]) -> str:
    """`GroupInfo.Permissions`: the names a member has, without spaces between; `*` for who may do everything."""
    held = set(granted)
    if held == set(Permission):
        return EVERYTHING
    return ",".join(name for name, needed in PERMISSIONS.items() if needed in held)
