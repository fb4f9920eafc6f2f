"""What came in and could not be counted."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now


class StrayMail(models.Model):
    """A mail, receipt or webhook that came back and changed no figure; kept for a while, to be looked at.

    It belongs to no organization: whose it is is what is not known.
    """

    class Reason(models.TextChoices):
        UNMATCHED = "unmatched", "Nobody knows whose message it was"
        AUTOMATIC = "automatic", "An automatic reply"
        DELAYED = "delayed", "Only a delay, so far"
        NO_REPORT = "no_report", "Not a report about a message"

    # Who reads a mail before it is deleted may read it twice.
    key = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=16, choices=Reason)
    source = models.CharField(max_length=32, help_text="How it came: pipe, mailbox, or the name of a service.")
    kind = models.CharField(max_length=16, blank=True, help_text="What it reports: bounced, complained, delivered.")
    address = models.CharField(max_length=254, blank=True, help_text="Of whom it reports that, as it says itself.")
    sender = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=500, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    raw = models.BinaryField(help_text="Its beginning, as it came.")
    received_at = models.DateTimeField(default=now, db_index=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = "unmatched report"

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: {self.subject or self.address or self.source}"
