"""What came back: raw events, each recipient's engagement, and the counters that reports read."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.scoping import ScopedQuerySet
from audience.models import Subscriber
from campaigns.models import CampaignRun, Variant
from delivery.models import Recipient
from tracking.spool import HitKind


class EventKind(models.TextChoices):
    OPENED = HitKind.OPENED, "Opened"
    CLICKED = HitKind.CLICKED, "Clicked"
    UNSUBSCRIBED = HitKind.UNSUBSCRIBED, "Unsubscribed"
    VIEWED = HitKind.VIEWED, "Viewed in the browser"
    BOUNCED = HitKind.BOUNCED, "Bounced"
    COMPLAINED = HitKind.COMPLAINED, "Complained"


# Counted beside the events: an open, or what proves one. Somebody who clicked or looked at the web version without
# loading the pixel has read the mail.
READ = "read"
COUNTED = [*EventKind.choices, (READ, "Opened, or clicked or viewed without an open")]


class Event(models.Model):
    """One raw hit, kept as it came. `subscriber` is the recipient's, None once the person is erased."""

    organization_path = "run__campaign__organization"

    # Ingest has looked the recipient up in the same transaction; a constraint would look once more for every row.
    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="events", db_constraint=False)
    recipient = models.ForeignKey(
        Recipient, on_delete=models.CASCADE, related_name="events", db_constraint=False, db_index=False
    )
    # Rules read millions of events, and by way of the recipients it would take a minute instead of seconds.
    subscriber = models.ForeignKey(
        Subscriber, null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False, db_index=False
    )
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
        indexes: ClassVar = [
            models.Index(fields=["recipient", "kind"], name="stats_event_of_recipient"),
            # read by rules: when somebody did something, and in how many messages
            models.Index(fields=["subscriber", "kind", "at", "recipient", "run"], name="stats_event_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"


class Engagement(models.Model):
    """What one recipient did: first times and how often. A row appears with the first event.

    `opened_at` and `opens` are about the pixel alone; `read_at` is the first open, click or web view. `run` and
    `subscriber` are the recipient's; `subscriber` is None once the person is erased.
    """

    organization_path = "recipient__run__campaign__organization"

    recipient = models.OneToOneField(Recipient, primary_key=True, on_delete=models.CASCADE, related_name="engagement")
    run = models.ForeignKey(  # a run takes its engagements along by way of its recipients
        CampaignRun, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    subscriber = models.ForeignKey(
        Subscriber, null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False, db_index=False
    )
    read_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    opens = models.PositiveIntegerField(default=0)
    clicked_at = models.DateTimeField(null=True, blank=True)
    clicks = models.PositiveIntegerField(default=0)
    viewed_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    bounced_at = models.DateTimeField(null=True, blank=True)
    complained_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        # read by rules: what somebody did with which campaigns
        indexes: ClassVar = [models.Index(fields=["subscriber", "run"], name="stats_engagement_of_person")]

    def __str__(self) -> str:
        return f"engagement of {self.recipient}"


class ClickedLink(models.Model):
    """How often one recipient clicked one link; kept beside the events so that these can be thinned out one day."""

    organization_path = "recipient__run__campaign__organization"

    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="clicked_links", db_index=False)
    link_position = models.PositiveSmallIntegerField(help_text="Which link of the mail, from 1.")
    clicked_at = models.DateTimeField()
    clicks = models.PositiveIntegerField(default=0)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["recipient", "link_position"], name="stats_clicked_link_once_per_recipient")
        ]

    def __str__(self) -> str:
        return f"{self.recipient} clicked link {self.link_position}"


class Counter(models.Model):
    """How often something happened in a run. A report adds up rows, never events.

    One row per run, variant, kind, link and hour (UTC). `total`: every time. `unique`: times that were the
    recipient's first of this kind in the run, so that over all rows it is people. `unique_by_link`: times that were
    the recipient's first on this link; the same as `unique` where it is not about links.
    """

    organization_path = "run__campaign__organization"

    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="counters")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=COUNTED)
    link_position = models.PositiveSmallIntegerField(
        default=0, help_text="Which link of the mail, from 1; 0 where it is not about a link."
    )
    url = models.TextField(blank=True)
    hour = models.DateTimeField()
    total = models.PositiveIntegerField(default=0)
    unique = models.PositiveIntegerField(default=0)
    unique_by_link = models.PositiveIntegerField(default=0)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "variant", "kind", "link_position", "hour"], name="stats_counter_once_per_key"
            ),
            models.CheckConstraint(
                condition=Q(unique__lte=models.F("unique_by_link")) & Q(unique_by_link__lte=models.F("total")),
                name="stats_counter_unique_within_total",
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


class StrayHit(models.Model):
    """A line of the spool that could not be counted, kept as it was read."""

    class Reason(models.TextChoices):
        UNKNOWN = "unknown", "Its recipient is not in its run, or no longer there"
        DAMAGED = "damaged", "The line is not what was written"
        REFUSED = "refused", "The database does not take it"

    reason = models.CharField(max_length=8, choices=Reason)
    file_name = models.CharField(max_length=200)
    offset = models.PositiveBigIntegerField()
    line = models.TextField()
    found_at = models.DateTimeField(default=now)

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.reason}: {self.file_name} at {self.offset}"
