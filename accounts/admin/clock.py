"""The admin tells the time of the organization worked in."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from accounts.admin.desk import desk


class LocalTime:
    """Middleware: times on admin pages are read and written in the organization's zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(reverse("admin:index")) or not request.user.is_authenticated:
            return self.get_response(request)
        organization = desk(request).organization
        with timezone.override(ZoneInfo(organization.timezone) if organization else None):
            return self.get_response(request)
