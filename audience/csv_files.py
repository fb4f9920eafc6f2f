"""CSV files as people really have them: reading any, losing no row to a neighbour's mistake, and writing harmless ones.

RFC 4180 is the aim and rarely the fact: the encoding and the delimiter are found out, and a quotation mark that is
opened and never closed costs its own row, not the rest of the file.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO

from charset_normalizer import from_bytes

from audience.addresses import normalise_email, normalise_phone
from audience.errors import ImportRefused, InvalidAddress

DELIMITERS = ",;\t|"
UNREADABLE = "\ufffd"  # stands where bytes fit no letter of the encoding
MOST_LINES_OF_A_ROW = 50
# What Excel writes and reads as a line of its own before the header.
_SEPARATOR = re.compile(rf'"?sep=([{DELIMITERS}])"?')
LONGEST_LINE = 2_000_000  # a cell of a megabyte in a column that is left out costs nobody their row
csv.field_size_limit(LONGEST_LINE)
_SHOWN_OF_A_CUT = 80
_SAMPLE = 64 * 1024
_BLOCK = 1 << 20
_MARKS = (  # longest first: the mark of UTF-16 begins that of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Guessing among all encodings ever made finds exotic ones in short files; these are what exports are written in.
_LIKELY = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "mac_roman", "shift_jis", "gb18030", "big5"]
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a zip, as .xlsx and .ods are; .xls


@dataclass(frozen=True, kw_only=True)
class Format:
    """How a file is written."""

    encoding: str
    delimiter: str
    has_header: bool


@dataclass(frozen=True)
class Record:
    """One row: its number as a spreadsheet shows it (a header is row 1), its cells, and why it cannot be read."""

    number: int
    cells: list[str]
    problem: str = ""


# --- reading -----------------------------------------------------------------------------------------------------


def detect(file: IO[bytes]) -> Format:
    """How the file is written, as far as can be told from it. Raises ImportRefused for what is no CSV at all."""
    file.seek(0)
    head = file.read(_SAMPLE)
    if not head.strip():
        raise ImportRefused("The file is empty.")
    if head.startswith(_SPREADSHEETS):
        raise ImportRefused("This is a spreadsheet of a kind that cannot be read; save it as .xlsx or as CSV.")
    encoding = _encoding(file, head)
    lines = _sample_lines(head, encoding)
    said = _SEPARATOR.fullmatch(lines[0].rstrip("\r\n").removeprefix("\ufeff")) if lines else None
    lines = lines[1:] if said else lines
    delimiter = said[1] if said else max(DELIMITERS, key=lambda one: _regularity(lines, one))
    first = next(csv.reader(lines, delimiter=delimiter), [])
    return Format(encoding=encoding, delimiter=delimiter, has_header=not any(map(_is_address, first)))


def records(file: IO[bytes], form: Format) -> Iterator[Record]:
    """Every row that is not blank, the header included, read as a stream."""
    for number, cells, problem in rows(file, form):
        yield Record(number, cells, problem)


def rows(file: IO[bytes], form: Format) -> Iterator[tuple[int, list[str], str]]:
    """As `records`, as (number, cells, problem): a million of them cost a second, not four."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=form.encoding, errors="replace", newline="")
    try:
        lines = _Lines(text)
        lines.pass_over_separator()
        for number, (cells, problem) in enumerate(_rows(lines, form.delimiter), start=1):
            if problem or "".join(cells).strip():
                yield number, cells, problem
    finally:
        if not file.closed:
            text.detach()  # else the wrapper closes the file, which is the caller's


class _Cut(str):
    """The beginning of a line that is too long to be read."""


def _whole_lines(text: io.TextIOWrapper) -> Iterator[str]:
    """The lines of a text. One that is longer than LONGEST_LINE is read to its end and its beginning given."""
    pieces = iter(partial(text.readline, LONGEST_LINE), "")
    for line in pieces:
        if len(line) < LONGEST_LINE or line.endswith(("\n", "\r")):
            yield line
            continue
        for piece in pieces:
            if len(piece) < LONGEST_LINE or piece.endswith(("\n", "\r")):
                break
        yield _Cut(line[:_SHOWN_OF_A_CUT])


