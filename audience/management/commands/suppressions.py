"""`manage.py suppressions …`: import, check, lift, export and count what nothing is sent to, as a named user."""

import shutil
import sys
import tempfile
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q, QuerySet
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from accounts.actors import Actor, Surface
from accounts.models import Organization, User
from audience import lifting, suppression_files, suppression_imports
from audience import suppressions as domain
from audience.errors import AudienceError
from audience.models import LiftedSuppression, MailingList, Suppression, SuppressionImport

TOLD = 100

EXAMPLES = """examples:
  manage.py suppressions import blocked.csv --as alice --organization org_… --reason complained --source "old provider"
  manage.py suppressions import - --as alice --list lst_… < bounced.txt
  manage.py suppressions check ann@example.com example.org +4520123456 --as alice
  manage.py suppressions lift ann@example.com --as alice --why "asked for it by phone"
  manage.py suppressions lifted --as alice
  manage.py suppressions export --as alice > suppressed.csv
  manage.py suppressions stats --as root --system"""


class Command(BaseCommand):
    help = "Addresses, domains and numbers nothing is sent to, acting as a named user with that user's permissions."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs |= {"formatter_class": RawDescriptionHelpFormatter, "epilog": EXAMPLES}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        importing = self._add(acts, "import", "Suppress what stands in a file of any length.", self.take)
        importing.add_argument("file", help="CSV or one a line; - reads what is piped in")
        importing.add_argument("--reason", choices=Suppression.Reason.values, default=Suppression.Reason.IMPORTED)
        importing.add_argument("--source", default="", help="where they come from, for rows that do not say")
        checking = self._add(acts, "check", "Say which are suppressed, in which scopes, and why.", self.find)
        checking.add_argument("written", nargs="+", metavar="VALUE", help="an address, a domain or a phone number")
        lifting_away = self._add(
            acts, "lift", "Lift them in exactly this scope, or none if one is not there.", self.lift
        )
        lifting_away.add_argument("written", nargs="+", metavar="VALUE", help="an address, a domain or a phone number")
        lifting_away.add_argument("--why", required=True, help="kept in the history, with who lifted it and when")
        self._add(acts, "lifted", "Say who lifted what, when and why, the latest first.", self.lifted)
        self._add(acts, "export", "Write them as CSV.", self.export)
        self._add(acts, "stats", "Count them by reason.", self.stats)

    def _add(self, acts: Any, name: str, about: str, act: Any) -> ArgumentParser:
        parser: ArgumentParser = acts.add_parser(name, help=about, description=about)
        parser.set_defaults(run=act)
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="who acts")
        parser.add_argument("--organization", metavar="ORG", help="its id or slug; not needed by who has only one")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--list", dest="list_name", metavar="LIST", help="for this list only: its id or name")
        where.add_argument("--system", action="store_true", help="for every organization; superusers only")
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        given = Namespace(**options)
        given.by = _actor(given.username)
        try:
            given.organization, given.mailing_list = _scope(given)
            given.run(given)
        except AudienceError as refusal:
            raise CommandError(str(refusal)) from refusal

    # --- acts ----------------------------------------------------------------------------------------------------

    def take(self, given: Namespace) -> None:
        with ExitStack() as stack:
            made = suppression_imports.create(
                File(_opened(given.file, stack), name=given.file),
                organization=given.organization,
                mailing_list=given.mailing_list,
                by=given.by,
                reason=given.reason,
                source=given.source,
                in_background=False,
            )
        self._tell(self._run(made, given.by))

    def _run(self, made: SuppressionImport, by: Actor) -> SuppressionImport:
        """With a progress bar; Ctrl-C cancels and keeps what is done."""
        console = Console(file=cast("IO[str]", self.stdout))
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("Suppressing", total=None)
            try:
                while made.status in suppression_imports.AT_WORK:
                    suppression_imports.run(
                        made.pk, progress=lambda at: bar.update(task, completed=at.rows_done, total=at.rows_total)
                    )
                    made.refresh_from_db()
            except KeyboardInterrupt:
                suppression_imports.cancel(made, by=by)
        return made

    def _tell(self, made: SuppressionImport) -> None:
        for name in ("added", "known", "refused"):
            self.stdout.write(f"{getattr(made, name):>12,} {name}")
        for row in islice(suppression_imports.refusals(made), TOLD if made.refused else 0):
            self.stdout.write(f"  row {row.number}: {row.reason}")
        if made.refused > TOLD:
            self.stdout.write(f"  … and {made.refused - TOLD:,} more, in {made.error_file.path}")
        if made.status != SuppressionImport.Status.COMPLETED:
            raise CommandError(f"{made.get_status_display()}. {made.status_reason}".strip())

    def find(self, given: Namespace) -> None:
        if given.organization is None:
            raise CommandError("Say for which --organization; what is suppressed in the system counts there too.")
        for found in domain.look_up(given.organization, given.written, mailing_list=given.mailing_list):
            self.stdout.write(f"{found.written}: {found.problem or _because(found)}")

    def lift(self, given: Namespace) -> None:
        rows = Suppression.objects.filter(organization=given.organization, mailing_list=given.mailing_list)
        keys = []
        for written in given.written:
            kind = domain.kind_of(written)
            found = rows.filter(kind=kind, value=domain.normalise(kind, written)).first()
            if found is None:
                raise CommandError(f"{written} is not suppressed there. Nothing was lifted; `check` says where it is.")
            keys.append(found.pk)
        lifted = lifting.lift(rows.filter(pk__in=keys), by=given.by, why=given.why)
        self.stdout.write(f"{lifted:,} lifted.")

    def lifted(self, given: Namespace) -> None:
        for row in _of_scope(LiftedSuppression.objects.select_related("by"), given)[:TOLD]:
            by = f" by {row.by}" if row.by else ""
            self.stdout.write(f"{row.at:%Y-%m-%d %H:%M} {row}, {row.reason}, lifted{by}: {row.why or '–'}")

    def export(self, given: Namespace) -> None:
        for line in suppression_files.lines(_rows(given)):
            self.stdout.write(line, ending="")

    def stats(self, given: Namespace) -> None:
        counts = domain.by_reason(_rows(given))
        for reason, count in counts.items():
            self.stdout.write(f"{count:>12,} {reason}")
        self.stdout.write(f"{sum(counts.values()):>12,} in all")


