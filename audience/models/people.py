"""People, where they may be reached, which lists they are on, and what they consented to."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import StrIndex, Substr
from django.utils.timezone import now

from accounts.models import Organization, User
from accounts.public_ids import PublicIdField
from accounts.scoping import ScopedQuerySet
from audience.models.lists import MailingList, SubscriberTag


class Subscriber(models.Model):
    """One person of an organization, known by an email address, a phone number, or both."""

    public_id = PublicIdField("sub")
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="subscribers", db_index=False
    )  # led by the constraint
    email = models.CharField(max_length=254, null=True, blank=True, help_text="Lower case, IDNA domain.")  # noqa: DJ001 - NULL keeps the unique constraint apart from people without one
    # kept by the database, so that a suppressed domain is found by equality
    email_domain = models.GeneratedField(
        expression=Substr("email", StrIndex("email", Value("@")) + 1),
        output_field=models.CharField(max_length=254, null=True),
        db_persist=True,
    )
    phone = models.CharField(max_length=16, blank=True, help_text="E.164, such as +4930123456.")
    fields = models.JSONField(default=dict, blank=True, help_text="Values of the organization's custom fields, by key.")
    # no check of its own, which would read a large table for as long as it blocks it
    soft_bounces = models.SmallIntegerField(
        default=0, db_default=0, editable=False, help_text="In a row, since something arrived."
    )
    soft_bounced_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "email"], name="audience_subscriber_email_per_organization"
            ),
            models.UniqueConstraint(
                fields=["organization", "phone"],
                condition=Q(email__isnull=True),
                name="audience_subscriber_phone_per_organization",
            ),
            models.CheckConstraint(
                condition=(Q(email__isnull=False) & ~Q(email="")) | ~Q(phone=""), name="audience_subscriber_reachable"
            ),
        ]
        # read by phone look-ups of SMS receipts and STOP words
        indexes: ClassVar = [
            models.Index(fields=["organization", "phone"], condition=~Q(phone=""), name="audience_subscriber_phone")
        ]

    def __str__(self) -> str:
        return self.email or self.phone


class SubscriptionQuerySet(ScopedQuerySet["Subscription"]):
    def kept(self) -> Self:
        """Without those to lists that are being deleted."""
        return self.filter(mailing_list__deleted_at=None)

    def of(self, organization: Organization) -> Self:
        return super().of(organization).kept()

    def visible_to(self, user: Any) -> Self:
        return super().visible_to(user).kept()


class Subscription(models.Model):
    """A person on a list. Vendors call this row the subscriber."""

    organization_path = "mailing_list__organization"

    class Status(models.TextChoices):
        UNCONFIRMED = "unconfirmed", "Waiting for confirmation"
        SUBSCRIBED = "subscribed", "Subscribed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        BOUNCED = "bounced", "Bounced"
        COMPLAINED = "complained", "Complained"

    mailing_list = models.ForeignKey(
        MailingList, on_delete=models.CASCADE, related_name="subscriptions", db_index=False
    )  # led by the constraint
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="subscriptions")
    status = models.CharField(max_length=16, choices=Status, default=Status.SUBSCRIBED)
    source = models.CharField(
        max_length=64, blank=True, help_text="Where the consent came from: import, api, admin, page."
    )
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    subscribed_at = models.DateTimeField(null=True, blank=True, default=now)
    confirmation_due_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when a confirmation mail waits to be sent."
    )
    confirmation_sent_at = models.DateTimeField(
        null=True, blank=True, help_text="When the mail went out whose link still counts."
    )
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text="When the person followed the link we sent.")
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    unsubscribe_source = models.CharField(
        max_length=64, blank=True, help_text="Where the person said so: page, one-click, api, admin."
    )
    unsubscribe_ip_address = models.GenericIPAddressField(null=True, blank=True)
    fields = models.JSONField(default=dict, blank=True, help_text="Values of this list's custom fields, by key.")
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["mailing_list", "subscriber"], name="audience_subscription_once_per_list"),
            models.CheckConstraint(
                condition=~Q(status="unsubscribed") | Q(unsubscribed_at__isnull=False),
                name="audience_subscription_unsubscribed_at",
            ),
        ]
        indexes: ClassVar = [
            # read by the freeze: the mailable people of a list
            models.Index(fields=["mailing_list", "status", "subscriber"], name="audience_subscription_mailable"),
            # read by the sweep: confirmation mails that wait
            models.Index(
                fields=["confirmation_due_at"],
                condition=Q(confirmation_due_at__isnull=False),
                name="audience_confirmation_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber} on {self.mailing_list}"


class TaggedSubscription(models.Model):
    """That a subscription carries a subscriber tag of its list."""

    organization_path = "tag__mailing_list__organization"

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="tagged", db_index=False
    )  # led by the constraint
    tag = models.ForeignKey(SubscriberTag, on_delete=models.CASCADE, related_name="tagged")
    created_at = models.DateTimeField(default=now, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["subscription", "tag"], name="audience_tagged_once")]

    def __str__(self) -> str:
        return f"{self.subscription} tagged {self.tag}"


class ConsentEvent(models.Model):
    """One thing a person agreed to or took back, or that ended their subscription; rows are added and never changed.

    The database holds that (`audience.append_only`), and deletes the rows with their person.
    """

    class Kind(models.TextChoices):
        REQUESTED = "requested", "Asked for a confirmation"
        CONFIRMED = "confirmed", "Confirmed"
        SUBSCRIBED = "subscribed", "Subscribed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        BOUNCED = "bounced", "Ended by a bounce"
        COMPLAINED = "complained", "Ended by a complaint"

    organization_path = "subscriber__organization"

    # Django would delete these before the person, which the database refuses; it deletes them itself.
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.DO_NOTHING, related_name="consent_events", db_index=False
    )  # led by the index of a person's page
    # The subscription that is written in the same transaction holds the list; a constraint here would look for the same
    # list, and the same user, once more for every line of an import.
    mailing_list = models.ForeignKey(
        MailingList,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="consent_events",
        db_constraint=False,
    )
    list_name = models.CharField(max_length=255, help_text="What the list was called; stays when the list goes.")
    kind = models.CharField(max_length=16, choices=Kind)
    at = models.DateTimeField(default=now, help_text="When the person said so.")
    recorded_at = models.DateTimeField(default=now, editable=False)
    source = models.CharField(max_length=64, blank=True, help_text="Where: import, api, admin, page, one-click...")
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    wording = models.TextField(blank=True, help_text="What the person was shown when they agreed.")
    by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        # read by a person's page
        indexes: ClassVar = [models.Index(fields=["subscriber", "id"], name="audience_consent_of_person")]

    def __str__(self) -> str:
        return f"{self.kind} {self.list_name} at {self.at:%Y-%m-%d %H:%M}"


class Erasure(models.Model):
    """That a person was erased, when and by whom. Nothing in it tells who they were but a hash of what they were known
    by, which keeps them from being brought back (`audience.privacy`)."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="erasures")
    subscriber_public_id = models.CharField(max_length=32)
    email_hash = models.CharField(max_length=64, blank=True)
    phone_hash = models.CharField(max_length=64, blank=True)
    keep_out = models.BooleanField(default=True, help_text="Only they themselves can bring this address back.")
    erased = models.JSONField(default=dict, help_text="How many rows of what.")
    at = models.DateTimeField(default=now, editable=False)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    surface = models.CharField(max_length=16, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        # read by everybody who puts people on lists
        indexes: ClassVar = [
            models.Index(fields=["organization", "email_hash"], name="audience_erasure_email"),
            models.Index(fields=["organization", "phone_hash"], name="audience_erasure_phone"),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_public_id} erased at {self.at:%Y-%m-%d %H:%M}"
