"""What this API remembers for its clients."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from accounts.models import Organization, User
from accounts.scoping import ScopedQuerySet


class Echo(models.Model):
    """What clients wrote about a row that nothing else here reads, and that they expect to read again as they wrote it.

    Such as the time zone of a campaign as it was spelled, or the mode of the editor an email was written in. Nothing
    may depend on it; a value that means something belongs to the row itself.
    """

    class Kind(models.TextChoices):
        CAMPAIGN = "campaign", "Campaign"
        EMAIL = "email", "Email"
        LIST = "list", "List"
        FIELD = "field", "Custom field"
        SEGMENT = "segment", "Segment"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=Kind)
    row_id = models.BigIntegerField()
    values = models.JSONField(default=dict)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "row_id"], name="octeth_echo_once_per_row")]

    def __str__(self) -> str:
        return f"{self.kind} {self.row_id}"


class CampaignExport(models.Model):
    """A table of campaigns somebody asked for: which, and which columns. It is written when it is fetched."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    fields = models.JSONField(help_text="Names of columns, in their order.")
    filters = models.JSONField(default=dict, help_text="The parameters that choose the campaigns.")
    rows = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now, db_index=True)

    objects = ScopedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"export {self.pk}"
