"""`campaigns/{id}/variants/` and `campaigns/{id}/split-test/`: several contents, and what chooses among them."""

from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api.management.access import actor
from api.management.campaigns.serializers import SENDABLE_KINDS, SENDABLE_SCOPES
from api.management.fields import PublicIdRelatedField
from api.management.views import ResourceView
from campaigns import variants
from campaigns.models import Campaign
from content.models import Email
from splittests import course, planning, standings
from splittests.models import SplitTest, SplitTestRun
from splittests.standings import Phase, Race

Field = serializers.Field[Any, Any, Any, Any]


class VariantSerializer(serializers.Serializer[Any]):
    """One content of a campaign. Shares of the audience, or of the sample, are as weights are to each other."""

    name = serializers.CharField(read_only=True, help_text="A, B, C...")
    email_message_id: Field = PublicIdRelatedField(
        source="email", queryset=Email.objects.all(), allow_null=True, default=None
    )
    sms_body = serializers.CharField(max_length=1600, allow_blank=True, default="")
    weight = serializers.IntegerField(min_value=0, max_value=variants.HEAVIEST, default=1)

    def validate_email_message_id(self, email: Email | None) -> Email | None:
        if email and (email.kind not in SENDABLE_KINDS or email.scope not in SENDABLE_SCOPES):
            raise serializers.ValidationError(
                "A campaign sends messages of type campaign or other, not those of the platform."
            )
        return email


class VariantsSerializer(serializers.Serializer[Any]):
    """All contents of a campaign, in order; what is written takes the place of all there were."""

    variants = VariantSerializer(many=True, allow_empty=False, max_length=variants.MOST)  # type: ignore[call-arg]


class SplitTestSerializer(serializers.ModelSerializer[SplitTest]):
    """How the variants are tried before the rest of the audience gets one of them."""

    # What the smaller of the databases holds, so that the schema says the same of both.
    wait = serializers.IntegerField(min_value=1, max_value=32_767, required=False)
    least_people = serializers.IntegerField(
        min_value=0,
        max_value=2_147_483_647,
        required=False,
        help_text="Each variant has to be delivered to so many people to be compared.",
    )

    class Meta:
        model = SplitTest
        fields: ClassVar = list(planning.SETTINGS)
        extra_kwargs: ClassVar = {name: {"required": False} for name in planning.SETTINGS}


class StandingSerializer(serializers.Serializer[Any]):
    """A variant in the race."""

    variant = serializers.CharField(source="variant.name")
    people = serializers.IntegerField(help_text="Whom it was delivered to; openers, for the click to open rate.")
    amount = serializers.IntegerField(help_text="How many of them did it, or what all of them brought.")
    rate = serializers.FloatField(help_text="amount / people.")
    low = serializers.FloatField(help_text="With 95 % certainty the rate is above this")
    high = serializers.FloatField(help_text="and below this.")
    chance = serializers.FloatField(help_text="How likely it is the best, from 0 to 1.")


class RaceSerializer(serializers.Serializer[Any]):
    """How the test stands: measured now, or as it was decided."""

    phase = serializers.ChoiceField([each.value for each in Phase])
    metric = serializers.ChoiceField(SplitTest.Metric.choices, source="test.metric")
    sampled_at = serializers.DateTimeField(
        source="run.sampled_at", allow_null=True, default=None, help_text="When the sample was out."
    )
    due_at = serializers.DateTimeField(allow_null=True, help_text="When the clock decides.")
    standings = StandingSerializer(source="rows", many=True, help_text="Empty before the audience is fixed.")
    leader = serializers.CharField(source="leader.name", allow_null=True, default=None, help_text="Who is ahead.")
    verdict = serializers.ChoiceField(
        SplitTestRun.Verdict.choices, allow_blank=True, help_text="What would be found now, or what was found."
    )
    reason = serializers.CharField(help_text="Why; of a choice by somebody, theirs.")
    chosen = serializers.CharField(source="chosen.name", allow_null=True, default=None)
    chosen_at = serializers.DateTimeField(source="run.chosen_at", allow_null=True, default=None)
    chosen_by = serializers.CharField(
        source="run.chosen_by.username", allow_null=True, default=None, help_text="Null where the clock chose."
    )


class ChoiceSerializer(serializers.Serializer[Any]):
    """What somebody chooses for the rest, and why."""

    variant = serializers.CharField(max_length=1, help_text="Its name, such as B.")
    reason = serializers.CharField(max_length=500, help_text="Kept in the history.")


