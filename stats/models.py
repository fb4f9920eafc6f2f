"""What came back: raw events, each recipient's engagement, and the counters that reports read."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
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
    DELIVERED = HitKind.DELIVERED, "Delivered"
    BOUNCED = HitKind.BOUNCED, "Bounced"
    COMPLAINED = HitKind.COMPLAINED, "Complained"
    FORWARDED = HitKind.FORWARDED, "Forwarded"
    CONVERTED = HitKind.CONVERTED, "Converted"
    PROBED = HitKind.PROBED, "Followed the hidden link"


class CountedKind(models.TextChoices):
    """What is counted beside the events, each derived from them (`stats.tally`)."""

    # Somebody who clicked or looked at the web version without loading the pixel has read the mail.
    READ = "read", "Opened, or clicked or viewed without an open"
    PRIVACY_OPENED = "privacy_opened", "Opened by a privacy proxy"
    PRIVACY_OPENED_OTHERWISE = "privacy_opened_otherwise", "Opened without the proxy, by those who use one"
    BOUNCED_HARD = "bounced_hard", "Bounced for good"
    BOUNCED_SOFT = "bounced_soft", "Bounced for now"
    BOUNCED_OTHER = "bounced_other", "Bounced for another reason"
    BOUNCED_LOCAL = "bounced_local", "Bounced before the other side had accepted"
    BOUNCED_REMOTE = "bounced_remote", "Bounced after the other side had accepted"
    BOUNCE_ENDED = "bounce_ended", "Subscriptions ended by a bounce"
    COMPLAINT_ENDED = "complaint_ended", "Subscriptions ended by a complaint"
    UNSUBSCRIBE_ENDED = "unsubscribe_ended", "Subscriptions ended by unsubscribing"


READ = CountedKind.READ.value
COUNTED = [*EventKind.choices, *CountedKind.choices]


class Agent(models.TextChoices):
    """Who made a hit. A privacy proxy loads what somebody got, whether they look at it or not; a bot is a security
    scanner or another program."""

    HUMAN = "human", "A person"
    PROXY = "proxy", "A privacy proxy"
    BOT = "bot", "A scanner or bot"


class BounceType(models.TextChoices):
    HARD = "hard", "Hard"
    SOFT = "soft", "Soft"
    OTHER = "other", "Other"


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
    agent = models.CharField(max_length=8, choices=Agent, default=Agent.HUMAN)
    agent_reason = models.CharField(max_length=32, blank=True, help_text="Which rule said so.")
    rules_version = models.PositiveSmallIntegerField(
        default=0, help_text="The rules that told people from programs; 0 for hits from before there were any."
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        indexes: ClassVar = [
            models.Index(fields=["recipient", "kind"], name="stats_event_of_recipient"),
            # read by rules: when somebody did something, and in how many messages
            models.Index(
                fields=["subscriber", "kind", "at", "recipient", "run", "agent"],
                name="stats_event_by_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"


class Engagement(models.Model):
    """What one recipient did: first times and how often. A row appears with the first event.

    `opened_at` and `opens` are about the pixel alone; `read_at` is the first open, click or web view. These, `clicks`
    and `viewed_at` hold every hit, whoever made it; those that begin with `human` hold what people did, those that
    begin with `privacy` what privacy proxies opened. `run` and `subscriber` are the recipient's; `subscriber` is None
    once the person is erased.
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
    last_clicked_at = models.DateTimeField(null=True, blank=True)
    viewed_at = models.DateTimeField(null=True, blank=True)
    human_read_at = models.DateTimeField(null=True, blank=True)
    human_opened_at = models.DateTimeField(null=True, blank=True)
    human_opens = models.PositiveIntegerField(default=0)
    human_clicked_at = models.DateTimeField(null=True, blank=True)
    human_clicks = models.PositiveIntegerField(default=0)
    human_viewed_at = models.DateTimeField(null=True, blank=True)
    privacy_opened_at = models.DateTimeField(null=True, blank=True)
    privacy_opens = models.PositiveIntegerField(default=0)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True, help_text="When a receipt said that it has arrived.")
    bounced_at = models.DateTimeField(null=True, blank=True)
    bounce_type = models.CharField(max_length=8, choices=BounceType, blank=True, help_text="Of the first bounce.")
    complained_at = models.DateTimeField(null=True, blank=True)
    forwarded_at = models.DateTimeField(null=True, blank=True)
    forwards = models.PositiveIntegerField(default=0)
    converted_at = models.DateTimeField(null=True, blank=True)
    conversions = models.PositiveIntegerField(default=0)
    revenue_cents = models.BigIntegerField(default=0, help_text="In hundredths of the organization's currency.")
    probed_at = models.DateTimeField(null=True, blank=True, help_text="When the hidden link was followed.")

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
    human_clicked_at = models.DateTimeField(null=True, blank=True)
    human_clicks = models.PositiveIntegerField(default=0)

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

    One row per run, variant, kind, link and hour. An hour begins with an hour of the edition's or organization's
    clock, so that hours make up its days, also in zones half an hour apart. `total`: every time. `unique`: times that
    were the recipient's first of this kind in the run, so that over all rows it is people. `unique_by_link`: times
    that were the recipient's first on this link; the same as `unique` where it is not about links. Those that begin
    with `human` count the hits of people in the same way.
    """

    organization_path = "run__campaign__organization"

    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="counters")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=32, choices=COUNTED)
    link_position = models.PositiveSmallIntegerField(
        default=0, help_text="Which link of the mail, from 1; 0 where it is not about a link."
    )
    url = models.TextField(blank=True)
    hour = models.DateTimeField()
    total = models.PositiveIntegerField(default=0)
    unique = models.PositiveIntegerField(default=0)
    unique_by_link = models.PositiveIntegerField(default=0)
    human_total = models.PositiveIntegerField(default=0)
    human_unique = models.PositiveIntegerField(default=0)
    human_unique_by_link = models.PositiveIntegerField(default=0)
    revenue_cents = models.BigIntegerField(default=0, help_text="In hundredths of the organization's currency.")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "variant", "kind", "link_position", "hour"], name="stats_counter_once_per_key"
            ),
            models.CheckConstraint(
                condition=Q(unique__lte=F("unique_by_link")) & Q(unique_by_link__lte=F("total")),
                name="stats_counter_unique_within_total",
            ),
            # A bot's open at nine and a person's click at ten: the click proves that the person has read it, and the
            # message was opened already. So over all hours people are within the total, and not in each hour.
            models.CheckConstraint(
                condition=Q(human_unique__lte=F("human_unique_by_link"))
                & Q(human_unique_by_link__lte=F("human_total"))
                & (Q(kind=READ) | Q(human_total__lte=F("total"))),
                name="stats_counter_human_within_total",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.total}"


class Breakdown(models.Model):
    """How often something happened in a run, by whose mail it was or what it was looked at with.

    Counted as in `Counter`, over all hours and links. `value`: a domain, the name of a program, a kind of device, the
    code of a bounce; "" where it is not known.
    """

    organization_path = "run__campaign__organization"

    class Dimension(models.TextChoices):
        DOMAIN = "domain", "Recipient domain"
        CLIENT = "client", "Program"
        DEVICE = "device", "Device"
        BOUNCE = "bounce", "Bounce code"

    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="breakdowns", db_index=False)
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    dimension = models.CharField(max_length=8, choices=Dimension)
    value = models.CharField(max_length=253, blank=True)
    kind = models.CharField(max_length=32, choices=COUNTED)
    total = models.PositiveIntegerField(default=0)
    unique = models.PositiveIntegerField(default=0)
    human_total = models.PositiveIntegerField(default=0)
    human_unique = models.PositiveIntegerField(default=0)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "dimension", "value", "kind", "variant"], name="stats_breakdown_once_per_key"
            ),
            models.CheckConstraint(
                condition=Q(unique__lte=F("total"))
                & Q(human_unique__lte=F("human_total"))
                & (Q(kind=READ) | Q(human_total__lte=F("total"))),
                name="stats_breakdown_within_total",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.value or 'unknown'}: {self.total}"


class Outcome(models.Model):
    """How many recipients of a run stand where, by variant and domain: their messages' states, counted now and then.

    Counted anew as a whole (`stats.outcomes`); `OutcomeCount` says when.
    """

    organization_path = "run__campaign__organization"

    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="outcomes", db_index=False)
    # None for people who wait until a split test is decided
    variant = models.ForeignKey(Variant, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    domain = models.CharField(max_length=253, blank=True)
    state = models.CharField(max_length=8, choices=Recipient.State)
    skip_reason = models.CharField(max_length=32, blank=True)
    people = models.PositiveIntegerField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["run", "variant", "domain", "state", "skip_reason"], name="stats_outcome_once_per_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.people} {self.state} at {self.domain or 'no domain'}"


class OutcomeCount(models.Model):
    """When a run's outcomes were last counted, and what the run's own columns said just before: where they say the same
    now, the outcomes are of today."""

    organization_path = "run__campaign__organization"

    run = models.OneToOneField(CampaignRun, primary_key=True, on_delete=models.CASCADE, related_name="outcome_count")
    counted_at = models.DateTimeField()
    planned = models.PositiveIntegerField()
    sent = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    skipped = models.PositiveIntegerField()
    in_doubt = models.PositiveIntegerField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"outcomes of {self.run} at {self.counted_at:%Y-%m-%d %H:%M}"


class SeenHit(models.Model):
    """A hit that its sender may report again: the mail that was read before it could be deleted, the webhook that is
    repeated. What has the same key is counted once."""

    key = models.CharField(primary_key=True, max_length=64)
    seen_at = models.DateTimeField(default=now, db_index=True)

    class Meta:
        ordering: ClassVar = ["key"]

    def __str__(self) -> str:
        return self.key


class Refusal(models.Model):
    """How many tracking links were refused on one day (UTC), and why: forged, cut, or signed with a forgotten key."""

    day = models.DateField()
    reason = models.CharField(max_length=64)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-day", "reason"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["day", "reason"], name="stats_refusal_once_per_day")]

    def __str__(self) -> str:
        return f"{self.count} on {self.day}: {self.reason}"


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
