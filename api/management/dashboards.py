"""`organizations/{id}/dashboard/`: the last days of an organization, beside as many days before."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Organization
from api.management.access import visible
from api.management.campaigns.figures import RawStatsSerializer
from api.management.campaigns.reports import FiguresSerializer
from api.management.views import ResourceView
from campaigns.models import Campaign, Channel
from stats.overviews import dashboard

MOST_DAYS = 366


class DashboardQuery(serializers.Serializer[Any]):
    days = serializers.IntegerField(
        min_value=1, max_value=MOST_DAYS, default=30, help_text="Days of the organization's calendar, today included."
    )
    channel = serializers.ChoiceField(
        Channel.choices, default=Channel.EMAIL.value, help_text="Text messages have no opens; so one channel at a time."
    )


class DaySerializer(serializers.Serializer[Any]):
    """What came back on this day; people at their first time."""

    day = serializers.DateField()
    opened = serializers.IntegerField()
    clicked = serializers.IntegerField()
    raw_opened = serializers.IntegerField(help_text="As `opened`, programs included.")
    raw_clicked = serializers.IntegerField()
    unsubscribed = serializers.IntegerField()
    bounced = serializers.IntegerField()
    complained = serializers.IntegerField()


class BestSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="campaign.public_id")
    name = serializers.CharField(source="campaign.name")
    figures = FiguresSerializer()
    raw = RawStatsSerializer()


class DashboardSerializer(serializers.Serializer[Any]):
    """The campaigns started in these days, as if they were one; and those of as many days before."""

    since = serializers.DateField(help_text="The first of these days.")
    campaigns = serializers.IntegerField(help_text="How many were started since.")
    figures = FiguresSerializer()
    raw = RawStatsSerializer()
    campaigns_before = serializers.IntegerField(help_text="How many were started in as many days before.")
    figures_before = FiguresSerializer()
    raw_before = RawStatsSerializer()
    days = DaySerializer(many=True, help_text="Every day since then.")
    best = BestSerializer(many=True, help_text="Up to five of these campaigns, the highest open rate first.")


class DashboardActs(ResourceView[Organization]):
    """The part of the organizations' view that is about their campaigns."""

    @extend_schema(responses=DashboardSerializer, parameters=[DashboardQuery], summary="Get dashboard")
    @action(detail=True)
    def dashboard(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What was sent lately, what came back, and whether that is more than before."""
        asked = DashboardQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        organization = self.get_object()
        campaigns = visible(request, Campaign.objects.all()).filter(organization=organization)
        found = dashboard(campaigns, organization.timezone, **asked.validated_data)
        return Response(DashboardSerializer(found).data)
