"""The demo: what it expects, what its readers do, and that it notices a wrong number."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from operations.demo import audit, mailbox, readers
from operations.demo.audit import Check
from operations.demo.mailbox import Delivered
from operations.demo.people import Expected, audience_file
from operations.demo.readers import Act, Answer, Deeds
from operations.management.commands import demo
from stats.figures import Figures

ROOT = Path(__file__).resolve().parents[2]


def message(n):
    base = f"http://localhost/{{}}/{n}"
    return Delivered(
        recipient=f"reader{n}@example.com",
        message_id=f"<{n}@example.com>",
        subject="News",
        has_text=True,
        one_click=base.format("u"),
        pixels=[base.format("o")],
        clicks=[f"{base.format('c')}/{link}" for link in range(3)],
        views=[base.format("w")],
        unsubscribes=[base.format("u")],
    )


GOOD = {
    "click": {"status": 302, "location": "https://example.com/story?plan=free"},
    "open": {"status": 200, "content_type": "image/gif"},
}


def answer(kind, who="reader@example.com", **otherwise):
    act = Act(kind=kind, recipient=who, url="http://localhost")
    return Answer(act=act, **GOOD.get(kind, {"status": 200}) | otherwise)


def test_a_message_is_taken_apart_as_a_mail_program_would():
    raw = (
        b"Message-ID: <1@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b"List-Unsubscribe: <http://here/u/token>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n"
        b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        b'<a href="http://here/c/r/l?a=1&amp;b=2">read</a><a href="http://here/c/r/l?a=1&amp;b=2">again</a>'
        b'<a href="http://here/w/token">view</a><a href="http://here/u/token">leave</a>'
        b'<a href="https://example.com/c">elsewhere</a><img src="http://here/o/token.gif">\r\n--b--\r\n'
    )

    found = mailbox.opened("reader@example.com", raw)

    assert found == Delivered(
        recipient="reader@example.com",
        message_id="<1@example.com>",
        subject="Grüße",
        has_text=True,
        one_click="http://here/u/token",
        pixels=["http://here/o/token.gif"],
        clicks=["http://here/c/r/l?a=1&b=2"],
        views=["http://here/w/token"],
        unsubscribes=["http://here/u/token"],
    )


def test_a_message_whose_header_does_not_promise_one_click_has_none():
    assert mailbox.opened("a@example.com", b"List-Unsubscribe: <http://here/u/token>\r\n\r\nHello").one_click == ""


def test_the_file_has_as_many_people_as_asked_for_each_with_one_fate():
    file, expected = audience_file(1500)

    rows = [line.split(",")[0].lower() for line in file.decode().splitlines()[1:]]
    fates = [expected.reachable, expected.suppressed, expected.rejected]
    assert sum(map(len, fates)) == len(frozenset.union(*fates)) == 1500
    assert Counter(rows).keys() >= frozenset.union(*fates)
    assert len(rows) == 1500 + expected.malformed + expected.repeated


def test_readers_do_the_same_in_every_demo_and_some_do_each_thing():
    messages = [message(n) for n in range(300)]

    acts = readers.choose(messages)

    assert acts == readers.choose(messages)
    assert {act.kind for act in acts} == {"open", "click", "view", "look", "one_click", "confirm"}
    clickers, openers = ({act.recipient for act in acts if act.kind == kind} for kind in ("click", "open"))
    assert clickers - openers
    assert openers - clickers


def test_everything_chosen_is_done_opens_first():
    acts = readers.choose([message(n) for n in range(100)])

    waves = list(readers.waves(acts))

    assert Counter(act for _, wave in waves for act in wave) == Counter(acts)
    assert [name for name, _ in waves] == ["open", "click", "view", "unsubscribe"]


@pytest.mark.parametrize(
    "wrong",
    [
        answer("open", content_type="text/html"),
        answer("open", status=404),
        answer("click", status=200),
        answer("click", location=""),
        answer("view", status=500),
        answer("one_click", status=429),
    ],
)
def test_an_answer_that_is_not_as_it_should_be_is_no_deed(wrong):
    deeds = Deeds([wrong])

    assert deeds.wrong() == [wrong]
    assert deeds.people(wrong.act.kind) == set()


def test_a_look_at_the_unsubscribe_page_is_no_unsubscription():
    deeds = Deeds([answer("look", "one@example.com"), answer("confirm", "two@example.com")])

    assert deeds.people("one_click", "confirm") == {"two@example.com"}


EXPECTED = Expected(
    reachable=frozenset({"reader1@example.com", "reader2@example.com"}),
    suppressed=frozenset({"no@example.com"}),
    rejected=frozenset({"nobody@reject.example"}),
    malformed=1,
    repeated=1,
    phones={"reader1@example.com": "+447700900001", "reader2@example.com": "+447700900002"},
)
FIGURES = Figures(
    planned=4, sent=2, failed=1, skipped=1, opened=2, opens=3, pixel_opened=1, clicked=1, clicks=2, unsubscribed=1
)
LINK = SimpleNamespace(url="https://example.com/story?plan={{ plan }}", clicks=2)
DEEDS = Deeds(
    [
        answer("open", "reader1@example.com"),
        answer("open", "reader1@example.com"),
        answer("click", "reader2@example.com"),
        answer("click", "reader2@example.com"),
        answer("one_click", "reader2@example.com"),
    ]
)


def judged(messages=None, skip_reasons=None, links=(LINK,), deeds=DEEDS, **figures):
    report = SimpleNamespace(
        figures=replace(FIGURES, **figures),
        skip_reasons={"suppressed": 1} if skip_reasons is None else skip_reasons,
        links=links,
    )
    inbox = [message(1), message(2)] if messages is None else messages
    found = [*audit.of_inbox(inbox, report, EXPECTED), *audit.of_readers(deeds, report)]
    return [check.name for check in found if not check.holds]


def test_figures_that_are_right_pass():
    assert judged() == []


@pytest.mark.parametrize(
    ("wrong", "noticed"),
    [
        ({"sent": 3, "planned": 5}, "sent"),
        ({"failed": 0, "planned": 3}, "failed"),
        ({"skip_reasons": {"unsubscribed": 1}}, "skipped"),
        ({"planned": 5}, "audience, by outcome"),
        ({"in_doubt": 1, "planned": 5}, "in doubt or waiting"),
        ({"opened": 1}, "opened"),
        ({"opens": 2}, "opens in all"),
        ({"clicked": 2}, "clicked"),
        ({"clicks": 1}, "clicks in all"),
        ({"unsubscribed": 0}, "unsubscribed"),
        ({"viewed": 1}, "viewed in the browser"),
        ({"links": ()}, "clicked pages not in the report"),
        ({"links": (SimpleNamespace(url="https://example.com/story", clicks=1),)}, "clicks: /story"),
        ({"messages": [message(1)]}, "people who got a message"),
        ({"messages": [message(1), message(2), message(2)]}, "people who got more than one"),
        ({"messages": [message(1), message(2), message(3)]}, "others who got one"),
        ({"messages": [message(1), replace(message(2), one_click="")]}, "messages with all they need"),
        ({"deeds": Deeds([*DEEDS.answers, answer("view", status=404)])}, "answers other than expected"),
    ],
)
def test_a_figure_that_is_wrong_is_noticed_by_its_name(wrong, noticed):
    assert noticed in judged(**wrong)


def judged_later(issue=("reader1@example.com",), numbers=("+447700900001",), **figures):
    messages = [replace(message(0), recipient=address) for address in issue]
    mail = SimpleNamespace(
        figures=Figures(sent=figures.get("sent", len(issue))),
        skip_reasons={"suppressed": 1, "unsubscribed": 1, "bounced": 1},
    )
    texts = SimpleNamespace(figures=Figures(sent=figures.get("texts", len(numbers)), skipped=3))
    found = [
        *audit.of_next_issue(messages, mail, EXPECTED, DEEDS),
        *audit.of_texts(numbers, texts, EXPECTED, DEEDS),
    ]
    return [check.name for check in found if not check.holds]


def test_the_next_issue_and_texts_that_reach_the_right_people_pass():
    assert judged_later() == []


@pytest.mark.parametrize(
    ("wrong", "noticed"),
    [
        ({"issue": ("reader1@example.com", "reader2@example.com")}, "next issue: got it, and should not"),
        ({"issue": ("reader1@example.com", "reader1@example.com")}, "next issue: got it, and should not"),
        ({"issue": ()}, "next issue: should have it, and did not"),
        ({"sent": 2}, "next issue: sent"),
        ({"numbers": ("+447700900001", "+447700900002")}, "texts: got one, and should not"),
        ({"numbers": ()}, "texts: should have one, and did not"),
        ({"texts": 5}, "texts: sent"),
    ],
)
def test_a_message_to_somebody_who_had_enough_is_noticed(wrong, noticed):
    assert noticed in judged_later(**wrong)


def test_a_check_holds_when_both_sides_are_equal():
    assert Check(name="sent", expected=3, actual=3).holds
    assert not Check(name="sent", expected=3, actual=4).holds


def test_it_does_not_run_in_production(settings):
    settings.PRODUCTION = True

    with pytest.raises(CommandError, match="does not run in production"):
        call_command("demo")


def test_too_few_people_are_refused():
    with pytest.raises(CommandError, match="at least"):
        call_command("demo", people=3)


def test_a_new_database_is_migrated_before_the_play(monkeypatch):
    done = []
    monkeypatch.setattr(demo, "call_command", lambda *command, **_: done.append(command))
    monkeypatch.setattr(demo.stage, "perform", lambda arguments: done.append(arguments))

    call_command("demo", people=60)

    assert done == [("migrate",), ["--people", "60"]]


def test_the_whole_play_reconciles_on_a_new_database_and_leaves_nothing_behind(migrated_file, tmp_path):
    (tmp_path / "var").mkdir()
    shutil.copy(migrated_file, tmp_path / "var" / "broadsheet.sqlite3")
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "CELERY_BROKER_URL"}}
    environment = {
        **kept,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAR_DIR": str(tmp_path / "var"),
        "TMPDIR": str(tmp_path),
        "WORKER_PROCESSES": "1",
    }

    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--people", "60"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "figures reconcile" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["var"]
