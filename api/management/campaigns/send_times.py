"""`campaigns/{id}/zones/` and `campaigns/{id}/auto-resend/`: whose time it is when, and once more to non-openers."""

from typing import Any, ClassVar

from django.http import Http404
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api.management.access import actor
from api.management.views import ResourceView
from campaigns.models import Campaign
from delivery import progress, zones
from splittests import resending
from splittests.models import LONGEST_WAIT_DAYS, AutoResend


class ZoneSerializer(serializers.Serializer[Any]):
    """People whose clocks show the same."""

    zone = serializers.CharField(help_text="Where most of them live; empty for everybody at once.")
    people = serializers.IntegerField(help_text="Before the audience is fixed: at most so many.")
    done = serializers.IntegerField(help_text="Those who were sent to, failed, expired or are in doubt.")
    pending = serializers.IntegerField()
    release_at = serializers.DateTimeField(
        allow_null=True, help_text="When it is their time; null where everybody gets it at once."
    )
    begins_at = serializers.DateTimeField(
        allow_null=True, help_text="When messages may leave, which quiet hours may put off; null for now."
    )


class AutoResendSerializer(serializers.Serializer[Any]):
    """What goes out once more, and what came of it."""

    enabled = serializers.BooleanField(required=False)
    wait_days = serializers.IntegerField(
        min_value=1,
        max_value=LONGEST_WAIT_DAYS,
        required=False,
        help_text="Days of 24 hours after the last message was sent.",
    )
    subject = serializers.CharField(max_length=998, required=False, help_text="Of the resend.")
    preheader = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="Empty: that of the campaign."
    )
    goes_out_at = serializers.SerializerMethodField(
        help_text="When it is made; null while the campaign is being sent, and where it was stopped."
    )
    resend_id = serializers.CharField(
        source="child.public_id", read_only=True, allow_null=True, default=None, help_text="The campaign that was made."
    )
    problem = serializers.CharField(read_only=True, help_text="Why the resend is a draft; empty where it went out.")
    uplift = serializers.SerializerMethodField(
        help_text="Unique opens of the resend as a share of the campaign's; null without any."
    )

    def get_goes_out_at(self, row: AutoResend) -> str | None:
        moment = resending.goes_out_at(row) if row.enabled else None
        return serializers.DateTimeField().to_representation(moment) if moment else None

    def get_uplift(self, row: AutoResend) -> float | None:
        found = resending.pair(row.campaign)
        return round(found.uplift, 4) if found and found.uplift is not None else None


class SendTimeActs(ResourceView[Campaign]):
    """The part of `CampaignView` that is about when messages go out, and go out again."""

    needs: ClassVar = {"plan_auto_resend": Permission.UPDATE, "drop_auto_resend": Permission.UPDATE}

    @extend_schema(
        responses=ZoneSerializer(many=True), summary="List zones of campaign", operation_id="campaigns_zones"
    )
    @action(detail=True, pagination_class=None, filterset_class=None)
    def zones(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How far the people of each clock are, in the order of their hours; before the audience is fixed, the plan."""
        campaign = self.get_object()
        run = campaign.runs.filter(frozen_at__isnull=False).order_by("number").last()
        return Response(
            ZoneSerializer(progress.by_zone(run) if run else zones.planned(campaign, now()), many=True).data
        )

    @extend_schema(responses=AutoResendSerializer, summary="Get auto-resend", operation_id="campaigns_auto_resend")
    @action(detail=True, url_path="auto-resend", pagination_class=None, filterset_class=None)
    def auto_resend(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Whether and how it goes out once more to who has not opened it; 404 where that was never planned."""
        row = AutoResend.objects.filter(campaign=self.get_object()).select_related("campaign", "child").first()
        if row is None:
            raise Http404("This campaign has no auto-resend.")
        return Response(AutoResendSerializer(row).data)

    @extend_schema(
        request=AutoResendSerializer,
        responses=AutoResendSerializer,
        summary="Plan auto-resend",
        operation_id="campaigns_plan_auto_resend",
    )
    @auto_resend.mapping.patch
    def plan_auto_resend(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Plan it, or change the plan, until the resend is made. What is not given stays, or is the default."""
        campaign = self.get_object()
        given = self.read(AutoResendSerializer).validated_data
        return Response(AutoResendSerializer(resending.set_auto_resend(campaign, by=actor(request), **given)).data)

    @extend_schema(summary="Drop auto-resend", operation_id="campaigns_drop_auto_resend")
    @auto_resend.mapping.delete
    def drop_auto_resend(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Do not send it once more; what it would have said is kept."""
        resending.set_auto_resend(self.get_object(), by=actor(request), enabled=False)
        return Response(status=204)