class _Lines:
    """Lines of a text, with those that the current row has taken, which can be put back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.source = _whole_lines(text)
        self.waiting: deque[str] = deque()
        self.taken: list[str] = []

    def pass_over_separator(self) -> None:
        first = next(self.source, None)
        if first is not None and not _SEPARATOR.fullmatch(first.rstrip("\r\n").removeprefix("\ufeff")):
            self.waiting.append(first)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MOST_LINES_OF_A_ROW:
            raise csv.Error("too many lines")
        line = self.waiting.popleft() if self.waiting else next(self.source)
        self.taken.append(line)
        if isinstance(line, _Cut):
            raise csv.Error("too long")
        return line

    def put_back_all_but_the_first(self) -> str:
        first, *others = self.taken
        self.waiting.extendleft(reversed(others))
        return first


def _rows(lines: _Lines, delimiter: str) -> Iterator[tuple[list[str], str]]:
    """Cells and problem of each row. A row that spans lines is believed only if it has as many cells as the first."""
    reader, width, waiting, source = csv.reader(lines, delimiter=delimiter, strict=True), 0, lines.waiting, lines.source
    while (line := waiting.popleft() if waiting else next(source, None)) is not None:
        if isinstance(line, _Cut):
            yield [line], f"The row is longer than {LONGEST_LINE:,} characters."
            continue
        if '"' not in line:  # what the csv module would do, without its price
            cells = line.rstrip("\r\n").split(delimiter)
            width = width or (len(cells) if line.strip() else 0)
            yield cells, ""
            continue
        waiting.appendleft(line)
        lines.taken.clear()
        try:
            cells = next(reader)
        except (csv.Error, StopIteration):
            cells = []
        misread = not cells and any(line.strip() for line in lines.taken)
        if misread or (len(lines.taken) > 1 and width and len(cells) != width):
            first = lines.put_back_all_but_the_first()
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            yield [first.rstrip("\r\n")], "The quotation marks of this row do not match."
        else:
            width = width or len(cells)
            yield cells, ""


def _encoding(file: IO[bytes], head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if head.count(0) > len(head) // 4:  # every other byte of Latin text in UTF-16
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    telling = _telling_lines(file)
    if telling is None or _is_mostly_utf8(telling):
        return "utf-8"
    guess = from_bytes(telling, cp_isolation=_LIKELY).best()
    if guess is None or "cp1252" in guess.could_be_from_charset:
        return "cp1252"
    return guess.encoding


def _telling_lines(file: IO[bytes]) -> bytes | None:
    """Lines with bytes above ASCII, enough of them to tell an encoding by; None if the whole file is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while block := file.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        file.seek(0)
        return b"".join(_lines_beyond_ascii(file))
    return None


def _lines_beyond_ascii(file: IO[bytes]) -> Iterator[bytes]:
    size = 0
    while (line := file.readline(LONGEST_LINE)) and size < _SAMPLE:
        if not line.isascii():
            size += len(line)
            yield line


def _is_mostly_utf8(telling: bytes) -> bool:
    """A file in UTF-8 with some damage in it, rather than one in another encoding that is damaged throughout."""
    letters = [letter for letter in telling.decode("utf-8", "replace") if not letter.isascii()]
    return letters.count(UNREADABLE) * 2 <= len(letters)


def _sample_lines(head: bytes, encoding: str) -> list[str]:
    """Whole lines from the beginning."""
    lines = head.decode(encoding, "replace").splitlines(keepends=True)
    return lines[:-1] if len(head) == _SAMPLE and len(lines) > 1 else lines


def _regularity(lines: list[str], delimiter: str) -> tuple[int, int]:
    """How many rows have as many cells as the first, and how many cells that is; (0, 0) where it cuts nothing."""
    try:
        widths = [len(row) for row, _ in zip(csv.reader(lines, delimiter=delimiter), range(100), strict=False) if row]
    except csv.Error:
        return 0, 0
    if not widths or widths[0] < 2:
        return 0, 0
    return widths.count(widths[0]), widths[0]


def _is_address(cell: str) -> bool:
    for normalise in (normalise_email, normalise_phone):
        try:
            normalise(cell)
        except InvalidAddress:
            continue
        return True
    return False


# --- writing -----------------------------------------------------------------------------------------------------

# Where a spreadsheet takes what follows for a formula: at the beginning of a cell and, where a semicolon divides lists,
# behind one inside a cell, which no quotation mark prevents. Apostrophes there get one more, which can be taken off.
_FORMULA = r"('*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
_BEGINS_A_FORMULA = re.compile(rf"(^|;){_FORMULA}")
_MADE_HARMLESS = re.compile(rf"(^|;)'{_FORMULA}")
_JUST_A_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


def harmless(cell: object) -> str:
    """The cell so that no spreadsheet takes it for a formula; plain numbers, also of phones, stay as they are."""
    text = "" if cell is None else str(cell)
    return text if _JUST_A_NUMBER.fullmatch(text) else _BEGINS_A_FORMULA.sub(r"\1'\2", text)


def as_it_was(cell: str) -> str:
    """The cell before `harmless`."""
    return _MADE_HARMLESS.sub(r"\1\2", cell) if "'" in cell else cell


def written(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The rows as lines of CSV, made harmless; a byte order mark first, without which Excel reads no UTF-8."""
    yield codecs.BOM_UTF8.decode()
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
