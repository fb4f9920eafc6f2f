"""`mailing-lists/` and `tags/`: what the audience and the tags of a campaign are chosen from. Read-only."""

from typing import Any, ClassVar

import django_filters
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin

from api.management.filters import OwnedFilters, ordering
from api.management.views import ResourceView
from audience.models import MailingList
from tags.models import Tag


class MailingListSerializer(serializers.ModelSerializer[MailingList]):
    id = serializers.CharField(source="public_id", read_only=True)
    organization_id = serializers.CharField(source="organization.public_id", read_only=True)
    edition_id = serializers.CharField(source="edition.public_id", read_only=True, allow_null=True, default=None)
    created = serializers.DateTimeField(source="created_at", read_only=True)
    modified = serializers.DateTimeField(source="modified_at", read_only=True)

    class Meta:
        model = MailingList
        fields: ClassVar = ["id", "organization_id", "edition_id", "name", "description", "created", "modified"]


class MailingListFilters(OwnedFilters):
    edition_id = django_filters.CharFilter("edition__public_id", label="Only of this edition.")
    search = django_filters.CharFilter("name", "icontains", label="Part of the name.")
    ordering = ordering(name="name", created="created_at", modified="modified_at")


class MailingListView(ListModelMixin, RetrieveModelMixin, ResourceView[MailingList]):
    """Lists people subscribe to."""

    queryset = MailingList.objects.select_related("organization", "edition")
    serializer_class = MailingListSerializer
    filterset_class = MailingListFilters


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
