"""`email-messages/`: what campaigns say."""

from typing import Any, ClassVar

import django_filters
from django.db import transaction
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Edition, Organization
from accounts.permissions import Permission
from api.management import previews
from api.management.access import actor, caller
from api.management.envelope import Conflict
from api.management.fields import HeaderField, PublicIdRelatedField, StaysInOrganization, of_organization
from api.management.filters import OwnedFilters, ordering
from api.management.previews import MOST_TESTS, PreviewRequestSerializer, PreviewSerializer
from api.management.views import ResourceView
from audience.fields import known_keys
from campaigns import drafts, removals
from content.merge.languages import tag_for
from content.models import Email

Field = serializers.Field[Any, Any, Any, Any]
IN_EVERY_MAIL = {"unsubscribe_url", "view_url", "preferences_url", "forward_url"}


SHOWN: tuple[str, ...] = (
    "id",
    "organization_id",
    "edition_id",
    "title",
    "subject",
    "type",
    "created",
    "modified",
    "scope",
    "template",
)


class EmailMessageSerializer(StaysInOrganization[Email]):
    id = serializers.CharField(source="public_id", read_only=True)
    organization_id: Field = PublicIdRelatedField(
        source="organization", queryset=Organization.objects.all(), permission=Permission.CREATE
    )
    edition_id: Field = PublicIdRelatedField(
        source="edition", queryset=Edition.objects.all(), allow_null=True, required=False
    )
    type = serializers.ChoiceField(Email.Kind.choices, source="kind")
    scope = serializers.ChoiceField(Email.Scope.choices, required=False, help_text="template or edition.")
    template = serializers.SerializerMethodField(help_text="There is one look: modern.")
    title = HeaderField(max_length=255)
    subject = HeaderField(max_length=998, required=False, allow_blank=True)
    from_name = HeaderField(max_length=200, required=False, allow_blank=True, help_text="Left out, the edition's.")
    created = serializers.DateTimeField(source="created_at", read_only=True)
    modified = serializers.DateTimeField(source="modified_at", read_only=True)

    class Meta:
        model = Email
        fields: ClassVar = [
            *SHOWN,
            "merge_language",
            "preheader",
            "from_name",
            "from_email",
            "reply_to",
            "html",
            "text",
        ]

    def get_template(self, email: Email) -> str:
        return "modern"

    def validate_scope(self, scope: str) -> str:
        if scope == Email.Scope.PLATFORM:
            raise serializers.ValidationError("Messages of the platform are not made here.")
        return scope

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        edition = attrs.get("edition")
        if not self.instance and edition:
            attrs = {"from_name": edition.from_name, "from_email": edition.from_email} | attrs
        return attrs


class EmailMessageRowSerializer(EmailMessageSerializer):
    """In lists, without sender and bodies."""

    class Meta(EmailMessageSerializer.Meta):
        fields: ClassVar = list(SHOWN)

    def get_fields(self) -> dict[str, Field]:
        fields = super().get_fields()
        return {name: fields[name] for name in SHOWN}


class EmailMessageFilters(OwnedFilters):
    edition_id = django_filters.CharFilter("edition__public_id", label="Only of this edition.")
    scope = django_filters.ChoiceFilter(choices=Email.Scope.choices)
    type = django_filters.ChoiceFilter(field_name="kind", choices=Email.Kind.choices, label="What it is for.")
    ordering = ordering(created="created_at", modified="modified_at", title="title")


class AdoptionSerializer(serializers.Serializer[Any]):
    edition_id: Field = PublicIdRelatedField(source="edition", queryset=Edition.objects.all())


class VariableSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="What the value is kept by.")
    written = serializers.CharField(help_text="How it stands in a text, in the merge language of this email.")
    in_every_mail = serializers.BooleanField(help_text="Whether everybody has a value for it.")


class TestSendSerializer(PreviewRequestSerializer):
    addresses = serializers.ListField(
        child=serializers.CharField(max_length=320),
        allow_empty=False,
        max_length=MOST_TESTS,
        help_text=f"Where the test goes, at most {MOST_TESTS} addresses.",
    )


