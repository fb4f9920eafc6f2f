"""Campaign tags: django-taggit's tag, owned by an organization."""

from typing import ClassVar

from django.db import models
from django.utils.timezone import now
from taggit.models import TagBase

from accounts.models import Organization, User
from accounts.public_ids import PublicIdField
from accounts.scoping import ScopedQuerySet


class Tag(TagBase):
    """A label an organization puts on campaigns; names are unique within the organization."""

    public_id = PublicIdField("tag")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=100, allow_unicode=True)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)

    objects = ScopedQuerySet.as_manager()  # type: ignore[misc, assignment]  # taggit declares a natural-key manager

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="tags_tag_name_per_organization"),
            models.UniqueConstraint(fields=["organization", "slug"], name="tags_tag_slug_per_organization"),
        ]

    def __str__(self) -> str:
        return self.name
