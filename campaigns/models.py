"""The thing sent: campaigns, what they say (variants), whom they address, their runs and their history."""

from typing import ClassVar

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from taggit.managers import TaggableManager
from taggit.models import ItemBase

from accounts.actors import Surface
from accounts.models import ApiKey, Edition, Organization, User
from accounts.public_ids import PublicIdField
from accounts.texts import validate_one_line
from audience.models import MailingList, Segment
from campaigns.calendar_feeds import CalendarFeed
from campaigns.querysets import CampaignQuerySet, ScopedQuerySet
from campaigns.recurring import CampaignRecurrence
from content.analytics import require_hosts
from content.models import Email
from tags.models import Tag

__all__ = ["CalendarFeed", "CampaignRecurrence"]  # models of this room that have modules of their own

REASON_LENGTH = 500
LONGEST_CAP_HOURS = LONGEST_LIFE_HOURS = 24 * 366


class Channel(models.TextChoices):
    EMAIL = "email", "Email"
    SMS = "sms", "SMS"


class State(models.TextChoices):
    """Where a campaign is in its life; `paused` stands beside it. Only `campaigns.lifecycle` writes either."""

    DRAFT = "draft", "Draft"
    PENDING_APPROVAL = "pending_approval", "Pending approval"
    SCHEDULED = "scheduled", "Scheduled"
    CALCULATING = "calculating", "Calculating audience"
    SENDING = "sending", "Sending"
    HOLDING = "holding", "Waiting for the split test"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


RUNNING = (State.CALCULATING, State.SENDING, State.HOLDING)
TERMINAL = (State.SENT, State.FAILED, State.CANCELLED)
EDITABLE = (State.DRAFT, State.PENDING_APPROVAL, State.SCHEDULED)
UNFINISHED = (State.DRAFT, State.PENDING_APPROVAL, State.SCHEDULED, *RUNNING)


class ScheduleType(models.TextChoices):
    NONE = "none", "Not scheduled"
    IMMEDIATE = "immediate", "As soon as possible"
    FUTURE = "future", "At a time"
    RECURSIVE = "recursive", "Recurring"


class CampaignTag(ItemBase):
    """A tag on a campaign."""

    organization_path = "content_object__organization"

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="campaign_tags")
    content_object = models.ForeignKey("Campaign", on_delete=models.CASCADE, related_name="campaign_tags")

    objects = ScopedQuerySet.as_manager()  # type: ignore[misc, assignment]  # taggit declares a natural-key manager

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tag", "content_object"], name="campaigns_tag_once_per_campaign")
        ]


