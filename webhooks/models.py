"""Endpoints that want to know what happens, and what they are told: an outbox that is its own log."""

from collections.abc import Collection
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import Edition, Organization
from accounts.public_ids import PublicIdField
from accounts.scoping import ScopedQuerySet
from accounts.texts import validate_one_line
from audience.models import Subscriber

LONGEST_URL = 2000
LONGEST_EXCERPT = 500
LONGEST_TIMEOUT = 30


class Happening(models.TextChoices):
    """What an endpoint can ask for; the values are `type` in what it is sent."""

    CAMPAIGN_SCHEDULED = "campaign.scheduled", "A campaign was scheduled"
    CAMPAIGN_STARTED = "campaign.started", "A campaign was started"
    CAMPAIGN_SENT = "campaign.sent", "A campaign was sent"
    CAMPAIGN_FAILED = "campaign.failed", "A campaign failed"
    CAMPAIGN_CANCELLED = "campaign.cancelled", "A campaign was cancelled"
    CHOICE_NEEDED = "campaign.choice_needed", "A split test waits for a choice"
    VARIANT_CHOSEN = "campaign.variant_chosen", "A split test was decided"
    MESSAGE_DELIVERED = "message.delivered", "A message was delivered"
    MESSAGE_BOUNCED = "message.bounced", "A message bounced"
    MESSAGE_OPENED = "message.opened", "A message was opened"
    MESSAGE_CLICKED = "message.clicked", "A link was clicked"
    MESSAGE_UNSUBSCRIBED = "message.unsubscribed", "Somebody unsubscribed"
    MESSAGE_COMPLAINED = "message.complained", "Somebody reported a message as spam"


class Form(models.TextChoices):
    """In whose words an endpoint is told; those of vendors are made by their APIs (`payloads.FORMS`)."""

    OWN = "", "Broadsheet"
    GREENARROW = "greenarrow", "GreenArrow, one object"
    GREENARROW_ARRAY = "greenarrow_array", "GreenArrow, an array with one object"


TEST = "webhook.test"  # what the button sends; nobody asks for it
TYPES = [*Happening.choices, (TEST, "A test")]


class EndpointQuerySet(ScopedQuerySet["Endpoint"]):
    def listening(self) -> "EndpointQuerySet":
        """Those that are told of what happens now."""
        return self.filter(is_active=True, organization__is_active=True)


class Endpoint(models.Model):
    """An address of another program that is told, by HTTP POST, what happens in an organization.

    `failing_since`: when its tries began to fail; None after one that worked. `switched_off_at`: when Broadsheet
    switched it off, with the reason; None where a person did, or nobody.
    """

    public_id = PublicIdField("whk")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="webhook_endpoints")
    edition = models.ForeignKey(
        Edition,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="webhook_endpoints",
        help_text="Only what happens to campaigns of this edition; empty for all of them.",
    )
    name = models.CharField(max_length=255, validators=[validate_one_line])
    url = models.CharField("URL", max_length=LONGEST_URL, help_text="Where it is posted to, such as https://…")
    events = models.JSONField(default=list, help_text="What it wants to be told.")
    is_active = models.BooleanField("active", default=True)
    timeout_seconds = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_TIMEOUT)],
        help_text="An answer that takes longer counts as none.",
    )
    form = models.CharField(
        max_length=24, choices=Form, blank=True, default="", db_default="", help_text="In whose words it is told."
    )
    sealed_secret = models.TextField(editable=False)
    sealed_old_secret = models.TextField(blank=True, editable=False, help_text="Signs too, until it expires.")
    old_secret_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    switched_off_at = models.DateTimeField(null=True, blank=True, editable=False)
    switched_off_reason = models.CharField(max_length=300, blank=True, editable=False)
    told_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When administrators were told that it was switched off."
    )
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        verbose_name = "webhook"
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(timeout_seconds__gte=1, timeout_seconds__lte=LONGEST_TIMEOUT),
                name="webhooks_endpoint_timeout_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(is_active=False) | Q(switched_off_at__isnull=True),
                name="webhooks_endpoint_switched_off_is_not_active",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def wants(self, happening: str, edition_id: int | None) -> bool:
        return happening in self.events and self.edition_id in (None, edition_id)

    def wants_any(self, happenings: Collection[str]) -> bool:
        return not set(self.events).isdisjoint(happenings)


class DeliveryQuerySet(ScopedQuerySet["Delivery"]):
    def due(self, at: object) -> "DeliveryQuerySet":
        """Those that wait and whose time has come, of endpoints that are told now."""
        listening = Q(endpoint__is_active=True, endpoint__organization__is_active=True)
        return self.filter(listening, state=Delivery.State.WAITING, next_try_at__lte=at)


class Delivery(models.Model):
    """One thing one endpoint is told: written in the transaction of what happened, and kept as the log of its tries.

    `body` is what is posted, byte for byte at every try; `public_id` is in it and is the `webhook-id`. While it
    waits, `next_try_at` is when it is due; a sender that takes it moves that to when it is given up for lost.
    `tries` counts those begun. `history`: {"at", "status", "error", "ms"} of each that ended, oldest first.
    """

    organization_path = "endpoint__organization"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    public_id = PublicIdField("msg")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    # Whom it is about: erased with them. Written by the thousand, so that a constraint would look up each.
    subscriber = models.ForeignKey(
        Subscriber,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    event = models.CharField(max_length=32, choices=TYPES)
    body = models.TextField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True, default=now)
    history = models.JSONField(default=list, blank=True)
    answer_status = models.PositiveSmallIntegerField(null=True, blank=True)
    answer_text = models.CharField(max_length=LONGEST_EXCERPT, blank=True, help_text="How the last answer began.")
    error = models.CharField(max_length=300, blank=True, help_text="Why the last try failed.")
    created_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="waiting", next_try_at__isnull=False, finished_at__isnull=True)
                | (~Q(state="waiting") & Q(next_try_at__isnull=True, finished_at__isnull=False)),
                name="webhooks_delivery_waits_or_is_finished",
            ),
        ]
        indexes: ClassVar = [
            # read by the sender
            models.Index(
                fields=["endpoint", "next_try_at"], condition=Q(state="waiting"), name="webhooks_delivery_due"
            ),
            # read by the log of an endpoint
            models.Index(fields=["endpoint", "-id"], name="webhooks_delivery_log"),
            # read by a replay of what failed, and by the log where it shows only that
            models.Index(fields=["endpoint", "id"], condition=Q(state="failed"), name="webhooks_delivery_failed"),
            models.Index(
                fields=["subscriber"], condition=Q(subscriber__isnull=False), name="webhooks_delivery_of_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.public_id}"
