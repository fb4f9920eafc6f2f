"""Suppressions as files: reading whatever people keep theirs in, and writing one that can be read again.

A row holds an address, a domain or a phone number. With a header the columns are found by name (`value`, `email`,
`domain`, `phone`; besides `reason` and `source`); without one every cell that looks like an address counts, else the
first.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import IO

from django.db import transaction
from django.db.models import QuerySet

from accounts.actors import Actor
from accounts.models import Organization, User
from audience import suppressions
from audience.csv_files import Format, Record, as_it_was, detect, records, written
from audience.errors import InvalidAddress
from audience.models import MailingList, Suppression

_HEADING = ("value", "kind", "reason", "source", "scope", "created_at")
_LONGEST = 1000  # letters of a cell; every address is shorter
_VALUES = frozenset(
    {"value", "email", "e-mail", "mail", "address", "email address", "email_address", "emailaddress", "domain", "phone"}
    | {"phone number", "phone_number", "mobile", "number", "recipient"}
)


@dataclass(frozen=True)
class Refused:
    """A row that was left out: its number as a spreadsheet shows it, what stood there, and why."""

    number: int
    written: str
    reason: str


@dataclass
class Counts:
    """What became of what stood in a file: together everything; what repeats counts as known."""

    added: int = 0
    known: int = 0
    refused: int = 0


@dataclass
class Taken:
    counts: Counts = field(default_factory=Counts)
    refusals: list[Refused] = field(default_factory=list)


@dataclass(frozen=True)
class Terms:
    """Where what stands in a file is suppressed, by whom, and why where a row does not say so itself."""

    organization: Organization | None
    mailing_list: MailingList | None
    by: User | None
    reason: str = Suppression.Reason.IMPORTED
    source: str = ""


@dataclass(frozen=True)
class Entry:
    """One thing that stands in a row, and what the row says of it."""

    number: int
    written: str
    problem: str = ""
    reason: str = ""
    source: str = ""


def take_text(
    text: str,
    *,
    organization: Organization | None,
    by: Actor,
    mailing_list: MailingList | None = None,
    reason: str = Suppression.Reason.IMPORTED,
    source: str = "",
) -> Taken:
    """Suppress what was typed or pasted, at once, in the scope of the list, else the organization, else the system.

    Rows that cannot be understood are told and the rest is kept. Raises NotAllowed, and ImportRefused without a text.
    """
    suppressions.require_may(by, organization)
    suppressions.scope(organization, mailing_list)
    file = io.BytesIO(text.encode("utf-8", "replace"))
    with transaction.atomic():
        found = entries(file, detect(file))
        return suppress(list(found), Terms(organization, mailing_list, by.user, reason, source))


def suppress(chunk: Iterable[Entry], terms: Terms) -> Taken:
    """Store what is new of these. Runs in the caller's transaction."""
    found = [understood(each, terms) for each in chunk]
    rows = [each for each in found if isinstance(each, Suppression)]
    refusals = [each for each in found if isinstance(each, Refused)]
    added = suppressions.store(rows)
    return Taken(Counts(added, len(rows) - added, len(refusals)), refusals)


def understood(entry: Entry, terms: Terms) -> Suppression | Refused:
    """The row to store, or why there is none."""
    try:
        if entry.problem:
            raise InvalidAddress(entry.problem)
        kind = suppressions.kind_of(entry.written)
        value = suppressions.normalise(kind, entry.written)
    except InvalidAddress as error:
        return Refused(entry.number, entry.written, str(error))
    reason = entry.reason if entry.reason in Suppression.Reason.values else terms.reason
    return Suppression(
        organization=terms.organization,
        mailing_list=terms.mailing_list,
        created_by=terms.by,
        kind=kind,
        value=value,
        reason=reason,
        source=(entry.source or terms.source)[:200],
    )


# --- reading -----------------------------------------------------------------------------------------------------


def entries(file: IO[bytes], form: Format) -> Iterator[Entry]:
    """What stands in the file, in order; the same file always gives the same."""
    rows = records(file, form)
    first = next(rows, None)
    if first is None:
        return
    columns = _columns(first)
    for record in rows if columns else chain([first], rows):
        if record.problem:
            yield Entry(record.number, "".join(record.cells)[:80], problem=record.problem)
        elif columns:
            yield from _by_name(record, columns)
        else:
            yield from _by_look(record)


def _columns(first: Record) -> dict[str, list[int]]:
    """Where the header says what stands; empty if the first row is no header."""
    names = [cell.strip().casefold() for cell in first.cells]
    values = [at for at, name in enumerate(names) if name in _VALUES]
    return (
        {
            "value": values,
            "reason": [at for at, name in enumerate(names) if name == "reason"],
            "source": [at for at, name in enumerate(names) if name == "source"],
        }
        if values
        else {}
    )


def _by_name(record: Record, columns: Mapping[str, list[int]]) -> Iterator[Entry]:
    cells = {name: [record.cells[at].strip() for at in ats if at < len(record.cells)] for name, ats in columns.items()}
    reason, source = ("".join(cells[name][:1]) for name in ("reason", "source"))
    for cell in filter(None, cells["value"]):
        yield Entry(record.number, _plain(cell), reason=reason.casefold(), source=_one_line(_plain(source)))


def _by_look(record: Record) -> Iterator[Entry]:
    cells = [_plain(cell.strip()) for cell in record.cells if cell.strip()]
    telling = [cell for cell in cells if "@" in cell or cell.startswith("+")]
    for cell in telling or cells[:1]:
        yield Entry(record.number, cell)


def _plain(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from taking a cell for a formula; no more of it than is looked
    at, since a chunk holds thousands."""
    return as_it_was(cell[:_LONGEST])


def _one_line(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


# --- writing -----------------------------------------------------------------------------------------------------


def lines(rows: QuerySet[Suppression]) -> Iterator[str]:
    """These suppressions as CSV, line by line."""
    found = rows.select_related("mailing_list").order_by("pk").iterator(chunk_size=2000)
    return written(chain([_HEADING], (_cells(row) for row in found)))


def _cells(row: Suppression) -> Iterable[object]:
    scope = row.mailing_list.public_id if row.mailing_list else row.scope
    return row.value, row.kind, row.reason, row.source, scope, row.created_at.isoformat(timespec="seconds")
