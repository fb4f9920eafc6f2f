"""`manage.py person …`: what is held about one person, handed out or erased (GDPR), as a named member of staff."""

import json
import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from accounts.actors import Actor, Surface
from accounts.models import User
from audience import privacy
from audience.addresses import normalise_email, normalise_phone
from audience.errors import AudienceError
from audience.models import Subscriber

EXAMPLES = """examples:
  manage.py person export ann@example.com --as alice --output ann.json
  manage.py person erase ann@example.com --as alice"""


class Command(BaseCommand):
    help = "Export or erase everything that is held about one person, acting as a named user."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs |= {"formatter_class": RawDescriptionHelpFormatter, "epilog": EXAMPLES}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        export = self._add(acts, "export", "Write everything as JSON.", self.export)
        export.add_argument("--output", type=Path, help="a file, readable by you alone; otherwise the terminal")
        erase = self._add(acts, "erase", "Show what is held, ask, and forget the person.", self.erase)
        erase.add_argument("--yes", action="store_true", help="do not ask")
        erase.add_argument("--may-return", action="store_true", help="let imports and staff bring the address back")

    def _add(self, acts: Any, name: str, about: str, act: Callable[[Namespace, Subscriber], None]) -> ArgumentParser:
        parser: ArgumentParser = acts.add_parser(name, help=about, description=about)
        parser.set_defaults(do=act)
        parser.add_argument("address", help="email address, or phone number such as +4930123456")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="who acts")
        parser.add_argument("--organization", metavar="SLUG", help="where the address is known in several")
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        given = Namespace(**options)
        user = User.objects.filter(username=given.username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {given.username}.")
        given.by = Actor(user=user, surface=Surface.COMMAND)
        try:
            given.do(given, _person(given, user))
        except AudienceError as refusal:
            raise CommandError(str(refusal)) from refusal

    def export(self, given: Namespace, person: Subscriber) -> None:
        text = json.dumps(privacy.export(person, by=given.by), indent=2, ensure_ascii=False, default=str)
        if given.output is None:
            self.stdout.write(text)
            return
        _write_for_owner(given.output, text + "\n")
        self.stdout.write(f"Written to {given.output}.")

    def erase(self, given: Namespace, person: Subscriber) -> None:
        shown = str(person)
        self.stdout.write(f"Held about {shown} in {person.organization}: {_counted(privacy.summary(person))}.")
        if not given.yes and input("Type the address to erase all of it for good: ").strip() != shown:
            raise CommandError("Nothing was erased.")
        erasure = privacy.erase(person, by=given.by, keep_out=not given.may_return)
        kept = "Nobody but themselves can bring them back." if erasure.keep_out else "They may be added again."
        self.stdout.write(f"Erased: {_counted(erasure.erased)}. {kept}")


def _person(given: Namespace, user: User) -> Subscriber:
    address = normalise_email(given.address) if "@" in given.address else normalise_phone(given.address)
    people = Subscriber.objects.visible_to(user).select_related("organization")
    found = people.filter(Q(email=address) | Q(phone=address)).order_by("pk")
    if given.organization:
        found = found.filter(organization__slug=given.organization)
    rows = list(found[:20])
    if not rows:
        raise CommandError(f"Nobody you may see is known by {address}.")
    if len(rows) > 1:
        where = ", ".join(f"{row} in {row.organization.slug}" for row in rows)
        raise CommandError(f"Several people are known by {address}: {where}. Say which, by email or --organization.")
    return rows[0]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in counts.items())


def _write_for_owner(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as there:
        raise CommandError(f"{path} is there already; choose another file.") from there
    except OSError as refusal:
        raise CommandError(f"{path} cannot be written: {refusal.strerror}.") from refusal
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
