"""Imports of files into a list: upload, look at it, start, and the work in the background.

    [converting ──>] draft ──start──> queued ──> running ──> completed

    cancel: each before completed -> cancelled               fail: converting, queued, running -> failed

A workbook is converted first (`import_conversion`); what is said meanwhile, also that it is to start, waits for that.

The work goes in chunks. One transaction moves `rows_done` by compare-and-set, writes the people and adds up the
counters, so a crash anywhere leaves a row of the file either done and counted or neither, and a second worker on the
same import finds that it has been overtaken and stops.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from functools import partial
from itertools import chain
from typing import Any

from django.core.files import File
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.utils.timezone import now

from accounts.actors import Actor, Surface
from accounts.permissions import Permission, may
from audience import import_staging
from audience.csv_files import detect, written
from audience.errors import ImportRefused, NotAllowed
from audience.import_chunks import Chunk, chunks, is_staged
from audience.import_conversion import convert
from audience.import_files import forget_workbook
from audience.import_preview import dry_run as dry_run
from audience.import_preview import guess, headings
from audience.import_preview import preview as preview
from audience.import_rows import (
    Columns,
    Refusal,
    columns_of,
    count_rows,
    form_of,
    in_batches,
    opened,
    read_rows,
    without_erased,
)
from audience.import_settings import SETTINGS, apply
from audience.import_steps import STALLED_AFTER as STALLED_AFTER
from audience.import_steps import failing, move, stalled
from audience.import_workbooks import is_workbook, require_archive
from audience.import_writing import Book, Counts, Overtaken, terms_of
from audience.models import Import, MailingList

logger = logging.getLogger(__name__)

TRIES = 4
ANALYZED_FROM = 20_000  # people added or changed
_CHANGED = ("audience_subscriber", "audience_subscription", "audience_consentevent", "audience_taggedsubscription")
# How long a worker stays with one import before it lets others have their turn.
SLICE_SECONDS = 20.0
Status = Import.Status
STARTED = (Status.QUEUED, Status.RUNNING)
AT_WORK = (Status.CONVERTING, *STARTED)
UNFINISHED = (Status.DRAFT, *AT_WORK)
# Settings of which nothing can be known before a workbook is converted.
_OF_ITS_COLUMNS = ("mapping", "has_header")
Progress = Callable[[Import], None]


# --- before it starts --------------------------------------------------------------------------------------------


def create(
    mailing_list: MailingList,
    file: "File[bytes]",
    *,
    by: Actor,
    file_name: str = "",
    in_background: bool = True,
    **settings: Any,
) -> Import:
    """A draft for this CSV file, with what could be found out about it; a workbook is `converting` before it is one.

    Raises NotAllowed and ImportRefused. `settings` are those of `set_up`; what is not given is guessed. Whoever wants
    to wait for a workbook says `in_background=False`, and calls `run`.
    """
    _require_may(by, mailing_list)
    draft = Import(
        organization=mailing_list.organization,
        mailing_list=mailing_list,
        file_name=(file_name or file.name or "import.csv")[-255:],
        country_code=mailing_list.edition.default_country_code if mailing_list.edition else "",
        created_by=by.user,
    )
    return _workbook(draft, file, settings, in_background) if is_workbook(file) else _csv_file(draft, file, settings)


def _csv_file(draft: Import, file: "File[bytes]", settings: Mapping[str, Any]) -> Import:
    form = detect(file)
    draft.encoding, draft.delimiter, draft.has_header = form.encoding, form.delimiter, form.has_header
    draft.file.save(f"{draft.public_id}.csv", file, save=False)
    try:
        draft.mapping = guess(draft)
        apply(draft, settings)
        draft.save()
    except Exception:
        draft.file.delete(save=False)
        raise
    return draft


def _workbook(draft: Import, file: "File[bytes]", settings: Mapping[str, Any], in_background: bool) -> Import:
    require_archive(file)
    draft.file_format, draft.status = Import.FileFormat.XLSX, Status.CONVERTING
    draft.asked = _put_off(draft, settings)
    draft.file.save(f"{draft.public_id}.xlsx", file, save=False)
    with transaction.atomic():
        draft.save()
        if in_background:
            transaction.on_commit(partial(_queue, draft.pk))
    return draft


def _put_off(draft: Import, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Take up what can be said before the columns are known; the rest, beside what waits already."""
    apply(draft, {name: value for name, value in settings.items() if name not in _OF_ITS_COLUMNS})
    return {**draft.asked, **{name: settings[name] for name in _OF_ITS_COLUMNS if name in settings}}


