"""What is said: emails and the templates they start from."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from accounts.models import Edition, Organization, User
from accounts.public_ids import PublicIdField
from accounts.scoping import ScopedQuerySet
from accounts.texts import validate_one_line


class MergeLanguage(models.TextChoices):
    """How merge fields are written in the subject and the bodies."""

    BROADSHEET = "broadsheet", "Broadsheet ({{ first_name }})"
    OCTETH = "octeth", "Octeth (%Subscriber:EmailAddress%)"
    GREENARROW = "greenarrow", "GreenArrow (%%emailaddress%%)"


class BodyFormat(models.TextChoices):
    """Which bodies a mail is sent with. Left open, that is what is written, and a text made from the HTML."""

    OPEN = "", "HTML, and text as written or made from it"
    HTML = "html", "HTML alone"
    TEXT = "text", "Text alone"
    BOTH = "both", "HTML and text"


class Template(models.Model):
    """A reusable body that new emails start from."""

    public_id = PublicIdField("tpl")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="templates")
    edition = models.ForeignKey(Edition, null=True, blank=True, on_delete=models.SET_NULL, related_name="templates")
    name = models.CharField(max_length=255)
    merge_language = models.CharField(
        max_length=16, choices=MergeLanguage, default=MergeLanguage.BROADSHEET, db_default=MergeLanguage.BROADSHEET
    )
    html = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class Email(models.Model):
    """Subject, sender and bodies of a mail, with merge fields not yet filled in."""

    class Kind(models.TextChoices):
        RECEIPT = "receipt", "Receipt"
        RECEIPT_ONLINE = "receipt_online", "Online receipt"
        REMINDER = "reminder", "Reminder"
        REFUND_CONFIRMATION = "refund_confirmation", "Refund confirmation"
        USER_PORTAL_ACCESS = "user_portal_access", "Portal access"
        CAMPAIGN = "campaign", "Campaign"
        OTHER = "other", "Other"

    class Scope(models.TextChoices):
        PLATFORM = "platform", "Platform"
        TEMPLATE = "template", "Template"
        EDITION = "edition", "Edition"

    public_id = PublicIdField("eml")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="emails")
    edition = models.ForeignKey(Edition, null=True, blank=True, on_delete=models.SET_NULL, related_name="emails")
    title = models.CharField(max_length=255, validators=[validate_one_line], help_text="Only you see this name.")
    kind = models.CharField(max_length=32, choices=Kind, default=Kind.CAMPAIGN)
    scope = models.CharField(max_length=16, choices=Scope, default=Scope.EDITION)
    merge_language = models.CharField(max_length=16, choices=MergeLanguage, default=MergeLanguage.BROADSHEET)
    subject = models.CharField(max_length=998, blank=True, validators=[validate_one_line])
    preheader = models.CharField(
        max_length=500, blank=True, help_text="The grey line that inboxes show after the subject."
    )
    from_name = models.CharField(max_length=200, blank=True, validators=[validate_one_line])
    from_email = models.EmailField(blank=True)
    reply_to = models.EmailField(blank=True)
    html = models.TextField(blank=True)
    text = models.TextField(blank=True, help_text="Left empty, it is made from the HTML.")
    body_format = models.CharField(max_length=8, choices=BodyFormat, default="", db_default="", blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            # The last gate against header injection; forms and the API refuse line breaks with a clear message.
            models.CheckConstraint(
                condition=~Q(subject__contains="\n")
                & ~Q(subject__contains="\r")
                & ~Q(from_name__contains="\n")
                & ~Q(from_name__contains="\r"),
                name="content_email_headers_single_line",
            )
        ]

    def __str__(self) -> str:
        return self.title
