"""`subscribers/`: people, whichever lists they are on."""

from typing import Any, ClassVar

import django_filters
from django.db.models import Prefetch, Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Organization
from accounts.permissions import Permission
from api.management.access import actor, visible
from api.management.envelope import in_fields
from api.management.fields import NumberedIdField, PublicIdRelatedField
from api.management.filters import OwnedFilters, moment, ordering
from api.management.idempotency import IDEMPOTENCY_KEY, idempotent
from api.management.pagination import BigPages
from api.management.views import ResourceView
from audience import people, privacy
from audience.addresses import INVISIBLE, normalise_email, normalise_phone
from audience.errors import InvalidAddress
from audience.models import Subscriber, Subscription

Field = serializers.Field[Any, Any, Any, Any]
VALUES = {"type": "object", "additionalProperties": {}}
ON_LISTS = Prefetch("subscriptions", Subscription.objects.kept().select_related("mailing_list").order_by("pk"))


@extend_schema_field(VALUES)
class ValuesField(serializers.DictField):
    """Values of custom fields by key; null or an empty text takes a value away."""

    # what a value may be is for its field to say; here only what no database can keep is refused
    child = serializers.JSONField(allow_null=True)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        values: dict[str, Any] = super().to_internal_value(data)
        for text in _texts(values):
            if any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in text):
                raise serializers.ValidationError("Null characters and lone surrogates are not allowed.")
        return values


class OnListSerializer(serializers.ModelSerializer[Subscription]):
    """One of a person's subscriptions, in short."""

    id = NumberedIdField("sbn")
    mailing_list_id = serializers.CharField(source="mailing_list.public_id")
    mailing_list = serializers.CharField(source="mailing_list.name")

    class Meta:
        model = Subscription
        fields: ClassVar = ["id", "mailing_list_id", "mailing_list", "status"]
        read_only_fields: ClassVar = fields


class SubscriberSerializer(serializers.ModelSerializer[Subscriber]):
    id = serializers.CharField(source="public_id")
    organization_id = serializers.CharField(source="organization.public_id")
    fields_ = serializers.JSONField(help_text="Values of the organization's custom fields, by key.")
    subscriptions = OnListSerializer(many=True)
    created = serializers.DateTimeField(source="created_at")
    modified = serializers.DateTimeField(source="modified_at")

    class Meta:
        model = Subscriber
        fields: ClassVar = [
            "id",
            "organization_id",
            "email",
            "phone",
            "fields_",
            "subscriptions",
            "created",
            "modified",
        ]
        read_only_fields: ClassVar = fields

    def get_fields(self) -> dict[str, Field]:
        """`fields` is what REST framework calls its own, so it is declared under another name."""
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}


class SubscriberUpdateSerializer(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=320, required=False, allow_blank=True, allow_null=True)
    phone = serializers.CharField(
        max_length=40, required=False, allow_blank=True, allow_null=True, help_text="E.164, such as +4520123456."
    )
    fields_ = ValuesField(source="values", required=False, help_text="By key; those not named stay.")

    def get_fields(self) -> dict[str, Field]:
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}


class SubscriberCreateSerializer(SubscriberUpdateSerializer):
    organization_id: Field = PublicIdRelatedField(
        source="organization", queryset=Organization.objects.all(), permission=Permission.CREATE
    )


