"""`organizations/` and `auth/me/`."""

from typing import Any, ClassVar

import django_filters
from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin, UpdateModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.validators import UniqueValidator

from accounts.models import Membership, Organization, Role, validate_key, validate_timezone
from accounts.permissions import Permission
from api.management.access import caller, visible
from api.management.dashboards import DashboardActs
from api.management.filters import Filters, ordering
from api.management.views import ManagementView


class OrganizationSerializer(serializers.ModelSerializer[Organization]):
    id = serializers.CharField(source="public_id", read_only=True)
    slug = serializers.SlugField(max_length=50, validators=[UniqueValidator(Organization.objects.all())])
    timezone = serializers.CharField(max_length=64, validators=[validate_timezone])
    timezone_field = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        validators=[validate_key],
        help_text="The custom field that holds people's time zones, such as Europe/Berlin.",
    )
    role = serializers.ChoiceField(Role.choices, source="caller_role", read_only=True, help_text="Your role in it.")
    created = serializers.DateTimeField(source="created_at", read_only=True)
    modified = serializers.DateTimeField(source="modified_at", read_only=True)

    class Meta:
        model = Organization
        fields: ClassVar = ["id", "name", "slug", "timezone", "timezone_field", "role", "created", "modified"]


class OrganizationFilters(Filters):
    search = django_filters.CharFilter("name", "icontains", label="Part of the name.")
    ordering = ordering(name="name", created="created_at")


def with_caller_role(organizations: QuerySet[Organization], request: Request) -> QuerySet[Organization]:
    """With the column `caller_role`; a superuser, who need not be a member, counts as an administrator."""
    roles = Membership.objects.filter(user_id=caller(request).pk, organization=OuterRef("pk")).values("role")
    return organizations.annotate(caller_role=Coalesce(Subquery(roles[:1]), Value(Role.ADMIN)))


class OrganizationView(ListModelMixin, RetrieveModelMixin, UpdateModelMixin, DashboardActs):
    """Organizations you are a member of."""

    queryset = Organization.objects.all()
    serializer_class = OrganizationSerializer
    filterset_class = OrganizationFilters
    needs: ClassVar = {"partial_update": Permission.MANAGE_MEMBERS}

    def get_queryset(self) -> QuerySet[Organization]:
        return with_caller_role(super().get_queryset(), self.request)


class OwnOrganizationSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    role = serializers.ChoiceField(Role.choices, source="caller_role")


class MeSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    email = serializers.CharField()
    name = serializers.CharField()
    organizations = OwnOrganizationSerializer(many=True)


class MeView(ManagementView):
    """Who you are, and where you may do what."""

    @extend_schema(responses=MeSerializer, summary="Get user info", tags=["auth"])
    def get(self, request: Request) -> Response:
        user = caller(request)
        me = {
            "id": str(user.pk),
            "email": user.email,
            "name": user.get_full_name() or user.get_username(),
            "organizations": with_caller_role(visible(request, Organization.objects.all()), request),
        }
        return Response(MeSerializer(me).data)
