"""What became of a campaign, in numbers and row by row."""

from typing import Any, ClassVar

import django_filters
from django.db.models import Count, QuerySet
from rest_framework import serializers

from api.management.filters import Filters
from campaigns.models import Campaign
from delivery.freeze import audience
from delivery.models import Recipient


class StatsSerializer(serializers.Serializer[Any]):
    """Rates are fractions from 0 to 1 with four decimals; 0.0 where there is nothing to divide by."""

    total_recipients = serializers.IntegerField(help_text="People a message is attempted to.")
    sent = serializers.IntegerField(help_text="Handed to the transport successfully.")
    failed = serializers.IntegerField()
    delivered = serializers.IntegerField(help_text="Sent and not bounced.")
    opened = serializers.IntegerField(help_text="Recipients who opened it.")
    clicked = serializers.IntegerField(help_text="Recipients who clicked a link in it.")
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


class RecipientSerializer(serializers.ModelSerializer[Recipient]):
    """One person in one run of the campaign, and what became of the message."""

    subscriber_id = serializers.CharField(source="subscriber.public_id", read_only=True)
    run = serializers.IntegerField(source="run.number", read_only=True, help_text="1, except for recurring campaigns.")
    variant = serializers.CharField(source="variant.name", read_only=True)
    settled = serializers.DateTimeField(source="settled_at", read_only=True)

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
        ]
        read_only_fields: ClassVar = fields


class RecipientFilters(Filters):
    state = django_filters.ChoiceFilter(choices=Recipient.State.choices, label="What became of the message.")
    search = django_filters.CharFilter("address", "icontains", label="Part of the address.")


def estimate(campaign: Campaign) -> dict[str, Any]:
    """As `EstimateSerializer` shows it; one statement over the audience, and nothing is stored."""
    people: Any = audience(campaign)  # with columns that its model does not have
    counted = dict(people.order_by().values_list("skip_reason").annotate(people=Count("pk")))
    mailable = counted.pop("", 0)
    return {"user_count": mailable + sum(counted.values()), "total_recipients": mailable, "skipped": counted}


def recipients(campaign: Campaign) -> QuerySet[Recipient]:
    return Recipient.objects.filter(run__campaign=campaign).select_related("subscriber", "run", "variant")
