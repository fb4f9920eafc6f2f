"""People and where they may be reached: lists, subscribers, subscriptions, fields, segments, suppressions, imports."""

from typing import Any, ClassVar, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import StrIndex, Substr
from django.utils.timezone import now

from accounts.models import Edition, Organization, User
from accounts.public_ids import PublicIdField
from accounts.scoping import ScopedQuerySet


class MailingListQuerySet(ScopedQuerySet["MailingList"]):
    """Lists; `MailingList.objects` has only those that are kept."""


_ListManager = models.Manager.from_queryset(MailingListQuerySet)


class KeptLists(_ListManager):  # type: ignore[type-arg]  # its parent takes none when it runs
    """Without the lists that are being deleted (`audience.list_removal`)."""

    def get_queryset(self) -> models.QuerySet["MailingList"]:
        return super().get_queryset().filter(deleted_at=None)


class MailingList(models.Model):
    """A list people subscribe to."""

    class OptIn(models.TextChoices):
        SINGLE = "single", "Single opt-in"
        DOUBLE = "double", "Double opt-in"

    public_id = PublicIdField("lst")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="mailing_lists")
    edition = models.ForeignKey(Edition, null=True, blank=True, on_delete=models.SET_NULL, related_name="mailing_lists")
    name = models.CharField(max_length=255, help_text="Shown to subscribers on unsubscribe pages.")
    description = models.TextField(blank=True)
    opt_in = models.CharField(
        max_length=8, choices=OptIn, default=OptIn.SINGLE, help_text="Whether people confirm by a mail we send them."
    )
    confirmation_subject = models.CharField(max_length=200, blank=True, help_text="Empty: a subject of ours.")
    confirmation_text = models.TextField(
        blank=True, help_text="Said in the confirmation mail above its link. Empty: words of ours."
    )
    is_public = models.BooleanField(
        default=False, help_text="Offered to people on the preference page who are not on it yet."
    )
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when it is being deleted and seen nowhere."
    )
    people_when_deleted = models.PositiveIntegerField(default=0, editable=False)

    objects = KeptLists()
    with_deleted = MailingListQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class Subscriber(models.Model):
    """One person of an organization, known by an email address, a phone number, or both."""

    public_id = PublicIdField("sub")
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="subscribers", db_index=False
    )  # led by the constraint
    email = models.CharField(max_length=254, null=True, blank=True, help_text="Lower case, IDNA domain.")  # noqa: DJ001 - NULL keeps the unique constraint apart from people without one
    # kept by the database, so that a suppressed domain is found by equality
    email_domain = models.GeneratedField(
        expression=Substr("email", StrIndex("email", Value("@")) + 1),
        output_field=models.CharField(max_length=254, null=True),
        db_persist=True,
    )
    phone = models.CharField(max_length=16, blank=True, help_text="E.164, such as +4930123456.")
    fields = models.JSONField(default=dict, blank=True, help_text="Values of the organization's custom fields, by key.")
    # no check of its own, which would read a large table for as long as it blocks it
    soft_bounces = models.SmallIntegerField(
        default=0, db_default=0, editable=False, help_text="In a row, since something arrived."
    )
    soft_bounced_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "email"], name="audience_subscriber_email_per_organization"
            ),
            models.UniqueConstraint(
                fields=["organization", "phone"],
                condition=Q(email__isnull=True),
                name="audience_subscriber_phone_per_organization",
            ),
            models.CheckConstraint(
                condition=(Q(email__isnull=False) & ~Q(email="")) | ~Q(phone=""), name="audience_subscriber_reachable"
            ),
        ]
        # read by phone look-ups of SMS receipts and STOP words
        indexes: ClassVar = [
            models.Index(fields=["organization", "phone"], condition=~Q(phone=""), name="audience_subscriber_phone")
        ]

    def __str__(self) -> str:
        return self.email or self.phone


class SubscriptionQuerySet(ScopedQuerySet["Subscription"]):
    def kept(self) -> Self:
        """Without those to lists that are being deleted."""
        return self.filter(mailing_list__deleted_at=None)

    def of(self, organization: Organization) -> Self:
        return super().of(organization).kept()

    def visible_to(self, user: Any) -> Self:
        return super().visible_to(user).kept()


