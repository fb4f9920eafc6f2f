"""What no database can keep is refused before any page asks the database for it."""

from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse


class NoNullCharacters:
    """Middleware: a null character in what an admin page is asked is a bad request (400).

    PostgreSQL has no text with one, and pages read their parameters in too many places to leave it to each.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(reverse("admin:index")) and _holds_null(request):
            raise SuspiciousOperation("A null character was sent.")
        return self.get_response(request)


def _holds_null(request: HttpRequest) -> bool:
    given = [*request.GET.lists(), *request.POST.lists()]
    return "\x00" in request.path_info or any("\x00" in each for name, values in given for each in (name, *values))
