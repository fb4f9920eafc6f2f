"""`custom-fields/`: what can be known about a person, and how emails name it."""

from typing import Any, ClassVar

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Organization
from accounts.permissions import Permission
from api.management.fields import HeaderField, NumberedIdField, PublicIdRelatedField, of_organization
from api.management.filters import OwnedFilters, ordering
from api.management.idempotency import IDEMPOTENCY_KEY, idempotent
from api.management.views import NumberedView
from audience import fields as custom_fields
from audience.errors import InvalidKey
from audience.models import CustomField, MailingList

Field = serializers.Field[Any, Any, Any, Any]
Kind = CustomField.Kind
SCOPES = [("organization", "Everybody in the organization"), ("list", "People of one list")]


class CustomFieldSerializer(serializers.ModelSerializer[CustomField]):
    id = NumberedIdField("fld")
    organization_id: Field = PublicIdRelatedField(
        source="organization", queryset=Organization.objects.all(), permission=Permission.CREATE
    )
    mailing_list_id: Field = PublicIdRelatedField(
        source="mailing_list",
        queryset=MailingList.objects.all(),
        allow_null=True,
        default=None,
        help_text="The list whose people have it; null means everybody in the organization.",
    )
    key = serializers.CharField(max_length=64, help_text="Lower-case letters, digits and underscores.")
    name = HeaderField(max_length=255, required=False, help_text="Left out, it is made from the key.")
    kind = serializers.ChoiceField(Kind.choices, default=Kind.TEXT)
    choices = serializers.ListField(
        child=serializers.CharField(max_length=255),
        max_length=1000,
        default=list,
        help_text="Of the kinds with choices.",
    )
    created = serializers.DateTimeField(source="created_at", read_only=True)

    class Meta:
        model = CustomField
        validators: ClassVar[list[Any]] = []  # whether a key is free is for the audience to say, in its own words
        fields: ClassVar = [
            "id",
            "organization_id",
            "mailing_list_id",
            "key",
            "name",
            "kind",
            "choices",
            "created",
        ]

    def get_fields(self) -> dict[str, Field]:
        """Values are stored under key, kind and list, so they stay."""
        fields = super().get_fields()
        if isinstance(self.instance, CustomField):
            for name in ("organization_id", "mailing_list_id", "key", "kind"):
                fields[name].read_only = True
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None:
            of_organization(attrs, attrs["organization"], {"mailing_list": "mailing_list_id"})
        kind = self.instance.kind if self.instance else attrs["kind"]
        if "choices" in attrs:
            self._require_fitting(attrs["choices"], kind)
        return attrs

    def _require_fitting(self, choices: list[str], kind: str) -> None:
        if kind in custom_fields.HAVE_CHOICES and len({each.casefold() for each in choices}) != len(choices):
            raise serializers.ValidationError({"choices": ["Two of these are the same."]})
        if kind in custom_fields.HAVE_CHOICES and not choices:
            raise serializers.ValidationError({"choices": ["Say which values there are to choose from."]})
        if choices and kind not in custom_fields.HAVE_CHOICES:
            raise serializers.ValidationError({"choices": ["Only the kinds choice and multi_choice have choices."]})


class CustomFieldFilters(OwnedFilters):
    mailing_list_id = django_filters.CharFilter("mailing_list__public_id", label="Only of this list.")
    scope = django_filters.ChoiceFilter(choices=SCOPES, method="of_scope", label="Whose it is.")
    kind = django_filters.ChoiceFilter(choices=Kind.choices)
    search = django_filters.CharFilter(method="named", label="Part of the name or the key.")
    ordering = ordering(name="name", key="key", created="created_at")

    def of_scope(self, queryset: QuerySet[CustomField], name: str, value: str) -> QuerySet[CustomField]:
        return queryset.filter(mailing_list__isnull=value == "organization")

    def named(self, queryset: QuerySet[CustomField], name: str, value: str) -> QuerySet[CustomField]:
        return queryset.filter(Q(name__icontains=value) | Q(key__icontains=value))


class CustomFieldView(ListModelMixin, RetrieveModelMixin, NumberedView[CustomField]):
    """Typed fields of people, of one list or of the whole organization."""

    id_prefix = "fld"
    queryset = CustomField.objects.select_related("organization", "mailing_list")
    serializer_class = CustomFieldSerializer
    filterset_class = CustomFieldFilters
    needs: ClassVar = {"partial_update": Permission.UPDATE, "destroy": Permission.DELETE}

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY],
        examples=[
            OpenApiExample(
                "A choice",
                {
                    "organization_id": "org_gx45dd4ylilafj3jzhbe",
                    "key": "plan",
                    "name": "Plan",
                    "kind": "choice",
                    "choices": ["Free", "Plus"],
                },
                request_only=True,
            )
        ],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        given = dict(self.read(CustomFieldSerializer).validated_data)
        try:
            field = custom_fields.create(given.pop("organization"), **given)
        except InvalidKey as error:
            raise serializers.ValidationError({"key": [str(error)]}) from error
        return Response(self.get_serializer(field).data, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the name and the choices; key, kind and list stay, since values are stored under them."""
        field = self.get_object()
        serializer = self.get_serializer(field, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        for name, value in serializer.validated_data.items():
            setattr(field, name, value)
        try:
            custom_fields.check(field)
        except InvalidKey as error:
            raise serializers.ValidationError({"choices": [str(error)]}) from error
        field.save()
        return Response(serializer.data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete the field. Emails that name it show its default.

        What was stored stays with the people, shown nowhere but in the export of their data; a new field with the same
        key shows it again.
        """
        self.get_object().delete()
        return Response(status=204)