class Subscription(models.Model):
    """A person on a list. Vendors call this row the subscriber."""

    organization_path = "mailing_list__organization"

    class Status(models.TextChoices):
        UNCONFIRMED = "unconfirmed", "Waiting for confirmation"
        SUBSCRIBED = "subscribed", "Subscribed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        BOUNCED = "bounced", "Bounced"
        COMPLAINED = "complained", "Complained"

    mailing_list = models.ForeignKey(
        MailingList, on_delete=models.CASCADE, related_name="subscriptions", db_index=False
    )  # led by the constraint
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="subscriptions")
    status = models.CharField(max_length=16, choices=Status, default=Status.SUBSCRIBED)
    source = models.CharField(
        max_length=64, blank=True, help_text="Where the consent came from: import, api, admin, page."
    )
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    subscribed_at = models.DateTimeField(null=True, blank=True, default=now)
    confirmation_due_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when a confirmation mail waits to be sent."
    )
    confirmation_sent_at = models.DateTimeField(
        null=True, blank=True, help_text="When the mail went out whose link still counts."
    )
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text="When the person followed the link we sent.")
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    unsubscribe_source = models.CharField(
        max_length=64, blank=True, help_text="Where the person said so: page, one-click, api, admin."
    )
    unsubscribe_ip_address = models.GenericIPAddressField(null=True, blank=True)
    fields = models.JSONField(default=dict, blank=True, help_text="Values of this list's custom fields, by key.")
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["mailing_list", "subscriber"], name="audience_subscription_once_per_list"),
            models.CheckConstraint(
                condition=~Q(status="unsubscribed") | Q(unsubscribed_at__isnull=False),
                name="audience_subscription_unsubscribed_at",
            ),
        ]
        indexes: ClassVar = [
            # read by the freeze: the mailable people of a list
            models.Index(fields=["mailing_list", "status", "subscriber"], name="audience_subscription_mailable"),
            # read by the sweep: confirmation mails that wait
            models.Index(
                fields=["confirmation_due_at"],
                condition=Q(confirmation_due_at__isnull=False),
                name="audience_confirmation_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber} on {self.mailing_list}"


class ConsentEvent(models.Model):
    """One thing a person agreed to or took back, or that ended their subscription; rows are added and never changed.

    The database holds that (`audience.append_only`), and deletes the rows with their person.
    """

    class Kind(models.TextChoices):
        REQUESTED = "requested", "Asked for a confirmation"
        CONFIRMED = "confirmed", "Confirmed"
        SUBSCRIBED = "subscribed", "Subscribed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        BOUNCED = "bounced", "Ended by a bounce"
        COMPLAINED = "complained", "Ended by a complaint"

    organization_path = "subscriber__organization"

    # Django would delete these before the person, which the database refuses; it deletes them itself.
    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.DO_NOTHING, related_name="consent_events", db_index=False
    )  # led by the index of a person's page
    mailing_list = models.ForeignKey(
        MailingList, null=True, blank=True, on_delete=models.SET_NULL, related_name="consent_events"
    )
    list_name = models.CharField(max_length=255, help_text="What the list was called; stays when the list goes.")
    kind = models.CharField(max_length=16, choices=Kind)
    at = models.DateTimeField(default=now, help_text="When the person said so.")
    recorded_at = models.DateTimeField(default=now, editable=False)
    source = models.CharField(max_length=64, blank=True, help_text="Where: import, api, admin, page, one-click...")
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    wording = models.TextField(blank=True, help_text="What the person was shown when they agreed.")
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        # read by a person's page
        indexes: ClassVar = [models.Index(fields=["subscriber", "id"], name="audience_consent_of_person")]

    def __str__(self) -> str:
        return f"{self.kind} {self.list_name} at {self.at:%Y-%m-%d %H:%M}"


class Erasure(models.Model):
    """That a person was erased, when and by whom. Nothing in it tells who they were but a hash of what they were known
    by, which keeps them from being brought back (`audience.privacy`)."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="erasures")
    subscriber_public_id = models.CharField(max_length=32)
    email_hash = models.CharField(max_length=64, blank=True)
    phone_hash = models.CharField(max_length=64, blank=True)
    keep_out = models.BooleanField(default=True, help_text="Only they themselves can bring this address back.")
    erased = models.JSONField(default=dict, help_text="How many rows of what.")
    at = models.DateTimeField(default=now, editable=False)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    surface = models.CharField(max_length=16, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        # read by everybody who puts people on lists
        indexes: ClassVar = [
            models.Index(fields=["organization", "email_hash"], name="audience_erasure_email"),
            models.Index(fields=["organization", "phone_hash"], name="audience_erasure_phone"),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_public_id} erased at {self.at:%Y-%m-%d %H:%M}"


class SubscriberTag(models.Model):
    """A word on people of one list, put there by programs and people; not a campaign's tag."""

    organization_path = "mailing_list__organization"

    mailing_list = models.ForeignKey(MailingList, on_delete=models.CASCADE, related_name="subscriber_tags")
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["mailing_list", "name"], name="audience_subscriber_tag_once_per_list")
        ]

    def __str__(self) -> str:
        return self.name


