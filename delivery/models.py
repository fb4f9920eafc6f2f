"""Who gets a run of a campaign, in which batch, and what became of each message."""

from datetime import time
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import Edition, Organization
from accounts.scoping import ScopedQuerySet
from audience.models import Subscriber, Subscription
from campaigns.models import CampaignRun, Channel, Variant
from delivery.dispatch_models import AudienceEstimate, Dispatch, SeedCopy, SeedList
from delivery.querysets import BatchQuerySet, RecipientQuerySet
from delivery.quiet import Quiet

__all__ = [
    "AudienceEstimate",
    "Batch",
    "Dispatch",
    "InboxMessage",
    "QuietHours",
    "Recipient",
    "SeedCopy",
    "SeedList",
]


class Batch(models.Model):
    """A handful of a run's recipients, worked on by one worker at a time under a lease.

    `worker` names the claim and its journal (`delivery.journal`): only who holds the claim, or who replays its journal,
    gives the batch back.
    """

    organization_path = "run__campaign__organization"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        CLAIMED = "claimed", "In a worker's hands"
        DONE = "done", "Done"

    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="batches")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    worker = models.CharField(max_length=100, blank=True)
    held = models.BooleanField(
        default=False, db_default=False, help_text="Not for now: these people wait for a split test to be decided."
    )
    claims = models.PositiveIntegerField(default=0, help_text="How many times it was claimed.")
    claimed_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField(null=True, blank=True, help_text="When a task for it was last put in the queue.")
    not_before = models.DateTimeField(
        null=True, blank=True, help_text="When the earliest deferred message is tried again."
    )
    zone = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="A time zone whose clock is its people's; empty where the campaign asks for nobody's.",
    )
    release_at = models.DateTimeField(null=True, blank=True, help_text="When it is its people's time to get it.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Who was not sent to by then is skipped.")
    people = models.PositiveIntegerField(
        default=0, db_default=0, help_text="How many were to be sent to; counted where there is a zone."
    )
    settled = models.PositiveIntegerField(default=0, help_text="Recipients settled since it was last claimed.")
    settled_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(
        default=0, help_text="How many times in a row nothing of it could be sent."
    )
    last_error = models.CharField(max_length=500, blank=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["run_id", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "number"], name="delivery_batch_number_per_run"),
            models.CheckConstraint(
                condition=~Q(state="claimed") | Q(lease_until__isnull=False), name="delivery_batch_claimed_has_lease"
            ),
        ]
        indexes: ClassVar = [
            # read by the sweeper: what a lost task or a killed worker left behind
            models.Index(fields=["state", "lease_until"], condition=~Q(state="done"), name="delivery_batch_open"),
            # read by the sweeper: whose time has come
            models.Index(
                fields=["not_before"], condition=Q(state="waiting", held=False), name="delivery_batch_waiting"
            ),
            # read by the sweeper: whose time is over
            models.Index(
                fields=["expires_at"],
                condition=Q(state="waiting", expires_at__isnull=False),
                name="delivery_batch_expiring",
            ),
        ]

    def __str__(self) -> str:
        return f"batch {self.number} of {self.run}"


