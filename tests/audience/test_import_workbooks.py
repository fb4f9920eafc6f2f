"""Imports of Excel workbooks."""

import io
import re
import zipfile
from datetime import date, datetime

import pytest
from django.core.files.base import ContentFile
from django.utils.timezone import now
from openpyxl import Workbook

from accounts.actors import SYSTEM
from audience import fields, import_conversion, import_workbooks, imports
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


def upload(mailing_list, content, **settings):
    return imports.create(mailing_list, ContentFile(content, name="people.xlsx"), by=SYSTEM, **settings)


def converted(mailing_list, content, **settings):
    return imports.run(upload(mailing_list, content, **settings).pk)


def stored():
    storage = Import._meta.get_field("file").storage
    return storage.listdir("imports")[1] if storage.exists("imports") else []


ROWS = [
    ["Email", "Phone", "Town", "Age", "Born", "VIP", "Subscribed at"],
    ["ann@example.com", 4520123456, 'Köln, "Süd"', 5.0, date(1990, 1, 31), True, datetime(2026, 1, 2, 3, 4, 5)],  # noqa: DTZ001
    [],
    ["bob@example.com", None, None, 2.5],
    ["nonsense", None, None, None, None, None, None],
]


@pytest.mark.parametrize("written", [lambda content: content, as_excel_writes])
def test_a_workbook_is_imported_like_a_csv_file(news, written):
    draft = converted(news, written(workbook(ROWS)))
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
    draft = converted(news, workbook([["Email"], ["ann@example.com"]], before=["Notes"]))

    assert [column.heading for column in imports.preview(draft).columns] == ["Email"]


def test_a_workbook_without_a_heading_is_read_from_its_first_row(news):
    draft = converted(news, workbook([["ann@example.com", "Ulm"], ["bob@example.com", "Bonn"]]))

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
def test_an_import_of_a_damaged_or_dangerous_workbook_fails_with_the_reason_and_leaves_no_file(news, name, change, why):
    failed = converted(news, changed(workbook([["email", "town"], ["ann@example.com", "Ulm"]]), name, change))

    assert (failed.status, bool(failed.finished_at), failed.file.name) == ("failed", True, "")
    assert why in failed.status_reason
    assert stored() == []


@pytest.mark.parametrize(("strings", "why"), [(BOMB, "no workbook needs"), (b"<sst/>", "cannot be read")])
def test_texts_that_are_missing_or_a_bomb_fail_the_import(news, strings, why):
    assert why in converted(news, as_excel_writes(workbook(ROWS), strings)).status_reason


@pytest.mark.parametrize("limit", ["MOST_BYTES", "MOST_STRINGS"])
def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(news, monkeypatch, limit):
    monkeypatch.setattr(import_workbooks, limit, 100)

    assert "too large" in converted(news, as_excel_writes(workbook(ROWS))).status_reason


def test_another_zip_is_no_workbook(news):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("people.csv", "email\nann@example.com\n")

    assert "cannot be read" in converted(news, out.getvalue()).status_reason


def test_what_is_not_even_a_zip_is_refused_at_once(news):
    with pytest.raises(ImportRefused, match="cannot be read"):
        upload(news, b"PK\x03\x04 and so on")

    assert not Import.objects.exists()
    assert stored() == []


# --- in the background -------------------------------------------------------------------------------------------


def test_an_upload_waits_to_be_converted_and_cannot_be_looked_at_before(news):
    draft = upload(news, workbook(ROWS))

    assert (draft.status, draft.mapping, stored()) == ("converting", {}, [f"{draft.public_id}.xlsx"])
    for look in (imports.preview, imports.dry_run):
        with pytest.raises(ImportRefused, match="still being read"):
            look(draft)


