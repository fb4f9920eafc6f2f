"""A file in chunks of rows, each ready to be written, and read while the one before is being written."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import IO, TypeVar

from django.db import connection

from audience import import_staging
from audience.csv_files import Format
from audience.import_rows import Columns, Refusal, Row, read_rows

ROWS = 1000  # in one chunk, where every row is handled in Python
T = TypeVar("T")


@dataclass(frozen=True)
class Chunk:
    """Rows that are done together; `repeated` of them hold an address that stands further up in the file."""

    rows: list[Row | Refusal]
    repeated: int
    parcel: import_staging.Parcel | None = None


def is_staged() -> bool:
    """Whether chunks are written by `import_staging`."""
    return connection.vendor == "postgresql"


def chunks(file: IO[bytes], form: Format, columns: Columns, *, after: int) -> Generator[Chunk, None, None]:
    """The rows behind the first `after` ones.

    Those are read too, since rows may repeat an address that stands there.
    """
    seen, staged = set[int](), is_staged()
    source = map(_light, read_rows(file, form, columns))
    _repeated(islice(source, after), seen)
    size = import_staging.ROWS if staged else ROWS
    found = _prepared(source, seen, size, staged)
    return _read_ahead(found) if staged else found


def _prepared(source: Iterator[Row | Refusal], seen: set[int], size: int, staged: bool) -> Generator[Chunk, None, None]:
    while rows := list(islice(source, size)):
        yield Chunk(rows, _repeated(iter(rows), seen), import_staging.packed(rows) if staged else None)


def _light(row: Row | Refusal) -> Row | Refusal:
    """A chunk only counts what is refused: the cells of 20,000 rows may be more than there is memory."""
    return row if isinstance(row, Row) else Refusal(row.number, row.reason, [])


def _repeated(rows: Iterator[Row | Refusal], seen: set[int]) -> int:
    """How many of these rows hold an address that was seen before; now those were seen, too.

    By hash: the addresses of a million people themselves would take three times the memory.
    """
    repeated = 0
    for row in rows:
        if isinstance(row, Row):
            key = hash(row.email or row.phone)
            if key in seen:
                repeated += 1
            else:
                seen.add(key)
    return repeated


def _read_ahead(source: Iterator[T]) -> Generator[T, None, None]:
    """The same, one thing ahead, in a thread: the database works on one chunk while Python reads the next."""
    with ThreadPoolExecutor(1, thread_name_prefix="import") as reader:
        coming = reader.submit(next, source, None)
        while (one := coming.result()) is not None:
            coming = reader.submit(next, source, None)
            yield one
