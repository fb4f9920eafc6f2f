"""From an uploaded workbook to a draft: the sheet becomes CSV in the background, then what was said meanwhile holds.

A workbook can only be read from its beginning, so whoever takes over from a killed worker begins anew. Two who convert
the same do no harm: the first to be through turns the import into a draft, and the other throws its copy away.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial

from django.core.files import File
from django.db import transaction
from django.utils.timezone import now

from audience.csv_files import Format
from audience.import_preview import guess
from audience.import_rows import columns_of
from audience.import_settings import apply
from audience.import_workbooks import to_csv
from audience.models import Import

TOLD_EVERY = 1.0  # seconds
Status = Import.Status
Progress = Callable[[Import], None]


class _NoLongerWanted(Exception):
    """Somebody cancelled, or was faster."""


def convert(draft: Import, tell: Progress) -> None:
    """Make it a draft, or queue it if that was asked for. Raises ImportRefused, and FileNotFoundError."""
    storage, workbook = draft.file.storage, str(draft.file.name)
    try:
        form, name = _converted(draft, _Teller(draft, tell))
    except _NoLongerWanted:
        draft.refresh_from_db()
        return
    try:
        became_draft = _become_draft(draft, form, name, workbook)
    except Exception:
        storage.delete(name)
        raise
    if not became_draft:
        storage.delete(name)
    draft.refresh_from_db()
    tell(draft)


class _Teller:
    """Writes down once a second how far the conversion is, which also keeps the sweep away."""

    def __init__(self, draft: Import, tell: Progress) -> None:
        self.draft, self.tell, self.next = draft, tell, time.monotonic()

    def __call__(self, done: int, expected: int) -> None:
        if time.monotonic() < self.next:
            return
        self.next = time.monotonic() + TOLD_EVERY
        counted = {"rows_done": done, "rows_total": max(done, expected) if expected else 0}
        mine = Import.objects.filter(pk=self.draft.pk, status=Status.CONVERTING)
        if not mine.update(**counted, modified_at=now()):
            raise _NoLongerWanted
        self.draft.rows_done, self.draft.rows_total = counted["rows_done"], counted["rows_total"]
        self.tell(self.draft)


def _converted(draft: Import, tick: _Teller) -> tuple[Format, str]:
    """How the CSV file is written, and its name."""
    storage = draft.file.storage
    with tempfile.TemporaryFile() as out:
        with storage.open(str(draft.file.name), "rb") as workbook:
            form = to_csv(workbook, out, tick)
        out.seek(0)
        return form, str(storage.save(f"imports/{draft.public_id}.csv", File(out)))


def _become_draft(draft: Import, form: Format, name: str, workbook: str) -> bool:
    """Whether it was this call that made it one. What was asked for meanwhile is read under the row's lock."""
    with transaction.atomic():
        row = Import.objects.select_for_update().get(pk=draft.pk)
        if row.status != Status.CONVERTING:
            return False
        asked, row.asked = row.asked, {}
        row.file.name, row.status, row.rows_done, row.rows_total = name, Status.DRAFT, 0, 0
        row.has_header = asked.get("has_header", form.has_header)
        row.mapping = guess(row)
        apply(row, {"mapping": asked["mapping"]} if "mapping" in asked else {})
        if asked.get("start"):
            columns_of(row)  # refuses a mapping that does not work
            row.status = Status.QUEUED
        row.modified_at = now()
        row.save()
        transaction.on_commit(partial(row.file.storage.delete, workbook))
    return True
