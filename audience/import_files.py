"""The files that were uploaded for imports, and those of refused rows: how long they stay.

They hold addresses of people who may be erased any day. Once an import is over its file is of no use but to look
something up: it is deleted after a month, and at once where it names somebody who is erased.
"""

import io
import logging
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any

from django.core.files.storage import Storage
from django.db import transaction
from django.utils.timezone import now

from accounts.models import Organization
from accounts.scoping import ScopedQuerySet
from audience.csv_files import LONGEST_LINE
from audience.import_steps import AnyImport
from audience.models import Import, Subscriber, SuppressionImport

logger = logging.getLogger(__name__)

KEPT = timedelta(days=30)
FOLDER = "imports"
UNFINISHED = (Import.Status.CONVERTING, Import.Status.QUEUED, Import.Status.RUNNING)
_TOLD_BY = 8  # last digits that two numbers have in common, however each is written
_NO_DIGIT = re.compile(r"[^0-9]+")


def forget_old() -> int:
    """Delete files of imports that ended, or were left unstarted, longer ago than KEPT, and files of no import (any
    more); how many imports and files that were."""
    old = [row for rows in _with_files() for row in rows.filter(modified_at__lt=now() - KEPT)]
    for each in old:
        _delete(each)
    return len(old) + _forget_orphans()


def _with_files() -> Iterator["ScopedQuerySet[Any]"]:
    """Imports of each kind that are not at work and have files."""
    for model in (Import, SuppressionImport):
        yield model.objects.exclude(status__in=UNFINISHED).exclude(file="", error_file="").order_by("pk")


def _forget_orphans() -> int:
    """An import goes with its list. What is younger than a day may be about to be named by a row."""
    storage: Storage = Import._meta.get_field("file").storage
    if not storage.exists(FOLDER):
        return 0
    there = {f"{FOLDER}/{name}" for name in storage.listdir(FOLDER)[1]}
    models = (Import, SuppressionImport)
    named = {name for model in models for both in model.objects.values_list("file", "error_file") for name in both}
    orphans = [name for name in there - named if storage.get_modified_time(name) < now() - timedelta(days=1)]
    for name in orphans:
        storage.delete(name)
    return len(orphans)


def forget_workbook(row: Import) -> None:
    """Delete the uploaded workbook of an import that ended before it was converted: nobody can look anything up."""
    if row.file_format == Import.FileFormat.XLSX and str(row.file.name).endswith(".xlsx"):
        _delete(row)
        row.refresh_from_db(fields=["file", "error_file"])


def forget_person(person: Subscriber) -> None:
    """When this transaction is through, delete every file that names this person, unless an import still reads it.

    That import refuses them if they are kept out; its file goes after a month.
    """
    addresses = [address for address in (person.email, person.phone) if address]
    transaction.on_commit(partial(forget, person.organization, addresses), robust=True)


def forget(organization: Organization, addresses: Iterable[str]) -> int:
    """Delete the files of the organization's imports that name one of these addresses and numbers; of how many."""
    sought, found = list(addresses), 0
    for each in chain.from_iterable(rows.of(organization) for rows in _with_files()):
        if any(_names(line, sought) for line in _lines(each)):
            _delete(each)
            found += 1
    return found


def _lines(row: AnyImport) -> Iterator[str]:
    for field, encoding in ((row.file, row.encoding or "utf-8"), (row.error_file, "utf-8")):
        name = str(field.name or "")
        if not name or not field.storage.exists(name):
            continue
        with field.storage.open(name, "rb") as file:
            text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
            yield from iter(partial(text.readline, LONGEST_LINE), "")


def _names(line: str, addresses: Iterable[str]) -> bool:
    for address in addresses:
        if "@" in address:
            if address in line.lower():
                return True
        elif address[-_TOLD_BY:] in _NO_DIGIT.sub("", line):
            return True
    return False


def _delete(row: AnyImport) -> None:
    """The row stays with its counts. A crash between the two leaves names of files that are gone, and a sweep that
    deletes what is not there."""
    for field in (row.file, row.error_file):
        if field:
            field.storage.delete(str(field.name))
    type(row)._base_manager.filter(pk=row.pk).update(file="", error_file="")
    logger.info("the files of import %s are deleted", row.public_id)
