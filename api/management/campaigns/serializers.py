"""A campaign as this API shows it, and what a client may write."""

from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.utils.timezone import now
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Edition, Organization
from accounts.permissions import Permission
from api.management import vocabulary
from api.management.campaigns import recurrences
from api.management.campaigns.figures import StatsSerializer
from api.management.campaigns.recurrences import RecurrenceSerializer, RecurrenceShownSerializer
from api.management.fields import (
    HeaderField,
    LocalDateTimeField,
    PublicIdRelatedField,
    localised,
    of_organization,
    zone_of,
)
from audience.models import MailingList, Segment
from campaigns import archive, schedules
from campaigns.drafts import Part
from campaigns.models import LONGEST_CAP_HOURS, LONGEST_LIFE_HOURS, Campaign, Channel, State
from campaigns.recurrence import Recurrence
from campaigns.schedules import Schedule
from content.analytics import require_hosts
from content.models import Email

Field = serializers.Field[Any, Any, Any, Any]
SENDABLE_KINDS = (Email.Kind.CAMPAIGN, Email.Kind.OTHER)
SENDABLE_SCOPES = (Email.Scope.EDITION, Email.Scope.TEMPLATE)


class AudiencePartSerializer(serializers.Serializer[Any]):
    """A list, a segment, or (with both) the people of the segment who are on the list."""

    mailing_list_id: Field = PublicIdRelatedField(
        source="mailing_list", queryset=MailingList.objects.all(), allow_null=True, default=None
    )
    segment_id: Field = PublicIdRelatedField(
        source="segment", queryset=Segment.objects.all(), allow_null=True, default=None
    )
    excluded = serializers.BooleanField(default=False, help_text="Take these people out instead of adding them.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["mailing_list"] and not attrs["segment"]:
            raise serializers.ValidationError("Name a mailing_list_id, a segment_id or both.")
        return attrs


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    """A message to an audience, with its life from draft to sent."""

    # Takes rows of `rows.shown()`; `stats`, `allowed_actions` and `revision` appear where the view adds them.
    id = serializers.CharField(source="public_id", read_only=True)
    name = serializers.CharField(help_text="Human-readable campaign name")
    organization_id = serializers.CharField(source="organization.public_id")
    edition_id = serializers.CharField(source="edition.public_id", allow_null=True, default=None)
    segment_id = serializers.SerializerMethodField()
    channel = serializers.ChoiceField(Channel.choices, help_text="Delivery channel")
    created = serializers.DateTimeField(source="created_at", read_only=True)
    modified = serializers.DateTimeField(source="modified_at", read_only=True)
    email_message_id = serializers.CharField(source="email_public_id", allow_null=True)
    sms_body = serializers.CharField(source="sms_text", allow_null=True)
    status = serializers.SerializerMethodField(help_text="Current campaign status")
    scheduled_at = serializers.SerializerMethodField(
        help_text="When to send (stored UTC, displayed in edition timezone)"
    )
    recurrence = serializers.SerializerMethodField(help_text="Where it goes out again and again; else null.")
    total_recipients = serializers.IntegerField(help_text="Total number of recipients to send to")
    sent_count = serializers.IntegerField(help_text="Number of messages successfully sent")
    failed_count = serializers.IntegerField(help_text="Number of messages that failed to send")
    user_count = serializers.IntegerField(help_text="Snapshot count of users at send time")
    error_message = serializers.SerializerMethodField(help_text="Error details if campaign failed")
    started_at = serializers.DateTimeField(allow_null=True, help_text="When sending started")
    completed_at = serializers.DateTimeField(source="finished_at", allow_null=True, help_text="When sending finished")
    state = serializers.ChoiceField(State.choices, help_text="As status, but tells pending_approval and holding apart.")
    paused = serializers.BooleanField()
    pause_reason = serializers.CharField(help_text="`user`, or why Broadsheet paused it by itself.")
    tags: Field = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    audience = AudiencePartSerializer(many=True, help_text="Everybody of the parts, less those of excluded parts.")
    frequency_cap_hours = serializers.IntegerField(
        allow_null=True, help_text="Leaves out people who got another campaign within so many hours; null: nobody."
    )
    local_time = serializers.BooleanField(
        help_text="It goes to each person when it is the scheduled time of day where they live."
    )
    expires_after_hours = serializers.IntegerField(
        allow_null=True, help_text="Who was not sent to so long after it was their time is skipped; null: nobody."
    )
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Who was not sent to by then is skipped; null: nobody."
    )
    original_id = serializers.CharField(
        source="original.public_id", allow_null=True, default=None, help_text="The campaign that this one repeats."
    )
    tracks_conversions = serializers.BooleanField(
        help_text="Tracked links tell the pages they lead to by whom they were reached."
    )
    analytics_domains = serializers.CharField(
        help_text="Hosts whose tracked links get utm parameters, one a line; `*`: all; empty: none."
    )
    is_public = serializers.BooleanField(help_text="Anybody may read it in the archive, once it is sent.")
    archive_url = serializers.SerializerMethodField(help_text="Its page in the archive; null while it has none.")
    stats = StatsSerializer(required=False, help_text="With include=stats.")
    allowed_actions = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="What you can do with it now; not in lists."
    )
    delivery_error = serializers.CharField(
        required=False,
        help_text="Why messages wait, such as a relay that is down; else empty. Not in lists.",
    )
    next_try_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="When they are tried again. Not in lists."
    )
    revision = serializers.CharField(
        required=False, help_text="Of what is to be approved: send it with approve, to approve what you have seen."
    )

    class Meta:
        model = Campaign
        fields: ClassVar = [
            "id",
            "name",
            "organization_id",
            "edition_id",
            "segment_id",
            "channel",
            "created",
            "modified",
            "email_message_id",
            "sms_body",
            "status",
            "scheduled_at",
            "total_recipients",
            "sent_count",
            "failed_count",
            "user_count",
            "error_message",
            "started_at",
            "completed_at",
            "state",
            "paused",
            "pause_reason",
            "tags",
            "audience",
            "recurrence",
            "frequency_cap_hours",
            "local_time",
            "expires_after_hours",
            "expires_at",
            "original_id",
            "tracks_conversions",
            "analytics_domains",
            "is_public",
            "archive_url",
            "stats",
            "allowed_actions",
            "delivery_error",
            "next_try_at",
            "revision",
        ]

    def get_segment_id(self, campaign: Campaign) -> str | None:
        parts = campaign.audience.all()
        plain = (part.segment for part in parts if part.segment and not part.mailing_list_id and not part.excluded)
        return next((segment.public_id for segment in plain), None)

    @extend_schema_field({"type": "string", "enum": list(vocabulary.LABELS)})
    def get_status(self, campaign: Campaign) -> str:
        return vocabulary.status(campaign)

    def get_scheduled_at(self, campaign: Campaign) -> datetime | None:
        if campaign.scheduled_at is None:
            return None
        return campaign.scheduled_at.astimezone(zone_of(campaign.edition, campaign.organization))

    @extend_schema_field(RecurrenceShownSerializer(allow_null=True))
    def get_recurrence(self, campaign: Campaign) -> dict[str, Any] | None:
        return recurrences.shown(campaign, str(zone_of(campaign.edition, campaign.organization)))

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_archive_url(self, campaign: Campaign) -> str | None:
        return archive.url_of(campaign)

    def get_error_message(self, campaign: Campaign) -> str:
        return vocabulary.error_message(campaign)


