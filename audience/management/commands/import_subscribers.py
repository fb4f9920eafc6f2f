"""`manage.py import_subscribers people.csv --list lst_... --as alice`"""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast
from zoneinfo import ZoneInfo

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from accounts.actors import Actor, Surface
from accounts.models import User
from audience import imports
from audience.errors import AudienceError
from audience.import_preview import Column, TriedRow
from audience.import_rows import OF_SUBSCRIPTION
from audience.import_writing import Counts
from audience.models import Import, MailingList


class Command(BaseCommand):
    help = "Import the people of a CSV file or a workbook into a list."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="The CSV file, or the workbook (.xlsx).")
        parser.add_argument("--list", required=True, dest="list_name", help="The list: its id (lst_...) or its name.")
        parser.add_argument("--as", required=True, dest="username", help="The user who imports.")
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help="What a column holds: its heading or number (from 1), and email, phone, the key of a custom field or "
            f"one of {', '.join(OF_SUBSCRIPTION)}. "
            "May be given many times; columns not named are guessed, and FIELD may be empty to leave one out.",
        )
        known = parser.add_mutually_exclusive_group()
        known.add_argument("--skip", action="store_true", help="Leave people who are on the list already as they are.")
        known.add_argument("--fill", action="store_true", help="Only fill in what is missing of people on the list.")
        parser.add_argument(
            "--unconfirmed", action="store_true", help="New people have to confirm: they get the confirmation mail."
        )
        parser.add_argument("--agreed-at", help="When they agreed, such as 2026-03-31T14:05, if no column says so.")
        parser.add_argument("--agreed-in", help="Where they agreed, such as fair-2026, if no column says so.")
        parser.add_argument("--agreed-from", metavar="IP", help="From which address they agreed, if no column says so.")
        parser.add_argument("--wording", help="What they were shown when they agreed.")
        parser.add_argument("--country-code", help="Completes phone numbers written without a country, such as +45.")
        parser.add_argument("--encoding", help="The file's encoding, if it is not found out right.")
        parser.add_argument("--delimiter", help="What divides columns, if it is not found out right.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would happen; nothing is imported.")

    def handle(self, *args: Any, **options: Any) -> None:
        # cells hold [brackets] that are no markup
        console = Console(file=cast(IO[str], self.stdout), markup=False, highlight=False, soft_wrap=True)
        by = _actor(options["username"])
        mailing_list = _mailing_list(options["list_name"], by)
        try:
            with _draft(console, mailing_list, by, options) as draft:
                _tell_columns(console, draft)
                if options["dry_run"]:
                    _try(console, draft)
                else:
                    imports.start(draft, by=by, in_background=False)
                    _tell(console, _run(console, draft, by, "Importing"))
        except AudienceError as refusal:
            raise CommandError(str(refusal)) from refusal


# --- what was asked for ------------------------------------------------------------------------------------------


def _actor(username: str) -> Actor:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user {username}.")
    return Actor(user=user, surface=Surface.COMMAND)


def _mailing_list(name: str, by: Actor) -> MailingList:
    lists = MailingList.objects.visible_to(by.user).select_related("organization", "edition")
    found = list(lists.filter(Q(public_id=name) | Q(name=name))[:2])
    if not found:
        raise CommandError(f"{by} sees no list {name}.")
    if len(found) > 1:
        raise CommandError(f"There are several lists called {name}; give the id of one (lst_...).")
    return found[0]


@contextmanager
def _draft(console: Console, mailing_list: MailingList, by: Actor, options: dict[str, Any]) -> Iterator[Import]:
    """The import, set up; it is forgotten at the end if it was not started."""
    given = {**_settings(mailing_list, options), "in_background": False}
    try:
        with options["file"].open("rb") as file:
            draft = imports.create(mailing_list, File(file, name=options["file"].name), by=by, **given)
    except OSError as error:
        raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
    if draft.status == Import.Status.CONVERTING:
        draft = _run(console, draft, by, "Reading the workbook")
    try:
        if draft.status != Import.Status.DRAFT:
            raise CommandError(f"{draft.get_status_display()}. {draft.status_reason}".strip())
        if options["column"]:
            imports.set_up(draft, by=by, mapping=draft.mapping | _mapping(draft, options["column"]))
        yield draft
    finally:
        draft.refresh_from_db()
        if draft.status == Import.Status.DRAFT:
            imports.discard(draft, by=by)


