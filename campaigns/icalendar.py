"""iCalendar (RFC 5545): a calendar of single events in UTC. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

PRODUCT = "-//Broadsheet//Calendar of campaigns//EN"
LONGEST_LINE = 75  # octets without the line break, section 3.1


@dataclass(frozen=True, kw_only=True)
class Event:
    """`changed_at` is when what is told here changed last."""

    uid: str
    at: datetime
    changed_at: datetime
    summary: str
    description: str = ""
    url: str = ""
    category: str = ""
    is_tentative: bool = False


def write(name: str, events: Iterable[Event]) -> bytes:
    """The calendar as a file; the name and the hourly refresh are told as RFC 7986 has it and as older programs do."""
    head = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ]
    lines = [*head, *(line for event in events for line in _event(event)), "END:VCALENDAR"]
    return b"".join(_folded(line) + b"\r\n" for line in lines)


def _event(event: Event) -> Iterator[str]:
    """A moment that takes nobody's time (section 3.8.2.7)."""
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(event.uid)}"
    yield f"DTSTAMP:{_moment(event.changed_at)}"
    yield f"LAST-MODIFIED:{_moment(event.changed_at)}"
    yield f"DTSTART:{_moment(event.at)}"
    yield "DURATION:PT15M"
    yield f"SUMMARY:{_text(event.summary)}"
    if event.description:
        yield f"DESCRIPTION:{_text(event.description)}"
    if event.category:
        yield f"CATEGORIES:{_text(event.category)}"
    if event.url:
        yield f"URL:{event.url}"
    yield f"STATUS:{'TENTATIVE' if event.is_tentative else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    """Section 3.3.11; control characters have no place in a text."""
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    escaped = escaped.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
    return "".join(each for each in escaped if each == "\t" or (each >= " " and each != "\x7f"))


def _folded(line: str) -> bytes:
    """Section 3.1: no line is longer than 75 octets, and none is cut within a character."""
    rows, row = [], b""
    for character in line:
        octets = character.encode("utf-8", "replace")
        if len(row) + len(octets) > LONGEST_LINE:
            rows.append(row)
            row = b" "
        row += octets
    return b"\r\n".join([*rows, row])
