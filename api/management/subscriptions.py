"""`subscriptions/`: people on lists. `subscriber-tags/`: words on people of one list."""

from typing import Any, ClassVar

import django_filters
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api.management.access import caller
from api.management.envelope import in_fields
from api.management.fields import (
    LocalDateTimeField,
    NumberedIdField,
    PublicIdRelatedField,
    localised,
    of_organization,
    zone_of,
)
from api.management.filters import OwnedFilters, moment, ordering
from api.management.idempotency import IDEMPOTENCY_KEY, idempotent
from api.management.pagination import BigPages
from api.management.subscribers import ValuesField
from api.management.views import NumberedView
from audience import people, subscriber_tags, subscriptions
from audience.addresses import normalise_email, normalise_phone
from audience.errors import InvalidAddress
from audience.models import MailingList, Subscriber, SubscriberTag, Subscription, TaggedSubscription

Field = serializers.Field[Any, Any, Any, Any]
Status = Subscription.Status
WORN = Prefetch("tagged", TaggedSubscription.objects.select_related("tag").order_by("tag__name"))


class SubscriptionSerializer(serializers.ModelSerializer[Subscription]):
    id = NumberedIdField("sbn")
    organization_id = serializers.CharField(source="mailing_list.organization.public_id")
    mailing_list_id = serializers.CharField(source="mailing_list.public_id")
    subscriber_id = serializers.CharField(source="subscriber.public_id")
    email = serializers.CharField(source="subscriber.email", allow_null=True)
    phone = serializers.CharField(source="subscriber.phone")
    fields_ = serializers.JSONField(help_text="Values of the list's own custom fields, by key.")
    tags = serializers.SerializerMethodField()
    subscribed = serializers.DateTimeField(source="subscribed_at", allow_null=True)
    confirmed = serializers.DateTimeField(
        source="confirmed_at", allow_null=True, help_text="When the person followed the link of the confirmation mail."
    )
    unsubscribed = serializers.DateTimeField(source="unsubscribed_at", allow_null=True)
    created = serializers.DateTimeField(source="created_at")
    modified = serializers.DateTimeField(source="modified_at")

    class Meta:
        model = Subscription
        fields: ClassVar = [
            "id",
            "organization_id",
            "mailing_list_id",
            "subscriber_id",
            "email",
            "phone",
            "status",
            "fields_",
            "tags",
            "source",
            "ip_address",
            "subscribed",
            "confirmed",
            "unsubscribed",
            "unsubscribe_source",
            "created",
            "modified",
        ]
        read_only_fields: ClassVar = fields

    def get_fields(self) -> dict[str, Field]:
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}

    def get_tags(self, row: Subscription) -> list[str]:
        return [worn.tag.name for worn in row.tagged.all()]


class TagsSerializer(serializers.Serializer[Any]):
    tags = serializers.ListField(child=serializers.CharField(max_length=100), allow_empty=False, max_length=100)


class SubscribeSerializer(serializers.Serializer[Any]):
    """Who, onto which list, and what is known of their consent."""

    mailing_list_id: Field = PublicIdRelatedField(
        source="mailing_list",
        queryset=MailingList.objects.select_related("organization", "edition"),
        permission=Permission.CREATE,
    )
    subscriber_id: Field = PublicIdRelatedField(
        source="subscriber",
        queryset=Subscriber.objects.all(),
        required=False,
        help_text="Somebody who is known already; or else an email or a phone.",
    )
    email = serializers.CharField(max_length=320, required=False, allow_blank=True, default="")
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    status = serializers.ChoiceField(
        Status.choices,
        required=False,
        help_text="Left out, what the list asks of everybody: `unconfirmed` and a mail on a double opt-in list.",
    )
    fields_ = ValuesField(source="values", required=False, help_text="By key, of the list or the organization.")
    tags = serializers.ListField(child=serializers.CharField(max_length=100), max_length=100, required=False)
    source = serializers.CharField(max_length=64, default="api", help_text="Where they agreed.")  # type: ignore[assignment]
    ip_address = serializers.IPAddressField(required=False, allow_null=True, default=None)
    consented_at = LocalDateTimeField(
        required=False, allow_null=True, help_text="When they agreed. Without an offset, in the edition's time zone."
    )
    wording = serializers.CharField(
        max_length=10_000, allow_blank=True, default="", help_text="What they were shown when they agreed."
    )

    def get_fields(self) -> dict[str, Field]:
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        mailing_list = attrs["mailing_list"]
        of_organization(attrs, mailing_list.organization, {"subscriber": "subscriber_id"})
        if person := attrs.get("subscriber"):
            attrs["email"], attrs["phone"] = person.email or "", person.phone
        if attrs.get("consented_at"):
            zone = zone_of(mailing_list.edition, mailing_list.organization)
            attrs["consented_at"] = localised(attrs["consented_at"], zone, "consented_at")
        return attrs

    def asked(self) -> dict[str, Any]:
        """As `audience.subscriptions.subscribe` takes it."""
        given = self.validated_data
        return {
            "email": given["email"],
            "phone": given["phone"],
            "fields": given.get("values"),
            "source": given["source"],
            "ip_address": given["ip_address"],
            "at": given.get("consented_at"),
            "wording": given["wording"],
            "status": given.get("status"),
        }


