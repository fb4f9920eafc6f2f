"""`webhooks/`: addresses of other programs that are told what happens, with the log of what each was told.

Only who may manage them sees them: their secrets are in the answers.
"""

import json
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin, UpdateModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Edition, Organization
from api.management.access import actor, permits, visible
from api.management.fields import HeaderField, PublicIdRelatedField, StaysInOrganization
from api.management.filters import Filters, OwnedFilters, ordering
from api.management.pagination import BigPages
from api.management.views import ResourceView
from webhooks import endpoints, replays
from webhooks.endpoints import MANAGE
from webhooks.models import LONGEST_TIMEOUT, LONGEST_URL, TYPES, Delivery, Endpoint, Form, Happening
from webhooks.signing import LONGEST_SECRET

Field = serializers.Field[Any, Any, Any, Any]


class SecretField(serializers.CharField):
    """Stored encrypted; shown to who may see the webhook at all."""

    def get_attribute(self, instance: Endpoint) -> str | None:
        return endpoints.shown_secret(instance)


class WebhookSerializer(StaysInOrganization[Endpoint]):
    id = serializers.CharField(source="public_id", read_only=True)
    organization_id: Field = PublicIdRelatedField(
        source="organization", queryset=Organization.objects.all(), permission=MANAGE
    )
    edition_id: Field = PublicIdRelatedField(
        source="edition",
        queryset=Edition.objects.all(),
        allow_null=True,
        required=False,
        help_text="Only what happens to its campaigns; null means all of them.",
    )
    name = HeaderField(max_length=255)
    url = serializers.CharField(max_length=LONGEST_URL)
    events = serializers.ListField(child=serializers.ChoiceField(Happening.choices), allow_empty=False)
    is_active = serializers.BooleanField(required=False)
    timeout_seconds = serializers.IntegerField(required=False, min_value=1, max_value=LONGEST_TIMEOUT)
    form = serializers.ChoiceField(
        Form.choices, required=False, allow_blank=True, help_text="In whose words it is told; empty for our own."
    )
    secret = SecretField(
        required=False,
        max_length=LONGEST_SECRET,
        trim_whitespace=False,
        help_text="What events are signed with. Left out, one is made; null where it cannot be read any more.",
    )
    failing_since = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Since when every try has failed."
    )
    switched_off_reason = serializers.CharField(
        read_only=True, help_text="Why Broadsheet switched it off; empty otherwise."
    )
    created = serializers.DateTimeField(source="created_at", read_only=True)
    modified = serializers.DateTimeField(source="modified_at", read_only=True)

    class Meta:
        model = Endpoint
        fields: ClassVar = [
            "id",
            "organization_id",
            "edition_id",
            "name",
            "url",
            "events",
            "is_active",
            "timeout_seconds",
            "form",
            "secret",
            "failing_since",
            "switched_off_reason",
            "created",
            "modified",
        ]

    def create(self, validated_data: dict[str, Any]) -> Endpoint:
        return endpoints.create(by=actor(self.context["request"]), **validated_data)

    def update(self, instance: Endpoint, validated_data: dict[str, Any]) -> Endpoint:
        return endpoints.change(instance, by=actor(self.context["request"]), **validated_data)


class WebhookFilters(OwnedFilters):
    edition_id = django_filters.CharFilter("edition__public_id", label="Only of this edition.")
    is_active = django_filters.BooleanFilter()
    ordering = ordering(created="created_at", modified="modified_at", name="name")


class TrySerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="Null where nobody answered.")
    error = serializers.CharField()
    ms = serializers.IntegerField(help_text="How long it took, in milliseconds.")


class WebhookDeliverySerializer(serializers.ModelSerializer[Delivery]):
    id = serializers.CharField(source="public_id", help_text="Also its `webhook-id`.")
    event = serializers.ChoiceField(TYPES)
    next_try = serializers.DateTimeField(source="next_try_at", allow_null=True)
    history = TrySerializer(many=True, help_text="The tries that ended, the first one first.")
    payload = serializers.SerializerMethodField()
    created = serializers.DateTimeField(source="created_at")
    finished = serializers.DateTimeField(source="finished_at", allow_null=True)

    class Meta:
        model = Delivery
        fields: ClassVar = [
            "id",
            "event",
            "state",
            "tries",
            "next_try",
            "answer_status",
            "answer_text",
            "error",
            "history",
            "payload",
            "created",
            "finished",
        ]
        read_only_fields: ClassVar = fields

    def get_payload(self, delivery: Delivery) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(delivery.body)
        return read