class SubscriberFilters(OwnedFilters):
    email = django_filters.CharFilter(method="of_email", label="Exactly this address, however it is written.")
    phone = django_filters.CharFilter(method="of_phone", label="Exactly this number, in E.164.")
    mailing_list_id = django_filters.CharFilter(method="narrowed", label="Only people on this list, in any status.")
    status = django_filters.ChoiceFilter(
        choices=Subscription.Status.choices,
        method="narrowed",
        label="Only people with a subscription in this status: to that list, or to any.",
    )
    search = django_filters.CharFilter(method="searched", label="Part of the address or the number.")
    created_after = moment("created_at", "gte", "Known since this time or later.")
    created_before = moment("created_at", "lt", "Known since before this time.")
    ordering = ordering(created="pk")

    def filter_queryset(self, queryset: QuerySet[Subscriber]) -> QuerySet[Subscriber]:
        people: QuerySet[Subscriber] = super().filter_queryset(queryset)
        given = self.form.cleaned_data
        list_id, status = given["mailing_list_id"], given["status"]
        if not list_id and not status:
            return people
        rows = visible(self.request, Subscription.objects.all())
        rows = rows.filter(mailing_list__public_id=list_id) if list_id else rows
        rows = rows.filter(status=status) if status else rows
        return people.filter(pk__in=rows.values("subscriber"))

    def narrowed(self, queryset: QuerySet[Subscriber], name: str, value: str) -> QuerySet[Subscriber]:
        return queryset  # list and status are about the same subscription, so they are asked together

    def of_email(self, queryset: QuerySet[Subscriber], name: str, value: str) -> QuerySet[Subscriber]:
        try:
            return queryset.filter(email=normalise_email(value))
        except InvalidAddress:
            return queryset.none()

    def of_phone(self, queryset: QuerySet[Subscriber], name: str, value: str) -> QuerySet[Subscriber]:
        try:
            return queryset.filter(phone=normalise_phone(value))
        except InvalidAddress:
            return queryset.none()

    def searched(self, queryset: QuerySet[Subscriber], name: str, value: str) -> QuerySet[Subscriber]:
        """Addresses are kept in lower case, so that no case has to be folded row by row."""
        words = value.strip(INVISIBLE).lower()
        return queryset.filter(Q(email__contains=words) | Q(phone__contains=words))


KEEP_OUT = OpenApiParameter(
    "keep_out",
    bool,
    description="Remember a hash of the address, so that nobody but the person can bring them back (default true).",
)


class SubscriberView(ListModelMixin, RetrieveModelMixin, ResourceView[Subscriber]):
    """People of an organization, each known by an email address, a phone number, or both."""

    queryset = Subscriber.objects.select_related("organization").prefetch_related(ON_LISTS)
    serializer_class = SubscriberSerializer
    filterset_class = SubscriberFilters
    pagination_class = BigPages
    needs: ClassVar = {
        "partial_update": Permission.UPDATE,
        "destroy": Permission.DELETE,
        "export": Permission.UPDATE,
    }

    @extend_schema(
        request={"application/json": SubscriberCreateSerializer},
        responses={201: SubscriberSerializer},
        parameters=[IDEMPOTENCY_KEY],
        examples=[
            OpenApiExample(
                "With a field",
                {
                    "organization_id": "org_gx45dd4ylilafj3jzhbe",
                    "email": "ann@example.com",
                    "fields": {"first_name": "Ann"},
                },
                request_only=True,
            )
        ],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Somebody who is on no list yet, and so gets nothing; `subscriptions/` puts people on lists."""
        given = self.read(SubscriberCreateSerializer).validated_data
        with in_fields():
            person = people.create(
                given["organization"],
                email=given.get("email") or "",
                phone=given.get("phone") or "",
                fields=given.get("values"),
            )
        return self._shown(person, status=201)

    @extend_schema(request={"application/json": SubscriberUpdateSerializer}, responses=SubscriberSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is given. What happened under an old address stays with the person."""
        person = self.get_object()
        given = dict(self.read(SubscriberUpdateSerializer).validated_data)
        if "values" in given:
            given["fields"] = given.pop("values")
        with in_fields():
            return self._shown(people.change(person, given))

    @extend_schema(parameters=[KEEP_OUT])
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Erase the person for good (GDPR article 17). The figures of campaigns stay, with nobody's name on them."""
        keep_out = request.query_params.get("keep_out", "").lower() not in ("false", "0", "no")
        privacy.erase(self.get_object(), by=actor(request), keep_out=keep_out)
        return Response(status=204)

    @extend_schema(responses=OpenApiTypes.OBJECT, summary="Export everything about subscriber")
    @action(detail=True)
    def export(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Everything that is held about the person (GDPR articles 15 and 20)."""
        return Response(privacy.export(self.get_object(), by=actor(request)))

    def _shown(self, person: Subscriber, status: int = 200) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=person.pk)).data, status=status)


def _texts(value: Any) -> Any:
    """Every text in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)
