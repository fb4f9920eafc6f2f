"""Whose hits a page shows: those of people, or every hit. It stands in the address, so that a link shows the same."""

from typing import Any

from django.http import HttpRequest

EVERY = "all"


def wants_raw(request: HttpRequest) -> bool:
    """Whether every hit is asked for, programs included."""
    return request.GET.get("hits") == EVERY


def of_set(row: Any, *, raw: bool) -> Any:
    """The figures of this set, of whatever has both."""
    return row.raw if raw else row.figures


def count(row: Any, name: str, *, raw: bool) -> int:
    """A count of this set, of what has one column for each: `clicked` and `raw_clicked`."""
    return int(getattr(row, f"raw_{name}" if raw else name))
