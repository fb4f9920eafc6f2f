"""`mailing-lists/`: what people subscribe to. `tags/`: labels campaigns carry."""

from typing import Any, ClassVar

import django_filters
from django.db.models import Count
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin, UpdateModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Edition, Organization
from accounts.permissions import Permission
from api.management.access import actor
from api.management.fields import HeaderField, PublicIdRelatedField, StaysInOrganization
from api.management.filters import OwnedFilters, ordering
from api.management.idempotency import IDEMPOTENCY_KEY, idempotent
from api.management.views import ResourceView
from audience.models import MailingList, Subscription
from campaigns import removals
from tags.models import Tag

Field = serializers.Field[Any, Any, Any, Any]


class MailingListSerializer(StaysInOrganization[MailingList]):
    id = serializers.CharField(source="public_id", read_only=True)
    organization_id: Field = PublicIdRelatedField(
        source="organization", queryset=Organization.objects.all(), permission=Permission.CREATE
    )
    edition_id: Field = PublicIdRelatedField(
        source="edition", queryset=Edition.objects.all(), allow_null=True, required=False
    )
    name = HeaderField(max_length=255)
    opt_in = serializers.ChoiceField(MailingList.OptIn.choices, required=False)
    confirmation_subject = HeaderField(
        max_length=200, required=False, allow_blank=True, help_text="Of the mail of a double opt-in; empty: ours."
    )
    created = serializers.DateTimeField(source="created_at", read_only=True)
    modified = serializers.DateTimeField(source="modified_at", read_only=True)

    class Meta:
        model = MailingList
        fields: ClassVar = [
            "id",
            "organization_id",
            "edition_id",
            "name",
            "description",
            "opt_in",
            "confirmation_subject",
            "confirmation_text",
            "is_public",
            "created",
            "modified",
        ]


class MailingListFilters(OwnedFilters):
    edition_id = django_filters.CharFilter("edition__public_id", label="Only of this edition.")
    opt_in = django_filters.ChoiceFilter(choices=MailingList.OptIn.choices)
    search = django_filters.CharFilter("name", "icontains", label="Part of the name.")
    ordering = ordering(name="name", created="created_at", modified="modified_at")


class ListStatsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField(help_text="Subscriptions in every status.")
    by_status = serializers.DictField(child=serializers.IntegerField())


WITH_PEOPLE = OpenApiParameter(
    "with_people", bool, description="End the subscriptions to it too; without it, a list with people is kept (409)."
)


class MailingListView(ListModelMixin, RetrieveModelMixin, UpdateModelMixin, ResourceView[MailingList]):
    """Lists people subscribe to."""

    queryset = MailingList.objects.select_related("organization", "edition")
    serializer_class = MailingListSerializer
    filterset_class = MailingListFilters
    needs: ClassVar = {"partial_update": Permission.UPDATE, "destroy": Permission.DELETE}

    @extend_schema(parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def create(self, request: Request) -> Response:
        serializer = self.read(MailingListSerializer)
        serializer.save()
        return Response(serializer.data, status=201)

    @extend_schema(parameters=[WITH_PEOPLE])
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete it, unless a campaign or a segment names it or people are on it. The people themselves stay."""
        asked = request.query_params.get("with_people", "").lower() in ("true", "1", "yes")
        removals.delete_list(self.get_object(), by=actor(request), with_people=asked)
        return Response(status=204)

    @extend_schema(responses=ListStatsSerializer, summary="Count people on list")
    @action(detail=True)
    def stats(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How many are on it, by status."""
        rows = Subscription.objects.filter(mailing_list=self.get_object()).order_by()
        counts = dict(rows.values_list("status").annotate(people=Count("pk")))
        by_status = {status: counts.get(status, 0) for status in Subscription.Status.values}
        return Response({"total": sum(by_status.values()), "by_status": by_status})


class TagSerializer(serializers.ModelSerializer[Tag]):
    id = serializers.CharField(source="public_id", read_only=True)
    organization_id = serializers.CharField(source="organization.public_id", read_only=True)
    created = serializers.DateTimeField(source="created_at", read_only=True)

    class Meta:
        model = Tag
        fields: ClassVar = ["id", "organization_id", "name", "created"]


class TagFilters(OwnedFilters):
    search = django_filters.CharFilter("name", "icontains", label="Part of the name.")
    ordering = ordering(name="name", created="created_at")


class TagView(ListModelMixin, RetrieveModelMixin, ResourceView[Any]):
    """Labels campaigns carry. One that is new is made by putting it on a campaign."""

    queryset = Tag.objects.select_related("organization")
    serializer_class = TagSerializer
    filterset_class = TagFilters
