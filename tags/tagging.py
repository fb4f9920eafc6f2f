"""The tags of an organization: find or make them by name, rename, merge, delete.

Names are compared without regard to case, and only within their organization.
"""

from collections.abc import Iterable

from django.db import transaction

from accounts.actors import Actor
from accounts.models import Organization, User
from accounts.permissions import Permission, may
from tags.models import Tag, folded

NAME_LENGTH = 100


class TagError(Exception):
    """A tag cannot be made, renamed or merged like this; the text says why."""


class BadName(TagError):
    """No name, or one that is too long."""


class NameTaken(TagError):
    """Another tag of the organization is called that."""


class NotAllowed(TagError):
    """This person may not change tags here."""


def named(organization: Organization, names: Iterable[str], *, owner: User | None = None) -> list[Tag]:
    """The organization's tags of these names, made where there are none. Raises BadName."""
    wanted = {folded(name): tidy(name) for name in names}
    known = {tag.folded: tag for tag in Tag.objects.of(organization).filter(folded__in=wanted)}
    return [known.get(key) or _made(organization, name, owner) for key, name in wanted.items()]


def create(organization: Organization, name: str, *, by: Actor) -> Tag:
    """Raises BadName, NameTaken, NotAllowed."""
    require_may(by, organization)
    _require_free(organization, tidy(name))
    return _made(organization, tidy(name), by.user)


def rename(tag: Tag, name: str, *, by: Actor) -> Tag:
    """Everything tagged with it keeps it under the new name. Raises BadName, NameTaken, NotAllowed."""
    require_may(by, tag.organization)
    _require_free(tag.organization, tidy(name), but=tag)
    tag.name = tidy(name)
    tag.save(update_fields=["name", "folded"])
    return tag


def merge(tag: Tag, into: Tag, *, by: Actor) -> Tag:
    """Everything tagged with `tag` is tagged with `into` instead, and `tag` is gone. Raises NotAllowed, TagError."""
    require_may(by, tag.organization)
    if tag == into or tag.organization_id != into.organization_id:
        raise TagError("Choose two different tags of one organization.")
    with transaction.atomic():
        tag.campaign_tags.exclude(content_object__campaign_tags__tag=into).update(tag=into)
        tag.delete()
    return into


def delete(tag: Tag, *, by: Actor) -> None:
    """Whatever was tagged with it stays, without it. Raises NotAllowed."""
    require_may(by, tag.organization)
    tag.delete()


def tidy(name: str) -> str:
    """The name as it is stored: one line, single blanks. Raises BadName."""
    tidied = " ".join(name.split())
    if not tidied:
        raise BadName("A tag needs a name.")
    if len(tidied) > NAME_LENGTH:
        raise BadName(f"A tag's name has at most {NAME_LENGTH} characters.")
    return tidied


def _made(organization: Organization, name: str, owner: User | None) -> Tag:
    """Another request may have made it meanwhile, and then its tag is the one."""
    defaults = {"name": name, "owner": owner}
    tag, _ = Tag.objects.get_or_create(organization=organization, folded=folded(name), defaults=defaults)
    return tag


def require_may(by: Actor, organization: Organization) -> None:
    """Raises NotAllowed."""
    if not may(by.user, Permission.UPDATE, organization):
        raise NotAllowed(f"You may not change the tags of {organization}.")


def _require_free(organization: Organization, name: str, *, but: Tag | None = None) -> None:
    same = Tag.objects.of(organization).filter(folded=folded(name)).first()
    if same and same != but:
        raise NameTaken(f"There is a tag called {name} already; merge the two instead.")