def set_up(draft: Import, *, by: Actor, **settings: Any) -> Import:
    """Say how the file is to be read, and on what terms people are put on the list.

    `mapping` is column (its number from 0, or its heading) -> `email`, `phone`, the key of a custom field, one of
    `import_rows.OF_SUBSCRIPTION`, or '' for a column to be left out; it may stay incomplete until `start`. Besides:
    country_code, encoding, delimiter, has_header; on_conflict, opt_in_status; and the evidence of consent where the
    file has no column for it: consent_at (with a time zone), consent_ip_address, consent_source, consent_wording.
    Raises NotAllowed and ImportRefused.
    """
    _require_may(by, draft.mailing_list)
    if not _ask(draft, settings):
        if draft.status != Status.DRAFT:
            raise ImportRefused("This import has been started already.")
        apply(draft, settings)
        _keep(draft, Status.DRAFT)
    return draft


def _ask(draft: Import, settings: Mapping[str, Any], *, to_start: bool = False) -> bool:
    """Let this wait for the workbook; False if it is converted, and the draft in hand is as it is now."""
    if draft.status != Status.CONVERTING:
        return False
    asked = _put_off(draft, settings)
    draft.asked = asked | {"start": True} if to_start else asked
    try:
        _keep(draft, Status.CONVERTING)
    except ImportRefused:
        draft.refresh_from_db()
        return False
    return True


def _keep(draft: Import, status: Status) -> None:
    """Store what was set up, unless the import is somewhere else by now."""
    columns = {name: getattr(draft, name) for name in (*SETTINGS, "asked")}
    if not Import.objects.filter(pk=draft.pk, status=status).update(**columns, modified_at=now()):
        raise ImportRefused("This import has been started already.")


def start(draft: Import, *, by: Actor, in_background: bool = True, **settings: Any) -> Import:
    """Queue the import, once; a workbook that is still being converted starts after that. `settings` as in `set_up`.

    Raises NotAllowed and ImportRefused. Whoever wants to wait for it says `in_background=False`, and calls `run`.
    """
    _require_may(by, draft.mailing_list)
    if _ask(draft, settings, to_start=True):
        return draft
    set_up(draft, by=by, **settings)
    columns_of(draft)  # refuses a mapping that does not work
    with transaction.atomic():
        if not move(draft, Status.QUEUED, of=(Status.DRAFT,)):
            raise ImportRefused("This import has been started already.")
        if in_background:
            transaction.on_commit(partial(_queue, draft.pk))
    return draft


def discard(draft: Import, *, by: Actor) -> None:
    """Forget an import that was never started, and its file. Raises NotAllowed and ImportRefused."""
    _require_may(by, draft.mailing_list)
    with transaction.atomic():
        deleted, _ = Import.objects.filter(pk=draft.pk, status=Status.DRAFT).delete()
        if not deleted:
            raise ImportRefused("This import has been started; it is kept with its counts.")
        transaction.on_commit(partial(draft.file.storage.delete, str(draft.file.name)))


# --- the work ----------------------------------------------------------------------------------------------------


def run(import_id: int, *, seconds: float | None = None, progress: Progress | None = None) -> Import | None:
    """Do the import, or as much of it as fits into `seconds`; None if there is no such import. One that is converting
    is converted, however long that takes.

    Safe to call again at any time, also beside another worker: it goes on where the last chunk ended. Whoever calls
    sees from `status` whether anything is left to do. `progress` is called after every chunk, and while a workbook is
    converted every second.
    """
    file_import = Import.objects.select_related("mailing_list__organization").filter(pk=import_id).first()
    if file_import is None or file_import.status not in AT_WORK:
        return file_import
    tell = progress or (lambda _: None)
    with failing(file_import, partial(_fail, file_import)):
        if file_import.status == Status.CONVERTING:
            convert(file_import, tell)
        else:
            _run(file_import, time.monotonic() + seconds if seconds is not None else None, tell)
    return file_import


def _run(file_import: Import, deadline: float | None, tell: Progress) -> None:
    how, form = columns_of(file_import), form_of(file_import)
    if file_import.status == Status.QUEUED and not _begin(file_import):
        return
    tell(file_import)
    with opened(file_import) as file, closing(chunks(file, form, how, after=file_import.rows_done)) as source:
        for chunk in source:
            if not _do(file_import, chunk):
                return
            tell(file_import)
            if deadline is not None and time.monotonic() > deadline:
                break
    if file_import.rows_done >= file_import.rows_total:
        _finish(file_import, how)
        tell(file_import)


def _begin(file_import: Import) -> bool:
    """Count the rows, once; whether the import is running now."""
    with opened(file_import) as file:
        total = count_rows(file, form_of(file_import))
    return move(file_import, Status.RUNNING, of=(Status.QUEUED,), rows_total=total, started_at=now())


