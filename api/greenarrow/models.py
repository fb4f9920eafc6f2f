"""What clients of this API keep here that nobody else has a use for, as they wrote it."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from accounts.models import Organization
from accounts.scoping import ScopedQuerySet
from audience.models import CustomField, MailingList, Segment


class CampaignTemplate(models.Model):
    """What new campaigns start from. `contents` and `dispatch` are kept as they were sent, and read when they are used;
    `dispatch` is None where there are no delivery settings."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    mailing_list = models.ForeignKey(MailingList, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    contents = models.JSONField(default=list)
    segment = models.ForeignKey(Segment, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    ad_hoc = models.JSONField(null=True, blank=True, help_text="A segment definition instead of a segment.")
    dispatch = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return self.name


class ListSettings(models.Model):
    """What new campaigns of a list take where nothing else is said (`d_...`), and what its subscribers have."""

    organization_path = "mailing_list__organization"

    mailing_list = models.OneToOneField(MailingList, on_delete=models.CASCADE, related_name="+")
    values = models.JSONField(default=dict, help_text="By the API's own names.")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name_plural = "list settings"

    def __str__(self) -> str:
        return f"settings of {self.mailing_list}"


class FieldSettings(models.Model):
    """What a program said of a custom field that means something to programs alone, by the API's own names."""

    organization_path = "field__organization"

    field = models.OneToOneField(CustomField, on_delete=models.CASCADE, related_name="greenarrow_settings")
    values = models.JSONField(default=dict)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name_plural = "field settings"

    def __str__(self) -> str:
        return f"settings of {self.field}"


class SuppressionListName(models.Model):
    """What suppressions are called here: those of the organization (without a list), or those for one of its lists."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    mailing_list = models.ForeignKey(MailingList, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(mailing_list__isnull=True),
                name="greenarrow_suppression_list_of_organization",
            ),
            models.UniqueConstraint(fields=["mailing_list"], name="greenarrow_suppression_list_of_list"),
            models.UniqueConstraint(fields=["organization", "name"], name="greenarrow_suppression_list_name"),
        ]

    def __str__(self) -> str:
        return self.name
