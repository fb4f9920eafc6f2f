"""`segments/`: saved rules over people."""

from typing import Any, ClassVar

import django_filters
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Edition, Organization
from accounts.permissions import Permission
from api.management.access import actor
from api.management.fields import PublicIdRelatedField, StaysInOrganization, of_organization
from api.management.filters import OwnedFilters, ordering
from api.management.views import ResourceView
from audience import exports, segments
from audience.models import MailingList, Segment
from campaigns import drafts, removals

Field = serializers.Field[Any, Any, Any, Any]


@extend_schema_field(OpenApiTypes.OBJECT)
class RulesField(serializers.JSONField):
    """The rule tree. Text in it that no database can keep is refused before it gets there."""

    default_error_messages = {"characters": "Null characters and lone surrogates are not allowed."}  # noqa: RUF012

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("invalid")
        if any(_is_unstorable(text) for text in _texts(data)):
            self.fail("characters")
        return super().to_internal_value(data)


class ConditionField(serializers.CharField):
    """An expression over people; empty means everybody, null a rule that only `definition` can say."""

    def get_attribute(self, segment: Segment) -> str | None:
        return None if segment.rules else ""

    def to_internal_value(self, data: Any) -> str:
        condition = super().to_internal_value(data)
        if condition:
            raise serializers.ValidationError(
                "Conditions are not understood yet: leave it empty to mean everybody on mailing_list_ids."
            )
        return condition


class SegmentSerializer(StaysInOrganization[Segment]):
    id = serializers.CharField(source="public_id", read_only=True)
    organization_id: Field = PublicIdRelatedField(
        source="organization", queryset=Organization.objects.all(), permission=Permission.CREATE
    )
    edition_id: Field = PublicIdRelatedField(
        source="edition", queryset=Edition.objects.all(), allow_null=True, required=False
    )
    mailing_list_ids: Field = PublicIdRelatedField(
        source="mailing_lists",
        queryset=MailingList.objects.all(),
        many=True,
        required=False,
        help_text="Only people on one of these lists; none means anybody in the organization.",
    )
    condition = ConditionField(allow_blank=True, allow_null=True, required=False, trim_whitespace=True)
    definition = RulesField(source="rules", required=False, help_text="The rule tree; empty selects everybody.")
    last_calculated = serializers.DateTimeField(source="last_calculated_at", read_only=True, allow_null=True)
    created = serializers.DateTimeField(source="created_at", read_only=True)
    modified = serializers.DateTimeField(source="modified_at", read_only=True)

    class Meta:
        model = Segment
        fields: ClassVar = [
            "id",
            "organization_id",
            "edition_id",
            "name",
            "description",
            "communication_type",
            "communication_channel",
            "mailing_list_ids",
            "condition",
            "definition",
            "status",
            "status_reason",
            "user_count",
            "last_calculated",
            "created",
            "modified",
        ]
        read_only_fields: ClassVar = ["status", "status_reason", "user_count"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        organization = self.instance.organization if self.instance else attrs["organization"]
        of_organization(attrs, organization, {"edition": "edition_id"})
        for mailing_list in attrs.get("mailing_lists", ()):
            of_organization({"list": mailing_list}, organization, {"list": "mailing_list_ids"})
        if attrs.pop("condition", None) == "":
            attrs.setdefault("rules", {})
        return attrs


class SegmentFilters(OwnedFilters):
    communication_channel = django_filters.ChoiceFilter(choices=Segment.CommunicationChannel.choices)
    communication_type = django_filters.ChoiceFilter(choices=Segment.CommunicationType.choices)
    edition_id = django_filters.CharFilter("edition__public_id", label="Only of this edition.")
    status = django_filters.ChoiceFilter(choices=Segment.Status.choices)
    search = django_filters.CharFilter("name", "icontains", label="Part of the name.")
    ordering = ordering(
        created="created_at",
        modified="modified_at",
        name="name",
        user_count="user_count",
        last_calculated="last_calculated_at",
    )


class SegmentView(ListModelMixin, RetrieveModelMixin, ResourceView[Segment]):
    """Saved choices of people, to send to or to leave out."""

    queryset = Segment.objects.select_related("organization", "edition").prefetch_related("mailing_lists")
    serializer_class = SegmentSerializer
    filterset_class = SegmentFilters
    needs: ClassVar = {
        "partial_update": Permission.UPDATE,
        "destroy": Permission.DELETE,
        "recalculate": Permission.UPDATE,
        "reset": Permission.UPDATE,
    }

    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self._shown(segments.create(by=actor(request), **serializer.validated_data), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is given; campaigns that address the segment hear of it."""
        segment = self.get_object()
        serializer = self.get_serializer(segment, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        return self._shown(drafts.edit_segment(segment, by=actor(request), **serializer.validated_data))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete it, unless a campaign that is not over addresses it."""
        removals.delete_segment(self.get_object(), by=actor(request))
        return Response(status=204)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def recalculate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Count its people now."""
        return self._shown(segments.recalculate(self.get_object()))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def reset(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a draft again of a segment whose calculation failed or never ended."""
        return self._shown(segments.reset(self.get_object()))

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR}, summary="Export people of segment")
    @action(detail=True)
    def export(self, request: Request, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """Its people as CSV: id, email, phone, then the organization's own fields."""
        segment = self.get_object()
        return StreamingHttpResponse(
            exports.people_in(segment),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{segment.public_id}.csv"'},
        )

    def _shown(self, segment: Segment, status: int = 200) -> Response:
        row = self.get_queryset().get(pk=segment.pk)
        return Response(self.get_serializer(row).data, status=status)


def _texts(value: Any) -> Any:
    """Every text in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)


def _is_unstorable(text: str) -> bool:
    return any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in text)
