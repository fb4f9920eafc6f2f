"""Imports of suppressions: files of any length, in the background, into one scope.

    queued ──> running ──> completed            cancel: queued, running -> cancelled
                                                fail:   queued, running -> failed

As in `audience.imports`, one transaction moves `rows_done` by compare-and-set, stores a chunk and adds up the counters:
a crash anywhere leaves each row either done and counted or neither.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import chain, islice
from typing import IO, Any

from django.core.files import File
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from accounts.actors import Actor
from accounts.models import Organization
from audience import suppressions
from audience.csv_files import Format, detect, written
from audience.errors import ImportRefused
from audience.import_steps import failing, move, stalled
from audience.models import MailingList, Suppression, SuppressionImport
from audience.suppression_files import Entry, Refused, Terms, entries, suppress, understood

CHUNK = 10_000
SLICE_SECONDS = 20.0  # how long a worker stays with one before others have their turn
Status = SuppressionImport.Status
AT_WORK = (Status.QUEUED, Status.RUNNING)
Progress = Callable[[SuppressionImport], None]


def create(
    file: "File[bytes]",
    *,
    organization: Organization | None,
    by: Actor,
    mailing_list: MailingList | None = None,
    reason: str = Suppression.Reason.IMPORTED,
    source: str = "",
    in_background: bool = True,
) -> SuppressionImport:
    """Queue what stands in the file, in the scope of the list, else the organization, else (None) the system.

    `reason` and `source` are for rows that do not say their own. Raises NotAllowed, and ImportRefused for what is no
    text at all. Whoever wants to wait for it says `in_background=False`, and calls `run`.
    """
    suppressions.require_may(by, organization)
    form = detect(file)
    made = SuppressionImport(
        **suppressions.scope(organization, mailing_list),
        file_name=(file.name or "suppressions.csv").rpartition("/")[2][-255:],
        encoding=form.encoding,
        delimiter=form.delimiter,
        reason=reason,
        source=source[:200],
        created_by=by.user,
    )
    made.file.save(f"{made.public_id}.csv", file, save=False)
    with transaction.atomic():
        made.save()
        if in_background:
            transaction.on_commit(partial(_queue, made.pk))
    return made


def create_from_text(text: str, **how: Any) -> SuppressionImport:
    """The same for text."""
    return create(ContentFile(text.encode("utf-8", "replace"), name="text.csv"), **how)


def run(import_id: int, *, seconds: float | None = None, progress: Progress | None = None) -> SuppressionImport | None:
    """Do it, or as much of it as fits into `seconds`; None if there is none. Safe to call again, also beside another
    worker. `progress` is called after every chunk."""
    made = SuppressionImport.objects.filter(pk=import_id).first()
    if made is None or made.status not in AT_WORK:
        return made
    with failing(made, partial(_fail, made)):
        _run(made, time.monotonic() + seconds if seconds is not None else None, progress or (lambda _: None))
    return made


def _run(made: SuppressionImport, deadline: float | None, tell: Progress) -> None:
    if made.status == Status.QUEUED and not _begin(made):
        return
    tell(made)
    with _opened(made) as file:
        source = islice(entries(file, _form(made)), made.rows_done, None)
        while chunk := list(islice(source, CHUNK)):
            if not _do(made, chunk):
                return
            tell(made)
            if deadline is not None and time.monotonic() > deadline:
                break
    if made.rows_done >= made.rows_total:
        move(made, Status.COMPLETED, of=(Status.RUNNING,), error_file=_error_file(made), finished_at=now())


def _begin(made: SuppressionImport) -> bool:
    """Count what stands in the file, once; whether it is running now."""
    with _opened(made) as file:
        total = sum(1 for _ in entries(file, _form(made)))
    return move(made, Status.RUNNING, of=(Status.QUEUED,), rows_total=total, started_at=now())


def _do(made: SuppressionImport, chunk: list[Entry]) -> bool:
    """Suppress and count these; False, and nothing done, if somebody else did or the import was cancelled."""
    before, after = made.rows_done, made.rows_done + len(chunk)
    mine = SuppressionImport.objects.filter(pk=made.pk, status=Status.RUNNING, rows_done=before)
    with transaction.atomic():
        if not mine.update(rows_done=after, modified_at=now()):
            return False
        counts = asdict(suppress(chunk, _terms(made)).counts)
        added_up = {name: F(name) + count for name, count in counts.items()}
        SuppressionImport.objects.filter(pk=made.pk).update(**added_up)
    made.rows_done = after
    for name, count in counts.items():
        setattr(made, name, getattr(made, name) + count)
    return True


# --- its end -----------------------------------------------------------------------------------------------------


def refusals(made: SuppressionImport) -> Iterator[Refused]:
    """The rows that were refused, found by reading the file once more."""
    with _opened(made) as file:
        terms = _terms(made)
        for each in entries(file, _form(made)):
            if isinstance(found := understood(each, terms), Refused):
                yield found


def _error_file(made: SuppressionImport) -> str:
    """Store the refused rows with their reasons; the name of the file, empty without any."""
    if not made.refused:
        return ""
    with tempfile.TemporaryFile() as errors:
        rows = ((row.number, row.reason, row.written) for row in refusals(made))
        for line in written(chain([("row", "reason", "value")], rows)):
            errors.write(line.encode())
        errors.seek(0)
        return str(made.error_file.storage.save(f"imports/{made.public_id}-errors.csv", File(errors)))


def cancel(made: SuppressionImport, *, by: Actor) -> SuppressionImport:
    """Stop it; what is suppressed stays so. Raises NotAllowed, and ImportRefused when it is over already."""
    suppressions.require_may(by, made.organization)
    if not move(made, Status.CANCELLED, of=AT_WORK, finished_at=now()):
        raise ImportRefused("This import is over already.")
    return made


def _fail(made: SuppressionImport, reason: str) -> None:
    move(made, Status.FAILED, of=AT_WORK, status_reason=reason, finished_at=now())


def requeue_stalled() -> int:
    """Queue again what a lost message or a killed worker left behind; how many that were."""
    left = stalled(SuppressionImport, AT_WORK)
    for import_id in left:
        _queue(import_id)
    return len(left)


def _queue(import_id: int) -> None:
    from audience.tasks import run_suppression_import  # the task calls this module

    run_suppression_import.delay(import_id)


def _form(made: SuppressionImport) -> Format:
    return Format(encoding=made.encoding, delimiter=made.delimiter, has_header=False)


def _terms(made: SuppressionImport) -> Terms:
    return Terms(made.organization, made.mailing_list, made.created_by, made.reason, made.source)


def _opened(made: SuppressionImport) -> IO[bytes]:
    if not made.file:
        raise FileNotFoundError
    return made.file.storage.open(str(made.file.name), "rb")