class TaggedSubscription(models.Model):
    """That a subscription carries a subscriber tag of its list."""

    organization_path = "tag__mailing_list__organization"

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="tagged", db_index=False
    )  # led by the constraint
    tag = models.ForeignKey(SubscriberTag, on_delete=models.CASCADE, related_name="tagged")
    created_at = models.DateTimeField(default=now, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["subscription", "tag"], name="audience_tagged_once")]

    def __str__(self) -> str:
        return f"{self.subscription} tagged {self.tag}"


class CustomField(models.Model):
    """A typed field of one list, or (without a list) of every subscriber of the organization."""

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        DATE = "date", "Date"
        BOOLEAN = "boolean", "Yes or no"
        CHOICE = "choice", "One of several"
        TIME = "time", "Time of day"
        MULTI_CHOICE = "multi_choice", "Any of several"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="custom_fields")
    mailing_list = models.ForeignKey(
        MailingList, null=True, blank=True, on_delete=models.CASCADE, related_name="custom_fields"
    )
    key = models.CharField(
        max_length=64,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*\Z", "Use lower-case letters, digits and underscores.")],
        help_text="Used in emails as {{ key }}; lower case, digits and underscores.",
    )
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.TEXT)
    choices = models.JSONField(default=list, blank=True, help_text="Allowed values of a field with one of several.")
    created_at = models.DateTimeField(default=now, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "key"],
                condition=Q(mailing_list__isnull=True),
                name="audience_field_key_per_organization",
            ),
            models.UniqueConstraint(
                fields=["mailing_list", "key"],
                condition=Q(mailing_list__isnull=False),
                name="audience_field_key_per_list",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Segment(models.Model):
    """A saved rule over people: of the lists named, or of the whole organization when none is."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PENDING = "pending", "Pending"
        PROCESSING = "processing", "Processing"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"

    class CommunicationType(models.TextChoices):
        TRANSACTIONAL = "transactional", "Transactional"
        MARKETING = "marketing", "Marketing"

    class CommunicationChannel(models.TextChoices):
        ANY = "any", "Any"
        EMAIL = "email", "Email"
        SMS = "sms", "SMS"
        PASS_PUSH = "pass_push", "Pass push"

    class Language(models.TextChoices):
        TREE = "", "The rule tree"
        CEL = "cel", "A condition"
        OCTETH = "octeth", "RulesJson"
        GREENARROW = "greenarrow", "A GreenArrow definition"

    public_id = PublicIdField("seg")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="segments")
    edition = models.ForeignKey(Edition, null=True, blank=True, on_delete=models.SET_NULL, related_name="segments")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    communication_type = models.CharField(max_length=16, choices=CommunicationType, default=CommunicationType.MARKETING)
    communication_channel = models.CharField(
        max_length=16, choices=CommunicationChannel, default=CommunicationChannel.ANY
    )
    mailing_lists = models.ManyToManyField(MailingList, blank=True, related_name="segments")
    rules = models.JSONField(default=dict, blank=True, help_text="The rule tree; empty selects everybody.")
    written_in = models.CharField(max_length=16, choices=Language, default=Language.TREE, blank=True, editable=False)
    written_as = models.TextField(
        blank=True, editable=False, help_text="The rules in the words of the program that wrote them."
    )
    is_ad_hoc = models.BooleanField(
        default=False, help_text="Made for one campaign by a program; not offered to anybody else."
    )
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    status_reason = models.CharField(max_length=500, blank=True)
    user_count = models.PositiveIntegerField(default=0)
    last_calculated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


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


class Import(models.Model):
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
    file = models.FileField(upload_to="imports/")
    file_name = models.CharField(max_length=255)
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
    status_reason = models.CharField(max_length=500, blank=True)
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(
        default=0,
        help_text="Rows whose address stood further up in the file; changed or unchanged.",
    )
    kept_out = models.PositiveIntegerField(
        default=0,
        help_text="Rows of people who unsubscribed, bounced or complained and stay so; changed or unchanged.",
    )
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
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status="completed")
                | Q(rows_total=models.F("added") + models.F("changed") + models.F("unchanged") + models.F("refused")),
                name="audience_import_every_row_counted",
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_name} into {self.mailing_list}"


class SuppressionImport(models.Model):
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
    file = models.FileField(upload_to="imports/")
    file_name = models.CharField(max_length=255)
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
    status_reason = models.CharField(max_length=500, blank=True)
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0, help_text="Suppressed before, or further up in the file.")
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
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(status="completed")
                | Q(rows_total=models.F("added") + models.F("known") + models.F("refused")),
                name="audience_suppression_import_every_row_counted",
            )
        ]

    def __str__(self) -> str:
        return self.file_name