class Recipient(models.Model):
    """One person frozen into one run. Nobody is in a run twice."""

    organization_path = "run__campaign__organization"

    class State(models.TextChoices):
        PENDING = "pending", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"
        IN_DOUBT = "in_doubt", "In doubt"

    # Every index and every constraint costs each message one more write or look-up. `run` leads two indexes below.
    # Nobody looks people up by variant or batch alone, and neither is deleted but with its run, which takes the people
    # along: without index and constraint, deleting one does not search the whole table.
    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="recipients", db_index=False)
    # None once the person is erased: the row stays, so that the figures of the run go on adding up.
    subscriber = models.ForeignKey(
        Subscriber, null=True, blank=True, on_delete=models.SET_NULL, related_name="received"
    )
    subscription = models.ForeignKey(Subscription, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # None for whoever waits until a split test is decided, and for good where the campaign is cancelled before.
    variant = models.ForeignKey(
        Variant,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="recipients",
        db_index=False,
        db_constraint=False,
    )
    batch = models.ForeignKey(
        Batch,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        related_name="recipients",
        db_index=False,
        db_constraint=False,
    )
    address = models.CharField(
        max_length=254, blank=True, help_text="Where it goes, as it was when the audience was frozen."
    )
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    skip_reason = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.PositiveIntegerField(default=0, help_text="In which claim of its batch it was last tried.")
    not_before = models.DateTimeField(null=True, blank=True)
    reply_code = models.PositiveSmallIntegerField(null=True, blank=True)
    reply_text = models.CharField(max_length=500, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = RecipientQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "subscriber"], name="delivery_recipient_once_per_run"),
            models.CheckConstraint(
                condition=Q(state="skipped", skip_reason__gt="") | (~Q(state="skipped") & Q(skip_reason="")),
                name="delivery_recipient_skipped_has_reason",
            ),
        ]
        indexes: ClassVar = [
            # read by the worker that holds the batch
            models.Index(fields=["batch", "id"], condition=Q(state="pending"), name="delivery_recipient_pending"),
            # read by "who failed" and retry-failed
            models.Index(fields=["run", "state", "id"], name="delivery_recipient_by_state"),
        ]

    def __str__(self) -> str:
        return self.address


class QuietHours(models.Model):
    """When an organization, or one of its editions, sends no campaign's messages: from `begin` to `end` on the clock of
    whoever would get one. What falls into that time waits until it is over. `end` before `begin` is the next day's."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="quiet_hours")
    edition = models.ForeignKey(Edition, null=True, blank=True, on_delete=models.CASCADE, related_name="quiet_hours")
    channel = models.CharField(max_length=8, choices=Channel, default=Channel.SMS)
    begin = models.TimeField(default=time(21), help_text="From this time of day on nothing is sent.")
    end = models.TimeField(default=time(8), help_text="At this time of day sending goes on.")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "quiet hours"
        ordering: ClassVar = ["organization_id", "edition_id", "channel"]
        constraints: ClassVar = [
            # one constraint a shape, since NULLs are distinct in a unique index
            models.UniqueConstraint(
                fields=["organization", "channel"],
                condition=Q(edition__isnull=True),
                name="delivery_quiet_hours_once",
                violation_error_message="There are quiet hours for this channel already.",
            ),
            models.UniqueConstraint(
                fields=["edition", "channel"],
                name="delivery_quiet_hours_once_per_edition",
                violation_error_message="This edition has quiet hours for this channel already.",
            ),
            models.CheckConstraint(
                condition=~Q(begin=models.F("end")),
                name="delivery_quiet_hours_leave_some_time",
                violation_error_message="Begin and end are the same: nothing would ever be sent.",
            ),
        ]

    def __str__(self) -> str:
        whose = self.edition or self.organization
        return f"no {self.get_channel_display()} of {whose} from {self.begin:%H:%M} to {self.end:%H:%M}"

    def on_the_clock_of(self, zone: str) -> Quiet:
        return Quiet(begin=self.begin, end=self.end, zone=zone)


class InboxMessage(models.Model):
    """A message that stayed on this machine: what the built-in inbox accepted."""

    class Channel(models.TextChoices):
        EMAIL = "email", "Email"
        SMS = "sms", "SMS"

    organization = models.ForeignKey(Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=8, choices=Channel, default=Channel.EMAIL)
    sender = models.CharField(max_length=320, blank=True)
    recipient = models.CharField(max_length=320)
    subject = models.CharField(max_length=998, blank=True)
    message_id = models.CharField(max_length=255, blank=True, db_index=True)
    raw = models.BinaryField()
    received_at = models.DateTimeField(default=now)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.subject or self.channel} to {self.recipient}"
