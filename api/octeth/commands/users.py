"""Accounts (Octeth's User.Get, User.Create and User.Update). An account is an organization with the member who logs in.

Administrators see their organization; superusers see every one, and open new ones.
"""

from typing import Any

from django.core.exceptions import ValidationError

from accounts import opening, zone_labels
from accounts.models import Membership, Organization, Role, User
from api.octeth import rows
from api.octeth.errors import NOT_PERMITTED, Refused, Shape
from api.octeth.registry import Access, Call, command

REQUIRED = {
    "RelUserGroupID": 1,
    "EmailAddress": 2,
    "Username": 3,
    "Password": 4,
    "TimeZone": 6,
    "Language": 8,
}
NO_NAME = 9
PROBLEMS = {"email": 13, "username": 12, "password": 4, "timezone": 6}
REPUTATIONS = {"": True, "trusted": True, "untrusted": False}
LANGUAGES = ("en",)


def _accounts(call: Call) -> Any:
    people = Membership.objects.select_related("user", "organization").order_by("created_at", "pk")
    return call.who.administered(people)


@command("user.get", access=Access.ADMIN, shape=Shape.LIST)
def get(call: Call) -> dict[str, Any]:
    given = call.parameters
    if not (given.word("UserID") or given.word("EmailAddress")):
        raise Refused(1)
    found = _accounts(call)
    if given.word("UserID"):
        found = found.filter(organization=given.whole("UserID"))
    else:
        found = found.filter(user__email__iexact=given.word("EmailAddress"))
    member = found.first()
    if member is None:
        raise Refused(3)
    return {"UserInformation": rows.user_info(member), "LimitUtilization": {}}


@command("user.create", access=Access.ADMIN, shape=Shape.LIST_TEXTS, writes=True)
def create(call: Call) -> dict[str, Any]:
    given = call.parameters
    if not call.who.is_everywhere:
        raise Refused(NOT_PERMITTED, text="Not enough privileges")
    missing = [code for name, code in REQUIRED.items() if not given.word(name)]
    if not (given.word("CompanyName") or given.word("FirstName")):
        missing.append(NO_NAME)
    if missing:
        raise Refused(*missing)
    return {"UserID": _opened(call, _role(call), _trusted(call)).organization_id}


def _role(call: Call) -> str:
    """The groups are the roles, numbered from 1 as `GroupInfo` shows them."""
    number = call.parameters.whole("RelUserGroupID")
    if not 1 <= number <= len(Role):
        raise Refused(11, text="There is no such group")
    return list(Role)[number - 1]


def _trusted(call: Call) -> bool:
    given = call.parameters
    if given.word("Language").lower() not in LANGUAGES:
        raise Refused(14, text="The language is English: en")
    if given.word("ReputationLevel").lower() not in REPUTATIONS:
        raise Refused(15, text="ReputationLevel is Trusted or Untrusted")
    return REPUTATIONS[given.word("ReputationLevel").lower()]


def _opened(call: Call, role: str, trusted: bool) -> Membership:
    given = call.parameters
    newcomer = opening.Newcomer(
        email=given.word("EmailAddress"),
        username=given.word("Username"),
        password=given.text("Password"),
        first_name=given.word("FirstName")[:150],
        last_name=given.word("LastName")[:150],
    )
    name = given.word("CompanyName") or f"{newcomer.first_name} {newcomer.last_name}".strip()
    zone = zone_labels.resolved(given.word("TimeZone")) or ""
    try:
        return opening.open_organization(name, newcomer, timezone=zone, role=role, trusted=trusted, by=call.by)
    except opening.NotOpened as refusal:
        taken = "already" in str(refusal)
        code = PROBLEMS.get(refusal.problem, 10) if taken or refusal.problem != "email" else 10
        raise Refused(code, text=str(refusal)) from refusal


@command("user.update", access=Access.EITHER, writes=True)
def update(call: Call) -> dict[str, Any]:
    """One's own name and address; an administrator also the organization's name and time zone."""
    given = call.parameters
    if not given.word("UserID"):
        raise Refused(1)
    member = _own_or_administered(call)
    user, organization = member.user, member.organization
    email = given.word("EmailAddress").lower()
    if email and email != user.email and User.objects.filter(email__iexact=email).exclude(pk=user.pk).exists():
        raise Refused(6)
    user.email = email or user.email
    user.first_name = given.word("FirstName")[:150] or user.first_name
    user.last_name = given.word("LastName")[:150] or user.last_name
    _save(user)
    if call.who.is_admin:
        organization.name = given.word("CompanyName")[:255] or organization.name
        if given.word("TimeZone"):
            organization.timezone = zone_labels.resolved(given.word("TimeZone")) or ""
        _save(organization)
    return {"ErrorText": ""}


def _own_or_administered(call: Call) -> Membership:
    """Without an administrator's credential only one's own account."""
    if call.parameters.whole("UserID") == call.organization.pk:
        return call.who.membership
    if not call.who.is_everywhere:
        raise Refused(2)
    member: Membership | None = _accounts(call).filter(organization=call.parameters.whole("UserID")).first()
    if member is None:
        raise Refused(5)
    return member


def _save(row: User | Organization) -> None:
    try:
        row.full_clean()
    except ValidationError as refusal:
        raise Refused(4) from refusal
    row.save()
