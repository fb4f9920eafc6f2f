"""Imports of Excel workbooks."""

import io
import re
import zipfile
from datetime import date, datetime

import pytest
from django.core.files.base import ContentFile
from openpyxl import Workbook

from accounts.actors import SYSTEM
from audience import fields, import_workbooks, imports
from audience.errors import ImportRefused
from audience.models import Import, Subscription
from tests.factories import MailingListFactory


@pytest.fixture
def news(organization):
    mailing_list = MailingListFactory(organization=organization, name="News")
    for key, kind in (("town", "text"), ("age", "number"), ("born", "date"), ("vip", "boolean")):
        fields.create(organization, key=key, kind=kind)
    return mailing_list


def workbook(rows, *, before=()):
    """The bytes of a workbook with these rows on its first visible sheet."""
    made = Workbook()
    for name in before:
        made.create_sheet(name, 0).sheet_state = "hidden"
    sheet = made.worksheets[-1]
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
_RELATION = (
    b'<Relationship Id="rIdS" Target="sharedStrings.xml" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"/>'
)
_TYPE = (
    b'<Override PartName="/xl/sharedStrings.xml" '
    b'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
)
_MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def as_excel_writes(content, strings=None):
    """The workbook with its texts in a part of their own, as Excel has them; openpyxl writes them into the cells."""
    texts = []

    def shared(match):
        texts.append(match[1])
        return b't="s"><v>%d</v></c>' % (len(texts) - 1)

    content = changed(content, SHEET, lambda data: re.sub(rb't="inlineStr"><is>(.*?)</is></c>', shared, data))
    content = changed(content, "xl/_rels/workbook.xml.rels", lambda data: data.replace(b"</R", _RELATION + b"</R"))
    content = changed(content, "[Content_Types].xml", lambda data: data.replace(b"</Types", _TYPE + b"</Types"))
    out = io.BytesIO(content)
    part = b"<sst %s>%s</sst>" % (_MAIN, b"".join(b"<si>%s</si>" % text for text in texts))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as target:
        target.writestr("xl/sharedStrings.xml", part if strings is None else strings)
    return out.getvalue()


def changed(content, name, change):
    """The workbook with one of its parts changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.namelist():
            data = source.read(part)
            target.writestr(part, change(data) if part == name else data)
    return out.getvalue()


def upload(mailing_list, content):
    return imports.create(mailing_list, ContentFile(content, name="people.xlsx"), by=SYSTEM)


ROWS = [
    ["Email", "Phone", "Town", "Age", "Born", "VIP", "Subscribed at"],
    ["ann@example.com", 4520123456, 'Köln, "Süd"', 5.0, date(1990, 1, 31), True, datetime(2026, 1, 2, 3, 4, 5)],  # noqa: DTZ001
    [],
    ["bob@example.com", None, None, 2.5],
    ["nonsense", None, None, None, None, None, None],
]


@pytest.mark.parametrize("written", [lambda content: content, as_excel_writes])
def test_a_workbook_is_imported_like_a_csv_file(news, written):
    draft = upload(news, written(workbook(ROWS)))
    seen = imports.preview(draft)
    imports.start(draft, by=SYSTEM, country_code="+45", encoding="latin-1", delimiter=";")
    done = imports.run(draft.pk)

    ann, bob = Subscription.objects.order_by("subscriber__email").select_related("subscriber")
    assert [column.heading for column in seen.columns] == ROWS[0]
    assert (done.file_format, done.status, done.added, done.refused) == ("xlsx", "completed", 2, 1)
    assert ann.subscriber.fields == {"town": 'Köln, "Süd"', "age": 5, "born": "1990-01-31", "vip": True}
    assert (ann.subscribed_at.year, bob.subscriber.fields) == (2026, {"age": 2.5})
    with done.error_file.open("rb") as errors:
        assert errors.read().decode("utf-8-sig").splitlines()[1].startswith("5,")  # as the spreadsheet numbers it


def test_the_first_sheet_that_can_be_seen_is_taken(news):
    draft = upload(news, workbook([["Email"], ["ann@example.com"]], before=["Notes"]))

    assert [column.heading for column in imports.preview(draft).columns] == ["Email"]


def test_a_workbook_without_a_heading_is_read_from_its_first_row(news):
    draft = upload(news, workbook([["ann@example.com", "Ulm"], ["bob@example.com", "Bonn"]]))

    assert (draft.has_header, draft.mapping) == (False, {"0": "email"})


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<sst><si><t>&b;</t></si></sst>"
)


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("xl/workbook.xml", lambda data: BOMB.decode().encode("utf-16"), "no workbook needs"),
        (SHEET, lambda data: data.replace(b'r="B2"', b'r="XFD2"'), "500 columns"),
        (SHEET, lambda data: data.replace(b'<row r="2"', b'<row r="99999999"'), "1,048,576 rows"),
        (SHEET, lambda data: data[: len(data) // 2], "cannot be read"),
        ("xl/workbook.xml", lambda data: b"", "cannot be read"),
        (SHEET, lambda data: data.replace(b'r="A2"', b'r="ZZZZZZ2"'), "cannot be read"),
    ],
)
def test_a_workbook_that_is_damaged_or_dangerous_is_refused_and_leaves_nothing(news, name, change, why, tmp_path):
    content = changed(workbook([["email", "town"], ["ann@example.com", "Ulm"]]), name, change)

    with pytest.raises(ImportRefused, match=why):
        upload(news, content)

    assert not Import.objects.exists()
    assert list(tmp_path.rglob("*.csv")) == []


@pytest.mark.parametrize(("strings", "why"), [(BOMB, "no workbook needs"), (b"<sst/>", "cannot be read")])
def test_texts_that_are_missing_or_a_bomb_make_no_import(news, strings, why):
    with pytest.raises(ImportRefused, match=why):
        upload(news, as_excel_writes(workbook(ROWS), strings))


@pytest.mark.parametrize("limit", ["MOST_BYTES", "MOST_STRINGS"])
def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(news, monkeypatch, limit):
    monkeypatch.setattr(import_workbooks, limit, 100)

    with pytest.raises(ImportRefused, match="too large"):
        upload(news, as_excel_writes(workbook(ROWS)))


def test_another_zip_is_no_workbook(news):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("people.csv", "email\nann@example.com\n")

    with pytest.raises(ImportRefused, match="cannot be read"):
        upload(news, out.getvalue())
