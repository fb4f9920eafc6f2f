"""Who is in a demo: its organization and the people who act in it, and the readers, each with their fate."""

import csv
import io
import secrets
from dataclasses import dataclass

from accounts.actors import Actor, Surface
from accounts.models import Edition, Organization, Role, User
from audience.models import MailingList
from delivery.inbox import REJECTS
from operations import seed

SUPPRESSED = 5
REJECTED = 3
MALFORMED = 2
REPEATED = 4


@dataclass(kw_only=True)
class Cast:
    """The demo's organization and who acts in it."""

    organization: Organization
    edition: Edition
    mailing_list: MailingList
    marketer: Actor
    approver: Actor


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the demo's own file says will happen: addresses by fate; `phones` of whoever has one, by address."""

    reachable: frozenset[str]
    suppressed: frozenset[str]
    rejected: frozenset[str]
    malformed: int
    repeated: int
    phones: dict[str, str]

    @property
    def people(self) -> int:
        return len(self.reachable | self.suppressed | self.rejected)


def gather() -> Cast:
    """An organization of this demo's own."""
    slug = f"demo-{secrets.token_hex(4)}"
    organization = Organization.objects.create(name=f"Demo {slug[5:]}", slug=slug, timezone="Europe/London")
    names = {Role.MANAGER: f"{slug}-marketer", Role.APPROVER: f"{slug}-approver"}
    cast = [seed.Person(username=name, name=f"{Role(role).label} Demo", role=role) for role, name in names.items()]
    seed.add_people(organization, cast)  # nobody learns their passwords
    seed.add_fields(organization)
    edition = seed.add_edition(organization)
    mailing_list = MailingList.objects.create(organization=organization, edition=edition, name="Morning briefing")
    marketer, approver = (_acting(names[role]) for role in (Role.MANAGER, Role.APPROVER))
    return Cast(
        organization=organization, edition=edition, mailing_list=mailing_list, marketer=marketer, approver=approver
    )


def _acting(username: str) -> Actor:
    return Actor(user=User.objects.get(username=username), surface=Surface.COMMAND)


def audience_file(people: int) -> tuple[bytes, Expected]:
    """A CSV file with this many people: most of them invented readers, some of them trouble, some rows useless."""
    with seed.SUBSCRIBERS.open(encoding="utf-8", newline="") as source:
        header, *known = csv.reader(source)
    rows = [known[n % len(known)] for n in range(people - REJECTED)]
    rows = [[_numbered(row[0], n // len(known)), *row[1:]] for n, row in enumerate(rows)]
    addresses = [row[0] for row in rows]
    # New ones in each demo: what bounced once is suppressed in the whole system.
    rejected = [f"nobody{n}.{secrets.token_hex(4)}@{REJECTS}" for n in range(REJECTED)]
    rows += [[address, "Nobody", "", "en", "free", ""] for address in rejected]
    everybody = list(rows)
    rows += [[f"no address {n}", "Norman", "", "en", "free", ""] for n in range(MALFORMED)]
    rows += [[row[0].upper(), *row[1:]] for row in rows[:REPEATED]]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode(), Expected(
        suppressed=frozenset(addresses[:SUPPRESSED]),
        reachable=frozenset(addresses[SUPPRESSED:]),
        rejected=frozenset(rejected),
        malformed=MALFORMED,
        repeated=REPEATED,
        phones={row[0]: row[5] for row in everybody if row[5]},
    )


def _numbered(address: str, round_: int) -> str:
    """Another address in every round through the file."""
    name, _, domain = address.partition("@")
    return f"{name}.{round_}@{domain}" if round_ else address
