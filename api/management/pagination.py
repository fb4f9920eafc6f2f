from typing import Any

from rest_framework.pagination import PageNumberPagination
from rest_framework.views import APIView


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
