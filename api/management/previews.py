"""`preview/` and `test/`: what one person would see of a campaign or an email, on the screen or in a mailbox."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from accounts.actors import Actor
from accounts.models import Organization
from api.management.envelope import Conflict
from api.management.fields import PublicIdRelatedField, of_organization
from audience.errors import InvalidAddress
from audience.models import Subscriber
from campaigns.models import Campaign
from content.errors import ContentError
from content.models import Email
from delivery import previews
from delivery.errors import CannotSend
from delivery.previews import MOST_TESTS as MOST_TESTS
from delivery.retries import Accepted


class PreviewRequestSerializer(serializers.Serializer[Any]):
    subscriber_id: serializers.Field[Any, Any, Any, Any] = PublicIdRelatedField(
        source="subscriber",
        queryset=Subscriber.objects.all(),
        allow_null=True,
        default=None,
        help_text="Whose merge fields to fill in; without one, the defaults.",
    )


class SmsPartsSerializer(serializers.Serializer[Any]):
    encoding = serializers.CharField(help_text="GSM-7 or UCS-2.")
    units = serializers.IntegerField()
    parts = serializers.IntegerField(help_text="How many messages it is paid as.")


class PreviewSerializer(serializers.Serializer[Any]):
    """`html` is what an author wrote: show it in a sandboxed frame only."""

    subject = serializers.CharField()
    from_name = serializers.CharField()
    html = serializers.CharField()
    text = serializers.CharField()
    sms = SmsPartsSerializer(allow_null=True)


class FindingSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    field = serializers.CharField()
    message = serializers.CharField()
    blocks = serializers.BooleanField(help_text="Whether it keeps the campaign from going out.")


class CampaignPreviewSerializer(PreviewSerializer):
    findings = FindingSerializer(many=True, help_text="What is wrong with it, and what is only worth a look.")


def render(request: Request, source: Campaign | Email, organization: Organization, field: str) -> previews.Preview:
    """As the person named in the body would see it. Raises ValidationError, for `field` where it cannot be shown."""
    serializer = PreviewRequestSerializer(data=request.data, context={"request": request})
    serializer.is_valid(raise_exception=True)
    of_organization(serializer.validated_data, organization, {"subscriber": "subscriber_id"})
    try:
        return previews.preview(source, serializer.validated_data["subscriber"])
    except ContentError as error:
        raise serializers.ValidationError({getattr(error, "part", "") or field: [str(error)]}) from error


def send_test(
    email: Email, addresses: Sequence[str], subscriber: Subscriber | None, *, by: Actor
) -> list[dict[str, Any]]:
    """What became of each address. Raises ValidationError, and Conflict when nobody takes it."""
    try:
        outcomes = previews.send_test(email, addresses, by=by, subscriber=subscriber)
    except InvalidAddress as error:
        raise serializers.ValidationError({"addresses": [str(error)]}) from error
    except ContentError as error:
        raise serializers.ValidationError({getattr(error, "part", "") or "html": [str(error)]}) from error
    except CannotSend as error:
        raise Conflict(str(error)) from error
    return [
        {"address": address, "accepted": isinstance(outcome, Accepted), "reply": outcome.text}
        for address, outcome in outcomes.items()
    ]
