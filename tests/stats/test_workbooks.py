import io
import tracemalloc
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from stats import workbooks
from stats.workbooks import FORBIDDEN, streamed

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# What another program reads as it was written: without what XML does not know, and without its two other line ends.
texts = st.text(st.characters(exclude_characters=[*map(chr, FORBIDDEN), "\r"]), min_size=1, max_size=20)


def read(pieces):
    """The rows of each sheet, as another program reads them."""
    book = load_workbook(io.BytesIO(b"".join(pieces)))
    return [[[each.value for each in row] for row in sheet.iter_rows()] for sheet in book.worksheets]


def test_texts_numbers_and_times_are_what_they_are():
    rows = [["reader@example.com", 7, None, MOMENT], ["Åsa & <b>", -1.5, "", None]]

    [sheet] = read(streamed(["a", "b", "c", "d"], rows))

    assert sheet[0] == ["a", "b", "c", "d"]
    assert sheet[1] == ["reader@example.com", 7, None, MOMENT.replace(tzinfo=None)]  # Excel knows no zones
    assert sheet[2] == ["Åsa & <b>", -1.5, None, None]


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1"])
def test_a_text_is_never_a_formula(text):
    package = zipfile.ZipFile(io.BytesIO(b"".join(streamed(["a"], [[text]]))))

    sheet = package.read("xl/worksheets/sheet1.xml").decode()
    assert f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>' in sheet
    assert "<f" not in sheet


@given(st.lists(st.tuples(texts, st.integers(-(10**9), 10**9)), max_size=5))
def test_every_row_is_read_back(rows):
    [[_, *found]] = read(streamed(["text", "number"], rows))

    assert [tuple(row) for row in found] == rows


def test_what_xml_does_not_know_is_left_out():
    [[_, [text]]] = read(streamed(["a"], [["one\x00two\x0bthree\ud800"]]))

    assert text == "onetwothree"


def test_nobody_is_a_sheet_with_names_alone():
    assert read(streamed(["a"], [])) == [[["a"]]]


@pytest.mark.parametrize(("rows", "sizes"), [(3, [4]), (4, [4, 2]), (6, [4, 4]), (7, [4, 4, 2])])
def test_what_does_not_fit_goes_on_in_the_next_sheet(monkeypatch, rows, sizes):
    monkeypatch.setattr(workbooks, "MOST_ROWS", 4)

    sheets = read(streamed(["number"], ([number] for number in range(rows))))

    assert [len(sheet) for sheet in sheets] == sizes
    assert [row[0] for sheet in sheets for row in sheet[1:]] == list(range(rows))
    assert all(sheet[0] == ["number"] for sheet in sheets)


def test_it_is_sent_while_it_is_made_and_takes_no_more_memory_for_more_rows():
    asked = []

    def rows():
        for number in range(30_000):
            asked.append(number)
            yield [f"reader{number * 7919 % 10_007}@example.com", number, MOMENT]

    pieces = streamed(["address", "number", "at"], rows())
    tracemalloc.start()
    try:
        next(pieces)
        begun = len(asked)
        rest = sum(len(piece) for piece in pieces)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert begun < 15_000
    assert rest > workbooks.PIECE
    assert most < 4_000_000
