"""`segments/`: saved rules over people."""

from typing import Any, ClassVar

import django_filters
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Edition, Organization
from accounts.permissions import Permission
from api.management import segment_answers as answers
from api.management.access import actor
from api.management.fields import PublicIdRelatedField, StaysInOrganization, of_organization
from api.management.filters import OwnedFilters, ordering
from api.management.segment_answers import (
    CheckedRulesSerializer,
    ConditionContextSerializer,
    RulesPlaceSerializer,
    RulesToCheckSerializer,
    SampleSizeSerializer,
    SegmentExplanationSerializer,
    SegmentSampleSerializer,
    WhomSerializer,
)
from api.management.segment_rules import ConditionField, Place, RulesField, columns
from api.management.views import ResourceView
from audience import exports, segments
from audience.models import MailingList, Segment
from campaigns import drafts, removals

Field = serializers.Field[Any, Any, Any, Any]


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
    condition = ConditionField(allow_blank=True, allow_null=True, required=False, trim_whitespace=False)
    definition = RulesField(
        source="rules",
        required=False,
        help_text="The rule tree, and in requests also a GreenArrow definition; empty selects everybody.",
    )
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
        attrs, organization = super().validate(attrs), self.organization_of(attrs)
        for mailing_list in attrs.get("mailing_lists", ()):
            of_organization({"list": mailing_list}, organization, {"list": "mailing_list_ids"})
        rules = self._rules(attrs, organization)
        return {name: value for name, value in attrs.items() if name not in ("condition", "rules")} | rules

    def _rules(self, attrs: dict[str, Any], organization: Organization) -> dict[str, Any]:
        """What the segment keeps of `condition` and `definition`."""
        lists = attrs.get("mailing_lists", self._lists)
        return columns(Place(organization, lists, self.instance), attrs.get("condition"), attrs.get("rules"))

    @property
    def _lists(self) -> list[MailingList]:
        return list(self.instance.mailing_lists.all()) if self.instance else []


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

    def get_queryset(self) -> Any:
        """In lists without those a program made for one campaign; each of them has its own address all the same."""
        rows = super().get_queryset()
        return rows.filter(is_ad_hoc=False) if self.action == "list" else rows

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

    @extend_schema(
        parameters=[RulesPlaceSerializer], responses=ConditionContextSerializer, summary="What conditions can be about"
    )
    @action(detail=False, pagination_class=None, filter_backends=[])
    def context(self, request: Request) -> Response:
        """The fields, functions and operators of `condition`, for an organization or some of its lists."""
        asked = RulesPlaceSerializer(
            data=_query(request, many="mailing_list_ids"), context=self.get_serializer_context()
        )
        asked.is_valid(raise_exception=True)
        return Response(ConditionContextSerializer(answers.context(asked.place)).data)

    @extend_schema(request=RulesToCheckSerializer, responses=CheckedRulesSerializer, summary="Check rules")
    @action(detail=False, methods=["post"])
    def validate(self, request: Request) -> Response:
        """Whether a condition or a definition is understood; nothing is stored."""
        return Response(CheckedRulesSerializer(answers.checked(self.read(RulesToCheckSerializer))).data)

    @extend_schema(
        parameters=[SampleSizeSerializer], responses=SegmentSampleSerializer, summary="Show some people of segment"
    )
    @action(detail=True, pagination_class=None, filter_backends=[])
    def sample(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Some of its people, drawn by lot but always the same."""
        asked = SampleSizeSerializer(data=_query(request))
        asked.is_valid(raise_exception=True)
        people = segments.sample_of(self.get_object(), asked.validated_data["size"])
        return Response(SegmentSampleSerializer({"results": people}).data)

    @extend_schema(
        parameters=[WhomSerializer], responses=SegmentExplanationSerializer, summary="Explain segment for a person"
    )
    @action(detail=True, pagination_class=None, filter_backends=[])
    def explain(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Whether somebody is in it, rule by rule; whether they may be written to is another question."""
        segment = self.get_object()
        asked = WhomSerializer(data=_query(request), context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        person = asked.validated_data["subscriber"]
        of_organization({"person": person}, segment.organization, {"person": "subscriber_id"})
        return Response(SegmentExplanationSerializer(segments.explain_segment(segment, person)).data)

    def _shown(self, segment: Segment, status: int = 200) -> Response:
        row = self.get_queryset().get(pk=segment.pk)
        return Response(self.get_serializer(row).data, status=status)


def _query(request: Request, *, many: str = "") -> dict[str, Any]:
    """The parameters of an address; `many` names one that may be there several times, or holds commas."""
    given: dict[str, Any] = request.query_params.dict()
    if many in given:
        given[many] = [each for text in request.query_params.getlist(many) for each in text.split(",") if each]
    return given
