"""Who gets a run of a campaign, in which batch, and what became of each message."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import Organization
from accounts.scoping import ScopedQuerySet
from audience.models import Subscriber, Subscription
from campaigns.models import CampaignRun, Variant
from delivery.querysets import BatchQuerySet, RecipientQuerySet


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
        # read by the sweeper: what a lost task or a killed worker left behind
        indexes: ClassVar = [
            models.Index(fields=["state", "lease_until"], condition=~Q(state="done"), name="delivery_batch_open")
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
