"""Pages: `page` from 0 and `per_page`, with the numbers beside `data`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from api.greenarrow.envelope import Answer
from api.greenarrow.errors import InvalidRequest, RequestedTooMany
from audience.criteria.greenarrow.place import number

MOST = 500
USUAL = 100
DEEPEST = 10**9


@dataclass(frozen=True)
class Page:
    number: int
    size: int

    def of(self, rows: Any, count: int | None = None) -> tuple[Sequence[Any], dict[str, int]]:
        """The rows of this page (of a list or a queryset), and what stands beside `data`."""
        total = count if count is not None else len(rows) if isinstance(rows, list) else rows.count()
        start = self.number * self.size
        return list(rows[start : start + self.size]), {
            "page": self.number,
            "per_page": self.size,
            "num_records": total,
            "num_pages": ceil(total / self.size),
        }


def asked(params: Mapping[str, str], *, usual: int = USUAL, most: int = MOST) -> Page:
    """Raises InvalidRequest and RequestedTooMany."""
    size = _number(params, "per_page", usual)
    if size == 0:
        raise InvalidRequest("per_page must be at least 1")
    if size > most:
        raise RequestedTooMany(f"per_page may be at most {most}")
    return Page(_number(params, "page", 0), size)


def paged(rows: Any, params: Mapping[str, str], show: Any, *, usual: int = USUAL, most: int = MOST) -> Answer:
    chosen, beside = asked(params, usual=usual, most=most).of(rows)
    return Answer([show(row) for row in chosen], beside)


def all_or_paged(rows: Any, params: Mapping[str, str], show: Any) -> Answer:
    """Everything, unless a client asks for a page."""
    if "page" in params or "per_page" in params:
        return paged(rows, params, show)
    return Answer([show(row) for row in rows])


def _number(params: Mapping[str, str], name: str, usual: int) -> int:
    written = params.get(name)
    if written in (None, ""):
        return usual
    found = number(written)
    if found is None or found > DEEPEST:
        raise InvalidRequest(f"{name} must be a whole number from 0")
    return found
