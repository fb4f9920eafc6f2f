import csv
import io
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from delivery.models import Recipient
from stats.exports import COLUMNS, activity, cell, workbook
from stats.ingest import ingest
from stats.people import Chosen, recipients
from stats.reports import report
from tests.stats.populations import a_run, click, hit
from tracking import spool
from tracking.spool import HitKind

STATES = {Chosen(state) for state in Recipient.State.values}


@pytest.fixture
def run(db):
    """Eight people: an opener, a clicker, one silent, one each unsubscribed, bounced, complained, failed, skipped."""
    run = a_run(people=8)
    opener, clicker, _silent, leaver, bouncer, complainer, failed, skipped = run.recipients.all()
    Recipient.objects.filter(pk=failed.pk).update(state="failed", reply_code=550, reply_text="5.1.1 No such user")
    Recipient.objects.filter(pk=skipped.pk).update(state="skipped", skip_reason="suppressed")
    for each in (
        hit(opener),
        click(clicker, 2),
        hit(leaver, HitKind.UNSUBSCRIBED),
        hit(bouncer, HitKind.BOUNCED),
        hit(complainer, HitKind.COMPLAINED),
    ):
        spool.append(each)
    ingest()
    return run


def places(run, rows):
    """Who it is, by their place in the run from 0."""
    order = list(run.recipients.order_by("pk").values_list("pk", flat=True))
    return [order.index(row.pk) for row in rows]


@pytest.mark.parametrize(
    ("chosen", "who"),
    [
        (Chosen.ALL, [0, 1, 2, 3, 4, 5, 6, 7]),
        (Chosen.SENT, [0, 1, 2, 3, 4, 5]),
        (Chosen.FAILED, [6]),
        (Chosen.SKIPPED, [7]),
        (Chosen.IN_DOUBT, []),
        (Chosen.PENDING, []),
        (Chosen.OPENED, [0, 1]),
        (Chosen.NOT_OPENED, [2, 3, 4, 5]),
        (Chosen.CLICKED, [1]),
        (Chosen.NOT_CLICKED, [0, 2, 3, 4, 5]),
        (Chosen.UNSUBSCRIBED, [3]),
        (Chosen.BOUNCED, [4]),
        (Chosen.COMPLAINED, [5]),
    ],
)
def test_recipients_by_what_they_did(run, chosen, who):
    assert places(run, recipients(run.campaign, chosen)) == who


def test_who_let_a_program_do_it_is_there_with_every_hit_alone(run):
    silent = run.recipients.all()[2]
    spool.append(click(silent, 3, user_agent="curl/8.5.0"))
    spool.append(hit(silent, HitKind.VIEWED, user_agent="curl/8.5.0"))
    ingest()

    for chosen in (Chosen.OPENED, Chosen.CLICKED, Chosen.VIEWED):
        assert silent not in recipients(run.campaign, chosen)
        assert silent in recipients(run.campaign, chosen, raw=True)
    for chosen in (Chosen.NOT_OPENED, Chosen.NOT_CLICKED):
        assert silent in recipients(run.campaign, chosen)
        assert silent not in recipients(run.campaign, chosen, raw=True)
    assert places(run, recipients(run.campaign, link_position=3)) == []
    assert places(run, recipients(run.campaign, link_position=3, raw=True)) == [2]


def test_recipients_by_what_else_came_back(run):
    one, two, three = run.recipients.all()[:3]
    for each in (
        hit(one, HitKind.CONVERTED, data={"cents": 250}),
        hit(two, HitKind.FORWARDED),
        hit(three, HitKind.DELIVERED),
        hit(one, HitKind.BOUNCED, data={"type": "hard"}),
        hit(two, HitKind.BOUNCED, data={"type": "soft"}),
        hit(three, user_agent="Mozilla/5.0"),
    ):
        spool.append(each)
    ingest()

    chosen = [Chosen.CONVERTED, Chosen.FORWARDED, Chosen.RECEIPTS, Chosen.BOUNCED_HARD, Chosen.BOUNCED_SOFT]
    assert [places(run, recipients(run.campaign, each)) for each in chosen] == [[0], [1], [2], [0], [1]]
    assert places(run, recipients(run.campaign, Chosen.PRIVACY_OPENED)) == [2]
    assert places(run, recipients(run.campaign, Chosen.BOUNCED_OTHER)) == [4]  # its report did not say