def _do(file_import: Import, chunk: Chunk) -> bool:
    """Do these rows and count them; False, and nothing done, if somebody else did them or the import was cancelled.

    Others who write the same people at the same moment make it try again.
    """
    for _ in range(TRIES):
        try:
            return _do_once(file_import, chunk)
        except (Overtaken, IntegrityError):
            logger.info("import %s: somebody else added the same people; trying again", file_import.public_id)
        except OperationalError as error:
            if not _is_deadlock(error):
                raise
    try:
        return _do_once(file_import, chunk, slowly=True)
    except Overtaken as error:
        raise OperationalError("Others keep adding the same people; the sweep has it tried again.") from error


def _do_once(file_import: Import, chunk: Chunk, *, slowly: bool = False) -> bool:
    before, after = file_import.rows_done, file_import.rows_done + len(chunk.rows)
    mine = Import.objects.filter(pk=file_import.pk, status=Status.RUNNING, rows_done=before)
    with transaction.atomic():
        if not mine.update(rows_done=after, modified_at=now()):
            return False
        counts = asdict(_write(file_import, chunk, slowly)) | {"repeated": chunk.repeated}
        Import.objects.filter(pk=file_import.pk).update(**{name: F(name) + count for name, count in counts.items()})
    file_import.rows_done = after
    for name, count in counts.items():
        setattr(file_import, name, getattr(file_import, name) + count)
    return True


def _write(file_import: Import, chunk: Chunk, slowly: bool) -> Counts:
    terms = terms_of(file_import)
    rows = without_erased(file_import.organization, chunk.rows)
    if slowly and is_staged():
        return import_staging.write_slowly(terms, rows)
    if is_staged():
        return import_staging.write(terms, rows, chunk.parcel if rows is chunk.rows else None)
    book = Book(terms, locked=True)
    counts = book.take(rows)
    book.write()
    return counts


def _is_deadlock(error: OperationalError) -> bool:
    return getattr(error.__cause__, "sqlstate", "") == "40P01"


# --- its end -----------------------------------------------------------------------------------------------------


def _finish(file_import: Import, how: Columns) -> None:
    name = _write_error_file(file_import, how) if file_import.refused else ""
    if move(file_import, Status.COMPLETED, of=(Status.RUNNING,), error_file=name, finished_at=now()):
        _analyze(file_import)


def _analyze(file_import: Import) -> None:
    """Tell PostgreSQL at once what a large import changed; until autovacuum comes, rules over it would be planned for
    the tables as they were. Whoever analyzes them already is enough."""
    if connection.vendor == "postgresql" and file_import.added + file_import.changed >= ANALYZED_FROM:
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE (SKIP_LOCKED) {', '.join(_CHANGED)}")


def _write_error_file(file_import: Import, how: Columns) -> str:
    """Store the refused rows with their reasons; the name of the file.

    They are found by reading the file once more: whether a row is refused depends on nothing else, so there is nothing
    to keep in step with the counters while the import goes on.
    """
    with opened(file_import) as source, tempfile.TemporaryFile() as errors:
        read = read_rows(source, form_of(file_import), how)
        refused = (
            row
            for batch in in_batches(read)
            for row in without_erased(file_import.organization, batch)
            if isinstance(row, Refusal)
        )
        rows = ((row.number, row.reason, *row.cells) for row in refused)
        for line in written(chain([("row", "reason", *headings(file_import))], rows)):
            errors.write(line.encode())
        errors.seek(0)
        name = file_import.error_file.storage.save(f"imports/{file_import.public_id}-errors.csv", File(errors))
    return str(name)


def cancel(file_import: Import, *, by: Actor) -> Import:
    """Stop it; rows that are done stay done. Raises NotAllowed, and ImportRefused when it is over already."""
    _require_may(by, file_import.mailing_list)
    if not move(file_import, Status.CANCELLED, of=UNFINISHED, finished_at=now()):
        raise ImportRefused("This import is over already.")
    forget_workbook(file_import)
    return file_import


def _fail(file_import: Import, reason: str) -> None:
    """Unless somebody else has brought it on meanwhile."""
    at = (Status.CONVERTING,) if file_import.status == Status.CONVERTING else STARTED
    if move(file_import, Status.FAILED, of=at, status_reason=reason, finished_at=now()):
        forget_workbook(file_import)


# --- the queue ---------------------------------------------------------------------------------------------------


def requeue_stalled() -> int:
    """Queue again what a lost message or a killed worker left behind; how many that were."""
    left = stalled(Import, AT_WORK)
    for import_id in left:
        _queue(import_id)
    return len(left)


def _queue(import_id: int) -> None:
    from audience.tasks import run_import  # the task calls this module

    run_import.delay(import_id)


def _require_may(by: Actor, mailing_list: MailingList) -> None:
    organization = mailing_list.organization
    if by.surface != Surface.SYSTEM and not may(by.user, Permission.UPDATE, organization):
        raise NotAllowed(f"You may not import people into lists of {organization}.")
