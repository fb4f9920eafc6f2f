"""`editions/`: brands and publications of an organization."""

from typing import Any, ClassVar
from zoneinfo import available_timezones

import django_filters
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin, UpdateModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import editions
from accounts.editions import EditionStatus
from accounts.models import Edition, Organization, validate_timezone
from accounts.permissions import Permission
from api.management.fields import HeaderField, PublicIdRelatedField, StaysInOrganization
from api.management.filters import OwnedFilters, ordering
from api.management.views import ResourceView

STATUSES = [(status.value, status.value.replace("_", " ").capitalize()) for status in EditionStatus]
# What the forms of clients offer; others are accepted.
COUNTRY_CODES = ["+45", "+43", "+32", "+358", "+33", "+49", "+31", "+47", "+48", "+46", "+41", "+44", "+1"]
LANGUAGES = ["en", "da", "de", "fr", "nl", "pl", "se"]


class EditionSerializer(StaysInOrganization[Edition]):
    id = serializers.CharField(source="public_id", read_only=True)
    organization_id: serializers.Field[Any, Any, Any, Any] = PublicIdRelatedField(
        source="organization", queryset=Organization.objects.all(), permission=Permission.CREATE
    )
    slug = serializers.SlugField(max_length=100, required=False)
    timezone = serializers.CharField(max_length=64, required=False, validators=[validate_timezone])
    status = serializers.SerializerMethodField(help_text="Where its dates lie, seen from today in its time zone.")
    default_country_code = serializers.CharField(
        required=False, validators=[RegexValidator(r"^\+[1-9][0-9]{0,3}\Z", "Write it like +44.")]
    )
    default_language = serializers.CharField(
        required=False, validators=[RegexValidator(r"^[a-z]{2,3}(-[A-Za-z]{2,4})?\Z", "Write it like en or pt-BR.")]
    )
    from_name = HeaderField(max_length=200, required=False, allow_blank=True)
    created = serializers.DateTimeField(source="created_at", read_only=True)
    modified = serializers.DateTimeField(source="modified_at", read_only=True)

    class Meta:
        model = Edition
        validators: ClassVar[list[Any]] = []  # a slug that is taken is looked for below, since it may be left out
        fields: ClassVar = [
            "id",
            "organization_id",
            "name",
            "slug",
            "timezone",
            "status",
            "start_date",
            "end_date",
            "is_draft",
            "is_archived",
            "default_country_code",
            "default_language",
            "from_name",
            "from_email",
            "created",
            "modified",
        ]

    def get_status(self, edition: Edition) -> EditionStatus:
        return editions.status(edition, now())

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        organization = self.instance.organization if self.instance else attrs["organization"]
        self._require_order(attrs)
        if "slug" in attrs:
            self._require_free(attrs["slug"], organization)
        elif not self.instance:
            attrs["slug"] = editions.free_slug(organization, attrs["name"])
        if not self.instance:
            attrs.setdefault("timezone", organization.timezone)
        return attrs

    def _require_order(self, attrs: dict[str, Any]) -> None:
        start, end = (attrs.get(name, getattr(self.instance, name, None)) for name in ("start_date", "end_date"))
        if start and end and end < start:
            raise serializers.ValidationError({"end_date": ["An edition cannot end before it starts."]})

    def _require_free(self, slug: str, organization: Organization) -> None:
        others = Edition.objects.of(organization).filter(slug=slug)
        if (others.exclude(pk=self.instance.pk) if self.instance else others).exists():
            raise serializers.ValidationError({"slug": ["Another edition of this organization has this slug."]})


class EditionFilters(OwnedFilters):
    is_archived = django_filters.BooleanFilter()
    is_draft = django_filters.BooleanFilter()
    status = django_filters.ChoiceFilter(choices=STATUSES, method="of_status", label="Where its dates lie.")
    ordering = ordering(
        created="created_at", modified="modified_at", start_date="start_date", end_date="end_date", name="name"
    )

    def of_status(self, queryset: QuerySet[Edition], name: str, value: str) -> QuerySet[Edition]:
        return editions.in_status(queryset, value, now())


class FieldChoicesSerializer(serializers.Serializer[Any]):
    timezone = serializers.ListField(child=serializers.CharField())
    default_country_code = serializers.ListField(child=serializers.CharField())
    default_language = serializers.ListField(child=serializers.CharField())
    status = serializers.ListField(child=serializers.CharField())


class ShortcomingSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    message = serializers.CharField()


class HealthSerializer(serializers.Serializer[Any]):
    healthy = serializers.BooleanField()
    problems = ShortcomingSerializer(many=True)


class EditionView(ListModelMixin, RetrieveModelMixin, UpdateModelMixin, ResourceView[Edition]):
    """Brands and publications of an organization, each with its sender and its time zone."""

    queryset = Edition.objects.select_related("organization")
    serializer_class = EditionSerializer
    filterset_class = EditionFilters
    needs: ClassVar = {"partial_update": Permission.UPDATE, "duplicate": Permission.CREATE}

    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data, status=201)

    @extend_schema(request=None, responses={201: EditionSerializer})
    @action(detail=True, methods=["post"])
    def duplicate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A draft with the same settings, without its dates."""
        return Response(self.get_serializer(editions.duplicate(self.get_object())).data, status=201)

    @extend_schema(responses=FieldChoicesSerializer, filters=False, summary="List choices for fields")
    @action(detail=False, url_path="field-choices", pagination_class=None)
    def field_choices(self, request: Request) -> Response:
        """What a form may offer for each field."""
        choices = {
            "timezone": sorted(available_timezones()),
            "default_country_code": COUNTRY_CODES,
            "default_language": LANGUAGES,
            "status": [status for status, _ in STATUSES],
        }
        return Response(choices)

    @extend_schema(responses=HealthSerializer, summary="Check edition")
    @action(detail=True)
    def healthcheck(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What the edition lacks before campaigns of it can go out well."""
        found = editions.shortcomings(self.get_object())
        problems = [{"field": field, "message": message} for field, message in found.items()]
        return Response({"healthy": not problems, "problems": problems})
