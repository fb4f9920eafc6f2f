"""The demo organization: something to look at and to send within a minute of the first start."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from django.core.files.base import ContentFile
from django.db import transaction

from accounts.actors import Actor, Surface
from accounts.models import Edition, Membership, Organization, Role, User
from audience import fields, imports
from audience.models import CustomField, Import, MailingList
from audience.suppressions import suppress
from campaigns import drafts
from campaigns.models import Channel
from content.models import Email

DATA = Path(__file__).parent / "demo_data"
SUBSCRIBERS, ISSUE = DATA / "subscribers.csv", DATA / "issue.html"
SLUG = "lantern-press"


@dataclass(frozen=True, kw_only=True)
class Person:
    username: str
    name: str
    role: Role
    trusted: bool = False
    is_superuser: bool = False


PEOPLE = (
    Person(username="marketer", name="Mara Keller", role=Role.MANAGER),
    Person(username="approver", name="Anselm Price", role=Role.APPROVER),
    # A superuser as well, for what belongs to no organization: periodic tasks, other organizations.
    Person(username="admin", name="Ada Lind", role=Role.ADMIN, trusted=True, is_superuser=True),
)
FIELDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "first_name": (CustomField.Kind.TEXT, ()),
    "city": (CustomField.Kind.TEXT, ()),
    "language": (CustomField.Kind.CHOICE, ("en", "de", "fr", "es")),
    "plan": (CustomField.Kind.CHOICE, ("free", "reader", "supporter")),
}


@dataclass(kw_only=True)
class Seeded:
    """What there is now; `passwords` are those of accounts made just now, and kept nowhere else."""

    organization: Organization
    is_new: bool
    passwords: dict[str, str] = field(default_factory=dict)


def seed() -> Seeded:
    """The demo organization, made unless it is there: what somebody has changed in it stays changed."""
    if organization := Organization.objects.filter(slug=SLUG).first():
        return Seeded(organization=organization, is_new=False)
    with transaction.atomic():
        organization = Organization.objects.create(
            name="Lantern Press",
            slug=SLUG,
            timezone="Europe/London",
            postal_address="Lantern Press, 12 Quay Street, Exampleton",
        )
        passwords = add_people(organization, PEOPLE)
        edition = add_edition(organization)
        everybody = add_lists(organization, edition)
        email = add_email(edition, by=actor("marketer"))
        drafts.create(
            organization,
            by=actor("marketer"),
            name="Saturday issue: the harbour opens",
            channel=Channel.EMAIL,
            email=email,
            edition=edition,
            audience=[drafts.Part(mailing_list=everybody)],
            tags=["newsletter"],
        )
    return Seeded(organization=organization, is_new=True, passwords=passwords)


def actor(username: str) -> Actor:
    return Actor(user=User.objects.get(username=username), surface=Surface.COMMAND)


def add_people(organization: Organization, people: Iterable[Person]) -> dict[str, str]:
    """Memberships for these people; the passwords of those who had no account."""
    passwords = {}
    for person in people:
        first_name, _, last_name = person.name.partition(" ")
        user, is_new = User.objects.get_or_create(
            username=person.username,
            defaults={
                "first_name": first_name,
                "last_name": last_name,
                "email": f"{person.username}@{organization.slug}.example",
                "is_staff": True,
                "is_superuser": person.is_superuser,
            },
        )
        if is_new:
            passwords[person.username] = secrets.token_urlsafe(9)
            user.set_password(passwords[person.username])
            user.save(update_fields=["password"])
        Membership.objects.create(user=user, organization=organization, role=person.role, trusted=person.trusted)
    return passwords


def add_edition(organization: Organization) -> Edition:
    return Edition.objects.create(
        organization=organization,
        name="The Morning Lantern",
        slug="morning-lantern",
        timezone="Europe/London",
        from_name="The Morning Lantern",
        from_email="hello@lantern.example",
    )


def add_lists(organization: Organization, edition: Edition) -> MailingList:
    """Everybody in the file on one list (which is returned), the supporters on a second one as well."""
    add_fields(organization)
    everybody: MailingList = MailingList.objects.create(
        organization=organization, edition=edition, name="Morning briefing", description="Every morning at seven."
    )
    supporters = MailingList.objects.create(
        organization=organization, edition=edition, name="Supporters", description="A letter a month, from the editors."
    )
    header, *rows = SUBSCRIBERS.read_text(encoding="utf-8").splitlines()
    add_subscribers(everybody, [header, *rows])
    add_subscribers(supporters, [header, *(row for row in rows if ",supporter," in row)])
    for row in rows[:3]:  # so that skipping can be seen
        suppress(
            organization=organization,
            kind="email",
            value=row.partition(",")[0],
            source="Asked us on the phone to stop.",
        )
    return everybody


def add_fields(organization: Organization) -> None:
    for key, (kind, choices) in FIELDS.items():
        fields.create(organization, key=key, kind=kind, choices=choices)


def add_subscribers(mailing_list: MailingList, lines: Iterable[str]) -> Import:
    """Import these lines of a CSV file, here and now."""
    by = Actor(user=None, surface=Surface.SYSTEM)
    file = ContentFile("\n".join(lines).encode() + b"\n", name=SUBSCRIBERS.name)
    draft = imports.start(imports.create(mailing_list, file, by=by), by=by)
    done = imports.run(draft.pk)
    if done is None or done.status != Import.Status.COMPLETED:
        raise RuntimeError(f"The demo subscribers could not be imported: {done and done.status_reason}")
    return done


def add_email(edition: Edition, *, by: Actor) -> Email:
    return Email.objects.create(
        organization=edition.organization,
        edition=edition,
        title="Saturday issue",
        subject="{{ first_name|default('Reader') }}, the harbour opens today",
        preheader="Forty passengers, three dogs and one brass band.",
        from_name=edition.from_name,
        from_email=edition.from_email,
        html=ISSUE.read_text(encoding="utf-8"),
        created_by=by.user,
    )
