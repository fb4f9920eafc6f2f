"""Which handler answers which address, and everything a request goes through before and after it.

Handlers say their address with `@route("POST", "campaigns/{campaign}/pause")`; words go before placeholders whatever
the order they were written in. Every address works with and without `ga/`, `v2/`, a slash or `.json` at its end, and
none redirects: a POST would lose its body.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt

from accounts.actors import Actor, Surface
from accounts.models import ApiKey, Organization
from accounts.permissions import Permission, grants
from api.greenarrow import envelope, reading
from api.greenarrow.authentication import authenticated
from api.greenarrow.errors import GreenArrowError, InvalidRequest, NotAuthorized, NotFound
from api.greenarrow.reading import Given
from audience.criteria.greenarrow.place import number
from tracking.clients import client_address

logger = logging.getLogger(__name__)

LARGEST_BODY = 16 * 1024 * 1024  # a file of people comes inside the document, up to 10 MB of it
RowT = TypeVar("RowT")


@dataclass
class Call:
    """One request of one key. `path` has what stands at the placeholders of its route."""

    key: ApiKey
    params: dict[str, str]
    path: dict[str, str]
    raw: bytes = b""

    @property
    def organization(self) -> Organization:
        return self.key.membership.organization

    @property
    def by(self) -> Actor:
        return Actor(user=self.key.membership.user, surface=Surface.GREENARROW, api_key=self.key)

    @property
    def zone(self) -> str:
        return self.organization.timezone

    @cached_property
    def now(self) -> datetime:
        return now()

    @cached_property
    def document(self) -> Any:
        return reading.document(self.raw)

    def given(self, *wrappers: str) -> Given:
        """The resource in the body. Raises InvalidRequest."""
        return Given(reading.wrapped(self.document, *wrappers), self.zone, self.now)

    def id(self, name: str) -> int:
        """The primary key at this placeholder. Raises NotFound."""
        found = number(self.path[name])
        if found is None:
            raise NotFound(f"{name} not found")
        return found

    def one(self, rows: Any, name: str) -> Any:
        """The row of this organization named at this placeholder. Raises NotFound."""
        row = rows.of(self.organization).filter(pk=self.id(name)).first()
        if row is None:
            raise NotFound(f"{name.replace('_', ' ')} not found")
        return row

    def require(self, permission: Permission) -> None:
        """For what no domain room asks by itself. Raises NotAuthorized."""
        if not grants(self.key.membership, permission):
            raise NotAuthorized(f"this key may not {permission.value.replace('_', ' ')}")


Handler = Callable[[Call], Any]


@dataclass(frozen=True)
class Route:
    method: str
    template: str
    handler: Handler

    @cached_property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.template.split("/"))

    @property
    def order(self) -> tuple[tuple[bool, str], ...]:
        return tuple((part.startswith("{"), part) for part in self.parts)

    def match(self, parts: tuple[str, ...]) -> dict[str, str] | None:
        if len(parts) != len(self.parts):
            return None
        found = {}
        for mine, theirs in zip(self.parts, parts, strict=True):
            if mine.startswith("{"):
                found[mine[1:-1]] = theirs
            elif mine != theirs:
                return None
        return found


_routes: list[Route] = []


def route(method: str, *templates: str) -> Callable[[Handler], Handler]:
    """Have this handler answer at these addresses; the first is the documented one."""

    def registered(handler: Handler) -> Handler:
        _routes.extend(Route(method, template, handler) for template in templates)
        _routes.sort(key=lambda each: each.order)
        return handler

    return registered


def routes() -> list[Route]:
    return list(_routes)


@csrf_exempt
def answer(request: HttpRequest, rest: str) -> HttpResponse:
    """Whatever goes wrong, the answer is an envelope."""
    try:
        return envelope.success(_answered(request, rest))
    except Exception as error:
        refused = envelope.translated(error)
        if refused is None:
            logger.exception("%s %s failed.", request.method, request.path)
            refused = GreenArrowError("internal error")
        return envelope.refusal(refused)


def _answered(request: HttpRequest, rest: str) -> Any:
    key = authenticated(request.headers.get("Authorization", ""), address=client_address(request.META))
    found, path = _found(str(request.method), rest)
    params = {reading.storable(name): reading.storable(str(value)) for name, value in request.GET.items()}
    call = Call(key, params, path, _body(request))
    if found.method == "GET":
        return found.handler(call)
    with transaction.atomic():  # all of it or nothing
        return found.handler(call)


def _found(method: str, rest: str) -> tuple[Route, dict[str, str]]:
    reading.storable(rest)
    method = "PUT" if method == "PATCH" else "GET" if method == "HEAD" else method
    parts = tuple(rest.rstrip("/").removesuffix(".json").split("/"))
    for each in _routes:
        if each.method == method and (path := each.match(parts)) is not None:
            return each, path
    raise NotFound("there is no such address")


def _body(request: HttpRequest) -> bytes:
    """Read past Django's limit for forms: what is sent here is one document."""
    try:
        raw = request.read(LARGEST_BODY + 1)
    except (RequestDataTooBig, UnreadablePostError, OSError):
        raise InvalidRequest("the request could not be read") from None
    if len(raw) > LARGEST_BODY:
        raise InvalidRequest(f"the request has more than {LARGEST_BODY} bytes")
    return raw
