"""`quiet-hours/`: when an organization, or one of its editions, sends no campaign's messages."""

from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin, UpdateModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Edition, Organization
from api.management.access import actor
from api.management.fields import NumberedIdField, PublicIdRelatedField, StaysInOrganization
from api.management.filters import OwnedFilters
from api.management.views import NumberedView
from campaigns.models import Channel
from delivery import quiet_hours
from delivery.models import QuietHours
from delivery.quiet_hours import MANAGE

Field = serializers.Field[Any, Any, Any, Any]


@extend_schema_field({"type": "string", "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$"})
class TimeOfDayField(serializers.TimeField):
    """On anybody's clock, so without an offset, which JSON Schema's `time` would have."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%H:%M", "%H:%M:%S", "%H:%M:%S.%f"], **kwargs)


class QuietHoursSerializer(StaysInOrganization[QuietHours]):
    """By the clock of whoever would get the message."""

    id = NumberedIdField("quh")
    organization_id: Field = PublicIdRelatedField(
        source="organization", queryset=Organization.objects.all(), permission=MANAGE
    )
    edition_id: Field = PublicIdRelatedField(
        source="edition",
        queryset=Edition.objects.all(),
        allow_null=True,
        required=False,
        help_text="Only campaigns of this edition, for which they take the place of the organization's.",
    )
    channel = serializers.ChoiceField(Channel.choices)
    begin = TimeOfDayField(help_text="From this time of day on nothing is sent.")
    end = TimeOfDayField(help_text="At this time of day sending goes on; the next day where it is before begin.")

    class Meta:
        model = QuietHours
        fields: ClassVar = ["id", "organization_id", "edition_id", "channel", "begin", "end"]
        validators: ClassVar[list[Any]] = []  # the domain's own refusals say more

    def create(self, validated_data: dict[str, Any]) -> QuietHours:
        return quiet_hours.create(by=actor(self.context["request"]), **validated_data)

    def update(self, instance: QuietHours, validated_data: dict[str, Any]) -> QuietHours:
        return quiet_hours.change(instance, by=actor(self.context["request"]), **validated_data)


class QuietHoursFilters(OwnedFilters):
    edition_id = django_filters.CharFilter("edition__public_id", label="Only of this edition.")
    channel = django_filters.ChoiceFilter(choices=Channel.choices)


class QuietHoursView(ListModelMixin, RetrieveModelMixin, UpdateModelMixin, NumberedView[QuietHours]):
    """Hours of the day in which nothing is sent; what falls into them waits."""

    queryset = QuietHours.objects.select_related("organization", "edition")
    serializer_class = QuietHoursSerializer
    filterset_class = QuietHoursFilters
    id_prefix = "quh"
    needs: ClassVar = dict.fromkeys(("partial_update", "destroy"), MANAGE)

    def create(self, request: Request) -> Response:
        serializer = self.read(QuietHoursSerializer)
        serializer.save()
        return Response(serializer.data, status=201)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Have none; what they hold back goes out."""
        quiet_hours.drop(self.get_object(), by=actor(request))
        return Response(status=204)
