"""Rows that an import refuses, and the file that tells of them."""

import pytest

from audience import import_rows, imports
from audience.models import Subscriber
from tests.audience.importing import counts, import_file, refusals, rows_of_error_file


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"nonsense,Ulm,5", "not an email address"),
        (b",Ulm,5", "neither an email address nor a phone"),
        (b"bad@example.com", "The row has 1 column, the first row of the file has 3"),
        (b"bad@example.com,Ulm,5,6", "The row has 4 columns"),
        (b"bad@example.com,Ulm,five", "Age: "),
        (b"bad@example.com,\xff\xfe,5", "no letters in the encoding"),
        (b"bad\x00@example.com,Ulm,5", "not an email address"),
        (b"bad@example.com,U\x00lm,5", "Town: "),
        (b'"bad@example.com\r\nBcc: all@example.com",Ulm,5', "not an email address"),
        (b'bad@example.com,"Ulm\r\nBcc: all@example.com",5', "Town: "),
        (b'bad@example.com,"Ulm,5', "quotation marks"),
        (b"bad@example.com," + b"x" * 1001 + b",5", "longer than"),
    ],
)
def test_a_bad_row_is_refused_with_its_number_and_reason_and_nothing_else_is_lost(news, row, reason):
    around = "Köln".encode()
    content = b"email,town,age\nann@example.com," + around + b",1\n" + row + b"\nbob@example.com," + around + b",2\n"

    done = import_file(news, content)

    assert counts(done) == (2, 0, 0, 1)
    ((number, why),) = refusals(done)
    assert number == 3
    assert reason in why
    assert set(Subscriber.objects.values_list("email", "fields__town")) == {
        ("ann@example.com", "Köln"),
        ("bob@example.com", "Köln"),
    }


@pytest.mark.parametrize(
    ("heading", "cell", "reason"),
    [
        ("subscribed_at", "yesterday", "not a date or time;"),
        ("subscribed_at", "2099-01-01", "lies in the future"),
        ("ip_address", "10.0.0.256", "not an IP address"),
        ("consent_source", "x" * 65, "longer than 64"),
        ("tags", "x" * 101, "cannot be a tag"),
        ("tags", "a|b\x07", "cannot be a tag"),
        ("tags", "|".join(map(str, range(51))), "51 tags"),
    ],
)
def test_evidence_and_tags_that_make_no_sense_are_refused(news, heading, cell, reason):
    done = import_file(news, f"email,{heading}\nann@example.com,{cell}\nbob@example.com,\n")

    assert counts(done) == (1, 0, 0, 1)
    assert reason in refusals(done)[0][1]


def test_the_error_file_repeats_the_row_and_holds_no_formula(news):
    done = import_file(news, 'email,town\n=cmd(),"a ""b"""\n')

    rows = rows_of_error_file(done)
    assert rows[0] == ["row", "reason", "email", "town"]
    assert rows[1][0] == "2"
    assert rows[1][2:] == ["'=cmd()", 'a "b"']


def test_what_is_refused_is_not_kept_in_memory_with_its_cells_and_stands_whole_in_the_error_file(news, monkeypatch):
    monkeypatch.setattr(import_rows, "_LETTERS", 5000)
    held = []
    take = imports._do
    monkeypatch.setattr(imports, "_do", lambda row, chunk: held.extend(chunk.rows) or take(row, chunk))

    done = import_file(news, "email,town\n" + f"nonsense,{'x' * 3000}\n" * 5)

    assert [row.cells for row in held] == [[]] * 5
    assert [len(row[3]) for row in rows_of_error_file(done)[1:]] == [3000] * 5
