"""People chosen by rules."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from accounts.models import Edition, Organization
from accounts.public_ids import PublicIdField
from accounts.scoping import ScopedQuerySet
from audience.models.lists import MailingList


class Segment(models.Model):
    """A saved rule over people: of the lists named, or of the whole organization when none is."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PENDING = "pending", "Pending"
        PROCESSING = "processing", "Processing"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"

    class CommunicationType(models.TextChoices):
        TRANSACTIONAL = "transactional", "Transactional"
        MARKETING = "marketing", "Marketing"

    class CommunicationChannel(models.TextChoices):
        ANY = "any", "Any"
        EMAIL = "email", "Email"
        SMS = "sms", "SMS"
        PASS_PUSH = "pass_push", "Pass push"

    class Language(models.TextChoices):
        TREE = "", "The rule tree"
        CEL = "cel", "A condition"
        OCTETH = "octeth", "RulesJson"
        GREENARROW = "greenarrow", "A GreenArrow definition"

    public_id = PublicIdField("seg")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="segments")
    edition = models.ForeignKey(Edition, null=True, blank=True, on_delete=models.SET_NULL, related_name="segments")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    communication_type = models.CharField(max_length=16, choices=CommunicationType, default=CommunicationType.MARKETING)
    communication_channel = models.CharField(
        max_length=16, choices=CommunicationChannel, default=CommunicationChannel.ANY
    )
    mailing_lists = models.ManyToManyField(MailingList, blank=True, related_name="segments")
    rules = models.JSONField(default=dict, blank=True, help_text="The rule tree; empty selects everybody.")
    written_in = models.CharField(max_length=16, choices=Language, default=Language.TREE, blank=True, editable=False)
    written_as = models.TextField(
        blank=True, editable=False, help_text="The rules in the words of the program that wrote them."
    )
    is_ad_hoc = models.BooleanField(
        default=False, help_text="Made for one campaign by a program; not offered to anybody else."
    )
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    status_reason = models.CharField(max_length=500, blank=True)
    user_count = models.PositiveIntegerField(default=0)
    last_calculated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]

    def __str__(self) -> str:
        return self.name
