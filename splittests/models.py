"""A campaign's contents tried on a share of its audience: the test as it is planned, and what became of it in a run."""

from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import User
from accounts.scoping import ScopedQuerySet
from accounts.texts import validate_one_line
from campaigns.models import Campaign, CampaignRun, Variant
from splittests.decisions import Metric as Compared
from splittests.decisions import Terms
from splittests.decisions import Verdict as Found

LONGEST_WAIT_DAYS = 365


class SplitTest(models.Model):
    """How a campaign's variants are tried: on which share, how long, by what, and when a lead counts."""

    organization_path = "campaign__organization"

    class Metric(models.TextChoices):
        OPENED = Compared.OPENED, "Unique opens"
        OPENS = Compared.OPENS, "Opens in all"
        CLICKED = Compared.CLICKED, "Unique clicks"
        CLICKS = Compared.CLICKS, "Clicks in all"
        CLICK_TO_OPEN = Compared.CLICK_TO_OPEN, "Click to open rate"
        UNSUBSCRIBED = Compared.UNSUBSCRIBED, "Fewest unsubscribes"
        CONVERTED = Compared.CONVERTED, "Unique conversions"
        REVENUE = Compared.REVENUE, "Revenue"

    class Unit(models.TextChoices):
        MINUTES = "minutes", "Minutes"
        HOURS = "hours", "Hours"
        DAYS = "days", "Days"

    class WhenUnclear(models.TextChoices):
        LEADER = "leader", "Send the one ahead"
        FIRST = "first", "Send the first"
        ASK = "ask", "Ask somebody"

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="split_test")
    share_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(20),
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(Decimal(100))],
        help_text="Of the audience, to whom the variants are sent first.",
    )
    wait = models.PositiveSmallIntegerField(default=4, validators=[MinValueValidator(1)])
    wait_unit = models.CharField(max_length=8, choices=Unit, default=Unit.HOURS)
    metric = models.CharField(max_length=24, choices=Metric, default=Metric.CLICKED)
    least_people = models.PositiveIntegerField(
        default=Terms.least_people, help_text="Each variant has to be delivered to so many people to be compared."
    )
    least_difference = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default=Decimal(str(Terms.least_difference)),
        validators=[MinValueValidator(Decimal(0))],
        help_text="How far the first has to be ahead, as a fraction of the second's rate.",
    )
    certainty = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default=Decimal(str(Terms.certainty)),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))],
        help_text="How likely the first has to be the best.",
    )
    when_unclear = models.CharField(max_length=8, choices=WhenUnclear, default=WhenUnclear.LEADER)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(share_percent__gt=0, share_percent__lte=100), name="splittests_test_share_is_one"
            ),
            models.CheckConstraint(condition=Q(wait__gt=0), name="splittests_test_waits"),
            models.CheckConstraint(
                condition=Q(least_difference__gte=0, certainty__gte=0, certainty__lte=1),
                name="splittests_test_terms_can_be_met",
            ),
        ]

    def __str__(self) -> str:
        return f"split test of {self.campaign}"

    @property
    def waiting_time(self) -> timedelta:
        return timedelta(**{self.wait_unit: self.wait})

    @property
    def wait_in_words(self) -> str:
        return f"{self.wait} {self.wait_unit if self.wait != 1 else str(self.wait_unit).removesuffix('s')}"

    @property
    def terms(self) -> Terms:
        return Terms(
            least_people=self.least_people,
            least_difference=float(self.least_difference),
            certainty=float(self.certainty),
        )


class SplitTestRun(models.Model):
    """What became of the test in one run: when its sample was out, when it is decided, what was measured and chosen.

    A row appears when the sample is out. `snapshot` is all that the decision was made from, so that it can be replayed.
    `looks` is how the race went until then: see `splittests.looks`.
    """

    organization_path = "run__campaign__organization"

    class Verdict(models.TextChoices):
        WON = Found.WON, "Won"
        UNCLEAR = Found.UNCLEAR, "No clear difference"
        TOO_FEW = Found.TOO_FEW, "Too few people"

    class Told(models.TextChoices):
        ASKED = "asked", "That somebody has to choose"
        DECIDED = "decided", "What was chosen"

    run = models.OneToOneField(CampaignRun, on_delete=models.CASCADE, related_name="split_test")
    sampled_at = models.DateTimeField()
    due_at = models.DateTimeField()
    measured_at = models.DateTimeField(null=True, blank=True)
    snapshot = models.JSONField(default=dict, blank=True)
    verdict = models.CharField(max_length=8, choices=Verdict, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    chosen = models.ForeignKey(Variant, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    chosen_at = models.DateTimeField(null=True, blank=True)
    chosen_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    looks = models.JSONField(default=list, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    told = models.CharField(
        max_length=8,
        choices=Told,
        blank=True,
        default="",
        db_default="",
        help_text="What people were last written.",
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(chosen__isnull=True, chosen_at__isnull=True)
                | Q(chosen__isnull=False, chosen_at__isnull=False),
                name="splittests_run_chosen_has_time",
            )
        ]
        # read by the clock: what is to be decided
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(chosen__isnull=True), name="splittests_run_undecided")
        ]

    def __str__(self) -> str:
        return f"split test of {self.run}"


class AutoResend(models.Model):
    """That a campaign goes once more, under another subject, to who has not opened it; and the campaign that does so.

    One row a campaign and one child a row: whoever tries to make a second child finds the first.
    """

    organization_path = "campaign__organization"

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="auto_resend")
    enabled = models.BooleanField(default=False)
    wait_days = models.PositiveSmallIntegerField(
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_WAIT_DAYS)],
        help_text="Days of 24 hours after the last message was sent.",
    )
    subject = models.CharField(max_length=998, blank=True, validators=[validate_one_line])
    preheader = models.CharField(
        max_length=500, blank=True, validators=[validate_one_line], help_text="Empty: that of the campaign."
    )
    set_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False)
    set_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When these settings were made.")
    child = models.OneToOneField(
        Campaign, null=True, blank=True, on_delete=models.SET_NULL, related_name="resend_of", editable=False
    )
    made_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When the child was made.")
    problem = models.CharField(
        max_length=500, blank=True, editable=False, help_text="Why the child did not go out by itself."
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(wait_days__gt=0), name="splittests_resend_waits"),
            models.CheckConstraint(condition=Q(enabled=False) | ~Q(subject=""), name="splittests_resend_has_a_subject"),
            models.CheckConstraint(
                condition=Q(child__isnull=True) | Q(made_at__isnull=False), name="splittests_resend_made_has_time"
            ),
        ]
        # read by the clock: what may have to be sent once more
        indexes: ClassVar = [
            models.Index(
                fields=["campaign"], condition=Q(enabled=True, made_at__isnull=True), name="splittests_resend_to_come"
            )
        ]

    def __str__(self) -> str:
        return f"auto-resend of {self.campaign}"

    @property
    def waiting_time(self) -> timedelta:
        return timedelta(days=self.wait_days)
