"""Reading CSV files as people really have them, and writing harmless ones."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience import csv_files
from audience.csv_files import Format, as_it_was, detect, harmless, records
from audience.errors import ImportRefused

PLAIN = Format(encoding="utf-8", delimiter=",", has_header=True)


def read(content, form=PLAIN):
    content = content if isinstance(content, bytes) else content.encode()
    return list(records(io.BytesIO(content), form))


@pytest.mark.parametrize("delimiter", list(csv_files.DELIMITERS))
def test_the_delimiter_is_found_out(delimiter):
    rows = [["email", "name"], ["ann@example.com", "Ann, or so; no | \t"], ["bob@example.com", "Bob"]]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)

    assert detect(io.BytesIO(buffer.getvalue().encode())).delimiter == delimiter


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
        ("cp1251", "cp1251"),
    ],
)
def test_the_encoding_is_found_out(encoding, found):
    name = "Дмитрий Иванович Менделеев" if encoding == "cp1251" else "Jürgen Müller-Lüdenscheidt, Straße der Größe"
    content = "email,name\n" + "".join(f'r{n}@example.com,"{name}"\n' for n in range(20))

    form = detect(io.BytesIO(content.encode(encoding)))

    assert form.encoding == found
    assert read(content.encode(encoding), form)[1].cells == ["r0@example.com", name]


def test_one_damaged_row_does_not_turn_a_utf8_file_into_another_encoding():
    content = b"email,name\n" + "ann@example.com,Jürgen Größe\n".encode() * 5 + b"bob@example.com,\xff\xfe\n"

    form = detect(io.BytesIO(content))
    rows = read(content, form)

    assert form.encoding == "utf-8"
    assert rows[1].cells[1] == "Jürgen Größe"
    assert csv_files.UNREADABLE in rows[-1].cells[1]


@pytest.mark.parametrize(
    ("content", "has_header"),
    [
        ("email,name\nann@example.com,Ann\n", True),
        ("ann@example.com,Ann\nbob@example.com,Bob\n", False),
        ("+4520123456\n+4520123457\n", False),
        ("email\n", True),
    ],
)
def test_a_header_is_a_first_row_without_an_address(content, has_header):
    assert detect(io.BytesIO(content.encode())).has_header == has_header


@pytest.mark.parametrize("content", [b"", b"  \n ", b"PK\x03\x04rest of a spreadsheet"])
def test_what_is_no_csv_is_refused(content):
    with pytest.raises(ImportRefused):
        detect(io.BytesIO(content))


def test_rows_are_numbered_as_a_spreadsheet_shows_them_and_blank_ones_are_left_out():
    rows = read("email,name\n\nann@example.com,Ann\n,\nbob@example.com,Bob\n")

    assert [(row.number, row.cells[0]) for row in rows] == [
        (1, "email"),
        (3, "ann@example.com"),
        (5, "bob@example.com"),
    ]


def test_a_cell_may_span_lines():
    rows = read('email,note\nann@example.com,"one\ntwo ""three"""\nbob@example.com,x\n')

    assert [row.cells for row in rows[1:]] == [["ann@example.com", 'one\ntwo "three"'], ["bob@example.com", "x"]]


@pytest.mark.parametrize(
    "broken",
    [
        'bad@example.com,"never closed',
        '"bad@example.com,never closed',
        'bad@example.com,"closed" too early',
        'bad@example.com,"' + "x" * 200_000,
        'bad@example.com,""never closed"',
    ],
)
@pytest.mark.parametrize("after", [0, 1, 3, 200])
def test_a_quotation_mark_that_is_not_closed_costs_its_own_row_only(broken, after):
    good = [f"r{n}@example.com,Ann" for n in range(after)]

    rows = read("\n".join(["email,name", "first@example.com,Ann", broken, *good]) + "\n")

    assert [row.cells[0] for row in rows if not row.problem] == [
        "email",
        "first@example.com",
        *[f"r{n}@example.com" for n in range(after)],
    ]
    assert [row.number for row in rows if row.problem] == [3]


