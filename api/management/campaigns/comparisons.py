"""`campaigns/compare/`: up to five campaigns beside each other."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.management.campaigns.figures import RawStatsSerializer
from api.management.campaigns.reports import FiguresSerializer
from api.management.views import ResourceView
from campaigns.models import Campaign
from stats.overviews import LARGEST_COMPARISON, compare

IDS = OpenApiParameter(
    "id", str, required=True, description=f"Ids of up to {LARGEST_COMPARISON} campaigns, comma separated."
)


class ElapsedSerializer(serializers.Serializer[Any]):
    """People who had opened and clicked by the end of this hour after the start, added up."""

    hour = serializers.IntegerField(help_text="From 1.")
    opened = serializers.IntegerField()
    clicked = serializers.IntegerField()
    raw_opened = serializers.IntegerField(help_text="As `opened`, programs included.")
    raw_clicked = serializers.IntegerField()


class ComparedSerializer(serializers.Serializer[Any]):
    """One of the campaigns: what everybody did, and how fast."""

    id = serializers.CharField(source="campaign.public_id")
    name = serializers.CharField(source="campaign.name")
    started_at = serializers.DateTimeField(source="campaign.started_at", allow_null=True)
    figures = FiguresSerializer()
    raw = RawStatsSerializer()
    elapsed = ElapsedSerializer(many=True, help_text="The first three days, hour by hour; none before it was started.")


class ComparisonActs(ResourceView[Campaign]):
    """The part of the campaigns' view that is about several at once."""

    @extend_schema(responses=ComparedSerializer(many=True), parameters=[IDS], summary="Compare campaigns")
    @action(detail=False, pagination_class=None, filterset_class=None)
    def compare(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Figures and the course of opens and clicks, in the order asked for; zeros before a campaign was started."""
        found = compare(chosen(request.query_params.getlist("id"), self.get_queryset()))
        return Response(ComparedSerializer(found, many=True).data)


def chosen(given: list[str], campaigns: QuerySet[Campaign]) -> list[Campaign]:
    """Raises ValidationError for none, for too many, and for what the caller cannot see."""
    ids = list(dict.fromkeys(text.strip() for each in given for text in each.split(",") if text.strip()))
    if not 1 <= len(ids) <= LARGEST_COMPARISON:
        said = f"Give the ids of 1 to {LARGEST_COMPARISON} campaigns, comma separated."
        raise serializers.ValidationError({"id": [said]})
    askable = [text for text in ids if text.isprintable()]  # PostgreSQL would break at the character of number zero
    found = {campaign.public_id: campaign for campaign in campaigns.filter(public_id__in=askable)}
    if missing := [text for text in ids if text not in found]:
        raise serializers.ValidationError({"id": [f"There is no such campaign: {', '.join(missing)}."]})
    return [found[text] for text in ids]
