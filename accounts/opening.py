"""A new organization with its first member, for whoever runs the installation."""

from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.text import slugify

from accounts.actors import Actor
from accounts.models import Membership, Organization, User


class NotOpened(Exception):
    """`problem` is what is wrong: email, username, password or timezone; the text says why."""

    def __init__(self, problem: str, text: str) -> None:
        super().__init__(text)
        self.problem = problem


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """Who the first member is."""

    email: str
    username: str
    password: str
    first_name: str = ""
    last_name: str = ""


def open_organization(
    name: str, newcomer: Newcomer, *, timezone: str, role: str, trusted: bool, by: Actor
) -> Membership:
    """Only superusers open organizations: raises PermissionDenied. Raises NotOpened for what cannot be."""
    if by.user is None or not (by.user.is_active and by.user.is_superuser):
        raise PermissionDenied("Only superusers open organizations.")
    _require_free(newcomer)
    user = User(
        username=newcomer.username,
        email=newcomer.email.lower(),
        first_name=newcomer.first_name,
        last_name=newcomer.last_name,
        is_staff=True,
    )
    _require_password(newcomer.password, user)
    organization = Organization(name=name[:255], slug=_free_slug(name), timezone=timezone)
    with transaction.atomic():
        _save(user)
        _save(organization)
        return Membership.objects.create(user=user, organization=organization, role=role, trusted=trusted)


def _require_free(newcomer: Newcomer) -> None:
    if User.objects.filter(username__iexact=newcomer.username).exists():
        raise NotOpened("username", "Somebody is called that already.")
    if User.objects.filter(email__iexact=newcomer.email).exists():
        raise NotOpened("email", "Somebody has that address already.")


def _require_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as weak:
        raise NotOpened("password", " ".join(weak.messages)) from weak
    user.set_password(password)


def _save(row: User | Organization) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        name, texts = next(iter(error.message_dict.items()))
        raise NotOpened(name, " ".join(texts)) from error
    row.save()


def _free_slug(name: str) -> str:
    wanted = slugify(name)[:40] or "organization"
    taken = set(Organization.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    return next(slug for slug in [wanted, *(f"{wanted}-{n}" for n in range(2, len(taken) + 3))] if slug not in taken)