class TestedSerializer(serializers.Serializer[Any]):
    address = serializers.CharField()
    accepted = serializers.BooleanField()
    reply = serializers.CharField(help_text="What the relay answered.")


class EmailMessageView(ListModelMixin, RetrieveModelMixin, ResourceView[Email]):
    """Subject, sender and bodies of mails, with merge fields not yet filled in."""

    queryset = Email.objects.select_related("organization", "edition")
    filterset_class = EmailMessageFilters
    needs: ClassVar = {
        "partial_update": Permission.UPDATE,
        "destroy": Permission.DELETE,
        "adopt": Permission.CREATE,
        "duplicate": Permission.CREATE,
        "preview": Permission.READ,
        "test": Permission.UPDATE,
    }

    def get_serializer_class(self) -> type[EmailMessageSerializer]:
        return EmailMessageRowSerializer if self.action == "list" else EmailMessageSerializer

    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save(created_by=caller(request))
        return Response(serializer.data, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is given; campaigns that say it hear of it, and none that is being sent can be changed so."""
        email = self._own()
        serializer = self.get_serializer(email, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        return self._shown(drafts.edit_email(email, by=actor(request), **serializer.validated_data))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete it, unless a campaign that is not over uses it."""
        removals.delete_email(self._own(), by=actor(request))
        return Response(status=204)

    @extend_schema(request=None, responses={201: EmailMessageSerializer})
    @action(detail=True, methods=["post"])
    def duplicate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Another one that says the same."""
        email = self.get_object()
        title = f"Copy of {email.title}"[:255]
        return self._shown(drafts.duplicate_email(email, by=actor(request), title=title), status=201)

    @extend_schema(request=AdoptionSerializer, responses={201: EmailMessageSerializer})
    @action(detail=True, methods=["post"])
    @transaction.atomic
    def adopt(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A copy of a template message that belongs to an edition."""
        email = self.get_object()
        if email.scope == Email.Scope.EDITION:
            raise Conflict("Only a template can be adopted; duplicate a message that belongs to an edition.")
        serializer = AdoptionSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        edition = serializer.validated_data["edition"]
        of_organization({"edition": edition}, email.organization, {"edition": "edition_id"})
        adopted = drafts.duplicate_email(email, by=actor(request))
        return self._shown(
            drafts.edit_email(adopted, by=actor(request), edition=edition, scope=Email.Scope.EDITION), status=201
        )

    @extend_schema(request=PreviewRequestSerializer, responses=PreviewSerializer)
    @action(detail=True, methods=["post"])
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What one person would see of it. Changes nothing."""
        email = self.get_object()
        return Response(PreviewSerializer(previews.render(request, email, email.organization, "html")).data)

    @extend_schema(
        request={"application/json": TestSendSerializer},
        responses=TestedSerializer(many=True),
        summary="Send test",
        examples=[OpenApiExample("To a colleague", {"addresses": ["colleague@example.com"]}, request_only=True)],
    )
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send it for real, marked as a test, untracked and counted nowhere. Refused by every address, it is a 409."""
        email = self.get_object()
        given = self.read(TestSendSerializer).validated_data
        of_organization(given, email.organization, {"subscriber": "subscriber_id"})
        outcomes = previews.send_test(email, given["addresses"], given["subscriber"], by=actor(request))
        return Response(TestedSerializer(outcomes, many=True).data)

    @extend_schema(responses=VariableSerializer(many=True), summary="List merge fields")
    @action(detail=True, pagination_class=None)
    def variables(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The merge fields that may stand in it."""
        email = self.get_object()
        keys = sorted(known_keys(email.organization) | IN_EVERY_MAIL)
        words = {key: tag_for(key, email.merge_language) for key in keys}
        return Response(
            [
                {"key": key, "written": word, "in_every_mail": key in IN_EVERY_MAIL}
                for key, word in words.items()
                if word
            ]
        )

    def _own(self) -> Email:
        email = self.get_object()
        if email.scope == Email.Scope.PLATFORM:
            raise PermissionDenied("Messages of the platform are read-only; duplicate this one and change the copy.")
        return email

    def _shown(self, email: Email, status: int = 200) -> Response:
        row = self.get_queryset().get(pk=email.pk)
        return Response(self.get_serializer(row).data, status=status)
