"""What became of a campaign, in numbers and row by row."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django_filters.utils import translate_validation
from rest_framework import serializers

from api.management.filters import Filters
from campaigns.models import Campaign
from delivery import audiences
from delivery.models import Recipient
from stats import people
from stats.figures import DEFINITIONS, Definition, Results, as_data
from stats.listings import for_campaigns
from stats.models import Engagement
from stats.people import Chosen


class StatsSerializer(serializers.Serializer[Any]):
    """Rates are fractions from 0 to 1 with four decimals; 0.0 where there is nothing to divide by."""

    total_recipients = serializers.IntegerField(help_text="People a message is attempted to.")
    sent = serializers.IntegerField(help_text="Handed to the transport successfully.")
    failed = serializers.IntegerField()
    delivered = serializers.IntegerField(help_text="Sent and not bounced.")
    opened = serializers.IntegerField(help_text="Recipients who opened it themselves; no programs.")
    clicked = serializers.IntegerField(help_text="Recipients who clicked a link in it themselves; no programs.")
    bounced = serializers.IntegerField(help_text="Recipients whose message came back.")
    unsubscribed = serializers.IntegerField(help_text="Recipients who unsubscribed by it.")
    delivery_rate = serializers.FloatField(help_text="delivered / sent")
    open_rate = serializers.FloatField(help_text="opened / delivered")
    click_rate = serializers.FloatField(help_text="clicked / delivered")
    unsubscribe_rate = serializers.FloatField(help_text="unsubscribed / delivered")


class EstimateSerializer(serializers.Serializer[Any]):
    """Who would get the campaign if it went out now."""

    user_count = serializers.IntegerField(help_text="People in the audience.")
    total_recipients = serializers.IntegerField(help_text="Those of them who would get a message.")
    skipped = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many of the others are kept out, by reason."
    )
    excluded = serializers.IntegerField(
        help_text="People kept out by an excluded list or segment; they are not in the audience."
    )


def figure_fields(*, of_programs: bool = False) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """A field for each figure and rate, or for those that programs can make too."""
    return {name: _field(each) for name, each in DEFINITIONS.items() if each.by_programs or not of_programs}


def _field(definition: Definition) -> serializers.Field[Any, Any, Any, Any]:
    if definition.is_rate:
        return serializers.FloatField(help_text=f"{definition.numerator} / {definition.denominator}")
    return serializers.IntegerField(help_text=definition.sentence)


class RawStatsSerializer(serializers.Serializer[Any]):
    """What programs can make too, with every hit: of people, privacy proxies, scanners and bots."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return figure_fields(of_programs=True)


