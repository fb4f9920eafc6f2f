"""What recurs: the recurrence in a body, the runs of a campaign, and what goes out when."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.utils.timezone import now
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api.management.fields import YEARS
from api.management.views import ResourceView
from campaigns import calendar
from campaigns.calendar import Entry, Kind
from campaigns.models import Campaign, CampaignRun, ScheduleType
from campaigns.recurrence import BOUNDS, MOST_INSTANCES, Recurrence
from campaigns.recurrence_words import sentence

MOST_DAYS = 366
MOST_ROWS = 500


def _numbers(name: str, help_text: str, *, required: bool = False) -> serializers.ListField:
    low, high = BOUNDS[name]
    number = serializers.IntegerField(min_value=low, max_value=high)
    return serializers.ListField(
        child=number, required=required, allow_empty=not required, max_length=high - low + 1, help_text=help_text
    )


class RecurrenceSerializer(serializers.Serializer[Any]):
    """When a campaign goes out again and again: at every hour and minute listed, on the days listed.

    Where days of the week and days of the month are both given, a day on either list counts.
    """

    days_of_week = _numbers("days_of_week", "1, Monday, to 7, Sunday; none for every day.")
    days_of_month = _numbers("days_of_month", "1 to 31, left out in shorter months; none for every day.")
    months = _numbers("months", "1 to 12; none for every month.")
    hours = _numbers("hours", "0 to 23.", required=True)
    minutes = _numbers("minutes", "0 to 59.", required=True)
    max_instances = serializers.IntegerField(
        min_value=0, max_value=MOST_INSTANCES, required=False, help_text="How many times in all; 0 for no end."
    )
    timezone = serializers.CharField(
        max_length=64, required=False, help_text="An IANA name; the edition's or organization's zone if left out."
    )

    def validate_timezone(self, name: str) -> str:
        if name not in available_timezones():
            raise serializers.ValidationError(f"{name} is not an IANA time zone, such as Europe/Berlin.")
        return name


class RecurrenceShownSerializer(RecurrenceSerializer):
    """The recurrence of a campaign, which counts once it is scheduled."""

    sentence = serializers.CharField(read_only=True, help_text="The same in words.")
    cron = serializers.CharField(read_only=True, help_text="The same as the five fields of a crontab.")


def shown(campaign: Campaign, zone: str) -> dict[str, Any] | None:
    """As `RecurrenceShownSerializer` shows it; None where the campaign keeps none. For rows with their recurrence."""
    kept = getattr(campaign, "recurrence", None)
    if kept is None or campaign.schedule_type in {ScheduleType.IMMEDIATE, ScheduleType.FUTURE}:
        return None
    value: Recurrence = kept.value
    zone = campaign.schedule_tz or zone
    return {**value.data, "timezone": zone, "sentence": sentence(value, zone), "cron": value.cron}


class RunSerializer(serializers.ModelSerializer[CampaignRun]):
    """One go at the audience. planned = sent + failed + skipped + in_doubt + pending, at any moment."""

    occurrence_at = serializers.DateTimeField(
        source="slot_at", allow_null=True, help_text="For which occurrence it was started; null where a person did."
    )
    pending = serializers.IntegerField()

    class Meta:
        model = CampaignRun
        fields: ClassVar = [
            "number",
            "occurrence_at",
            "started_at",
            "finished_at",
            "planned",
            "sent",
            "failed",
            "skipped",
            "in_doubt",
            "pending",
        ]
        read_only_fields: ClassVar = fields


class OccurrenceSerializer(serializers.Serializer[Entry]):
    """One thing in the calendar of what goes out."""

    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(
        [each.value for each in Kind], help_text="sent is also what is being sent; occurrence is one of what recurs."
    )
    campaign_id = serializers.CharField(source="campaign.public_id")
    name = serializers.CharField(source="campaign.name")
    channel = serializers.CharField(source="campaign.channel")
    tentative = serializers.BooleanField(
        source="is_tentative", help_text="It is paused, or an approver has to look first."
    )


class CalendarRequestSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start = attrs.get("since") or now()
        if not YEARS[0] <= start.year < YEARS[1]:
            raise serializers.ValidationError({"since": ["Datetime value out of range."]})
        end = attrs.get("until") or start + timedelta(days=30)
        if not start < end <= start + timedelta(days=MOST_DAYS):
            raise serializers.ValidationError({"until": [f"Later than since, by no more than {MOST_DAYS} days."]})
        return {"start": start, "end": end}


class TimesSerializer(serializers.Serializer[Any]):
    """When a campaign goes out next."""

    occurrences = serializers.ListField(child=serializers.DateTimeField())


A_COUNT = {"type": "integer", "minimum": 1, "maximum": 100}
COUNT = OpenApiParameter("count", A_COUNT, description="How many; 10 if left out.")
SINCE = OpenApiParameter("since", datetime, description="From this moment on; now if left out.")
UNTIL = OpenApiParameter("until", datetime, description="Before this moment; 30 days later if left out, 366 at most.")


class CountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(min_value=1, max_value=100, default=10)


class RecurringActs(ResourceView[Campaign]):
    """The part of `CampaignView` that is about runs and what comes next."""

    needs: ClassVar[dict[str, Permission]] = {}

    @extend_schema(responses=RunSerializer(many=True), summary="List runs")
    @action(detail=True, filterset_class=None)
    def runs(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Each time it went out, the latest first; a campaign that does not recur has one run."""
        rows: Any = self.get_object().runs.order_by("-number")
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(RunSerializer(page, many=True).data)

    @extend_schema(responses=TimesSerializer, summary="List upcoming occurrences", parameters=[COUNT])
    @action(detail=True, pagination_class=None, filterset_class=None)
    def occurrences(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """When it goes out next, computed from its schedule."""
        asked = CountSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        times = calendar.upcoming(self.get_object(), asked.validated_data["count"])
        return Response(TimesSerializer({"occurrences": times}).data)

    @extend_schema(responses=OccurrenceSerializer(many=True), summary="Calendar", parameters=[SINCE, UNTIL])
    @action(detail=False, pagination_class=None, filterset_class=None)
    def calendar(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What goes out when, recurring campaigns computed ahead, and what went out; the first 500 of that time."""
        asked = CalendarRequestSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        visible = Campaign.objects.filter(pk__in=self.get_queryset().order_by().values("pk"))
        found: Any = calendar.entries(visible, asked.validated_data["start"], asked.validated_data["end"])
        return Response(OccurrenceSerializer(found[:MOST_ROWS], many=True).data)
