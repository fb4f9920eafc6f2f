"""`campaigns/`: each handler reads the request, makes one call into the domain and shows the campaign."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, ClassVar

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Surface
from accounts.permissions import Permission
from api.management import previews, vocabulary
from api.management.access import actor, caller, key_of
from api.management.campaigns import figures, rows
from api.management.campaigns.comparisons import ComparisonActs
from api.management.campaigns.figures import (
    CampaignStatsSerializer,
    EstimateSerializer,
    LinkSerializer,
    RecipientFilters,
    RecipientSerializer,
)
from api.management.campaigns.filters import CampaignFilters
from api.management.campaigns.recurrences import RecurringActs
from api.management.campaigns.reports import ReportSerializer, report_of
from api.management.campaigns.send_times import SendTimeActs
from api.management.campaigns.serializers import (
    ApprovalSerializer,
    CampaignCreateSerializer,
    CampaignSerializer,
    CampaignUpdateSerializer,
    DuplicationSerializer,
    ReasonSerializer,
    RejectionSerializer,
    ScheduleSerializer,
)
from api.management.campaigns.split_tests import SplitTestActs
from api.management.idempotency import IDEMPOTENCY_KEY, idempotent
from api.management.previews import CampaignPreviewSerializer, PreviewRequestSerializer
from campaigns import approval, completeness, drafts, lifecycle
from campaigns.errors import InvalidTransition
from campaigns.models import Campaign, Channel, State
from delivery import progress
from stats import listings
from stats.links import links as links_of

post = partial(action, detail=True, methods=["post"])


def answers_campaign(request: type[serializers.BaseSerializer[Any]] | None, **kwargs: Any) -> Callable[[Any], Any]:
    """The schema of an act on a campaign: this body (or none), and the campaign afterwards."""
    body = {"application/json": request} if request else None
    return extend_schema(request=body, responses=CampaignSerializer, **kwargs)


class CampaignView(ListModelMixin, RetrieveModelMixin, SplitTestActs, RecurringActs, SendTimeActs, ComparisonActs):
    """Manage campaigns for sending email or SMS to segments."""

    queryset = rows.shown()
    serializer_class = CampaignSerializer
    filterset_class = CampaignFilters
    needs: ClassVar = {
        **SplitTestActs.needs,
        **SendTimeActs.needs,
        "partial_update": Permission.UPDATE,
        "destroy": Permission.DELETE,
        "schedule": Permission.SEND,
        "send": Permission.SEND,
        "unschedule": Permission.UPDATE,
        "withdraw": Permission.SEND,
        "cancel": Permission.UPDATE_STATE,
        "pause": Permission.UPDATE_STATE,
        "resume": Permission.UPDATE_STATE,
        "reopen": Permission.UPDATE,
        "retry_failed": Permission.RETRY,
        "approve": Permission.APPROVE,
        "reject": Permission.APPROVE,
        "duplicate": Permission.CREATE,
        "preview": Permission.READ,
    }

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._shown(self.get_object())

    @extend_schema(request=CampaignCreateSerializer, responses={201: CampaignSerializer}, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def create(self, request: Request) -> Response:
        serializer = CampaignCreateSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        campaign = drafts.create(by=actor(request), **serializer.changes())
        return self._shown(campaign, status=201)

    @extend_schema(request=CampaignUpdateSerializer, responses=CampaignSerializer)
    @transaction.atomic
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is given. What an approver has seen goes back to the approver when it changes."""
        # segment_id replaces a part of the audience, so nobody else may change the audience meanwhile
        Campaign.objects.select_for_update().get(pk=self.get_object().pk)
        campaign = self.get_object()
        serializer = CampaignUpdateSerializer(campaign, data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return self._shown(drafts.edit(campaign, by=actor(request), **serializer.changes()))

    @transaction.atomic
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Hide a campaign that is neither scheduled nor being sent; nothing is erased."""
        campaign = self.get_object()
        if Campaign.objects.select_for_update().get(pk=campaign.pk).state == State.SCHEDULED:
            raise InvalidTransition("delete", State.SCHEDULED)  # in this API it has to be cancelled first
        lifecycle.delete(campaign, by=actor(request))
        return Response(status=204)

    # --- going out -----------------------------------------------------------------------------------------------

    @answers_campaign(ScheduleSerializer, summary="Schedule campaign")
    @post()
    def schedule(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send it at a time, or again and again; where an approver has to look first, it waits for that."""
        campaign = self.get_object()
        serializer = ScheduleSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        verb = lifecycle.reschedule if campaign.state == State.SCHEDULED else lifecycle.submit
        return self._shown(verb(campaign, by=actor(request), schedule=serializer.schedule(campaign)))

    @answers_campaign(None, summary="Send campaign now", parameters=[IDEMPOTENCY_KEY])
    @post()
    @idempotent
    def send(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send it at once; where an approver has to look first, it waits for that."""
        return self._shown(lifecycle.send_now(self.get_object(), by=actor(request)))

    @answers_campaign(ReasonSerializer, summary="Cancel campaign")
    @post()
    def cancel(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Stop it for good; cancelling what is cancelled changes nothing."""
        campaign = self.get_object()
        if campaign.state == State.CANCELLED:
            return self._shown(campaign)
        return self._done(lifecycle.cancel, campaign, ReasonSerializer)

    @answers_campaign(ReasonSerializer, summary="Pause campaign")
    @post()
    def pause(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Hold it where it is; workers notice within two seconds."""
        return self._done(lifecycle.pause, self.get_object(), ReasonSerializer)

    @answers_campaign(None, summary="Resume campaign")
    @post()
    def resume(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Go on after a pause."""
        return self._shown(lifecycle.resume(self.get_object(), by=actor(request)))

    @answers_campaign(ReasonSerializer, summary="Unschedule campaign")
    @post()
    def unschedule(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a scheduled campaign a draft again; its time is kept."""
        return self._done(lifecycle.unschedule, self.get_object(), ReasonSerializer)

    @answers_campaign(None, summary="Reopen campaign")
    @post()
    def reopen(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a draft of a campaign that was cancelled before it began."""
        return self._shown(lifecycle.reopen(self.get_object(), by=actor(request)))

    @answers_campaign(None, summary="Retry failed recipients")
    @post(url_path="retry-failed")
    def retry_failed(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send once more to those, and only those, whose message failed."""
        return self._shown(lifecycle.retry_failed(self.get_object(), by=actor(request)))

    # --- approval ------------------------------------------------------------------------------------------------

    @answers_campaign(ApprovalSerializer, summary="Approve campaign")
    @post()
    def approve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let a campaign that waits for approval go out. With `revision`, only if it still says what you have seen."""
        return self._done(lifecycle.approve, self.get_object(), ApprovalSerializer)

    @answers_campaign(RejectionSerializer, summary="Reject campaign")
    @post()
    def reject(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send it back to its author with a reason."""
        return self._done(lifecycle.reject, self.get_object(), RejectionSerializer)

    @answers_campaign(ReasonSerializer, summary="Withdraw campaign")
    @post()
    def withdraw(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take it back from approval, to go on writing."""
        return self._done(lifecycle.withdraw, self.get_object(), ReasonSerializer)

    # --- what it would do ----------------------------------------------------------------------------------------

    @extend_schema(request=PreviewRequestSerializer, responses=CampaignPreviewSerializer)
    @post()
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What one person would see of it, and what preflight says of it. Changes nothing."""
        campaign = self.get_object()
        field = "sms_body" if campaign.channel == Channel.SMS else "email_message_id"
        shown = previews.render(request, campaign, campaign.organization, field)
        findings = [asdict(each) | {"field": field} for each in completeness.findings(campaign)]
        return Response(CampaignPreviewSerializer(asdict(shown) | {"findings": findings}).data)

    @extend_schema(responses=EstimateSerializer, summary="Estimate audience")
    @action(detail=True)
    def estimate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who would get it if it went out now, counted, with what keeps the others out."""
        return Response(figures.estimate(self.get_object()))

    # --- what became of it ---------------------------------------------------------------------------------------

    @extend_schema(responses=CampaignStatsSerializer, summary="Get campaign stats")
    @action(detail=True)
    def stats(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What became of it, in numbers; zeros before it was started."""
        return Response(CampaignStatsSerializer(figures.stats_of(self.get_object())).data)

    @extend_schema(responses=ReportSerializer, summary="Get campaign report")
    @action(detail=True)
    def report(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """When people opened and clicked, with what, and where; by variant and domain; and what is usual."""
        return Response(ReportSerializer(report_of(self.get_object())).data)

    @extend_schema(responses=LinkSerializer(many=True), summary="List links")
    @action(detail=True, pagination_class=None, filterset_class=None)
    def links(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The links of the mail that was sent and how they were used, the most clicked first."""
        campaign = self.get_object()
        found = links_of(campaign, list(campaign.variants.order_by("position")))
        return Response(LinkSerializer(found, many=True).data)

    @extend_schema(responses=RecipientSerializer(many=True), summary="List recipients")
    @action(detail=True, filterset_class=RecipientFilters)
    def recipients(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Everybody the campaign addressed, once its audience is fixed, and what became of each message."""
        page = self.paginate_queryset(figures.recipients(self.get_object(), request.query_params))
        return self.get_paginated_response(RecipientSerializer(page, many=True).data)

    # --- copies --------------------------------------------------------------------------------------------------

    @extend_schema(
        request=DuplicationSerializer,
        responses={201: CampaignSerializer},
        summary="Duplicate campaign",
        parameters=[IDEMPOTENCY_KEY],
    )
    @post()
    @idempotent
    def duplicate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A new draft with the same variants, audience, split test and auto-resend."""
        given = self._read(DuplicationSerializer)
        return self._shown(drafts.copy(self.get_object(), by=actor(request), **given), status=201)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        if self.action == "list" and self.request.query_params.get("include") == "stats":
            found = listings.for_rows(page or [])
            for row in page or []:
                row.stats = found[row.pk].figures
        return page

    # --- what handlers are made of -------------------------------------------------------------------------------

    def _read(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def _done(
        self, verb: Callable[..., Campaign], campaign: Campaign, body: type[serializers.Serializer[Any]]
    ) -> Response:
        return self._shown(verb(campaign, by=actor(self.request), **self._read(body)))

    def _shown(self, campaign: Campaign, status: int = 200) -> Response:
        """The campaign as it is now, with what can be done next."""
        row: Any = self.get_queryset().get(pk=campaign.pk)
        allowed = lifecycle.allowed(row, caller(self.request), Surface.MANAGEMENT, key_of(self.request))
        row.allowed_actions = vocabulary.actions(allowed)
        row.delivery_error, row.next_try_at = "", None
        if run := row.runs.filter(finished_at=None).order_by("-number").first():
            row.delivery_error, row.next_try_at = progress.trouble(run)
        if row.state == State.PENDING_APPROVAL:
            row.revision = approval.revision(row)
        return Response(self.get_serializer(row).data, status=status)
