"""What this API remembers for its clients."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now

from accounts.models import User
from accounts.scoping import ScopedQuerySet


class RememberedAnswer(models.Model):
    """The answer to a request that carried an Idempotency-Key, so that asking again does not act again."""

    organization_path = "user__memberships__organization"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path, API key and body.")
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now, db_index=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="management_answer_once_per_key")]

    def __str__(self) -> str:
        return self.key