def test_a_quoted_row_after_an_unclosed_quotation_mark_is_not_swallowed():
    rows = read('email,name\na@example.com,"Ann\nb@example.com,"Bob"\nc@example.com,"Cid"\n')

    assert [row.cells[0] for row in rows if not row.problem] == ["email", "b@example.com", "c@example.com"]


def test_a_file_full_of_unclosed_quotation_marks_is_read_in_reasonable_time():
    rows = read("email,name\n" + 'a@example.com,"b\n' * 3000)

    assert len(rows) == 3001


@pytest.mark.parametrize("quoted", ["", '"'])
def test_a_line_that_is_too_long_is_one_row_with_its_own_reason(monkeypatch, quoted):
    monkeypatch.setattr(csv_files, "LONGEST_LINE", 1000)
    long = quoted + "x" * 3500 + quoted

    found = read(f"email,note\nann@example.com,{long}\nbob@example.com,short\n")

    assert [(row.number, row.problem) for row in found] == [
        (1, ""),
        (2, "The row is longer than 1,000 characters."),
        (3, ""),
    ]


@pytest.mark.parametrize("quoted", ["", '"'])
def test_a_cell_of_a_megabyte_is_a_cell(quoted):
    found = read(f"email,note\nann@example.com,{quoted}{'x' * (1 << 20)}{quoted}\nbob@example.com,short\n")

    assert [(len(row.cells[1]), row.problem) for row in found] == [(4, ""), (1 << 20, ""), (5, "")]


@pytest.mark.parametrize("said", ["sep=;", '"sep=;"', "\ufeffsep=;"])
def test_the_line_in_which_excel_names_the_separator_is_understood_and_is_no_row(said):
    content = f"{said}\r\nemail;a,b,c\r\nann@example.com;1,2,3\r\n".encode()

    form = detect(io.BytesIO(content))

    assert (form.delimiter, form.has_header) == (";", True)
    assert [(row.number, row.cells) for row in records(io.BytesIO(content), form)] == [
        (1, ["email", "a,b,c"]),
        (2, ["ann@example.com", "1,2,3"]),
    ]


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=2, max_size=2), min_size=1, max_size=8
    ),
    st.sampled_from(csv_files.DELIMITERS),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)
def test_what_the_csv_module_writes_is_read_back(rows, delimiter, encoding):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["email", "name"], *rows])

    found = read(buffer.getvalue().encode(encoding), Format(encoding=encoding, delimiter=delimiter, has_header=True))

    assert [row.cells for row in found[1:]] == [row for row in rows if any(cell.strip() for cell in row)]
    assert not any(row.problem for row in found)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_stop_the_reading(content):
    try:
        form = detect(io.BytesIO(content))
    except ImportRefused:
        return

    for row in read(content, form):
        assert row.cells


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
def test_a_cell_that_looks_like_a_formula_is_made_harmless(cell):
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "kept"), [("+4520123456", "+4520123456"), (-3.5, "-3.5"), ("a=b", "a=b"), (None, ""), (True, "True")]
)
def test_a_cell_that_is_no_formula_stays(cell, kept):
    assert harmless(cell) == kept


@pytest.mark.parametrize("cell", ["a;=1+1", 'a;=HYPERLINK("x")', ";@x", "'=1;'+2"])
def test_no_formula_stands_behind_a_semicolon_where_that_divides_cells(cell):
    assert not any(part.startswith(("=", "+", "-", "@")) for part in harmless(cell).split(";"))


@given(st.text(alphabet="'=+-@;,1a \uff1d"))
def test_a_cell_that_was_made_harmless_can_be_made_what_it_was(cell):
    assert as_it_was(harmless(cell)) == cell


@pytest.mark.parametrize("cell", ["a,b", 'say "x"', "two\nlines"])
def test_a_cell_with_a_separator_is_quoted(cell):
    (line,) = list(csv_files.written([[cell]]))[1:]

    assert line == '"' + cell.replace('"', '""') + '"\r\n'
