"""What came back: raw events, each recipient's engagement, and the counters that reports read."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.scoping import ScopedQuerySet
from campaigns.models import CampaignRun, Variant
from delivery.models import Recipient


class EventKind(models.TextChoices):
    OPENED = "opened", "Opened"
    CLICKED = "clicked", "Clicked"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    VIEWED = "viewed", "Viewed in the browser"
    BOUNCED = "bounced", "Bounced"
    COMPLAINED = "complained", "Complained"


class Event(models.Model):
    """One raw hit, kept as it came."""

    organization_path = "run__campaign__organization"

    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="events")
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=16, choices=EventKind)
    at = models.DateTimeField()
    link_position = models.PositiveSmallIntegerField(
        default=0, help_text="Which link of the mail, from 1; 0 where it is not about a link."
    )
    url = models.TextField(blank=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=500, blank=True)
    data = models.JSONField(default=dict, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        indexes: ClassVar = [models.Index(fields=["recipient", "kind"], name="stats_event_of_recipient")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"


class Engagement(models.Model):
    """What one recipient did: first times and how often. A row appears with the first event."""

    organization_path = "recipient__run__campaign__organization"

    recipient = models.OneToOneField(Recipient, on_delete=models.CASCADE, related_name="engagement")
    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="+")
    opened_at = models.DateTimeField(null=True, blank=True)
    opens = models.PositiveIntegerField(default=0)
    clicked_at = models.DateTimeField(null=True, blank=True)
    clicks = models.PositiveIntegerField(default=0)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    bounced_at = models.DateTimeField(null=True, blank=True)
    complained_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"engagement of {self.recipient}"


class Counter(models.Model):
    """How often something happened in a run: every time (`total`) and by how many recipients (`unique`).

    One row per run, variant, kind, link and hour; a report adds up rows, never events.
    """

    organization_path = "run__campaign__organization"

    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="counters")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=EventKind)
    link_position = models.PositiveSmallIntegerField(
        default=0, help_text="Which link of the mail, from 1; 0 where it is not about a link."
    )
    url = models.TextField(blank=True)
    hour = models.DateTimeField()
    total = models.PositiveIntegerField(default=0)
    unique = models.PositiveIntegerField(default=0)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "variant", "kind", "link_position", "hour"], name="stats_counter_once_per_key"
            ),
            models.CheckConstraint(
                condition=Q(unique__lte=models.F("total")), name="stats_counter_unique_within_total"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.total}"


class SpoolPosition(models.Model):
    """How far ingest has read a spool file; moved in the transaction that stores what was read."""

    file_name = models.CharField(max_length=200, unique=True)
    offset = models.PositiveBigIntegerField(default=0)
    moved_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["file_name"]

    def __str__(self) -> str:
        return f"{self.file_name} at {self.offset}"
