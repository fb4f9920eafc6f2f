"""What every view of this API has in common."""

import json
from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar

from django.db import models
from django.http import Http404
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.permissions import Permission
from api.management import envelope, numbers
from api.management.access import RolePermission, visible
from api.management.authentication import KeyAuthentication
from api.management.fields import PUBLIC_ID
from api.management.pagination import Pages
from api.management.schema import ManagementSchema
from api.management.throttling import Throttle

RowT = TypeVar("RowT", bound=models.Model)


class AlwaysJson(DefaultContentNegotiation):
    """This API answers in JSON, whatever the client's Accept header or a `format` parameter says."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class DepthLimitedJson(JSONParser):
    """JSON nested so deeply that Python gives up is a bad request, not a fault of the server.

    So is half of a surrogate pair: JSON can write one (`"\\ud800"`, RFC 8259 section 8.2), no database can.
    """

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            read = super().parse(*args, **kwargs)
            json.dumps(read, ensure_ascii=False).encode()
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None
        except UnicodeEncodeError:
            raise ParseError("JSON parse error - a lone surrogate (\\ud800 to \\udfff) is no character") from None
        return read


class ManagementView(APIView):
    """Keys and sessions, JSON both ways, this API's refusals."""

    authentication_classes = (KeyAuthentication, SessionAuthentication)
    permission_classes = (IsAuthenticated, RolePermission)
    throttle_classes = (Throttle,)
    parser_classes = (DepthLimitedJson,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJson
    metadata_class = None
    http_method_names = ("get", "post", "patch", "delete", "head")
    schema = ManagementSchema()

    def get_exception_handler(self) -> Any:
        return envelope.handle


class ResourceView(ManagementView, GenericViewSet[RowT]):
    """A kind of thing with public ids, of which a caller sees what `access.visible` lets through.

    `needs` names the permission of each action that writes; the filters apply to the actions in `filtered`.
    """

    needs: ClassVar[dict[str, Permission]] = {}
    filtered: ClassVar[tuple[str, ...]] = ("list",)
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    pagination_class = Pages
    filter_backends = (DjangoFilterBackend,)

    def get_queryset(self) -> Any:
        return visible(self.request, super().get_queryset())

    def get_object(self) -> RowT:
        """The thing named in the address; a malformed id is as unknown as one nobody has."""
        if not PUBLIC_ID.fullmatch(self.kwargs["id"]):
            raise Http404(f"No {self.get_queryset().model._meta.object_name} matches the given query.")
        return super().get_object()

    def filter_queryset(self, queryset: Any) -> Any:
        """Filters are for lists: `?status=sent` does not make a campaign disappear from its own address."""
        return super().filter_queryset(queryset) if self.action in self.filtered else queryset

    def read(self, serializer_class: type[serializers.BaseSerializer[Any]]) -> Any:
        """The body, as this serializer has checked it. Raises ValidationError."""
        serializer = serializer_class(data=self.request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return serializer


class NumberedView(ResourceView[RowT]):
    """A kind of thing without a public id of its own; `id_prefix` begins the ids it is shown under."""

    id_prefix: ClassVar[str]

    def get_object(self) -> RowT:
        rows, key = self.get_queryset(), numbers.key_of(self.id_prefix, self.kwargs["id"])
        row: RowT | None = rows.filter(pk=key).first() if key else None
        if row is None:
            raise Http404(f"No {rows.model._meta.object_name} matches the given query.")
        self.check_object_permissions(self.request, row)
        return row


class NothingHere(APIView):
    """Every other address: a 404 that a program can read."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJson
    schema = None  # how REST framework leaves a view out

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        raise Http404
