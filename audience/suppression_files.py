"""Suppressions as files: reading whatever people keep theirs in, and writing one that can be read again.

A row holds an address, a domain or a phone number. With a header the columns are found by name (`value`, `email`,
`domain`, `phone`; besides `reason` and `source`); without one every cell that looks like an address counts, else the
first.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import IO, Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.actors import Actor
from accounts.models import Organization
from audience import suppressions
from audience.csv_files import Record, detect, records, written
from audience.errors import InvalidAddress, TooMany
from audience.models import MailingList, Suppression

# What one request takes; files of any length go through the command.
MOST_ROWS = 100_000
TOLD = 100
_CHUNK = 10_000
_HEADING = ("value", "kind", "reason", "source", "scope", "created_at")
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
class Taken:
    """What became of a file: added + known + refused = everything that stood in it; what repeats counts as known."""

    added: int = 0
    known: int = 0
    refused: int = 0
    refusals: list[Refused] = field(default_factory=list)  # the first ones

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(
            self.added + other.added,
            self.known + other.known,
            self.refused + other.refused,
            [*self.refusals, *other.refusals][:TOLD],
        )


@dataclass(frozen=True)
class _Entry:
    number: int
    written: str
    problem: str = ""
    reason: str = ""
    source: str = ""


def take(
    file: IO[bytes],
    *,
    organization: Organization | None,
    by: Actor,
    mailing_list: MailingList | None = None,
    reason: str = Suppression.Reason.IMPORTED,
    source: str = "",
    most_rows: int | None = MOST_ROWS,
) -> Taken:
    """Suppress what stands in the file, in the scope of the list, else the organization, else (None) the system.

    `reason` and `source` are for rows that do not say their own. Rows that cannot be understood are told and the rest
    is kept. Raises NotAllowed, ImportRefused for what is no text at all, and TooMany, with nothing done.
    """
    suppressions.require_may(by, organization)
    if most_rows is not None:
        _require_fewer(file, most_rows)
    suppressions.scope(organization, mailing_list)
    taken, entries = Taken(), _entries(file)
    while chunk := list(islice(entries, _CHUNK)):
        rows = [row for row in (_row(each, taken, reason, source) for each in chunk) if row]
        for row in rows:
            row.organization, row.mailing_list, row.created_by = organization, mailing_list, by.user
        with transaction.atomic():
            added = suppressions.store(rows)
        taken.added += added
        taken.known += len(rows) - added
    return taken


def take_text(text: str, **how: Any) -> Taken:
    """The same for what was pasted."""
    return take(io.BytesIO(text.encode("utf-8", "replace")), **how)


def _require_fewer(file: IO[bytes], most_rows: int) -> None:
    count = sum(1 for _ in islice(records(file, detect(file)), most_rows + 1))
    if count > most_rows:
        raise TooMany(
            f"There are more than {most_rows:,} rows; divide the file, or use `manage.py suppressions import`."
        )


def _row(entry: _Entry, taken: Taken, reason: str, source: str) -> Suppression | None:
    """The row to store; None, and counted, for what is refused."""
    try:
        if entry.problem:
            raise InvalidAddress(entry.problem)
        kind = suppressions.kind_of(entry.written)
        value = suppressions.normalise(kind, entry.written)
    except InvalidAddress as error:
        taken.refused += 1
        if len(taken.refusals) < TOLD:
            taken.refusals.append(Refused(entry.number, entry.written, str(error)))
        return None
    known_reason = entry.reason if entry.reason in Suppression.Reason.values else reason
    return Suppression(kind=kind, value=value, reason=known_reason, source=(entry.source or source)[:200])


# --- reading -----------------------------------------------------------------------------------------------------


def _entries(file: IO[bytes]) -> Iterator[_Entry]:
    rows = records(file, detect(file))
    first = next(rows, None)
    if first is None:
        return
    columns = _columns(first)
    for record in rows if columns else chain([first], rows):
        if record.problem:
            yield _Entry(record.number, "".join(record.cells)[:80], problem=record.problem)
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


def _by_name(record: Record, columns: Mapping[str, list[int]]) -> Iterator[_Entry]:
    cells = {name: [record.cells[at].strip() for at in ats if at < len(record.cells)] for name, ats in columns.items()}
    reason, source = ("".join(cells[name][:1]) for name in ("reason", "source"))
    for cell in filter(None, cells["value"]):
        yield _Entry(record.number, _plain(cell), reason=reason.casefold(), source=_one_line(_plain(source)))


def _by_look(record: Record) -> Iterator[_Entry]:
    cells = [_plain(cell.strip()) for cell in record.cells if cell.strip()]
    telling = [cell for cell in cells if "@" in cell or cell.startswith("+")]
    for cell in telling or cells[:1]:
        yield _Entry(record.number, cell)


def _plain(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from taking a cell for a formula."""
    return cell[1:] if cell.startswith(("'=", "'+", "'-", "'@")) else cell


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
