"""Logging in and out, who one is, and one's API keys (Octeth's User.* and Admin.Login)."""

from ipaddress import ip_address
from typing import Any

from accounts import keys, logins, sessions
from accounts.models import ApiKey, Membership
from api.octeth import rows
from api.octeth.callers import administers
from api.octeth.errors import Refused, Shape
from api.octeth.registry import Access, Call, Limit, command
from delivery import usage
from tracking.clients import client_address

LOGIN = Limit(30, 60, "login")
INVALID = "Invalid login information"
CODE_REQUIRED = 101
KEYS = Limit(100, 60, "user.apikey")


@command("user.login", access=Access.PUBLIC, shape=Shape.LIST_TEXTS, limit=LOGIN)
def log_in(call: Call) -> dict[str, Any]:
    membership = _by_key(call, "APIKey") or _by_password(call)
    return {
        "ErrorText": "",
        "SessionID": sessions.issue(membership),
        "UserInfo": rows.user_info(membership),
    }


@command("admin.login", access=Access.PUBLIC, shape=Shape.LIST_TEXTS, limit=LOGIN)
def log_in_as_administrator(call: Call) -> dict[str, Any]:
    membership = _by_key(call, "AdminAPIKey") or _by_password(call)
    if not administers(membership):
        raise Refused(3, text=INVALID)
    session = sessions.issue(membership, is_admin=True)
    return {"ErrorText": "", "SessionID": session, "AdminInfo": rows.admin_info(membership)}


@command("user.logout", access=Access.PUBLIC)
def log_out(call: Call) -> dict[str, Any]:
    sessions.end(call.parameters.word("SessionID"))
    return {"ErrorText": ""}


@command("user.current")
def current(call: Call) -> dict[str, Any]:
    sent = usage.of(call.organization)
    return {
        "UserInfo": rows.user_info(call.who.membership),
        "Usage": {
            "EmailGateway_TotalSentThisMonth": sent.this_month,
            "EmailGateway_TotalSentAllTime": sent.ever,
            "Limit_Monthly": 0,
            "Limit_Lifetime": 0,
        },
        "SendRateLimits": {},
    }


@command(
    "user.apikey.create",
    permission="User.Update",
    shape=Shape.BOTH,
    writes=True,
    limit=KEYS,
    routes=(("POST", "user.apikey"),),
)
def create_key(call: Call) -> dict[str, Any]:
    note = call.parameters.word("Note")
    if not note:
        raise Refused(1, text="Missing Note parameter")
    key, plain = keys.issue(call.who.membership, name=note[:100], by=call.by, bound_ip=_address(call))
    return {"APIKeyID": str(key.pk), "APIKey": rows.key_row(key, call.organization, plain=plain)}


@command("user.apikey.delete", permission="User.Update", shape=Shape.BOTH, writes=True, limit=KEYS)
def delete_key(call: Call) -> dict[str, Any]:
    if not call.parameters.word("APIKeyID"):
        raise Refused(1, text="Missing APIKeyID parameter")
    key = _own_keys(call).filter(pk=call.parameters.whole("APIKeyID")).first()
    if key is None:
        raise Refused(2, text="API key not found", status=404)
    keys.revoke(key, by=call.by)
    return {}


@command("user.apikey.list", permission="User.Update", limit=KEYS, routes=(("GET", "user.apikeys"),))
def list_keys(call: Call) -> dict[str, Any]:
    return {"APIKeys": [rows.key_row(key, call.organization) for key in _own_keys(call).order_by("pk")]}


def _own_keys(call: Call) -> Any:
    return call.who.own(ApiKey.objects.filter(membership=call.who.membership, revoked_at=None))


def _address(call: Call) -> str | None:
    written = call.parameters.word("BoundIPAddress")
    try:
        return str(ip_address(written)) if written else None
    except ValueError as error:
        raise Refused(3, text="BoundIPAddress is not an IP address") from error


# --- who it is ---------------------------------------------------------------------------------------------------


def _by_key(call: Call, name: str) -> Membership | None:
    """Whose key was sent instead of a name and a password; it counts how often that is done."""
    plain = call.parameters.word(name)
    if not plain or call.parameters.word("Username"):
        return None
    key = keys.authenticate(plain, address=client_address(call.request.META))
    if key is None:
        raise Refused(3, text=INVALID)
    keys.count_login(key)
    return key.membership


def _by_password(call: Call) -> Membership:
    given = call.parameters
    call.require(
        "Username",
        "Password",
        codes={"Username": 1, "Password": 2},
        texts={"Username": "Username is missing", "Password": "Password is missing"},
    )
    if given.flag("PasswordEncrypted"):  # an MD5 sum opens nothing: passwords are not stored as one
        raise Refused(3, text=INVALID)
    try:
        user = logins.check(
            call.request,
            given.word("Username"),
            given.text("Password"),
            code=given.word("TFACode"),
            recovery_code=given.word("TFARecoveryCode"),
        )
    except logins.WrongLogin as refusal:
        raise Refused(3, text=INVALID) from refusal
    except logins.CodeNeeded as refusal:
        raise Refused(CODE_REQUIRED, text="Two-factor authentication code is required") from refusal
    membership = logins.membership_at_login(user)
    if membership is None:
        raise Refused(3, text=INVALID)
    return membership
