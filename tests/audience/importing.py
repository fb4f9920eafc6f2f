"""Files on their way into a list, and what an import tells of them."""

import csv
import io

from django.core.files.base import ContentFile

from accounts.actors import SYSTEM
from audience import import_chunks, import_staging, imports
from audience.models import Import


def upload(mailing_list, content, **settings):
    content = content if isinstance(content, bytes) else content.encode()
    return imports.create(mailing_list, ContentFile(content, name="people.csv"), by=SYSTEM, **settings)


def import_file(mailing_list, content, **settings):
    """The import of this file, run to its end."""
    draft = upload(mailing_list, content, **settings)
    imports.start(draft, by=SYSTEM)
    done = imports.run(draft.pk)
    assert done.status == Import.Status.COMPLETED, done.status_reason
    assert done.added + done.changed + done.unchanged + done.refused == done.rows_total == done.rows_done
    return done


def counts(file_import):
    return (file_import.added, file_import.changed, file_import.unchanged, file_import.refused)


def rows_of_error_file(file_import):
    with file_import.error_file.open("rb") as file:
        return list(csv.reader(io.StringIO(file.read().decode("utf-8-sig"))))


def refusals(file_import):
    """(row number, reason) of each refused row, as the error file tells them."""
    return [(int(number), reason) for number, reason, *_ in rows_of_error_file(file_import)[1:]]


def chunks_of(monkeypatch, rows):
    monkeypatch.setattr(import_chunks, "ROWS", rows)
    monkeypatch.setattr(import_staging, "ROWS", rows)
