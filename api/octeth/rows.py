"""How an account, its person and a key read in Octeth's answers."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import ApiKey, Membership, Organization, Role
from accounts.permissions import granted, is_trusted
from api.octeth import permissions

UNSET_DAY, UNSET_TIME = "0000-00-00", "00:00:00"
UNSET = f"{UNSET_DAY} {UNSET_TIME}"


def moment(at: datetime | None, zone: str) -> str:
    """In the account's time zone, as Octeth stores it; what never happened is all zeros."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" if at else UNSET


def yes_no(value: bool) -> str:
    return "Yes" if value else "No"


def enabled(value: bool) -> str:
    return "Enabled" if value else "Disabled"


def user_info(membership: Membership) -> dict[str, Any]:
    """`UserInfo`. The account is the organization, its person the member; there is never a password."""
    user, organization = membership.user, membership.organization
    group = group_info(membership)
    return {
        "UserID": organization.pk,
        "RelUserGroupID": group["UserGroupID"],
        "EmailAddress": user.email,
        "Username": user.get_username(),
        "ReputationLevel": "Trusted" if is_trusted(user, organization) else "Untrusted",
        "UserSince": moment(organization.created_at, organization.timezone),
        "FirstName": user.first_name,
        "LastName": user.last_name,
        "CompanyName": organization.name,
        **dict.fromkeys(("Website", "Street", "Street2", "City", "State", "Zip", "Country", "VAT", "Phone"), ""),
        "PhoneVerified": "No",
        "Fax": "",
        "TimeZone": organization.timezone,
        "LastActivityDateTime": moment(user.last_login, organization.timezone),
        "AccountStatus": "Enabled" if user.is_active and organization.is_active else "Disabled",
        "AvailableCredits": 0,
        "SSOID": "",
        "GroupInfo": group,
        "GroupInformation": group,
    }


def group_info(membership: Membership) -> dict[str, Any]:
    """`GroupInfo`: a role. Limits of "0" mean that there are none."""
    limits = ("LimitSubscribers", "LimitLists", "LimitCampaignSendPerPeriod", "LimitEmailSendPerPeriod")
    return {
        "UserGroupID": list(Role).index(Role(membership.role)) + 1,
        "GroupName": membership.get_role_display(),
        "GroupPlanName": "",
        "DefaultSenderDomain": "",
        "Permissions": permissions.names(granted(membership.user, membership.organization)),
        "ForceUnsubscriptionLink": "Disabled",
        "ForceRejectOptLink": "Disabled",
        "ForceOptInList": "Disabled",
        **dict.fromkeys((*limits, "LimitEmailSendPerDay", "LimitEmailSendLifetime"), "0"),
        "SenderDomainManagement": "Disabled",
        "EnableSenderInfo": "Disabled",
        "ForcedSenderInfo": "",
        "DefaultSenderDomainActivate": "Disabled",
    }


def admin_info(membership: Membership) -> dict[str, Any]:
    user = membership.user
    return {
        "AdminID": user.pk,
        "Username": user.get_username(),
        "FirstName": user.first_name,
        "LastName": user.last_name,
        "EmailAddress": user.email,
    }


def key_row(key: ApiKey, organization: Organization, *, plain: str = "") -> dict[str, Any]:
    """A key as `user.apikey` shows it. It is told in full only once, when it is made; later only its beginning."""
    zone = organization.timezone
    return {
        "APIKeyID": str(key.pk),
        "APIKey": plain or f"{key.prefix}…",
        "Note": key.name,
        "IPAddress": key.bound_ip or "",
        "BoundIPAddress": key.bound_ip or "",
        "CreatedAt": moment(key.created_at, zone),
        "LastUsedAt": moment(key.last_used_at, zone),
        "LastUsedIP": key.last_used_ip or "",
        "RequestCount": key.logins,
    }
