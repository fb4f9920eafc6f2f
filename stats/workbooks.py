"""Excel workbooks (ECMA-376 SpreadsheetML) written as they are sent: no row is kept, and the first byte leaves at once.

Libraries write a workbook to a file and can send nothing before its end; a million rows would take minutes in which the
other side hears nothing. What is needed of the format is small: texts, numbers and times in sheets.
"""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any
from xml.sax.saxutils import escape

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 1_048_576  # of a sheet, the first with the names of the columns among them
LONGEST_TEXT = 32_767
PIECE = 64 * 1024
EPOCH = datetime(1899, 12, 30, tzinfo=UTC)  # day 0 of Excel's calendar, as it is for all days after February 1900
MOMENT = 1  # its place among the cellXfs of the styles below

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# What XML 1.0 does not allow in a text.
FORBIDDEN = dict.fromkeys([*(set(range(32)) - {9, 10, 13}), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF])

XF = 'fontId="0" fillId="0" borderId="0"'
STYLES = (
    f'{HEAD}<styleSheet xmlns="{MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    f'<cellStyleXfs count="1"><xf numFmtId="0" {XF}/></cellStyleXfs>'
    f'<cellXfs count="2"><xf numFmtId="0" {XF} xfId="0"/>'
    f'<xf numFmtId="164" {XF} xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def streamed(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """A workbook of these rows in pieces; what does not fit into one sheet goes on in the next, under the same names.

    None is an empty cell; numbers and aware datetimes (written in UTC) are what they are, everything else is its text.
    """
    out = _Pieces()
    rest = iter(rows)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as package:  # type: ignore[call-overload]
        sheets = 0
        first: list[Sequence[Any]] = []
        while first or not sheets:
            sheets += 1
            named = chain([columns], first, islice(rest, MOST_ROWS - 1 - len(first)))
            with package.open(f"xl/worksheets/sheet{sheets}.xml", "w", force_zip64=True) as sheet:
                for piece in _sheet(named):
                    sheet.write(piece)
                    yield from out.taken()
            first = list(islice(rest, 1))
        for name, text in _frame(sheets).items():
            package.writestr(name, text)
    yield from out.taken(everything=True)


def _sheet(rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    waiting = [f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>']
    for number, row in enumerate(rows, start=1):
        waiting.append(f'<row r="{number}">{"".join(map(_cell, row))}</row>')
        if number % 200 == 0:
            yield "".join(waiting).encode()
            waiting = []
    waiting.append("</sheetData></worksheet>")
    yield "".join(waiting).encode()


def _cell(value: Any) -> str:
    """A text is an inline string, which is shown as it is: a formula would be another kind of cell."""
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, datetime):
        return f'<c s="{MOMENT}"><v>{(value - EPOCH).total_seconds() / 86400:.10f}</v></c>'
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"<c><v>{value}</v></c>"
    text = escape(str(value)[:LONGEST_TEXT].translate(FORBIDDEN))
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _frame(sheets: int) -> dict[str, str]:
    """Every part but the sheets, by its name in the package."""
    numbers = range(1, sheets + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{TYPES}.worksheet+xml"/>'
        for number in numbers
    )
    listed = "".join(f'<sheet name="Recipients {n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    links = "".join(_relation(number, "worksheet", f"worksheets/sheet{number}.xml") for number in numbers)
    return {
        "xl/workbook.xml": f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(links + _relation(sheets + 1, "styles", "styles.xml")),
        "xl/styles.xml": STYLES,
        "_rels/.rels": _relations(_relation(1, "officeDocument", "xl/workbook.xml")),
        "[Content_Types].xml": (
            f'{HEAD}<Types xmlns="{PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{TYPES}.styles+xml"/>{overrides}</Types>'
        ),
    }


def _relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'


def _relations(relations: str) -> str:
    return f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">{relations}</Relationships>'


class _Pieces:
    """A file for the zip archive that cannot go back, and hands on what was written."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Nothing to do: what is written is taken."""

    def taken(self, *, everything: bool = False) -> Iterator[bytes]:
        if self._written and (everything or len(self._written) >= PIECE):
            piece = bytes(self._written)
            self._written.clear()
            yield piece
