"""In what order a listing comes: by a column that is known, up or down, and by number where that says nothing."""

from collections.abc import Mapping
from typing import TypeVar

from django.db.models import F, Model, QuerySet

from api.octeth.parameters import Parameters

RowT = TypeVar("RowT", bound=Model)


def folded(word: str) -> str:
    """Words are the same in any case and with or without spaces."""
    return "".join(word.lower().split())


def ordered(
    rows: QuerySet[RowT], given: Parameters, columns: Mapping[str, str], default: str, *, way: str = "ASC"
) -> QuerySet[RowT]:
    """As `OrderField` and `OrderType` ask; `columns` are by their folded names."""
    column = columns.get(folded(given.word("OrderField")), default)
    if given.word("OrderType", way).upper() == "DESC":
        return rows.order_by(F(column).desc(nulls_last=True), "pk")
    return rows.order_by(F(column).asc(nulls_first=True), "pk")
