"""`suppressions/`: addresses, domains and phone numbers nothing is sent to."""

from typing import Any, ClassVar

import django_filters
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Organization
from accounts.permissions import Permission
from api.management.access import actor, caller
from api.management.fields import NumberedIdField, PublicIdRelatedField, of_organization
from api.management.filters import OwnedFilters, moment, ordering
from api.management.idempotency import IDEMPOTENCY_KEY, idempotent
from api.management.pagination import BigPages
from api.management.suppression_imports import SuppressionImportSerializer
from api.management.views import DepthLimitedJson, NumberedView
from audience import lifting, suppression_files, suppression_imports, suppressions
from audience.addresses import INVISIBLE
from audience.errors import ImportRefused, InvalidAddress
from audience.models import MailingList, Suppression
from audience.suppressions import MOST_CHECKED, Finding

Field = serializers.Field[Any, Any, Any, Any]
SCOPES = [("system", "The whole system"), ("organization", "The organization"), ("list", "One list")]


class SuppressionSerializer(serializers.ModelSerializer[Suppression]):
    id = NumberedIdField("sup")
    organization_id = serializers.CharField(source="organization.public_id", allow_null=True, default=None)
    mailing_list_id = serializers.CharField(source="mailing_list.public_id", allow_null=True, default=None)
    scope = serializers.ChoiceField(SCOPES)
    created = serializers.DateTimeField(source="created_at")

    class Meta:
        model = Suppression
        fields: ClassVar = [
            "id",
            "organization_id",
            "mailing_list_id",
            "scope",
            "kind",
            "value",
            "reason",
            "source",
            "created",
        ]
        read_only_fields: ClassVar = fields


class ScopeSerializer(serializers.Serializer[Any]):
    """Where something is suppressed, or asked for."""

    permission: Permission | None = Permission.CREATE

    organization_id: Field = PublicIdRelatedField(
        source="organization",
        queryset=Organization.objects.all(),
        allow_null=True,
        help_text="null means the whole system, which only superusers with a session may say.",
    )
    mailing_list_id: Field = PublicIdRelatedField(
        source="mailing_list",
        queryset=MailingList.objects.all(),
        allow_null=True,
        default=None,
        help_text="Only for this list.",
    )

    def get_fields(self) -> dict[str, Field]:
        fields = super().get_fields()
        fields["organization_id"].permission = self.permission  # type: ignore[attr-defined]
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["organization"] is None:
            self._require_system(attrs)
        else:
            of_organization(attrs, attrs["organization"], {"mailing_list": "mailing_list_id"})
        return attrs

    def _require_system(self, attrs: dict[str, Any]) -> None:
        request = self.context["request"]
        if request.auth is not None or not caller(request).is_superuser:
            raise serializers.ValidationError({"organization_id": ["This field may not be null."]})
        if attrs["mailing_list"]:
            raise serializers.ValidationError({"mailing_list_id": ["The whole system has no lists; send null."]})

    @property
    def scope(self) -> dict[str, Any]:
        return {name: self.validated_data[name] for name in ("organization", "mailing_list")}


class WhySerializer(ScopeSerializer):
    reason = serializers.ChoiceField(Suppression.Reason.choices, default=Suppression.Reason.MANUAL)
    source = serializers.CharField(max_length=200, allow_blank=True, default="api", help_text="Where you know it from.")  # type: ignore[assignment]

    @property
    def why(self) -> dict[str, Any]:
        return {name: self.validated_data[name] for name in ("reason", "source")}


