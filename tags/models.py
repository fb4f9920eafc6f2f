"""Campaign tags: django-taggit's tag, owned by an organization."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.timezone import now
from taggit.models import TagBase

from accounts.models import Organization, User
from accounts.public_ids import PublicIdField
from accounts.scoping import ScopedQuerySet


def folded(name: str) -> str:
    """What two names have in common when they are the same tag."""
    return " ".join(name.split()).lower()


class Tag(TagBase):
    """A label an organization puts on campaigns; its name is unique there, whatever the case of its letters."""

    public_id = PublicIdField("tag")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=100)
    folded = models.CharField(max_length=100, editable=False, help_text="The name as names are compared.")
    slug = models.SlugField(max_length=100, allow_unicode=True, editable=False)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)

    objects = ScopedQuerySet.as_manager()  # type: ignore[misc, assignment]  # taggit declares a natural-key manager

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "folded"], name="tags_tag_name_per_organization"),
            models.UniqueConstraint(fields=["organization", "slug"], name="tags_tag_slug_per_organization"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        same = Tag.objects.filter(organization_id=self.organization_id, folded=folded(self.name)).exclude(pk=self.pk)
        if same.exists():
            raise ValidationError({"name": f"There is a tag called {self.name} already; merge the two instead."})

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.folded = folded(self.name)  # set here, since django-taggit makes tags too
        super().save(*args, **kwargs)  # type: ignore[no-untyped-call]