class CampaignUpdateSerializer(serializers.Serializer[Campaign]):
    """What may be changed. `organization_id` and `edition_id` stay what they were when the campaign was made.

    An edition nobody has or that is another organization's is refused all the same, like any id that means nothing.
    """

    name = HeaderField(max_length=255, required=False)
    edition_id: Field = PublicIdRelatedField(
        source="edition",
        queryset=Edition.objects.all(),
        allow_null=True,
        required=False,
        help_text="Checked, and otherwise passed over: a campaign stays in its edition.",
    )
    segment_id: Field = PublicIdRelatedField(
        source="segment",
        queryset=Segment.objects.all(),
        allow_null=True,
        required=False,
        help_text="Replaces the segment in the audience, whatever else is in it.",
    )
    channel = serializers.ChoiceField(Channel.choices, required=False)
    email_message_id: Field = PublicIdRelatedField(
        source="email", queryset=Email.objects.all(), allow_null=True, required=False
    )
    sms_body = serializers.CharField(max_length=1600, allow_blank=True, allow_null=True, required=False)
    scheduled_at = LocalDateTimeField(
        allow_null=True, required=False, help_text="Without an offset, in the edition's time zone."
    )
    tags = serializers.ListField(child=serializers.CharField(max_length=100), max_length=100, required=False)
    audience = AudiencePartSerializer(
        many=True, required=False, help_text="Replaces the whole audience; segment_id is added to it."
    )
    frequency_cap_hours = serializers.IntegerField(
        min_value=1,
        max_value=LONGEST_CAP_HOURS,
        allow_null=True,
        required=False,
        help_text="Leaves out people who got another campaign of the organization on the channel within so many hours."
        " Left out, a new campaign takes the organization's.",
    )
    local_time = serializers.BooleanField(
        required=False, help_text="Send it to each person when it is the scheduled time of day where they live."
    )
    expires_after_hours = serializers.IntegerField(
        min_value=1,
        max_value=LONGEST_LIFE_HOURS,
        allow_null=True,
        required=False,
        help_text="Skip who was not sent to so long after it was their time.",
    )
    expires_at = LocalDateTimeField(
        allow_null=True,
        required=False,
        help_text="Skip who was not sent to by then. Without an offset, as scheduled_at.",
    )
    tracks_conversions = serializers.BooleanField(
        required=False, help_text="May be changed at any time; holds for what is sent from then on."
    )
    analytics_domains = serializers.CharField(
        required=False,
        allow_blank=True,
        validators=[require_hosts],
        help_text="Host names, one a line or with commas between, each with everything below it; `*` is all links. May "
        "be changed at any time; holds for what is sent from then on.",
    )
    is_public = serializers.BooleanField(
        required=False, help_text="Show it in the archive, once it is sent; may be changed at any time."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        organization, edition = self._home(attrs)
        named = {"edition": "edition_id", "segment": "segment_id", "email": "email_message_id"}
        of_organization(attrs, organization, named)
        for part in attrs.get("audience", ()):
            of_organization(part, organization, {"segment": "audience", "mailing_list": "audience"})
        _require_same_edition(attrs.get("segment"), edition)
        self._require_fitting_email(attrs)
        zone = zone_of(edition, organization)
        if attrs.get("expires_at"):
            attrs["expires_at"] = localised(attrs["expires_at"], zone, "expires_at")
        if attrs.get("scheduled_at"):
            attrs["scheduled_at"] = localised(attrs["scheduled_at"], zone, "scheduled_at")
            attrs["schedule_tz"] = str(zone)
            self._require_future(attrs["scheduled_at"])
        return attrs

    def changes(self) -> dict[str, Any]:
        """As `drafts.edit` and `drafts.create` take them."""
        changes = dict(self.validated_data)
        if self.instance is not None:
            changes.pop("edition", None)  # a campaign stays in the edition it was made in
        if "sms_body" in changes:
            changes["sms_body"] = changes["sms_body"] or ""
        segment, given = changes.pop("segment", None), changes.pop("audience", None)
        if "segment" in self.validated_data or given is not None:
            changes["audience"] = _audience(self.instance, "segment" in self.validated_data, segment, given)
        return changes

    def _home(self, attrs: dict[str, Any]) -> tuple[Organization, Edition | None]:
        assert isinstance(self.instance, Campaign)  # noqa: S101 - the view passes the campaign
        return self.instance.organization, self.instance.edition

    def _require_fitting_email(self, attrs: dict[str, Any]) -> None:
        channel = attrs.get("channel", getattr(self.instance, "channel", None))
        current = getattr(self.instance, "email_public_id", None)
        email = attrs.get("email")
        problem = ""
        if channel == Channel.SMS and (email or ("email" not in attrs and current)):
            problem = "An SMS campaign has no email message; send null."
        elif email and (email.kind not in SENDABLE_KINDS or email.scope not in SENDABLE_SCOPES):
            problem = "A campaign sends messages of type campaign or other, not those of the platform."
        if problem:
            raise serializers.ValidationError({"email_message_id": [problem]})

    def _require_future(self, moment: datetime) -> None:
        """A draft may keep any time, since it counts only when it is scheduled."""
        if self.instance and self.instance.state == State.SCHEDULED and moment != self.instance.scheduled_at:
            require_future(moment)


class CampaignCreateSerializer(CampaignUpdateSerializer):
    organization_id: Field = PublicIdRelatedField(
        source="organization", queryset=Organization.objects.all(), permission=Permission.CREATE
    )
    edition_id: Field = PublicIdRelatedField(source="edition", queryset=Edition.objects.all(), allow_null=True)
    segment_id: Field = PublicIdRelatedField(
        source="segment", queryset=Segment.objects.all(), allow_null=True, help_text="May be null while draft."
    )
    name = HeaderField(max_length=255)
    channel = serializers.ChoiceField(Channel.choices)

    def _home(self, attrs: dict[str, Any]) -> tuple[Organization, Edition | None]:
        return attrs["organization"], attrs["edition"]


class ScheduleSerializer(serializers.Serializer[Campaign]):
    scheduled_at = LocalDateTimeField(
        required=False, help_text="When to send; may be left out where the campaign has a time already."
    )
    recurrence = RecurrenceSerializer(
        required=False, help_text="Instead of one time: send it again and again, each time to whoever is there then."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "recurrence" in attrs and attrs.get("scheduled_at"):
            raise serializers.ValidationError({"recurrence": ["Send one time or a recurrence, not both."]})
        return attrs

    def schedule(self, campaign: Campaign) -> Schedule:
        """The time to schedule this campaign for, which is in the future, or its recurrence."""
        zone = zone_of(campaign.edition, campaign.organization)
        if given := dict(self.validated_data.get("recurrence", {})):
            tz = given.pop("timezone", str(zone))
            return schedules.recurring(Recurrence.of(given), tz, after=now())
        return schedules.at(self._moment(campaign, zone), str(zone))

    def _moment(self, campaign: Campaign, zone: ZoneInfo) -> datetime:
        given = self.validated_data.get("scheduled_at")
        moment = localised(given, zone, "scheduled_at") if given else campaign.scheduled_at
        if moment is None:
            raise serializers.ValidationError({"scheduled_at": ["This field is required."]})
        require_future(moment)
        return moment


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ApprovalSerializer(ReasonSerializer):
    revision = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


class RejectionSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, help_text="So that the author knows what to change.")


class DuplicationSerializer(serializers.Serializer[Any]):
    name = HeaderField(max_length=255, required=False, allow_blank=True, default="")


def require_future(moment: datetime) -> None:
    if moment <= now():
        raise serializers.ValidationError({"scheduled_at": ["Scheduled time must be in the future."]})


def _require_same_edition(segment: Segment | None, edition: Edition | None) -> None:
    if segment and segment.edition_id and segment.edition_id != (edition and edition.pk):
        raise serializers.ValidationError({"segment_id": ["This segment belongs to another edition."]})


def _audience(
    campaign: Campaign | None, names_segment: bool, segment: Segment | None, given: list[dict[str, Any]] | None
) -> list[Part]:
    """The parts given, or else the present ones, with this segment in place of the one `segment_id` stands for."""
    if given is not None:
        parts = [Part(**part) for part in given]
    else:
        rows = campaign.audience.all() if campaign else ()
        parts = [Part(mailing_list=row.mailing_list, segment=row.segment, excluded=row.excluded) for row in rows]
        if names_segment:
            parts = [part for part in parts if part.mailing_list or part.excluded or not part.segment]
    return [*([Part(segment=segment)] if segment else []), *parts]
