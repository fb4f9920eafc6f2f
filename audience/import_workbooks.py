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
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import IO, Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

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
# What the libraries raise for a damaged file; ParseError is a SyntaxError, UnicodeError a ValueError.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    InvalidFileException,
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


def to_csv(file: IO[bytes], out: IO[bytes]) -> Format:
    """Write the first visible sheet as CSV, row for row, so that numbers of rows stay; how it is written.

    Raises ImportRefused for what is no workbook, or one that is damaged, too large or dangerous.
    """
    try:
        _check(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and the like, which we do not read
            _write(_rows(file), out)
    except _DAMAGED as error:
        raise ImportRefused("This workbook cannot be read; save it as .xlsx anew, or as CSV.") from error
    return Format(encoding=WRITTEN.encoding, delimiter=WRITTEN.delimiter, has_header=detect(out).has_header)


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


def _rows(file: IO[bytes]) -> Iterator[list[str]]:
    workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    try:
        sheet = next((each for each in workbook.worksheets if each.sheet_state == "visible"), None)
        if sheet is None:
            raise ImportRefused("This workbook has no sheet with rows.")
        sheet.reset_dimensions()  # what a file says about its size need not be so
        width = 0
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
            if number > MOST_ROWS or len(row) > MOST_COLUMNS:
                raise ImportRefused(f"A sheet may have {MOST_COLUMNS} columns and {MOST_ROWS:,} rows; this has more.")
            width = width or len(row)
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