class SuppressionCreateSerializer(WhySerializer):
    kind = serializers.ChoiceField(
        Suppression.Kind.choices, required=False, help_text="Left out, it is told from the value."
    )
    value = serializers.CharField(
        max_length=320, help_text="An address, a domain or a phone number such as +4520123456."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        attrs.setdefault("kind", suppressions.kind_of(attrs["value"]))
        try:
            attrs["value"] = suppressions.normalise(attrs["kind"], attrs["value"])
        except InvalidAddress as error:
            raise serializers.ValidationError({"value": [str(error)]}) from error
        return attrs


class ManySerializer(ScopeSerializer):
    values = serializers.ListField(
        child=serializers.CharField(max_length=320, trim_whitespace=False),
        allow_empty=False,
        max_length=MOST_CHECKED,
        help_text=f"Addresses, domains and phone numbers, at most {MOST_CHECKED}.",
    )


class WhyLiftedSerializer(serializers.Serializer[Any]):
    why = serializers.CharField(
        max_length=lifting.LONGEST_WHY, allow_blank=True, default="", help_text="Why it is lifted; kept in the history."
    )


class LiftSerializer(ManySerializer, WhyLiftedSerializer):
    pass


class CheckSerializer(ManySerializer):
    permission = None


class MatchSerializer(serializers.Serializer[Suppression]):
    scope = serializers.ChoiceField(SCOPES)
    mailing_list_id = serializers.CharField(source="mailing_list.public_id", allow_null=True, default=None)
    kind = serializers.ChoiceField(Suppression.Kind.choices)
    value = serializers.CharField(help_text="What is suppressed: the address itself, or a domain above it.")
    reason = serializers.ChoiceField(Suppression.Reason.choices)
    source = serializers.CharField()  # type: ignore[assignment]


class SuppressionFindingSerializer(serializers.Serializer[Finding]):
    written = serializers.CharField(help_text="As it was asked for.")
    value = serializers.CharField(help_text="As it is compared; empty for what cannot be understood.")
    is_suppressed = serializers.BooleanField()
    matches = MatchSerializer(
        source="suppressions", many=True, help_text="All that forbids it, the widest scope first."
    )
    problem = serializers.CharField(help_text="Why it could not be understood; empty otherwise.")


class CheckedSerializer(serializers.Serializer[Any]):
    checked = serializers.IntegerField()
    suppressed = serializers.IntegerField()
    results = SuppressionFindingSerializer(many=True)


class LiftedSerializer(serializers.Serializer[Any]):
    lifted = serializers.IntegerField()


class SuppressionImportCreateSerializer(WhySerializer):
    reason = serializers.ChoiceField(
        Suppression.Reason.choices,
        default=Suppression.Reason.IMPORTED,
        help_text="For rows that do not say their own.",
    )
    file = serializers.FileField(required=False, help_text="CSV, or one a line.")
    text = serializers.CharField(required=False, trim_whitespace=False, help_text="The same as text.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("file" in attrs) == ("text" in attrs):
            raise serializers.ValidationError({"file": ["Send either a file or text."]})
        return super().validate(attrs)


class SuppressionStatsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    by_reason = serializers.DictField(child=serializers.IntegerField())


class SuppressionFilters(OwnedFilters):
    mailing_list_id = django_filters.CharFilter("mailing_list__public_id", label="Only for this list.")
    scope = django_filters.ChoiceFilter(choices=SCOPES, method="of_scope", label="Where it holds.")
    kind = django_filters.ChoiceFilter(choices=Suppression.Kind.choices, label="What is suppressed.")
    reason = django_filters.ChoiceFilter(choices=Suppression.Reason.choices, label="Why.")
    value = django_filters.CharFilter(method="of_value", label="Exactly this address, domain or number.")
    search = django_filters.CharFilter("value", "icontains", label="Part of the address, domain or number.")
    created_after = moment("created_at", "gte", "Suppressed at this time or later.")
    created_before = moment("created_at", "lt", "Suppressed before this time.")
    ordering = ordering(created="pk")

    def of_scope(self, queryset: QuerySet[Suppression], name: str, value: str) -> QuerySet[Suppression]:
        conditions = {
            "system": Q(organization=None),
            "organization": Q(organization__isnull=False, mailing_list=None),
            "list": Q(mailing_list__isnull=False),
        }
        return queryset.filter(conditions[value])

    def of_value(self, queryset: QuerySet[Suppression], name: str, value: str) -> QuerySet[Suppression]:
        return queryset.filter(value=exactly(value))


def exactly(written: str) -> str:
    """What is asked for, as it is stored; what is malformed is nobody's."""
    try:
        return suppressions.normalise(suppressions.kind_of(written), written)
    except InvalidAddress:
        return written.strip(INVISIBLE).lower()


class SuppressionView(ListModelMixin, RetrieveModelMixin, NumberedView[Suppression]):
    """What nothing is sent to. Lifting one gives back the consent there was; no import of people lifts one."""

    id_prefix = "sup"
    queryset = Suppression.objects.select_related("organization", "mailing_list")
    serializer_class = SuppressionSerializer
    filterset_class = SuppressionFilters
    pagination_class = BigPages
    needs: ClassVar = {"destroy": Permission.DELETE}
    filtered = ("list", "stats", "export")

    @extend_schema(
        request={"application/json": SuppressionCreateSerializer},
        responses={200: SuppressionSerializer, 201: SuppressionSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[
            OpenApiExample(
                "A domain",
                {"organization_id": "org_gx45dd4ylilafj3jzhbe", "value": "spam.example", "source": "support"},
                request_only=True,
            )
        ],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Never send there again. What is suppressed already stays as it is, with its first reason (200)."""
        given = self.read(SuppressionCreateSerializer)
        kind, value = (given.validated_data[name] for name in ("kind", "value"))
        suppressions.require_may(actor(request), given.scope["organization"])
        known = Suppression.objects.filter(**given.scope, kind=kind, value=value).exists()
        row = suppressions.suppress(**given.scope, **given.why, kind=kind, value=value, by=caller(request))
        return Response(self.get_serializer(row).data, status=200 if known else 201)

    @extend_schema(parameters=[WhyLiftedSerializer])
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lift it; `lifted-suppressions/` keeps that it was there, who lifted it, when and why."""
        given = WhyLiftedSerializer(data=request.query_params)
        given.is_valid(raise_exception=True)
        rows = Suppression.objects.filter(pk=self.get_object().pk)
        lifting.lift(rows, by=actor(request), **given.validated_data)
        return Response(status=204)

    @extend_schema(
        request={"application/json": CheckSerializer},
        responses=CheckedSerializer,
        summary="Check addresses",
        examples=[
            OpenApiExample(
                "Two addresses",
                {"organization_id": "org_gx45dd4ylilafj3jzhbe", "values": ["ann@example.com", "bob@example.com"]},
                request_only=True,
            )
        ],
    )
    @action(detail=False, methods=["post"])
    def check(self, request: Request) -> Response:
        """Which of these are suppressed, in which scopes and why. Changes nothing.

        Without a list, the suppressions for any list of the organization are named too.
        """
        given = self.read(CheckSerializer)
        organization = given.validated_data["organization"]
        if organization is None:
            raise serializers.ValidationError({"organization_id": ["This field may not be null."]})
        found = suppressions.look_up(
            organization, given.validated_data["values"], mailing_list=given.validated_data["mailing_list"]
        )
        counted = {"checked": len(found), "suppressed": sum(one.is_suppressed for one in found), "results": found}
        return Response(CheckedSerializer(counted).data)

    @extend_schema(
        request={"application/json": LiftSerializer}, responses=LiftedSerializer, summary="Lift suppressions"
    )
    @action(detail=False, methods=["post"])
    @transaction.atomic
    def lift(self, request: Request) -> Response:
        """Lift these in exactly this scope; what is not suppressed there is passed over."""
        given = self.read(LiftSerializer)
        chosen = Q(pk__in=[])
        for one in given.validated_data["values"]:
            kind = suppressions.kind_of(one)
            try:
                chosen |= Q(kind=kind, value=suppressions.normalise(kind, one))
            except InvalidAddress as error:
                raise serializers.ValidationError({"values": [str(error)]}) from error
        rows = Suppression.objects.filter(chosen, **given.scope)
        return Response({"lifted": lifting.lift(rows, by=actor(request), why=given.validated_data["why"])})

    @extend_schema(
        operation_id="suppressions_import",
        request={
            "multipart/form-data": SuppressionImportCreateSerializer,
            "application/json": SuppressionImportCreateSerializer,
        },
        responses={201: SuppressionImportSerializer},
        summary="Import suppressions",
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=False, methods=["post"], url_path="import", parser_classes=(DepthLimitedJson, MultiPartParser))
    @idempotent
    def import_file(self, request: Request) -> Response:
        """Suppress what stands in a file or a text, in the background; `suppression-imports/` tells how far it is.

        Columns named `email`, `domain`, `phone` or `value` are read, `reason` and `source` too; without
        a header, one a line. Rows that cannot be understood are refused, and the rest is kept.
        """
        given = self.read(SuppressionImportCreateSerializer)
        file, how = given.validated_data.get("file"), {**given.scope, **given.why, "by": actor(request)}
        try:
            made = (
                suppression_imports.create(file, **how)
                if file
                else suppression_imports.create_from_text(given.validated_data["text"], **how)
            )
        except ImportRefused as refusal:
            raise serializers.ValidationError({"file": [str(refusal)]}) from refusal
        return Response(SuppressionImportSerializer(made).data, status=201)

    @extend_schema(responses=SuppressionStatsSerializer, summary="Count suppressions")
    @action(detail=False, pagination_class=None)
    def stats(self, request: Request) -> Response:
        """How many there are for each reason; takes the filters of the list."""
        counts = suppressions.by_reason(self.filter_queryset(self.get_queryset()))
        return Response({"total": sum(counts.values()), "by_reason": counts})

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR}, summary="Export suppressions")
    @action(detail=False, pagination_class=None)
    def export(self, request: Request) -> StreamingHttpResponse:
        """As CSV that can be imported again; takes the filters of the list."""
        return StreamingHttpResponse(
            suppression_files.lines(self.filter_queryset(self.get_queryset())),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="suppressed.csv"'},
        )