def test_every_choice_counts_the_people_of_its_figure(run):
    """The page of recipients shows the figure beside the choice."""
    shown = report(run.campaign)
    for figures, raw in ((shown.figures, False), (shown.raw, True)):
        for chosen in set(Chosen) - {Chosen.ALL, Chosen.NOT_OPENED, Chosen.NOT_CLICKED} - STATES:
            assert recipients(run.campaign, chosen, raw=raw).count() == getattr(figures, chosen.value), chosen


def test_recipients_by_domain(run):
    domain = run.recipients.first().address.partition("@")[2]

    assert recipients(run.campaign, domain=domain.upper()).count() == 8
    assert recipients(run.campaign, domain=domain[1:]).count() == 0


def test_every_choice_has_a_condition(run):
    for chosen in Chosen:
        recipients(run.campaign, chosen.value).count()


def test_an_unknown_choice_is_refused(run):
    with pytest.raises(ValueError, match="danced"):
        recipients(run.campaign, "danced")


def test_who_clicked_this_link(run):
    assert places(run, recipients(run.campaign, link_position=2)) == [1]
    assert places(run, recipients(run.campaign, link_position=1)) == []


def test_recipients_by_a_part_of_the_address(run):
    wanted = run.recipients.last()

    assert list(recipients(run.campaign, search=wanted.address[:9].upper())) == [wanted]


def test_other_campaigns_are_not_in_it(run):
    a_run(people=2)

    assert recipients(run.campaign).count() == 8


def read(lines):
    return list(csv.DictReader(io.StringIO("".join(lines))))


def test_the_export_tells_what_each_did(run):
    rows = read(activity(recipients(run.campaign)))

    assert list(rows[0]) == list(COLUMNS)
    assert (rows[0]["opened_at"], rows[0]["opens"], rows[0]["clicks"]) == ("2026-11-21T09:00:00Z", "1", "0")
    assert (rows[1]["opened_at"], rows[1]["opens"], rows[1]["clicks"]) == ("2026-11-21T09:00:00Z", "0", "1")
    assert (rows[2]["opened_at"], rows[2]["opens"]) == ("", "0")
    assert (rows[6]["state"], rows[6]["reply_code"], rows[6]["reply_text"]) == ("failed", "550", "5.1.1 No such user")
    assert (rows[7]["state"], rows[7]["skip_reason"]) == ("skipped", "suppressed")


def test_the_export_tells_people_from_programs(run):
    silent = run.recipients.all()[2]
    for each in (click(silent, user_agent="curl/8.5.0"), hit(silent, user_agent="Mozilla/5.0", minutes=5)):
        spool.append(each)
    ingest()

    row = read(activity(recipients(run.campaign)))[2]

    assert (row["opened_at"], row["opens"], row["clicked_at"], row["clicks"]) == ("", "0", "", "0")
    assert (row["raw_opened_at"], row["raw_opens"]) == ("2026-11-21T09:00:00Z", "1")
    assert (row["raw_clicked_at"], row["raw_clicks"]) == ("2026-11-21T09:00:00Z", "1")
    assert row["privacy_opened_at"] == "2026-11-21T09:05:00Z"


def test_the_workbook_says_what_the_csv_says(run):
    book = load_workbook(io.BytesIO(b"".join(workbook(recipients(run.campaign)))))

    names, *rows = book.worksheets[0].iter_rows(values_only=True)

    lines = list(csv.reader(io.StringIO("".join(activity(recipients(run.campaign))))))
    assert [list(names), *[[cell(aware(value)) for value in row] for row in rows]] == lines


def aware(value):
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def test_the_export_is_made_line_by_line_in_one_query(run):
    with CaptureQueriesContext(connection) as queries:
        lines = activity(recipients(run.campaign))
        next(lines)
        assert len(queries) == 0
        assert len(list(lines)) == 8

    assert len([query for query in queries if "delivery_recipient" in query["sql"]]) == 1


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("  =1", "'  =1"),
        ("\t=1", "'\t=1"),
        ("+4930123456", "+4930123456"),
        ("-17", "-17"),
        ("reader@example.com", "reader@example.com"),
        ("", ""),
        (None, ""),
        (0, "0"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05Z"),
    ],
)
def test_a_cell_is_never_a_formula(value, written):
    assert cell(value) == written


@given(st.text())
def test_no_text_becomes_a_formula(text):
    written = cell(text)

    assert written[:1] not in ("=", "@", "\t", "\r")
    assert written.lstrip("'") == text.lstrip("'") or written == f"'{text}"
