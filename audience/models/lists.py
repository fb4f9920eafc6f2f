"""Lists, and the fields and tags that people of an organization have."""

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import Edition, Organization
from accounts.public_ids import PublicIdField
from accounts.scoping import ScopedQuerySet


class MailingListQuerySet(ScopedQuerySet["MailingList"]):
    """Lists; `MailingList.objects` has only those that are kept."""


_ListManager = models.Manager.from_queryset(MailingListQuerySet)


class KeptLists(_ListManager):  # type: ignore[type-arg]  # its parent takes none when it runs
    """Without the lists that are being deleted (`audience.list_removal`)."""

    def get_queryset(self) -> models.QuerySet["MailingList"]:
        return super().get_queryset().filter(deleted_at=None)


class MailingList(models.Model):
    """A list people subscribe to."""

    class OptIn(models.TextChoices):
        SINGLE = "single", "Single opt-in"
        DOUBLE = "double", "Double opt-in"

    public_id = PublicIdField("lst")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="mailing_lists")
    edition = models.ForeignKey(Edition, null=True, blank=True, on_delete=models.SET_NULL, related_name="mailing_lists")
    name = models.CharField(max_length=255, help_text="Shown to subscribers on unsubscribe pages.")
    description = models.TextField(blank=True)
    opt_in = models.CharField(
        max_length=8, choices=OptIn, default=OptIn.SINGLE, help_text="Whether people confirm by a mail we send them."
    )
    confirmation_subject = models.CharField(max_length=200, blank=True, help_text="Empty: a subject of ours.")
    confirmation_text = models.TextField(
        blank=True, help_text="Said in the confirmation mail above its link. Empty: words of ours."
    )
    is_public = models.BooleanField(
        default=False, help_text="Offered to people on the preference page who are not on it yet."
    )
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when it is being deleted and seen nowhere."
    )
    people_when_deleted = models.PositiveIntegerField(default=0, editable=False)

    objects = KeptLists()
    with_deleted = MailingListQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class CustomField(models.Model):
    """A typed field of one list, or (without a list) of every subscriber of the organization."""

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        DATE = "date", "Date"
        BOOLEAN = "boolean", "Yes or no"
        CHOICE = "choice", "One of several"
        TIME = "time", "Time of day"
        MULTI_CHOICE = "multi_choice", "Any of several"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="custom_fields")
    mailing_list = models.ForeignKey(
        MailingList, null=True, blank=True, on_delete=models.CASCADE, related_name="custom_fields"
    )
    key = models.CharField(
        max_length=64,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*\Z", "Use lower-case letters, digits and underscores.")],
        help_text="Used in emails as {{ key }}; lower case, digits and underscores.",
    )
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.TEXT)
    choices = models.JSONField(default=list, blank=True, help_text="Allowed values of a field with one of several.")
    created_at = models.DateTimeField(default=now, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "key"],
                condition=Q(mailing_list__isnull=True),
                name="audience_field_key_per_organization",
            ),
            models.UniqueConstraint(
                fields=["mailing_list", "key"],
                condition=Q(mailing_list__isnull=False),
                name="audience_field_key_per_list",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SubscriberTag(models.Model):
    """A word on people of one list, put there by programs and people; not a campaign's tag."""

    organization_path = "mailing_list__organization"

    mailing_list = models.ForeignKey(MailingList, on_delete=models.CASCADE, related_name="subscriber_tags")
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["mailing_list", "name"], name="audience_subscriber_tag_once_per_list")
        ]

    def __str__(self) -> str:
        return self.name
