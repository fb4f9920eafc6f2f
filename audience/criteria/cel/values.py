"""What parts of an expression are before they make a condition: texts and numbers, fields, moments, spans of time."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from audience.criteria.tree import Scalar

TEXTS = {"email", "email_domain", "phone", "status"}
MOMENTS = {"created": "created_at"}
SEVERAL = {"tags"}
KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
LARGEST = 10**15  # what is exact in every database
_SPAN = re.compile(r"(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_CLOCK = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


@dataclass(frozen=True)
class Literal:
    value: Scalar


@dataclass(frozen=True)
class Several:
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class Field:
    """`name` as the tree writes it."""

    name: str

    @property
    def is_moment(self) -> bool:
        return self.name in MOMENTS.values()

    @property
    def is_custom(self) -> bool:
        return self.name.startswith("fields.")


@dataclass(frozen=True)
class Moment:
    """A day, or a moment, as the tree writes it."""

    written: str


@dataclass(frozen=True)
class Span:
    amount: int
    unit: str


@dataclass(frozen=True)
class Now:
    """The current time, less a span of time."""

    ago: Span | None = None


def moment(text: str) -> Moment:
    """`2026-03-31`, or RFC 3339 with a time. Raises ValueError."""
    if not _CLOCK.fullmatch(text):
        raise ValueError
    _ = datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    return Moment(text)


def span(text: str) -> Span:
    """`720h`, `1h30m`, and beyond CEL `7d` and `2w`, by the calendar. Raises ValueError."""
    found = _SPAN.fullmatch(text)
    if found is None or not text:
        raise ValueError
    weeks, days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    if (weeks or days) and (hours or minutes or seconds):
        raise ValueError
    if weeks or days:
        return _whole(Span(weeks, "weeks") if not days else Span(weeks * 7 + days, "days"))
    minutes += hours * 60 + seconds // 60
    if seconds % 60:
        raise ValueError
    return _whole(Span(minutes // 60, "hours") if minutes % 60 == 0 else Span(minutes, "minutes"))


def _whole(found: Span) -> Span:
    if not 0 < found.amount <= 10_000_000:
        raise ValueError
    return found
