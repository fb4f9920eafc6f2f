"""`imports/`: files of people on their way into a list."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import django_filters
from django.core.files.base import ContentFile
from django.db import transaction
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.fields import empty
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api.management.access import actor
from api.management.envelope import Conflict
from api.management.fields import LocalDateTimeField, PublicIdRelatedField, localised, zone_of
from api.management.filters import OwnedFilters, moment, ordering
from api.management.idempotency import IDEMPOTENCY_KEY, idempotent
from api.management.refused_rows import refused_rows
from api.management.views import DepthLimitedJson, ResourceView
from audience import imports
from audience.errors import ImportRefused
from audience.models import Import, MailingList

Field = serializers.Field[Any, Any, Any, Any]
Status = Import.Status
MAPPING = {"type": "object", "additionalProperties": {"type": "string"}}


@extend_schema_field(MAPPING)
class MappingField(serializers.JSONField):
    """Column -> what it holds. A column is named by its number from 0, or by its heading."""

    default_error_messages = {  # noqa: RUF012 - REST framework reads a plain dict
        "columns": 'Write columns and what they hold, such as {{"0": "email", "First name": "first_name"}}.'
    }

    def to_internal_value(self, data: Any) -> dict[str, str]:
        mapping = super().to_internal_value(data)
        if not isinstance(mapping, dict) or not all(_is_target(each) for each in mapping.values()):
            self.fail("columns")
        return mapping


def _is_target(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= 64 and text.isascii() and text.isprintable()


class GivenBoolean(serializers.BooleanField):
    """A form that does not name it has said nothing; REST framework takes that for a box without its tick."""

    default_empty_html = empty


class SettingsSerializer(serializers.Serializer[Import]):
    """How the file is read, and what becomes of people who are known; what is left out is found out or stays."""

    mapping = MappingField(
        required=False,
        help_text="Column number from 0, or heading -> `email`, `phone`, a custom field's key, '' to leave it out, or "
        "one of `subscription.subscribed_at`, `.ip_address`, `.source`, `.tags`, `.status` and `.unsubscribed_at`.",
    )
    on_conflict = serializers.ChoiceField(Import.OnConflict.choices, required=False)
    opt_in_status = serializers.ChoiceField(Import.OptInStatus.choices, required=False)
    consent_at = LocalDateTimeField(
        required=False, allow_null=True, help_text="When they agreed. Without an offset, in the edition's time zone."
    )
    consent_ip_address = serializers.IPAddressField(required=False, allow_null=True)
    consent_source = serializers.CharField(max_length=64, required=False, allow_blank=True)
    consent_wording = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    country_code = serializers.RegexField(
        r"^(\+[1-9][0-9]{0,3})?\Z", required=False, allow_blank=True, help_text="For phone numbers without one: +45."
    )
    has_header = GivenBoolean(required=False)
    encoding = serializers.CharField(max_length=32, required=False)
    delimiter = serializers.CharField(max_length=1, required=False, trim_whitespace=False)

    def settings(self, mailing_list: MailingList) -> dict[str, Any]:
        """What was given, as `audience.imports` takes it."""
        given = {name: value for name, value in self.validated_data.items() if name in SettingsSerializer().fields}
        if given.get("consent_at"):
            zone = zone_of(mailing_list.edition, mailing_list.organization)
            given["consent_at"] = localised(given["consent_at"], zone, "consent_at")
        return given


class ImportCreateSerializer(SettingsSerializer):
    mailing_list_id: Field = PublicIdRelatedField(
        source="mailing_list",
        queryset=MailingList.objects.select_related("organization", "edition"),
        permission=Permission.UPDATE,
    )
    file = serializers.FileField(required=False, help_text="The file of people.")
    text = serializers.CharField(required=False, trim_whitespace=False, help_text="The same as CSV text.")
    file_name = serializers.CharField(max_length=255, required=False, help_text="What to call it.")
    start = serializers.BooleanField(default=False, help_text="Start it at once.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("file" in attrs) == ("text" in attrs):
            raise serializers.ValidationError({"file": ["Send either a file or text."]})
        return attrs

    @property
    def content(self) -> Any:
        """What to read."""
        file = self.validated_data.get("file")
        return file or ContentFile(self.validated_data["text"].encode(), name="import.csv")


class ImportSerializer(serializers.ModelSerializer[Import]):
    id = serializers.CharField(source="public_id")
    organization_id = serializers.CharField(source="organization.public_id")
    mailing_list_id = serializers.CharField(source="mailing_list.public_id")
    mapping = serializers.DictField(child=serializers.CharField(), help_text="Column number from 0 -> what it holds.")
    has_errors = serializers.SerializerMethodField(
        help_text="Whether `errors/` has the refused rows with their reasons."
    )
    created = serializers.DateTimeField(source="created_at")
    started = serializers.DateTimeField(source="started_at", allow_null=True)
    finished = serializers.DateTimeField(source="finished_at", allow_null=True)

    class Meta:
        model = Import
        fields: ClassVar = [
            "id",
            "organization_id",
            "mailing_list_id",
            "file_name",
            "file_format",
            "encoding",
            "delimiter",
            "has_header",
            "mapping",
            "country_code",
            "on_conflict",
            "opt_in_status",
            "consent_at",
            "consent_ip_address",
            "consent_source",
            "consent_wording",
            "status",
            "status_reason",
            "rows_total",
            "rows_done",
            "added",
            "changed",
            "unchanged",
            "refused",
            "repeated",
            "kept_out",
            "has_errors",
            "created",
            "started",
            "finished",
        ]
        read_only_fields: ClassVar = fields

    def get_has_errors(self, file_import: Import) -> bool:
        return bool(file_import.error_file)


class ColumnSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="From 0.")
    heading = serializers.CharField()
    samples = serializers.ListField(child=serializers.CharField())
    target = serializers.CharField(help_text="What it is taken for; empty where it is left out.")


class ImportPreviewSerializer(serializers.Serializer[Any]):
    columns = ColumnSerializer(many=True)
    rows = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))


class RefusalSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField(source="number")
    reason = serializers.CharField()


class ChangeSerializer(serializers.Serializer[Any]):
    what = serializers.CharField(help_text="`phone`, `status`, `tags`, or the name of a field.")
    before = serializers.CharField(help_text="Empty: nothing is known.")
    after = serializers.CharField()


class TriedRowSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField(source="number")
    address = serializers.CharField()
    changes = ChangeSerializer(many=True)


class TrialSerializer(serializers.Serializer[Any]):
    """What would happen."""

    added = serializers.IntegerField(source="counts.added")
    changed = serializers.IntegerField(source="counts.changed")
    unchanged = serializers.IntegerField(source="counts.unchanged")
    refused = serializers.IntegerField(source="counts.refused")
    kept_out = serializers.IntegerField(source="counts.kept_out")
    repeated = serializers.IntegerField()
    is_complete = serializers.BooleanField(help_text="Whether every row was tried, and not only the first ones.")
    refusals = RefusalSerializer(many=True, help_text="The first of them.")
    added_people = TriedRowSerializer(source="added", many=True, help_text="The first of them.")
    changed_people = TriedRowSerializer(source="changed", many=True, help_text="The first of them.")


class ImportFilters(OwnedFilters):
    mailing_list_id = django_filters.CharFilter("mailing_list__public_id", label="Only into this list.")
    status = django_filters.ChoiceFilter(choices=Status.choices)
    search = django_filters.CharFilter("file_name", "icontains", label="Part of the file's name.")
    created_after = moment("created_at", "gte", "Uploaded at this time or later.")
    created_before = moment("created_at", "lt", "Uploaded before this time.")
    ordering = ordering(created="created_at", finished="finished_at")


class ImportView(ListModelMixin, RetrieveModelMixin, ResourceView[Import]):
    """Upload a file, say what its columns hold, try it, start it, watch it, and fetch what was refused."""

    queryset = Import.objects.select_related("organization", "mailing_list__organization", "mailing_list__edition")
    serializer_class = ImportSerializer
    filterset_class = ImportFilters
    needs: ClassVar = {
        "partial_update": Permission.UPDATE,
        "destroy": Permission.UPDATE,
        "preview": Permission.UPDATE,
        "dry_run": Permission.UPDATE,
        "start": Permission.UPDATE,
        "cancel": Permission.UPDATE,
        "errors": Permission.UPDATE,
    }

    def get_parsers(self) -> list[Any]:
        return [DepthLimitedJson(), MultiPartParser()]

    @extend_schema(
        request={"multipart/form-data": ImportCreateSerializer, "application/json": ImportCreateSerializer},
        responses={201: ImportSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[
            OpenApiExample(
                "As text",
                {
                    "mailing_list_id": "lst_9x1f4kq0zw7m2c5vbn83",
                    "text": "email,First name\nann@example.com,Ann\n",
                    "mapping": {"email": "email", "First name": "first_name"},
                },
                request_only=True,
                media_type="application/json",
            )
        ],
    )
    @idempotent
    @transaction.atomic
    def create(self, request: Request) -> Response:
        """Upload a file. Nothing is imported before `start/`, unless `start` says so.

        A workbook is `converting` first. What is said of it meanwhile, its mapping and that it is to start too, waits
        for that; if the mapping does not fit then, the import has `failed`, with the reason.
        """
        given = self.read(ImportCreateSerializer)
        mailing_list, by = given.validated_data["mailing_list"], actor(request)
        settings = given.settings(mailing_list)
        mapping = {"mapping": settings.pop("mapping")} if "mapping" in settings else {}
        with _refusals("file"):
            draft = imports.create(mailing_list, given.content, by=by, file_name=self._name(given), **settings)
        try:
            self._set_up(draft, **mapping)
            if given.validated_data["start"]:
                self._start(draft)
        except Exception:
            draft.file.delete(save=False)
            raise
        return self._shown(draft, status=201)

    @extend_schema(request={"application/json": SettingsSerializer}, responses=ImportSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Say how the file is to be read, before it is started."""
        draft = self._draft(converting_too=True)
        self._set_up(draft, **self.read(SettingsSerializer).settings(draft.mailing_list))
        return self._shown(draft)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Forget an import that was never started, and its file."""
        draft = self._draft()
        with _refusals("status", draft):
            imports.discard(draft, by=actor(request))
        return Response(status=204)

    @extend_schema(responses=ImportPreviewSerializer, summary="Preview import")
    @action(detail=True)
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The first rows, and what each column is taken for."""
        file_import = self.get_object()
        with _refusals("file"):
            return Response(ImportPreviewSerializer(imports.preview(file_import)).data)

    @extend_schema(request=None, responses=TrialSerializer, summary="Try import")
    @action(detail=True, methods=["post"], url_path="dry-run")
    def dry_run(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What would become of the first rows. Nothing is written."""
        draft = self._draft()
        with _refusals("mapping"):
            return Response(TrialSerializer(imports.dry_run(draft)).data)

    @extend_schema(request=None, responses=ImportSerializer, summary="Start import", parameters=[IDEMPOTENCY_KEY])
    @action(detail=True, methods=["post"])
    @idempotent
    def start(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Start it in the background; `rows_done` of `rows_total` tells how far it is."""
        draft = self._draft(converting_too=True)
        self._start(draft)
        return self._shown(draft)

    @extend_schema(request=None, responses=ImportSerializer, summary="Cancel import")
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop it; rows that are done stay done."""
        try:
            return self._shown(imports.cancel(self.get_object(), by=actor(request)))
        except ImportRefused as refusal:
            raise Conflict(str(refusal)) from refusal

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR}, summary="Download refused rows")
    @action(detail=True)
    def errors(self, request: Request, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """The refused rows as CSV, each with its number and the reason."""
        return refused_rows(self.get_object())

    # --- what handlers are made of

    def _draft(self, *, converting_too: bool = False) -> Import:
        draft = self.get_object()
        if draft.status == Status.CONVERTING and not converting_too:
            raise Conflict("The workbook is still being read; wait until the import is a draft.")
        if draft.status not in (Status.CONVERTING, Status.DRAFT):
            raise Conflict("This import has been started already.")
        return draft

    def _name(self, given: Any) -> str:
        return str(given.validated_data.get("file_name", ""))

    def _set_up(self, draft: Import, **settings: Any) -> None:
        with _refusals("mapping", draft):
            imports.set_up(draft, by=actor(self.request), **settings)

    def _start(self, draft: Import) -> None:
        with _refusals("mapping", draft):
            imports.start(draft, by=actor(self.request))

    def _shown(self, file_import: Import, status: int = 200) -> Response:
        row = self.get_queryset().get(pk=file_import.pk)
        return Response(self.get_serializer(row).data, status=status)


@contextmanager
def _refusals(field: str, draft: Import | None = None) -> Iterator[None]:
    """What the audience refuses is the fault of this field; or a conflict, if the import is no draft any more."""
    try:
        yield
    except ImportRefused as refusal:
        if (
            draft is not None
            and not Import.objects.filter(pk=draft.pk, status__in=(Status.CONVERTING, Status.DRAFT)).exists()
        ):
            raise Conflict(str(refusal)) from refusal
        raise serializers.ValidationError({field: [str(refusal)]}) from refusal