class CampaignStatsSerializer(StatsSerializer):
    """The figures of every campaign as people made them, everything else that is counted, and under `raw` the same with
    the hits of programs.

    planned = sent + failed + skipped + in_doubt + pending, at any moment.
    """

    raw = RawStatsSerializer()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Those of every campaign first, `raw` last."""
        shown = super().get_fields()
        raw = shown.pop("raw")
        return shown | {name: each for name, each in figure_fields().items() if name not in shown} | {"raw": raw}


def stats_of(campaign: Campaign) -> dict[str, Any]:
    """As `CampaignStatsSerializer` shows it; zeros before it was started."""
    found = for_campaigns([campaign.pk]).get(campaign.pk, Results())
    return {**as_data(found.figures), "raw": found.raw}


class LinkSerializer(serializers.Serializer[Any]):
    """A link of the mail and how it was used, by people and (`raw_...`) by programs too."""

    position = serializers.IntegerField(help_text="Its place in the mail, from 1.")
    url = serializers.CharField(help_text="With merge fields as they were written.")
    variant = serializers.CharField()
    clicks = serializers.IntegerField(help_text="Clicks in all.")
    clicked = serializers.IntegerField(help_text="Recipients who clicked it.")
    clicked_first = serializers.IntegerField(help_text="Recipients who clicked it before any other.")
    raw_clicks = serializers.IntegerField(help_text="Clicks in all, those of scanners and bots included.")
    raw_clicked = serializers.IntegerField(help_text="Recipients in whose name it was clicked, also by programs.")
    raw_clicked_first = serializers.IntegerField(
        help_text="Recipients in whose name it was clicked before any other, also by programs."
    )


def _first_time(column: str, help_text: str = "") -> serializers.DateTimeField:
    """When the recipient first did that; null if never."""
    return serializers.DateTimeField(
        source=f"engagement.{column}", read_only=True, allow_null=True, default=None, help_text=help_text or None
    )


class RecipientSerializer(serializers.ModelSerializer[Recipient]):
    """One person in one run of the campaign, what became of the message, and what the person did with it."""

    subscriber_id = serializers.CharField(
        source="subscriber.public_id", read_only=True, allow_null=True, help_text="Null once the person is erased."
    )
    run = serializers.IntegerField(source="run.number", read_only=True, help_text="1, except for recurring campaigns.")
    variant = serializers.CharField(
        source="variant.name",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Null while the person waits for a split test to be decided.",
    )
    settled = serializers.DateTimeField(source="settled_at", read_only=True, allow_null=True)
    opened = _first_time("human_read_at", "By the person; no programs.")
    clicked = _first_time("human_clicked_at", "By the person; no programs.")
    unsubscribed = _first_time("unsubscribed_at")
    bounced = _first_time("bounced_at")
    bounce_type = serializers.SerializerMethodField(
        help_text="hard, soft or other: of the first bounce, or of the refusal at hand-over; empty without either."
    )
    complained = _first_time("complained_at")
    viewed = _first_time("human_viewed_at", "The web version, by the person.")
    forwarded = _first_time("forwarded_at")
    converted = _first_time("converted_at")
    revenue_cents = serializers.SerializerMethodField(help_text="What conversions were worth.")
    receipt = _first_time("delivered_at", "When a receipt said that it had arrived.")
    privacy_opened = _first_time("privacy_opened_at", "By a privacy proxy, looked at or not.")
    raw_opened = _first_time("read_at", "By anybody, programs included.")
    raw_clicked = _first_time("clicked_at", "By anybody, programs included.")
    raw_viewed = _first_time("viewed_at", "By anybody, programs included.")

    class Meta:
        model = Recipient
        fields: ClassVar = [
            "subscriber_id",
            "address",
            "state",
            "skip_reason",
            "attempts",
            "reply_code",
            "reply_text",
            "settled",
            "run",
            "variant",
            "opened",
            "clicked",
            "unsubscribed",
            "bounced",
            "bounce_type",
            "complained",
            "viewed",
            "forwarded",
            "converted",
            "revenue_cents",
            "receipt",
            "privacy_opened",
            "raw_opened",
            "raw_clicked",
            "raw_viewed",
        ]
        read_only_fields: ClassVar = fields

    def get_bounce_type(self, recipient: Recipient) -> str:
        engagement: Engagement | None = getattr(recipient, "engagement", None)
        return engagement.bounce_type if engagement else ""

    def get_revenue_cents(self, recipient: Recipient) -> int:
        engagement: Engagement | None = getattr(recipient, "engagement", None)
        return engagement.revenue_cents if engagement else 0


class RecipientFilters(Filters):
    """Checked here, applied by `stats.people`."""

    state = django_filters.ChoiceFilter(
        choices=[choice for choice in Chosen.choices if choice[0]],
        label="What became of the message, or what the person did with it.",
    )
    link = django_filters.NumberFilter(
        min_value=1, max_value=32767, label="Only who clicked the link at this position."
    )
    run = django_filters.NumberFilter(
        min_value=1,
        max_value=2_147_483_647,
        label="Only of the run with this number.",
    )
    search = django_filters.CharFilter(label="Part of the address.")
    domain = django_filters.CharFilter(label="Only addresses of this domain.")
    raw = django_filters.BooleanFilter(label="Whether what programs did counts as done by the recipient.")


def estimate(campaign: Campaign) -> dict[str, Any]:
    """As `EstimateSerializer` shows it; nothing is stored."""
    counted = audiences.estimate(audiences.of(campaign))
    return {
        "user_count": counted.people,
        "total_recipients": counted.mailable,
        "skipped": counted.skipped,
        "excluded": counted.excluded,
    }


def recipients(campaign: Campaign, parameters: Any) -> QuerySet[Recipient]:
    """Those the query parameters ask for. Raises ValidationError."""
    asked = RecipientFilters(parameters, queryset=Recipient.objects.none())
    if not asked.is_valid():
        raise translate_validation(asked.errors)
    given = asked.form.cleaned_data
    link = given["link"] and int(given["link"])
    return people.recipients(
        campaign,
        given["state"],
        raw=bool(given["raw"]),
        link_position=link,
        run=given["run"] and int(given["run"]),
        domain=given["domain"],
        search=given["search"],
    )
