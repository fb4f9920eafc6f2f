"""How a campaign's messages go out, apart from what it says and to whom; and the addresses that get every campaign."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.timezone import now

from accounts.models import Organization
from accounts.scoping import ScopedQuerySet
from audience.models import MailingList
from campaigns.models import Campaign, CampaignRun, Variant


class SeedList(models.Model):
    """Addresses that get a copy of each content of a campaign as it begins, to see how it arrives. Counted nowhere."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="seed_lists")
    name = models.CharField(max_length=255)
    addresses = models.JSONField(default=list)
    created_at = models.DateTimeField(default=now, editable=False)
    modified_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint("organization", Lower("name"), name="delivery_seed_list_once_per_organization")
        ]

    def __str__(self) -> str:
        return self.name


class Dispatch(models.Model):
    """The delivery settings of a campaign. Where there is no row, the defaults hold.

    `mailing_list`: the list a program made the campaign in, which it may not address yet. `is_defined`: somebody has
    said how it goes out, if only that the defaults do. `from_name`, `from_email`, `reply_to`: what a program gave, for
    contents that are yet to be written; None for what it did not give. `winner`: how a split test would go that is
    switched off (settings of `splittests.planning`). `speed`: messages an hour, 0 for as many as can be.
    """

    organization_path = "campaign__organization"

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="dispatch")
    mailing_list = models.ForeignKey(
        MailingList, null=True, blank=True, on_delete=models.SET_NULL, related_name="dispatches"
    )
    is_defined = models.BooleanField(default=False)
    is_archived = models.BooleanField(default=False, help_text="Put away by a program; a mark, and nothing more.")
    speed = models.PositiveIntegerField(default=0, help_text="Messages an hour at most; 0 sets no limit.")
    sent_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Until when messages are taken up that the speed allows."
    )
    tracks_opens = models.BooleanField(default=True)
    tracks_clicks = models.BooleanField(default=True)
    from_name = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - None was not given, "" was
    from_email = models.CharField(max_length=254, null=True, blank=True)  # noqa: DJ001
    reply_to = models.CharField(max_length=254, null=True, blank=True)  # noqa: DJ001
    sender_email = models.CharField(max_length=254, null=True, blank=True)  # noqa: DJ001
    winner = models.JSONField(default=dict, blank=True)
    seed_lists = models.ManyToManyField(SeedList, blank=True, related_name="dispatches")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "dispatches"
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"dispatch of {self.campaign}"


class SeedCopy(models.Model):
    """That a seed address was sent one content of a run: written before it goes out, so that nobody sends it twice."""

    organization_path = "run__campaign__organization"

    run = models.ForeignKey(CampaignRun, on_delete=models.CASCADE, related_name="seed_copies")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=254)
    is_accepted = models.BooleanField(default=False)
    answer = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField(default=now)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "seed copies"
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "variant", "address"], name="delivery_seed_copy_once")
        ]

    def __str__(self) -> str:
        return f"{self.variant} to {self.address}"


class AudienceEstimate(models.Model):
    """How many people a campaign would reach, counted in the background and kept for a while.

    `fingerprint` says what was asked (lists, segments with their rules, channel, cap): of anything else it says
    nothing. While `counted_at` is None, somebody is asked to count since `asked_at`.
    """

    organization_path = "campaign__organization"

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="audience_estimate")
    fingerprint = models.CharField(max_length=64)
    asked_at = models.DateTimeField(default=now)
    counted_at = models.DateTimeField(null=True, blank=True)
    mailable = models.PositiveIntegerField(default=0)
    suppressed = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=500, blank=True, help_text="Why it could not be counted.")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"estimate of {self.campaign}"
