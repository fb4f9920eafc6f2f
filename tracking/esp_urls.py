"""Where email service providers post to: anymail's views, of which a body that cannot be read is the sender's fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anymail import urls
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.urls import URLPattern

app_name = "anymail"
# What anymail's readers meet in a body that is not what they know: no field, another kind of value, no JSON.
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, AssertionError, RecursionError)


@contextmanager
def readable() -> Iterator[None]:
    """Only around what reads the body: what happens later is our own trouble, and the provider shall come again."""
    try:
        yield
    except UNREADABLE as error:
        raise BadRequest("This is no event of this provider.") from error


def strict(view_class: Any) -> Any:
    """The view, answering 400 to what it cannot read. Providers repeat what is answered with 500, for days."""

    class Strict(view_class):  # type: ignore[misc]
        def run_validators(self, request: HttpRequest) -> None:
            with readable():
                super().run_validators(request)

        def parse_events(self, request: HttpRequest) -> list[Any]:
            with readable():
                return list(super().parse_events(request))

    return Strict


def _of(pattern: URLPattern) -> URLPattern:
    view: Any = pattern.callback
    return URLPattern(pattern.pattern, strict(view.view_class).as_view(**view.view_initkwargs), name=pattern.name)


urlpatterns = [_of(pattern) for pattern in urls.urlpatterns]
