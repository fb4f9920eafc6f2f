"""Files of people, and files of suppressions, on their way into the database."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import Organization, User
from accounts.public_ids import PublicIdField
from accounts.scoping import ScopedQuerySet
from audience.models.lists import MailingList
from audience.models.suppressions import Suppression


class FileImport(models.Model):
    """What every import of a file has: the file, how far it is, what became of its rows, and when."""

    file = models.FileField(upload_to="imports/")
    file_name = models.CharField(max_length=255)
    status_reason = models.CharField(max_length=500, blank=True)
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    error_file = models.FileField(upload_to="imports/", blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(
        default=now, editable=False, help_text="Moves with every chunk; tells a crashed import."
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering: ClassVar = ["-pk"]


class Import(FileImport):
    """A file of people on its way into a list. While a workbook is `converting`, `rows_done` counts rows read, and
    `rows_total` is what the workbook says of its length; 0 where it does not."""

    class Status(models.TextChoices):
        CONVERTING = "converting", "Reading the workbook"
        DRAFT = "draft", "Waiting for you"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    class OnConflict(models.TextChoices):
        UPDATE = "update", "Update people who are already on the list"
        SKIP = "skip", "Leave people who are already on the list as they are"
        FILL = "fill", "Only fill in what is missing of people who are already on the list"

    class FileFormat(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel workbook"

    class OptInStatus(models.TextChoices):
        SUBSCRIBED = "subscribed", "They agreed: subscribe them"
        UNCONFIRMED = "unconfirmed", "They still have to confirm: send them the confirmation mail"

    public_id = PublicIdField("imp")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="imports")
    mailing_list = models.ForeignKey(MailingList, on_delete=models.CASCADE, related_name="imports")
    file_format = models.CharField(max_length=8, choices=FileFormat, default=FileFormat.CSV)
    encoding = models.CharField(max_length=32, blank=True)
    delimiter = models.CharField(max_length=1, blank=True)
    has_header = models.BooleanField(default=True, help_text="The first row names the columns.")
    mapping = models.JSONField(
        default=dict, blank=True, help_text="Column number from 0 -> email, phone or a custom field's key."
    )
    asked = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="What waits until the workbook is converted: mapping, has_header, start.",
    )
    country_code = models.CharField(
        max_length=5, blank=True, help_text="Completes phone numbers written without a country, such as +45."
    )
    on_conflict = models.CharField(max_length=8, choices=OnConflict, default=OnConflict.UPDATE)
    opt_in_status = models.CharField(max_length=16, choices=OptInStatus, default=OptInStatus.SUBSCRIBED)
    consent_at = models.DateTimeField(
        null=True, blank=True, help_text="When people agreed, where the file has no column for it."
    )
    consent_ip_address = models.GenericIPAddressField(null=True, blank=True)
    consent_source = models.CharField(max_length=64, blank=True, help_text="Where they agreed, such as fair-2026.")
    consent_wording = models.TextField(blank=True, help_text="What they were shown when they agreed.")
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(
        default=0,
        help_text="Rows whose address stood further up in the file; changed or unchanged.",
    )
    kept_out = models.PositiveIntegerField(
        default=0,
        help_text="Rows of people who unsubscribed, bounced or complained and stay so; changed or unchanged.",
    )

    class Meta(FileImport.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status="completed")
                | Q(rows_total=models.F("added") + models.F("changed") + models.F("unchanged") + models.F("refused")),
                name="audience_import_every_row_counted",
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_name} into {self.mailing_list}"


class SuppressionImport(FileImport):
    """A file of suppressions on its way into one scope: the list's, else the organization's, else the system's.

    Its rows are what stands in the file: a row of the file with two addresses counts twice.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    public_id = PublicIdField("spi")
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="suppression_imports"
    )
    mailing_list = models.ForeignKey(
        MailingList, null=True, blank=True, on_delete=models.CASCADE, related_name="suppression_imports"
    )
    encoding = models.CharField(max_length=32)
    delimiter = models.CharField(max_length=1)
    reason = models.CharField(
        max_length=16,
        choices=Suppression.Reason,
        default=Suppression.Reason.IMPORTED,
        help_text="For rows that do not say their own.",
    )
    source = models.CharField(max_length=200, blank=True, help_text="For rows that do not say their own.")
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    known = models.PositiveIntegerField(default=0, help_text="Suppressed before, or further up in the file.")

    class Meta(FileImport.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status="completed")
                | Q(rows_total=models.F("added") + models.F("known") + models.F("refused")),
                name="audience_suppression_import_every_row_counted",
            )
        ]

    def __str__(self) -> str:
        return self.file_name