class WebhookDeliveryFilters(Filters):
    state = django_filters.ChoiceFilter(choices=Delivery.State.choices)
    event = django_filters.ChoiceFilter(choices=TYPES)


class ReplaySerializer(serializers.Serializer[Any]):
    """One delivery, or all that failed since a time."""

    delivery_id = serializers.CharField(required=False, help_text="Send this one again, also if it was delivered.")
    since = serializers.DateTimeField(required=False, help_text="Send again what failed and happened since then.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("delivery_id" in attrs) == ("since" in attrs):
            raise serializers.ValidationError({"delivery_id": ["Send either delivery_id or since."]})
        return attrs


class ReplayedSerializer(serializers.Serializer[Any]):
    replayed = serializers.IntegerField(help_text="How many are sent again; those that wait anyway are not counted.")


class WebhookView(ListModelMixin, RetrieveModelMixin, UpdateModelMixin, ResourceView[Endpoint]):
    """Other programs that are told what happens."""

    queryset = Endpoint.objects.select_related("organization", "edition")
    serializer_class = WebhookSerializer
    filterset_class = WebhookFilters
    needs: ClassVar = dict.fromkeys(
        ("retrieve", "partial_update", "destroy", "deliveries", "test", "rotate_secret", "replay"), MANAGE
    )

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if self.detail else rows.filter(organization__in=self._managed())

    def _managed(self) -> list[int]:
        """Organizations whose webhooks the caller may manage."""
        organizations = visible(self.request, Organization.objects.all())
        return [each.pk for each in organizations if permits(self.request, MANAGE, each)]

    def create(
        self, request: Request
    ) -> Response:  # not idempotent by key: the answer, remembered, has the secret in it
        serializer = self.read(WebhookSerializer)
        serializer.save()
        return Response(serializer.data, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is given. Another secret takes the place of the old one, which signs too for a day."""
        return super().partial_update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete it with its log; what waits for it is not sent."""
        endpoints.delete(self.get_object(), by=actor(request))
        return Response(status=204)

    @extend_schema(request=None, responses={202: WebhookDeliverySerializer}, summary="Send a test to webhook")
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Queue an event of the type `webhook.test`."""
        delivery = endpoints.send_test(self.get_object(), by=actor(request))
        return Response(WebhookDeliverySerializer(delivery).data, status=202)

    @extend_schema(request=None, responses=WebhookSerializer, summary="Rotate secret of webhook")
    @action(detail=True, methods=["post"], url_path="rotate-secret", pagination_class=None, filterset_class=None)
    def rotate_secret(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a new secret; the old one signs too for a day."""
        return Response(self.get_serializer(endpoints.rotate(self.get_object(), by=actor(request))).data)

    @extend_schema(responses=WebhookDeliverySerializer(many=True), summary="List deliveries of webhook")
    @action(detail=True, pagination_class=BigPages, filterset_class=WebhookDeliveryFilters)
    def deliveries(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What it was told and is to be told, the latest first, with each try and its answer."""
        rows: QuerySet[Delivery] = Delivery.objects.filter(endpoint=self.get_object())
        found = WebhookDeliveryFilters(request.query_params, rows, request=request)
        if not found.is_valid():
            raise serializers.ValidationError(found.errors)
        page = self.paginate_queryset(found.qs)
        return self.get_paginated_response(WebhookDeliverySerializer(page, many=True).data)

    @extend_schema(
        request=ReplaySerializer, responses={202: ReplayedSerializer}, summary="Replay deliveries of webhook"
    )
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def replay(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send one again, or all that failed since a time: the same body under the same id."""
        endpoint = self.get_object()
        given = self.read(ReplaySerializer).validated_data
        if "since" in given:
            count = replays.replay_failed(endpoint, since=given["since"], by=actor(request))
        else:
            delivery = Delivery.objects.filter(endpoint=endpoint, public_id=given["delivery_id"]).first()
            if delivery is None:
                raise serializers.ValidationError({"delivery_id": ["There is no such delivery of this webhook."]})
            count = int(replays.replay(delivery, by=actor(request)))
        return Response({"replayed": count}, status=202)