class SubscriptionUpdateSerializer(serializers.Serializer[Any]):
    fields_ = ValuesField(source="values", required=False, help_text="Of the list, by key; those not named stay.")

    def get_fields(self) -> dict[str, Field]:
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}


class UnsubscribeSerializer(serializers.Serializer[Any]):
    source = serializers.CharField(max_length=64, default="api", help_text="Where they said so.")  # type: ignore[assignment]
    ip_address = serializers.IPAddressField(required=False, allow_null=True, default=None)


class SubscriptionFilters(OwnedFilters):
    organization_id = django_filters.CharFilter(
        "mailing_list__organization__public_id", label="Only of this organization."
    )
    mailing_list_id = django_filters.CharFilter("mailing_list__public_id", label="Only to this list.")
    subscriber_id = django_filters.CharFilter("subscriber__public_id", label="Only of this person.")
    email = django_filters.CharFilter(method="of_email", label="Only of the person with exactly this address.")
    phone = django_filters.CharFilter(method="of_phone", label="Only of people with exactly this number.")
    status = django_filters.ChoiceFilter(choices=Status.choices)
    tag = django_filters.CharFilter(method="tagged", label="Only those that carry this tag.")
    subscribed_after = moment("subscribed_at", "gte", "Subscribed at this time or later.")
    subscribed_before = moment("subscribed_at", "lt", "Subscribed before this time.")
    unsubscribed_after = moment("unsubscribed_at", "gte", "Unsubscribed at this time or later.")
    unsubscribed_before = moment("unsubscribed_at", "lt", "Unsubscribed before this time.")
    created_after = moment("created_at", "gte", "Made at this time or later.")
    created_before = moment("created_at", "lt", "Made before this time.")
    ordering = ordering(created="pk")

    def of_email(self, queryset: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        try:
            return queryset.filter(subscriber__email=normalise_email(value))
        except InvalidAddress:
            return queryset.none()

    def of_phone(self, queryset: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        try:
            return queryset.filter(subscriber__phone=normalise_phone(value))
        except InvalidAddress:
            return queryset.none()

    def tagged(self, queryset: QuerySet[Subscription], name: str, value: str) -> QuerySet[Subscription]:
        return queryset.filter(pk__in=TaggedSubscription.objects.filter(tag__name=value).values("subscription"))


class SubscriptionView(ListModelMixin, RetrieveModelMixin, NumberedView[Subscription]):
    """People on lists, with the status of each, where it came from, and the list's own fields and tags."""

    id_prefix = "sbn"
    queryset = Subscription.objects.select_related("mailing_list__organization", "subscriber").prefetch_related(WORN)
    serializer_class = SubscriptionSerializer
    filterset_class = SubscriptionFilters
    pagination_class = BigPages
    needs: ClassVar = {
        "partial_update": Permission.UPDATE,
        "unsubscribe": Permission.UPDATE,
        "tags": Permission.UPDATE,
        "remove_tags": Permission.UPDATE,
    }

    @extend_schema(
        request={"application/json": SubscribeSerializer},
        responses={200: SubscriptionSerializer, 201: SubscriptionSerializer},
        parameters=[IDEMPOTENCY_KEY],
        summary="Subscribe",
        examples=[
            OpenApiExample(
                "From a form of yours",
                {
                    "mailing_list_id": "lst_9x1f4kq0zw7m2c5vbn83",
                    "email": "ann@example.com",
                    "fields": {"first_name": "Ann"},
                    "source": "shop",
                    "ip_address": "192.0.2.7",
                    "consented_at": "2026-03-01T09:30:00Z",
                    "wording": "Yes, send me the weekly letter.",
                },
                request_only=True,
            )
        ],
    )
    @idempotent
    @transaction.atomic
    def create(self, request: Request) -> Response:
        """Put somebody on a list, or bring them up to date (200). Who left, bounced or complained comes back only by an
        act of their own: with the time and the place they agreed; else it is refused (409)."""
        given = self.read(SubscribeSerializer)
        mailing_list = given.validated_data["mailing_list"]
        before = Subscription.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        with in_fields():
            row = subscriptions.subscribe(mailing_list, **given.asked(), by=caller(request))
            subscriber_tags.add(row, given.validated_data.get("tags", ()))
        return self._shown(row, status=201 if row.pk > before else 200)

    @extend_schema(request={"application/json": SubscriptionUpdateSerializer}, responses=SubscriptionSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the list's own fields. The status moves by subscribing and unsubscribing."""
        row = self.get_object()
        given = self.read(SubscriptionUpdateSerializer).validated_data
        with in_fields():
            return self._shown(people.change_list_fields(row, given.get("values", {})))

    @extend_schema(
        request={"application/json": UnsubscribeSerializer}, responses=SubscriptionSerializer, summary="Unsubscribe"
    )
    @action(detail=True, methods=["post"])
    def unsubscribe(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take the person off this list; doing so again changes nothing."""
        row, given = self.get_object(), self.read(UnsubscribeSerializer).validated_data
        subscriptions.unsubscribe(row.subscriber, mailing_lists=[row.mailing_list], by=caller(request), **given)
        return self._shown(row)

    @extend_schema(
        request={"application/json": TagsSerializer}, responses=SubscriptionSerializer, summary="Tag subscription"
    )
    @action(detail=True, methods=["post"])
    def tags(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put tags on it; those the list has not got are made."""
        row, given = self.get_object(), self.read(TagsSerializer).validated_data
        with in_fields():
            subscriber_tags.add(row, given["tags"])
        return self._shown(row)

    @extend_schema(
        request={"application/json": TagsSerializer}, responses=SubscriptionSerializer, summary="Untag subscription"
    )
    @action(detail=True, methods=["post"], url_path="remove-tags")
    def remove_tags(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take tags off it; what it does not carry is passed over."""
        row, given = self.get_object(), self.read(TagsSerializer).validated_data
        with in_fields():
            subscriber_tags.remove(row, given["tags"])
        return self._shown(row)

    def _shown(self, row: Subscription, status: int = 200) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=row.pk)).data, status=status)


class SubscriberTagSerializer(serializers.ModelSerializer[SubscriberTag]):
    id = NumberedIdField("stg")
    organization_id = serializers.CharField(source="mailing_list.organization.public_id")
    mailing_list_id = serializers.CharField(source="mailing_list.public_id")
    created = serializers.DateTimeField(source="created_at")

    class Meta:
        model = SubscriberTag
        fields: ClassVar = ["id", "organization_id", "mailing_list_id", "name", "created"]
        read_only_fields: ClassVar = fields


class SubscriberTagFilters(OwnedFilters):
    organization_id = django_filters.CharFilter(
        "mailing_list__organization__public_id", label="Only of this organization."
    )
    mailing_list_id = django_filters.CharFilter("mailing_list__public_id", label="Only of this list.")
    search = django_filters.CharFilter("name", "icontains", label="Part of the name.")
    ordering = ordering(name="name", created="created_at")


class SubscriberTagView(ListModelMixin, RetrieveModelMixin, NumberedView[SubscriberTag]):
    """Words on people of one list; `subscriptions/{id}/tags/` puts them there. Not the tags of campaigns."""

    id_prefix = "stg"
    queryset = SubscriberTag.objects.select_related("mailing_list__organization")
    serializer_class = SubscriberTagSerializer
    filterset_class = SubscriberTagFilters
    needs: ClassVar = {"destroy": Permission.DELETE}

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete the tag, and take it off everybody who carries it."""
        self.get_object().delete()
        return Response(status=204)