def _because(found: domain.Finding) -> str:
    rows = [f"{row.reason}{f' ({row.source})' if row.source else ''} for {_where(row)}" for row in found.suppressions]
    return f"suppressed: {'; '.join(rows)}" if rows else "not suppressed"


def _where(row: Suppression) -> str:
    if row.mailing_list:
        return f"the list {row.mailing_list}"
    return "the organization" if row.organization_id else "the whole system"


# --- what was asked for ------------------------------------------------------------------------------------------


def _actor(username: str) -> Actor:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user {username}.")
    return Actor(user=user, surface=Surface.COMMAND)


def _scope(given: Namespace) -> tuple[Organization | None, MailingList | None]:
    if given.system:
        domain.require_may(given.by, None)
        return None, None
    if given.list_name:
        mailing_list = _mailing_list(given)
        return mailing_list.organization, mailing_list
    return _organization(given), None


def _organization(given: Namespace) -> Organization:
    rows = Organization.objects.visible_to(given.by.user)
    if given.organization:
        rows = rows.filter(Q(public_id=given.organization) | Q(slug=given.organization))
    found = list(rows[:2])
    if not found:
        raise CommandError(f"{given.by} sees no organization {given.organization or ''}".rstrip() + ".")
    if len(found) > 1:
        raise CommandError(f"{given.by} is in several organizations; name one with --organization.")
    return found[0]


def _mailing_list(given: Namespace) -> MailingList:
    rows = MailingList.objects.visible_to(given.by.user).select_related("organization")
    if given.organization:
        rows = rows.of(_organization(given))
    found = list(rows.filter(Q(public_id=given.list_name) | Q(name=given.list_name))[:2])
    if not found:
        raise CommandError(f"{given.by} sees no list {given.list_name}.")
    if len(found) > 1:
        raise CommandError(f"There are several lists called {given.list_name}; give the id of one (lst_...).")
    return found[0]


def _rows(given: Namespace) -> QuerySet[Suppression]:
    rows: QuerySet[Suppression] = _of_scope(Suppression.objects.all(), given)
    return rows


def _of_scope(rows: Any, given: Namespace) -> Any:
    """Those of exactly this scope; for an organization, those for its lists too."""
    if given.mailing_list or given.organization is None:
        return rows.filter(organization=given.organization, mailing_list=given.mailing_list)
    return rows.of(given.organization)


def _opened(name: str, stack: ExitStack) -> IO[bytes]:
    if name == "-":
        return stack.enter_context(_spooled())
    try:
        return stack.enter_context(Path(name).open("rb"))
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error


@contextmanager
def _spooled() -> Iterator[IO[bytes]]:
    """What is piped in, kept, since it is read more than once."""
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        yield file