def _settings(mailing_list: MailingList, options: dict[str, Any]) -> dict[str, Any]:
    given = {name: options[name] for name in ("country_code", "encoding", "delimiter") if options[name]}
    words = {"agreed_in": "consent_source", "agreed_from": "consent_ip_address", "wording": "consent_wording"}
    given |= {ours: options[theirs] for theirs, ours in words.items() if options[theirs]}
    if options["skip"] or options["fill"]:
        given["on_conflict"] = Import.OnConflict.SKIP if options["skip"] else Import.OnConflict.FILL
    if options["unconfirmed"]:
        given["opt_in_status"] = Import.OptInStatus.UNCONFIRMED
    if options["agreed_at"]:
        given["consent_at"] = _moment(options["agreed_at"], mailing_list)
    return given


def _moment(text: str, mailing_list: MailingList) -> datetime:
    """Without a zone, in the organization's."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--agreed-at {text}: write it like 2026-03-31T14:05.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(mailing_list.organization.timezone))


def _mapping(draft: Import, given: list[str]) -> dict[str, str]:
    """`--column` as column number from 0 -> target."""
    columns = imports.preview(draft).columns
    numbers = {name: str(each.number) for each in columns for name in (each.heading, str(each.number + 1))}
    mapping = {}
    for one in given:
        column, found, target = one.rpartition("=")
        if not found or column not in numbers:
            raise CommandError(f"--column {one}: write COLUMN=FIELD; the file has {', '.join(_named(columns))}.")
        mapping[numbers[column]] = target
    return mapping


def _named(columns: list[Column]) -> list[str]:
    return [each.heading or str(each.number + 1) for each in columns]


# --- the work ----------------------------------------------------------------------------------------------------


def _run(console: Console, draft: Import, by: Actor, doing: str) -> Import:
    """Do what there is to do, with a progress bar; Ctrl-C cancels and keeps what is done. How it is then."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(doing, total=None)
        try:
            while _run_on(draft, bar, task).status in imports.AT_WORK:
                time.sleep(0.2)  # a worker has taken it over, and does the same
        except KeyboardInterrupt:
            imports.cancel(draft, by=by)
    return Import.objects.get(pk=draft.pk)


def _run_on(draft: Import, bar: Progress, task: TaskID) -> Import:
    imports.run(draft.pk, progress=lambda at: bar.update(task, completed=at.rows_done, total=at.rows_total or None))
    return Import.objects.get(pk=draft.pk)


def _try(console: Console, draft: Import) -> None:
    trial = imports.dry_run(draft, limit=None)
    console.print("Nothing was imported. This would happen:")
    _tell_counts(console, trial.counts, trial.repeated)
    for became, rows in (("added", trial.added), ("changed", trial.changed)):
        for row in rows:
            console.print(f"  row {row.number}: {row.address} is {became}{_told(row)}", markup=False)
    for refusal in trial.refusals:
        console.print(f"  row {refusal.number}: {refusal.reason}")


def _told(row: TriedRow) -> str:
    changes = [f"{each.what} {each.before or 'nothing'} -> {each.after or 'nothing'}" for each in row.changes]
    return f" ({', '.join(changes)})" if changes else ""


# --- what is told ------------------------------------------------------------------------------------------------


def _tell_columns(console: Console, draft: Import) -> None:
    if draft.file_format == Import.FileFormat.XLSX:
        console.print(f"{draft.file_name}: {draft.get_file_format_display()}")
    else:
        console.print(f"{draft.file_name}: {draft.encoding}, columns divided by {draft.delimiter!r}")
    for column in imports.preview(draft).columns:
        console.print(f"  {column.heading or f'column {column.number + 1}'} -> {column.target or '(left out)'}")


def _tell(console: Console, done: Import) -> None:
    """The counts; an import that did not complete makes the command fail."""
    _tell_counts(console, done, done.repeated)
    if done.error_file:
        console.print(f"The refused rows and their reasons: {done.error_file.path}")
    if done.status != Import.Status.COMPLETED:
        reason = done.status_reason or f"{done.rows_done:,} of {done.rows_total:,} rows are done and stay."
        raise CommandError(f"{done.get_status_display()}. {reason}")


def _tell_counts(console: Console, counts: Import | Counts, repeated: int) -> None:
    for name in ("added", "changed", "unchanged", "refused"):
        console.print(f"{getattr(counts, name):>12,} {name}")
    if repeated:
        console.print(f"{repeated:>12,} rows repeat an address that stands further up")
    if counts.kept_out:
        console.print(f"{counts.kept_out:>12,} rows of people who unsubscribed, bounced or complained, and stay so")
