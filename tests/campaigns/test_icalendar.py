"""The calendar as a file, read back by a parser made from RFC 5545's own rules."""

import re
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import icalendar
from campaigns.icalendar import Event
from tests.examples import examples

NINE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DATE_TIME = re.compile(r"\d{8}T\d{6}Z")
texts = st.text(max_size=120)


def read(content):
    """Unfolded (3.1) and unescaped (3.3.11): the calendar's properties, and those of each event."""
    lines = content.decode().replace("\r\n ", "").split("\r\n")
    assert lines.pop() == ""
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")
    head, events, into = {}, [], None
    for line in lines[1:-1]:
        name, value = re.fullmatch(r"([A-Z-]+)(?:;[A-Z]+=[A-Z]+)?:(.*)", line).groups()
        if line == "BEGIN:VEVENT":
            into = {}
        elif line == "END:VEVENT":
            events.append(into)
            into = None
        else:
            target = head if into is None else into
            assert name not in target
            target[name] = re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)
    return head, events


def kept(text):
    """What of a text can be told."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(each for each in plain if each in "\t\n" or (each >= " " and each != "\x7f"))


@settings(max_examples=examples(120))
@given(texts, st.lists(st.tuples(texts, texts, st.booleans()), max_size=3))
def test_what_is_written_is_read_back_whatever_it_says(name, told):
    events = [
        Event(uid=f"cmp_{n}", at=NINE, changed_at=NINE, summary=summary, description=about, is_tentative=maybe)
        for n, (summary, about, maybe) in enumerate(told)
    ]

    content = icalendar.write(name, events)

    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    head, found = read(content)
    assert head["NAME"] == head["X-WR-CALNAME"] == kept(name)
    assert head["VERSION"] == "2.0"
    assert head["PRODID"]
    assert [each["SUMMARY"] for each in found] == [kept(summary) for summary, _, _ in told]
    assert [each.get("DESCRIPTION", "") for each in found] == [kept(about) for _, about, _ in told]
    assert [each["STATUS"] for each in found] == ["TENTATIVE" if maybe else "CONFIRMED" for *_, maybe in told]


def test_an_event_has_what_the_rfc_asks_for_in_utc():
    content = icalendar.write(
        "Post", [Event(uid="cmp_1", at=NINE, changed_at=NINE, summary="Hi", url="https://x.example/")]
    )

    _, (event,) = read(content)
    assert event["DTSTART"] == "20260302T093000Z"
    assert DATE_TIME.fullmatch(event["DTSTAMP"])
    assert (event["UID"], event["URL"], event["TRANSP"]) == ("cmp_1", "https://x.example/", "TRANSPARENT")


def test_no_character_is_cut_in_two():
    content = icalendar.write("Post", [Event(uid="cmp_1", at=NINE, changed_at=NINE, summary="é" * 80 + "🦉" * 40)])

    for line in content.split(b"\r\n"):
        line.decode()
