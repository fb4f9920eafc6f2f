"""`suppression-imports/`: files of suppressions, how far each is, and what became of its rows."""

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

from accounts.permissions import Permission
from api.management.access import actor
from api.management.envelope import Conflict
from api.management.filters import OwnedFilters, moment, ordering
from api.management.refused_rows import refused_rows
from api.management.views import ResourceView
from audience import suppression_imports
from audience.errors import ImportRefused
from audience.models import SuppressionImport


class SuppressionImportSerializer(serializers.ModelSerializer[SuppressionImport]):
    id = serializers.CharField(source="public_id")
    organization_id = serializers.CharField(source="organization.public_id", allow_null=True, default=None)
    mailing_list_id = serializers.CharField(source="mailing_list.public_id", allow_null=True, default=None)
    has_errors = serializers.SerializerMethodField(
        help_text="Whether `errors/` has the refused rows with their reasons."
    )
    created = serializers.DateTimeField(source="created_at")
    started = serializers.DateTimeField(source="started_at", allow_null=True)
    finished = serializers.DateTimeField(source="finished_at", allow_null=True)

    class Meta:
        model = SuppressionImport
        fields: ClassVar = [
            "id",
            "organization_id",
            "mailing_list_id",
            "file_name",
            "reason",
            "source",
            "status",
            "status_reason",
            "rows_total",
            "rows_done",
            "added",
            "known",
            "refused",
            "has_errors",
            "created",
            "started",
            "finished",
        ]
        read_only_fields: ClassVar = fields

    def get_has_errors(self, made: SuppressionImport) -> bool:
        return bool(made.error_file)


class SuppressionImportFilters(OwnedFilters):
    mailing_list_id = django_filters.CharFilter("mailing_list__public_id", label="Only for this list.")
    status = django_filters.ChoiceFilter(choices=SuppressionImport.Status.choices)
    search = django_filters.CharFilter("file_name", "icontains", label="Part of the file's name.")
    created_after = moment("created_at", "gte", "Uploaded at this time or later.")
    created_before = moment("created_at", "lt", "Uploaded before this time.")
    ordering = ordering(created="created_at", finished="finished_at")


class SuppressionImportView(ListModelMixin, RetrieveModelMixin, ResourceView[SuppressionImport]):
    """What became of files of suppressions; `suppressions/import/` takes them."""

    queryset = SuppressionImport.objects.select_related("organization", "mailing_list")
    serializer_class = SuppressionImportSerializer
    filterset_class = SuppressionImportFilters
    needs: ClassVar = {"cancel": Permission.CREATE, "errors": Permission.CREATE}

    @extend_schema(request=None, responses=SuppressionImportSerializer, summary="Cancel suppression import")
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop it; what is suppressed stays so."""
        try:
            made = suppression_imports.cancel(self.get_object(), by=actor(request))
        except ImportRefused as refusal:
            raise Conflict(str(refusal)) from refusal
        return Response(self.get_serializer(made).data)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR}, summary="Download refused suppressions")
    @action(detail=True)
    def errors(self, request: Request, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """The refused rows as CSV, each with its number and the reason."""
        return refused_rows(self.get_object())