class Campaign(models.Model):
    """A message to an audience, with its life from draft to sent."""

    public_id = PublicIdField("cmp")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="campaigns")
    edition = models.ForeignKey(Edition, null=True, blank=True, on_delete=models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=255, validators=[validate_one_line])
    channel = models.CharField(max_length=8, choices=Channel, default=Channel.EMAIL)

    state = models.CharField(max_length=24, choices=State, default=State.DRAFT, editable=False)
    paused = models.BooleanField(default=False, editable=False)
    pause_reason = models.CharField(max_length=REASON_LENGTH, blank=True, editable=False)
    ready = models.BooleanField(
        default=False, editable=False, help_text="A draft its author calls complete but has not scheduled."
    )
    status_reason = models.CharField(max_length=REASON_LENGTH, blank=True, editable=False)
    schedule_type = models.CharField(max_length=16, choices=ScheduleType, default=ScheduleType.NONE, editable=False)
    scheduled_at = models.DateTimeField(null=True, blank=True, editable=False)
    schedule_tz = models.CharField(max_length=64, blank=True, editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    submitted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    submitted_at = models.DateTimeField(null=True, blank=True, editable=False)
    approved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    approved_revision = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="Hash of the content, audience and schedule that were approved.",
    )

    user_count = models.PositiveIntegerField(
        default=0, editable=False, help_text="People in the audience when sending began."
    )
    total_recipients = models.PositiveIntegerField(
        default=0, editable=False, help_text="People a message is attempted to."
    )

    frequency_cap_hours = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Leave out people whom the organization mailed within this many hours; empty leaves out nobody.",
    )
    local_time = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Goes to each person when it is the scheduled time of day where they live.",
    )
    expires_after_hours = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Skip who was not sent to this long after it was their time; empty: nobody."
    )
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Skip who was not sent to by then; empty: nobody."
    )
    tracks_conversions = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Tracked links tell the page they lead to who came, so that a conversion can be reported.",
    )
    analytics_domains = models.TextField(
        blank=True,
        default="",
        db_default="",
        validators=[require_hosts],
        help_text="Hosts whose tracked links get parameters for web analytics, one a line; * is all, empty is none.",
    )
    is_public = models.BooleanField(
        "in the archive",
        default=False,
        db_default=False,
        help_text="Once it is sent, anybody may read it in the archive, without anything personal.",
    )

    tags = TaggableManager(through=CampaignTag, blank=True)  # type: ignore[no-untyped-call]
    original = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children", editable=False
    )
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=list(State)), name="campaigns_campaign_state_is_known"),
            models.CheckConstraint(
                condition=~Q(paused=True) | Q(state__in=UNFINISHED), name="campaigns_campaign_paused_only_unfinished"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[*RUNNING, State.SENT]) | Q(started_at__isnull=False),
                name="campaigns_campaign_running_has_started",
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=False, started_at__isnull=False, state__in=TERMINAL)
                | (Q(finished_at__isnull=True) & (Q(started_at__isnull=True) | ~Q(state__in=TERMINAL))),
                name="campaigns_campaign_finished_iff_terminal_after_start",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.SCHEDULED) | ~Q(schedule_type=ScheduleType.NONE),
                name="campaigns_campaign_scheduled_has_schedule",
            ),
            models.CheckConstraint(
                condition=~Q(schedule_type=ScheduleType.FUTURE) | Q(scheduled_at__isnull=False),
                name="campaigns_campaign_future_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(ready=True) | Q(state=State.DRAFT), name="campaigns_campaign_ready_is_a_draft"
            ),
        ]
        indexes: ClassVar = [
            # read by the clock: what is due
            models.Index(
                fields=["scheduled_at"], condition=Q(state="scheduled", paused=False), name="campaigns_campaign_due"
            ),
            # read by the list pages and list APIs
            models.Index(fields=["organization", "-created_at", "-id"], name="campaigns_campaign_recent"),
            # read by the clock: instances that would begin while the one before is still being sent
            models.Index(
                fields=["scheduled_at"],
                condition=Q(schedule_type="recursive", state__in=RUNNING),
                name="campaigns_campaign_overtaken",
            ),
            # read by the archive, newest first, page by page
            models.Index(
                fields=["organization", "-finished_at", "-id"],
                condition=Q(is_public=True, state="sent", channel="email", deleted_at__isnull=True),
                name="campaigns_campaign_archived",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_started(self) -> bool:
        return self.started_at is not None

    @property
    def is_fixed(self) -> bool:
        """Whether it is being sent or was, and not between two instances: then what it says stays as it is."""
        return self.is_started and self.state not in EDITABLE


class Variant(models.Model):
    """One content of a campaign with its weight. A plain campaign has exactly one."""

    organization_path = "campaign__organization"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="variants")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=100, default="A")
    weight = models.PositiveIntegerField(default=100)
    email = models.ForeignKey(Email, null=True, blank=True, on_delete=models.PROTECT, related_name="variants")
    sms_body = models.TextField(max_length=1600, blank=True, validators=[MaxLengthValidator(1600)])

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["campaign_id", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "position"], name="campaigns_variant_position_per_campaign")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.campaign}"