def test_the_csv_file_takes_the_place_of_the_workbook(news, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        draft = upload(news, workbook(ROWS))

    draft.refresh_from_db()
    assert (draft.status, draft.rows_done, stored()) == ("draft", 0, [f"{draft.public_id}.csv"])


def test_what_is_said_while_it_is_converted_holds_afterwards(news):
    draft = upload(news, workbook(ROWS), on_conflict="fill", has_header=True)
    imports.set_up(draft, by=SYSTEM, consent_source="fair", mapping={"email": "email", "Town": "town"})

    draft = imports.run(draft.pk)

    assert (draft.status, draft.asked, draft.mapping) == ("draft", {}, {"0": "email", "2": "town"})
    assert (draft.on_conflict, draft.consent_source) == ("fill", "fair")


def test_an_import_that_is_started_while_it_is_converted_starts_then(news, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        draft = upload(news, workbook(ROWS))
        started = imports.start(draft, by=SYSTEM, mapping={"0": "email"})
        assert started.status == "converting"

    draft.refresh_from_db()
    assert (draft.status, draft.added, draft.refused) == ("completed", 2, 1)


def test_what_is_said_of_a_draft_in_hand_that_was_converted_meanwhile_is_said_of_the_draft(news):
    in_hand = upload(news, workbook(ROWS))
    imports.run(in_hand.pk)

    imports.start(in_hand, by=SYSTEM, mapping={"0": "email"})

    assert (in_hand.status, in_hand.mapping) == ("queued", {"0": "email"})


@pytest.mark.parametrize(
    ("mapping", "why"),
    [({"Mail": "email"}, "There is no column Mail; there are Email,"), ({"2": "town"}, "email address")],
)
def test_a_mapping_that_does_not_fit_fails_an_import_that_was_to_start(news, mapping, why):
    draft = upload(news, workbook(ROWS), mapping=mapping)
    imports.start(draft, by=SYSTEM)

    failed = imports.run(draft.pk)

    assert failed.status == "failed"
    assert why in failed.status_reason
    assert stored() == []


def test_how_far_it_is_can_be_watched(news, monkeypatch):
    monkeypatch.setattr(import_conversion, "TOLD_EVERY", 0)
    seen, many = [], [[f"p{number}@example.com", number] for number in range(2000)]
    content = changed(
        workbook(many), SHEET, lambda data: data.replace(b"<sheetData>", b'<dimension ref="A1:B2000"/><sheetData>')
    )

    imports.run(upload(news, content).pk, progress=lambda at: seen.append((at.status, at.rows_done, at.rows_total)))

    assert any(0 < done < 2000 == total for _, done, total in seen)
    assert seen[-1] == ("draft", 0, 0)


def test_cancelling_ends_the_conversion_and_leaves_no_file(news, monkeypatch):
    monkeypatch.setattr(import_conversion, "TOLD_EVERY", 0)
    draft = upload(news, workbook(ROWS))

    cancelled = imports.run(
        draft.pk, progress=lambda at: at.status == "converting" and imports.cancel(draft, by=SYSTEM)
    )

    assert (cancelled.status, stored()) == ("cancelled", [])


def test_a_conversion_that_a_killed_worker_left_behind_is_begun_anew(news):
    draft = upload(news, workbook(ROWS))
    assert imports.requeue_stalled() == 0

    Import.objects.update(rows_done=3, modified_at=now() - imports.STALLED_AFTER * 2)
    assert imports.requeue_stalled() == 1

    draft.refresh_from_db()
    assert (draft.status, draft.rows_done) == ("draft", 0)


def test_of_two_who_convert_the_same_the_second_changes_nothing(news, monkeypatch, django_capture_on_commit_callbacks):
    draft = upload(news, workbook(ROWS))
    late = Import.objects.get(pk=draft.pk)
    read = import_conversion.to_csv

    def meanwhile(file, out, tick):
        form = read(file, out)
        monkeypatch.setattr(import_conversion, "to_csv", read)
        with django_capture_on_commit_callbacks(execute=True):
            imports.run(draft.pk)
        imports.set_up(imports.run(draft.pk), by=SYSTEM, consent_source="fair")
        return form

    monkeypatch.setattr(import_conversion, "to_csv", meanwhile)
    import_conversion.convert(late, lambda _: None)

    assert (late.status, late.consent_source, stored()) == ("draft", "fair", [f"{draft.public_id}.csv"])


def test_a_worker_that_finds_no_workbook_fails_nothing_that_another_converted(news, monkeypatch):
    draft = upload(news, workbook(ROWS))
    read = import_conversion.to_csv

    def meanwhile(file, out, tick):
        monkeypatch.setattr(import_conversion, "to_csv", read)
        imports.run(draft.pk)
        raise FileNotFoundError

    monkeypatch.setattr(import_conversion, "to_csv", meanwhile)

    assert imports.run(draft.pk).status == "draft"
