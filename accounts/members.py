"""Who belongs to an organization: let people in, change what they may do, let them go.

An organization always keeps one administrator: the last one can neither be demoted nor removed.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts.actors import Actor
from accounts.models import Membership, Organization, Role, User
from accounts.permissions import Permission, may


class MemberError(Exception):
    """A member cannot be added, changed or removed; the text says why."""


def add(
    organization: Organization, *, email: str, name: str = "", role: str, trusted: bool, by: Actor
) -> tuple[Membership, str]:
    """A new member. Who has no account yet gets one, with the password that is returned and stored nowhere.

    Raises MemberError, as the other two do.
    """
    _require_may(by, organization)
    _require_known(role)
    with transaction.atomic():
        user, password = _user(_valid(email), name.strip())
        if Membership.objects.filter(user=user, organization=organization).exists():
            raise MemberError(f"{user.email} is a member already.")
        member = Membership.objects.create(user=user, organization=organization, role=role, trusted=trusted)
    return member, password


def change(member: Membership, *, role: str, trusted: bool, by: Actor) -> Membership:
    _require_may(by, member.organization)
    _require_known(role)
    with _one_at_a_time(member):
        if role != Role.ADMIN:
            _require_another_administrator(member)
        member.role, member.trusted = role, trusted
        member.save(update_fields=["role", "trusted"])
    return member


def remove(member: Membership, *, by: Actor) -> None:
    """The person keeps their account and what they wrote; their API keys here go with the membership."""
    _require_may(by, member.organization)
    with _one_at_a_time(member):
        _require_another_administrator(member)
        member.delete()


@contextmanager
def _one_at_a_time(member: Membership) -> Iterator[None]:
    """Two administrators who leave at the same moment would each count on the other: changes queue here."""
    with transaction.atomic():
        Organization.objects.select_for_update().get(pk=member.organization_id)
        member.refresh_from_db()
        yield


def _user(email: str, name: str) -> tuple[User, str]:
    if user := User.objects.filter(email__iexact=email).first():
        if not user.is_staff:
            user.is_staff = True
            user.save(update_fields=["is_staff"])
        return user, ""
    first, _, last = name.partition(" ")
    password = secrets.token_urlsafe(12)
    user = User(username=_free_username(email), email=email, first_name=first, last_name=last, is_staff=True)
    user.set_password(password)
    user.save()
    return user, password


def _free_username(email: str) -> str:
    wanted = email.partition("@")[0][:120] or "member"
    taken = set(User.objects.filter(username__startswith=wanted).values_list("username", flat=True))
    return next(name for name in [wanted, *(f"{wanted}{n}" for n in range(2, len(taken) + 3))] if name not in taken)


def _require_may(by: Actor, organization: Organization) -> None:
    if not may(by.user, Permission.MANAGE_MEMBERS, organization):
        raise MemberError(f"You may not manage the members of {organization}.")


def _require_known(role: str) -> None:
    if role not in Role.values:
        raise MemberError(f"There is no role {role}.")


def _require_another_administrator(member: Membership) -> None:
    if member.role != Role.ADMIN:
        return
    administrators = Membership.objects.of(member.organization).filter(role=Role.ADMIN, user__is_active=True)
    if not administrators.exclude(pk=member.pk).exists():
        raise MemberError(f"{member.user} is the only administrator of {member.organization}; appoint another first.")


def _valid(email: str) -> str:
    tidied = email.strip().lower()
    try:
        validate_email(tidied)
    except ValidationError:
        raise MemberError(f"{email} is not an email address.") from None
    return tidied
