"""What became of a campaign, in numbers and row by row."""

from typing import Any

from rest_framework import serializers


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
