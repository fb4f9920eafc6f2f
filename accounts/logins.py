"""Logging in without a page: name and password, and the second factor of who has set one up.

Guessing is limited as on the login page, and counted together with it (`LOGIN_FAILURES`).
"""

from typing import cast

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.models import Membership, User


class WrongLogin(Exception):
    """No such name and password, an account that is not active, or too many wrong ones before."""


class CodeNeeded(Exception):
    """The password is right, and a code of the second factor is missing or wrong."""


def check(request: HttpRequest, name: str, password: str, *, code: str = "", recovery_code: str = "") -> User:
    """The person with this username or address and password. Raises WrongLogin, CodeNeeded."""
    credentials = {"email" if "@" in name else "username": name, "password": password}
    try:
        user = get_adapter(request).authenticate(request, **credentials)
    except ValidationError as error:
        raise WrongLogin("Too many failed attempts; try again later.") from error
    if user is None or not user.is_active:
        raise WrongLogin("Invalid login information")
    _require_second_factor(user, code, recovery_code)
    return cast("User", user)


def membership_at_login(user: User) -> Membership | None:
    """The organization a person who named none works in: the one they are in for longest."""
    active = user.memberships.filter(organization__is_active=True).select_related("organization", "user")
    return active.order_by("created_at", "pk").first()


def _require_second_factor(user: User, code: str, recovery_code: str) -> None:
    known = {each.type: each for each in Authenticator.objects.filter(user=user)}
    if not known:
        return
    given = {Authenticator.Type.TOTP: code, Authenticator.Type.RECOVERY_CODES: recovery_code}
    for kind, text in given.items():
        if text and kind in known and known[kind].wrap().validate_code(text):
            return
    raise CodeNeeded