class CampaignAudience(models.Model):
    """One part of a campaign's audience: a list, a segment, or a segment within a list; included or excluded."""

    organization_path = "campaign__organization"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="audience")
    mailing_list = models.ForeignKey(MailingList, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    segment = models.ForeignKey(
        Segment, null=True, blank=True, on_delete=models.PROTECT, related_name="campaign_audiences"
    )
    excluded = models.BooleanField(default=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            # one constraint a shape, since NULLs are distinct in a unique index
            models.UniqueConstraint(
                fields=["campaign", "mailing_list"],
                condition=Q(segment__isnull=True),
                name="campaigns_audience_list_once",
            ),
            models.UniqueConstraint(
                fields=["campaign", "segment"],
                condition=Q(mailing_list__isnull=True),
                name="campaigns_audience_segment_once",
            ),
            models.UniqueConstraint(
                fields=["campaign", "mailing_list", "segment"],
                condition=Q(mailing_list__isnull=False, segment__isnull=False),
                name="campaigns_audience_segment_in_list_once",
            ),
            models.CheckConstraint(
                condition=Q(mailing_list__isnull=False) | Q(segment__isnull=False),
                name="campaigns_audience_names_somebody",
            ),
        ]

    def __str__(self) -> str:
        named = " in ".join(str(part) for part in (self.segment, self.mailing_list) if part)
        return f"without {named}" if self.excluded else named


class CampaignRevision(models.Model):
    """What approvers are shown of a campaign, kept at each submission and approval to compare with later."""

    organization_path = "campaign__organization"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="revisions")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what was looked at.")
    looked_at = models.JSONField(help_text="Content, audience and schedule, as `approval.looked_at` gives them.")
    shown_at = models.DateTimeField(default=now, help_text="When it was last submitted or approved like this.")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["campaign_id", "shown_at", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "digest"], name="campaigns_revision_once_per_campaign")
        ]

    def __str__(self) -> str:
        return f"{self.campaign} as of {self.shown_at:%Y-%m-%d %H:%M}"


class CampaignRun(models.Model):
    """One go at the audience: a plain campaign has one, a recurring campaign one per instance.

    `planned = sent + failed + skipped + in_doubt + pending` holds at every commit; the columns are changed only
    together with the recipients they count.
    """

    organization_path = "campaign__organization"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField(default=1)
    slot_at = models.DateTimeField(
        null=True, blank=True, help_text="The occurrence of a recurring campaign it was started for."
    )
    started_at = models.DateTimeField(default=now)
    frozen_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    planned = models.PositiveIntegerField(default=0)
    sent = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    in_doubt = models.PositiveIntegerField(default=0)
    excluded = models.PositiveIntegerField(
        default=0, help_text="People kept out by an excluded list or segment; not part of planned."
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["campaign_id", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "number"], name="campaigns_run_number_per_campaign"),
            # of two clocks that tick at once, one starts it
            models.UniqueConstraint(fields=["campaign", "slot_at"], name="campaigns_run_once_per_slot"),
            models.CheckConstraint(
                condition=Q(
                    planned__gte=models.F("sent") + models.F("failed") + models.F("skipped") + models.F("in_doubt")
                ),
                name="campaigns_run_reconciles",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} #{self.number}"

    @property
    def pending(self) -> int:
        """People planned and not yet settled."""
        return self.planned - self.sent - self.failed - self.skipped - self.in_doubt


class ContentSnapshot(models.Model):
    """What one variant said when a run began: later edits of the email change nothing that was sent or approved."""

    organization_path = "run__campaign__organization"

    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="contents")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="snapshots")
    merge_language = models.CharField(max_length=16)
    subject = models.CharField(max_length=998, blank=True)
    preheader = models.CharField(max_length=500, blank=True)
    from_name = models.CharField(max_length=200, blank=True)
    from_email = models.CharField(max_length=254, blank=True)
    reply_to = models.CharField(max_length=254, blank=True)
    html = models.TextField(blank=True)
    text = models.TextField(blank=True)
    body_format = models.CharField(max_length=8, blank=True, default="", db_default="")
    sms_body = models.TextField(blank=True)
    known_fields = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="Number, key and name of the custom fields it uses, where its language calls them by those.",
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["run_id", "variant_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "variant"], name="campaigns_snapshot_once_per_variant")
        ]

    def __str__(self) -> str:
        return f"{self.variant} in run {self.run_id}"


class CampaignEvent(models.Model):
    """A line of a campaign's history: who did what, through which door, and why. Never changed."""

    organization_path = "campaign__organization"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="events")
    verb = models.CharField(max_length=32)
    from_state = models.CharField(max_length=24, blank=True)
    to_state = models.CharField(max_length=24)
    paused = models.BooleanField(default=False, help_text="Whether the campaign was paused afterwards.")
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    api_key = models.ForeignKey(ApiKey, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    surface = models.CharField(max_length=16, choices=Surface)
    reason = models.CharField(max_length=REASON_LENGTH, blank=True)
    data = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=now)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.verb} {self.campaign}"
