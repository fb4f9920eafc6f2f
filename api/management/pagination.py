"""Pages of lists, small ones and those of millions of rows."""

import json
import re
from collections.abc import Mapping
from math import ceil
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from api.management import numbers

COUNTED = 10_000


class Pages(PageNumberPagination):
    """`page` from 1, or `last`; `page_size` of 100, at most 1000 (more is cut to it, nonsense means the default)."""

    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"
    page_size_query_description = "Number of results to return per page (default: 100)."

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        page, page_size = super().get_schema_operation_parameters(view)
        page["schema"] = {"type": "integer", "minimum": 1}
        page_size["schema"] = {"type": "integer", "default": self.page_size, "maximum": self.max_page_size}
        return [page, page_size]


class BigPages(Pages):
    """The same envelope over a table of millions, where neither counting nor skipping rows may cost what they number.

    Up to COUNTED rows are counted; of more, the database's own estimate is told, and `count_is_exact` says so. `next`
    carries the key of the last row in `after`, so that following it reads a page and nothing before it, and rows that
    come and go meanwhile make nobody appear twice or not at all. Any page can be asked for by its number all the same.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        self.url, asked = request.build_absolute_uri(), request.query_params
        size = self.get_page_size(request) or self.page_size
        self.count, self.is_exact = _counted(queryset)
        self.number = self._number(asked, queryset, size)
        rows = list(self._from(queryset, asked.get("after", ""), size)[: size + 1])
        if not rows and self.number > 1:
            raise NotFound("Invalid page.")
        self.rows, self.has_next = rows[:size], len(rows) > size
        self.seeks = _direction(queryset) is not None
        return self.rows

    def _number(self, asked: Mapping[str, str], queryset: QuerySet[Any], size: int) -> int:
        page = asked.get(self.page_query_param, "1")
        if page in self.last_page_strings:
            count = self.count if self.is_exact else queryset.order_by().count()
            return max(ceil(count / size), 1)
        if not re.fullmatch(r"[0-9]{1,12}", page) or not int(page):
            raise NotFound("Invalid page.")
        return int(page)

    def _from(self, queryset: QuerySet[Any], after: str, size: int) -> QuerySet[Any]:
        direction = _direction(queryset)
        if not after or direction is None:
            return queryset[(self.number - 1) * size :]
        key = numbers.read(after)
        if key is None:
            raise NotFound("Invalid page.")
        return queryset.filter(**{f"pk__{direction}": key})

    def get_next_link(self) -> str | None:
        if not self.has_next:
            return None
        url = replace_query_param(self.url, self.page_query_param, self.number + 1)
        return str(replace_query_param(url, "after", numbers.written(self.rows[-1].pk)) if self.seeks else url)

    def get_previous_link(self) -> str | None:
        if self.number == 1:
            return None
        url = remove_query_param(self.url, "after")
        if self.number == 2:
            return str(remove_query_param(url, self.page_query_param))
        return str(replace_query_param(url, self.page_query_param, self.number - 1))

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "count": self.count,
                "count_is_exact": self.is_exact,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        described: dict[str, Any] = super().get_paginated_response_schema(schema)
        described["properties"]["count_is_exact"] = {
            "type": "boolean",
            "description": f"False above {COUNTED:,} rows where counting would be slow: then `count` is an estimate.",
        }
        return described

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        after = {
            "name": "after",
            "in": "query",
            "required": False,
            "description": "Where the page before ended, as `next` says it.",
            "schema": {"type": "string"},
        }
        return [*super().get_schema_operation_parameters(view), after]


def _counted(queryset: QuerySet[Any]) -> tuple[int, bool]:
    """How many rows, and whether that is exact."""
    counted = queryset.order_by()[: COUNTED + 1].count()
    if counted <= COUNTED:
        return counted, True
    if connection.vendor != "postgresql":
        return queryset.order_by().count(), True
    plan = json.loads(queryset.order_by().values("pk").explain(format="json"))
    return max(int(plan[0]["Plan"]["Plan Rows"]), counted), False


def _direction(queryset: QuerySet[Any]) -> str | None:
    """The comparison that goes on after a key; None where rows are not in the order of their keys."""
    order = queryset.query.order_by or queryset.model._meta.ordering
    return {("pk",): "gt", ("-pk",): "lt"}.get(tuple(order))
