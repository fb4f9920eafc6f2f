"""Who may do what: users, organizations (tenants), editions (brands), memberships and API keys."""

import re
from typing import ClassVar
from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.public_ids import PublicIdField
from accounts.scoping import ScopedQuerySet
from accounts.texts import validate_one_line


def validate_timezone(name: str) -> None:
    """Accept IANA names only; raises ValidationError."""
    if name not in available_timezones():
        raise ValidationError("%(name)s is not an IANA time zone, such as Europe/Berlin.", params={"name": name})


def validate_key(key: str) -> None:
    """Accept what a custom field may be called; raises ValidationError."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", key):
        raise ValidationError("%(key)s is no key of a custom field, such as timezone.", params={"key": key})


class User(AbstractUser):
    """A person who logs in; what they may do hangs on their memberships."""

    organization_path = "memberships__organization"

    email = models.EmailField("email address", blank=True)

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["email"], condition=~Q(email=""), name="accounts_user_one_per_email")
        ]


class Organization(models.Model):
    """A tenant. Everything except users belongs to exactly one organization."""

    organization_path = "pk"

    class Approval(models.TextChoices):
        NEVER = "never", "Nobody's campaigns need approval"
        UNTRUSTED = "untrusted", "Campaigns of members who are not trusted"
        ALWAYS = "always", "Every campaign"

    public_id = PublicIdField("org")
    name = models.CharField(max_length=255)
    slug = models.SlugField(unique=True, validators=[validate_slug])
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    is_active = models.BooleanField(default=True, help_text="An inactive organization can send nothing.")
    approval = models.CharField(
        max_length=16,
        choices=Approval,
        default=Approval.UNTRUSTED,
        help_text="Whose campaigns wait for an approver before they go out.",
    )
    four_eyes = models.BooleanField(
        default=True, help_text="Nobody approves a campaign they submitted themselves, administrators included."
    )
    approval_covers_schedule = models.BooleanField(
        default=True, help_text="Moving an approved campaign to another time asks the approver again."
    )
    frequency_cap_hours = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="New campaigns leave out people who were mailed within this many hours; empty leaves out nobody.",
    )
    timezone_field = models.CharField(
        max_length=64,
        blank=True,
        default="timezone",
        db_default="timezone",
        validators=[validate_key],
        help_text="The custom field that holds people's time zones, such as Europe/Berlin.",
    )
    postal_address = models.CharField(
        max_length=500, blank=True, help_text="Shown in the footer of mails; many countries require it."
    )
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class Edition(models.Model):
    """A brand or publication of an organization, with its own sender and time zone."""

    public_id = PublicIdField("edi")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="editions")
    name = models.CharField(max_length=255)
    slug = models.SlugField(max_length=100)
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    from_name = models.CharField(
        max_length=200, blank=True, validators=[validate_one_line], help_text="Sender name of new emails."
    )
    from_email = models.EmailField(blank=True, help_text="Sender address of new emails.")
    default_country_code = models.CharField(
        max_length=5, default="+44", help_text="Completes phone numbers that are written without a country."
    )
    default_language = models.CharField(max_length=8, default="en")
    start_date = models.DateField(null=True, blank=True)
    end_date = models.DateField(null=True, blank=True)
    is_draft = models.BooleanField(default=False)
    is_archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "slug"], name="accounts_edition_slug_per_organization"),
            models.CheckConstraint(
                condition=Q(end_date__isnull=True)
                | Q(start_date__isnull=True)
                | Q(end_date__gte=models.F("start_date")),
                name="accounts_edition_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do; the table is in `accounts.permissions`."""

    ADMIN = "admin", "Administrator"
    MANAGER = "manager", "Marketer"
    APPROVER = "approver", "Approver"
    VIEWER = "viewer", "Viewer"


class Membership(models.Model):
    """A user's place in an organization."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role, default=Role.MANAGER)
    trusted = models.BooleanField(
        default=False, help_text="Campaigns of a trusted member need no approval, unless every campaign does."
    )
    created_at = models.DateTimeField(default=now, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["organization_id", "user_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "organization"], name="accounts_membership_once_per_organization")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"


class OctethErrors(models.TextChoices):
    """The shapes of `ErrorCode` that the Octeth API knows; `docs/api/octeth.md` shows them."""

    AUTO = "auto", "As the command is spelled"
    CURRENT = "current", "As the current API"
    OLD = "5.6", "As version 5.6"
    SCALAR = "scalar", "Always one number"
    ARRAY = "array", "Always a list"


class ApiKey(models.Model):
    """A program's credential. It acts with the role of its membership; only a hash of it is stored."""

    organization_path = "membership__organization"

    public_id = PublicIdField("key")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100, help_text="What uses this key, for example “shop”.")
    prefix = models.CharField(max_length=12, editable=False, help_text="The first characters, to recognise the key by.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    issued_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
        help_text="Who saw the key, and may act with it.",
    )
    bound_ip = models.GenericIPAddressField(
        "only from", null=True, blank=True, help_text="The only address it works from; empty: any address."
    )
    octeth_errors = models.CharField(
        "errors of the Octeth API",
        max_length=16,
        choices=OctethErrors,
        blank=True,
        db_default="",
        help_text="How an Octeth client with this key is told of errors; empty: as the installation does.",
    )
    created_at = models.DateTimeField(default=now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_used_ip = models.GenericIPAddressField(null=True, editable=False)
    logins = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class CommandSession(models.Model):
    """A program that logged in to the command API with a name and a password; only a hash of its id is stored."""

    organization_path = "membership__organization"

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="command_sessions")
    digest = models.CharField(max_length=64, unique=True)
    is_admin = models.BooleanField(default=False, help_text="May use what takes an administrator.")
    created_at = models.DateTimeField(default=now)
    last_used_at = models.DateTimeField(default=now, db_index=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.membership} since {self.created_at:%Y-%m-%d %H:%M}"
