"""Where nothing may be sent to."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.actors import Surface
from accounts.models import Organization, User
from accounts.scoping import ScopedQuerySet
from audience.models.lists import MailingList


class Suppression(models.Model):
    """Never send here. Without an organization it holds for the whole system; with a list, for that list only."""

    class Kind(models.TextChoices):
        EMAIL = "email", "Email address"
        PHONE = "phone", "Phone number"
        DOMAIN = "domain", "Domain"

    class Reason(models.TextChoices):
        MANUAL = "manual", "Added by a person"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed from everything"
        BOUNCED = "bounced", "Hard bounce"
        COMPLAINED = "complained", "Spam complaint"
        IMPORTED = "imported", "Imported"

    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="suppressions"
    )
    mailing_list = models.ForeignKey(
        MailingList, null=True, blank=True, on_delete=models.CASCADE, related_name="suppressions"
    )
    kind = models.CharField(max_length=8, choices=Kind)
    value = models.CharField(max_length=254, help_text="Lower case address, domain, or E.164 number.")
    reason = models.CharField(max_length=16, choices=Reason, default=Reason.MANUAL)
    source = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            # one constraint a scope, since NULLs are distinct in a unique index
            models.UniqueConstraint(
                fields=["kind", "value"],
                condition=Q(organization__isnull=True),
                name="audience_suppression_once_in_system",
            ),
            models.UniqueConstraint(
                fields=["organization", "kind", "value"],
                condition=Q(organization__isnull=False, mailing_list__isnull=True),
                name="audience_suppression_once_per_organization",
            ),
            models.UniqueConstraint(
                fields=["mailing_list", "kind", "value"],
                condition=Q(mailing_list__isnull=False),
                name="audience_suppression_once_per_list",
            ),
            models.CheckConstraint(
                condition=Q(mailing_list__isnull=True) | Q(organization__isnull=False),
                name="audience_suppression_list_has_organization",
            ),
        ]
        # read by the selection of an audience: is this address, domain or number suppressed in any scope?
        indexes: ClassVar = [models.Index(fields=["value", "kind"], name="audience_suppression_value")]

    def __str__(self) -> str:
        return self.value

    @property
    def scope(self) -> str:
        """`system`, `organization` or `list`, from wide to narrow."""
        if self.organization_id is None:
            return "system"
        return "organization" if self.mailing_list_id is None else "list"


class LiftedSuppression(models.Model):
    """A suppression that was taken away: what it was, who lifted it, when and why. Rows are added and never changed.

    The database holds that (`audience.append_only`). All that can happen to a row is that it forgets whom it was about
    (`audience.lifting.forget`): then `value`, `source` and `why` are empty, and the rest stays.
    """

    # Django would delete these before their organization, which the database refuses; it deletes them itself.
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.DO_NOTHING, related_name="lifted_suppressions"
    )
    mailing_list = models.ForeignKey(
        MailingList, null=True, blank=True, on_delete=models.SET_NULL, related_name="lifted_suppressions"
    )
    list_name = models.CharField(
        max_length=255, blank=True, help_text="What the list was called; empty where it did not hold for one list only."
    )
    kind = models.CharField(max_length=8, choices=Suppression.Kind)
    value = models.CharField(max_length=254, blank=True, help_text="Empty once it is forgotten.")
    reason = models.CharField(max_length=16, choices=Suppression.Reason)
    source = models.CharField(max_length=200, blank=True)
    suppressed_at = models.DateTimeField()
    suppressed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField("lifted", default=now, editable=False)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    surface = models.CharField(max_length=16, choices=Surface)
    why = models.CharField(max_length=500, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        # read by a person's page and export, and when they are erased
        indexes: ClassVar = [models.Index(fields=["value", "kind"], name="audience_lifted_value")]

    def __str__(self) -> str:
        return self.value or f"a forgotten {self.get_kind_display().lower()}"

    @property
    def scope(self) -> str:
        """Where it held: `system`, `organization` or `list`, also when the list is gone."""
        if self.organization_id is None:
            return "system"
        return "list" if self.list_name else "organization"
