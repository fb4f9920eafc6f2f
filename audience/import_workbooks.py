"""Excel workbooks as CSV: an uploaded .xlsx is turned into a CSV file once, and everything after that reads the CSV.

A workbook is a zip of XML and comes from anybody. What it unpacks to is measured before anything is unpacked, a part
that declares a document type (where entities would be) is refused, rows are streamed, and a row or a cell that is
further out than Excel has any ends it. ECMA-376 part 1, 18.3.
"""

import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time
from typing import IO, Any, cast

from audience.csv_files import Format, detect
from audience.errors import ImportRefused

MAGIC = b"PK\x03\x04"
MOST_ROWS = 1_048_576  # a sheet of Excel has no more
MOST_COLUMNS = 500
MOST_BYTES = 2 << 30  # unpacked; a full sheet of twenty columns
MOST_STRINGS = 400 << 20  # of them texts, which have to be kept in memory
LARGEST_WHOLE = 10**15
WRITTEN = Format(encoding="utf-8", delimiter=",", has_header=True)
_HEAD = 4096
_UNREADABLE = "This workbook cannot be read; save it as .xlsx anew, or as CSV."
Tick = Callable[[int, int], None]
# What the libraries raise for a damaged file; ParseError is a SyntaxError, UnicodeError a ValueError.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    LookupError,
    ValueError,
    ArithmeticError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
    RuntimeError,
    SyntaxError,
)


def is_workbook(file: IO[bytes]) -> bool:
    """Whether this looks like an .xlsx file."""
    file.seek(0)
    return file.read(len(MAGIC)) == MAGIC


def require_archive(file: IO[bytes]) -> None:
    """Raises ImportRefused for what is not even a zip; that is seen without unpacking anything."""
    if not zipfile.is_zipfile(file):
        raise ImportRefused(_UNREADABLE)
    file.seek(0)


def to_csv(file: IO[bytes], out: IO[bytes], tick: Tick = lambda _done, _expected: None) -> Format:
    """Write the first visible sheet as CSV, row for row, so that numbers of rows stay; how it is written.

    `tick` is called with each piece of the file that is read: (rows read, rows the workbook says it has or 0).
    Raises ImportRefused for what is no workbook, or one that is damaged, too large or dangerous, and what `tick`
    raises.
    """
    watched = _Watched(file, tick)
    try:
        _check(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and the like, which we do not read
            _write(_rows(watched), out)
    except _DAMAGED as error:
        raise ImportRefused(_UNREADABLE) from error
    return Format(encoding=WRITTEN.encoding, delimiter=WRITTEN.delimiter, has_header=detect(out).has_header)


class _Watched:
    """A file that tells with every read how far its reader is, also while texts are read and no row comes."""

    def __init__(self, file: IO[bytes], tick: Tick) -> None:
        self.file, self.tick, self.done, self.expected = file, tick, 0, 0

    def read(self, size: int = -1) -> bytes:
        self.tick(self.done, self.expected)
        return self.file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def _check(file: IO[bytes]) -> None:
    with zipfile.ZipFile(file) as parts:
        sizes = {part.filename: part.file_size for part in parts.infolist()}
        strings = sum(size for name, size in sizes.items() if "sharedstrings" in name.lower())
        if sum(sizes.values()) > MOST_BYTES or strings > MOST_STRINGS:
            raise ImportRefused("This workbook is too large; save it as CSV and import that.")
        for name in sizes:
            if name.lower().endswith((".xml", ".rels")):
                with parts.open(name) as part:
                    head = part.read(_HEAD).replace(b"\0", b"")  # also where it is UTF-16
                if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                    raise ImportRefused("This workbook holds what no workbook needs; save it as CSV and import that.")


def _rows(file: _Watched) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # costs a quarter of a second, which few processes need to spend

    workbook = load_workbook(cast("IO[bytes]", file), read_only=True, data_only=True, keep_links=False)
    try:
        sheet = next((each for each in workbook.worksheets if each.sheet_state == "visible"), None)
        if sheet is None:
            raise ImportRefused("This workbook has no sheet with rows.")
        file.expected = min(sheet.max_row or 0, MOST_ROWS)
        sheet.reset_dimensions()  # what a file says about its size need not be so
        width = 0
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
            if number > MOST_ROWS or len(row) > MOST_COLUMNS:
                raise ImportRefused(f"A sheet may have {MOST_COLUMNS} columns and {MOST_ROWS:,} rows; this has more.")
            width, file.done = width or len(row), number
            yield [_text(cell) for cell in row] + [""] * (width - len(row) if row else 0)
    finally:
        workbook.close()


def _write(rows: Iterable[list[str]], out: IO[bytes]) -> None:
    text = io.TextIOWrapper(out, encoding=WRITTEN.encoding, errors="replace", newline="", write_through=False)
    try:
        csv.writer(text).writerows(rows)
        text.flush()
    finally:
        text.detach()  # else the wrapper closes the file, which is the caller's


def _text(cell: Any) -> str:
    """As it would be typed into a CSV file: whole numbers without a point, days without a time, true and false."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case bool():
            return str(cell).lower()
        case float() if cell.is_integer() and abs(cell) < LARGEST_WHOLE:
            return str(int(cell))
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime():
            return cell.isoformat(sep=" ", timespec="seconds")
        case date() | time():
            return cell.isoformat()
    return str(cell)