class SplitTestActs(ResourceView[Campaign]):
    """The part of `CampaignView` that is about variants and their test."""

    needs: ClassVar = {
        "write_variants": Permission.UPDATE,
        "plan_split_test": Permission.UPDATE,
        "drop_split_test": Permission.UPDATE,
        "choose_variant": Permission.UPDATE_STATE,
        "decide_split_test": Permission.UPDATE_STATE,
    }

    @extend_schema(responses=VariantsSerializer, summary="List variants", operation_id="campaigns_variants")
    @action(detail=True, pagination_class=None, filterset_class=None)
    def variants(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The contents of the campaign, with their weights."""
        return self._variants(self.get_object())

    @extend_schema(
        request=VariantsSerializer,
        responses=VariantsSerializer,
        summary="Write variants",
        operation_id="campaigns_write_variants",
    )
    @variants.mapping.patch
    def write_variants(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Exactly these, until sending begins. Who approved the campaign has to look again."""
        campaign = self.get_object()
        given = self.read(VariantsSerializer).validated_data["variants"]
        contents = [variants.Content(**each) for each in given]
        return self._variants(variants.set_variants(campaign, contents, by=actor(request)))

    @extend_schema(responses=SplitTestSerializer, summary="Get split test", operation_id="campaigns_split_test")
    @action(detail=True, url_path="split-test", pagination_class=None, filterset_class=None)
    def split_test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How the variants are tried; 404 where all of them go to everybody at once."""
        return Response(SplitTestSerializer(_test_of(self.get_object())).data)

    @extend_schema(
        request=SplitTestSerializer,
        responses=SplitTestSerializer,
        summary="Plan split test",
        operation_id="campaigns_plan_split_test",
    )
    @split_test.mapping.patch
    def plan_split_test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Plan a test, or change the one there is, until sending begins. What is not given stays, or is the default."""
        campaign = self.get_object()
        given = self.read(SplitTestSerializer).validated_data
        return Response(SplitTestSerializer(planning.plan(campaign, by=actor(request), **given)).data)

    @extend_schema(summary="Drop split test", operation_id="campaigns_drop_split_test")
    @split_test.mapping.delete
    def drop_split_test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """No test: all variants go to everybody at once, each to its share."""
        planning.drop(self.get_object(), by=actor(request))
        return Response(status=204)

    @extend_schema(responses=RaceSerializer, summary="Get race of split test")
    @action(detail=True, url_path="split-test/race", pagination_class=None, filterset_class=None)
    def race(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How the variants stand now, or stood when it was decided; only hits of people count."""
        return self._race(self.get_object())

    @extend_schema(request=ChoiceSerializer, responses=RaceSerializer, summary="Choose variant of split test")
    @action(detail=True, methods=["post"], url_path="split-test/choose")
    def choose_variant(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send this variant to the rest now, whoever is ahead."""
        campaign = self.get_object()
        given = self.read(ChoiceSerializer).validated_data
        row = _waiting(campaign)
        variant = campaign.variants.filter(name=given["variant"].upper()).first()
        if variant is None:
            raise serializers.ValidationError({"variant": ["This campaign has no such variant."]})
        course.choose(row, variant, by=actor(request), reason=given["reason"])
        return self._race(campaign)

    @extend_schema(request=None, responses=RaceSerializer, summary="Decide split test now")
    @action(detail=True, methods=["post"], url_path="split-test/decide")
    def decide_split_test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """End the wait: measure now and do what the clock would do. With `when_unclear` ask, it may stay open."""
        campaign = self.get_object()
        course.decide_now(_waiting(campaign), by=actor(request))
        return self._race(campaign)

    def _variants(self, campaign: Campaign) -> Response:
        rows = campaign.variants.select_related("email").order_by("position")
        return Response(VariantsSerializer({"variants": rows}).data)

    def _race(self, campaign: Campaign) -> Response:
        campaign.refresh_from_db()
        _test_of(campaign)
        found: Race | None = standings.of(campaign)
        return Response(RaceSerializer(found).data)


def _test_of(campaign: Campaign) -> SplitTest:
    test = SplitTest.objects.filter(campaign=campaign).first()
    if test is None:
        raise Http404("This campaign has no split test.")
    return test


def _waiting(campaign: Campaign) -> SplitTestRun:
    """Raises Http404 without a test, InvalidTransition while there is nothing to decide yet."""
    _test_of(campaign)
    return course.of(campaign)
