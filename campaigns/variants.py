"""The contents of a campaign that has several, dealt by weight: A, B, C..."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from django.db import transaction
from django.db.models import F

from accounts.actors import Actor
from accounts.permissions import Permission, may
from campaigns import lifecycle
from campaigns.errors import Locked, NotAllowed, NotReady
from campaigns.models import EDITABLE, Campaign, Channel, Variant
from content.models import Email

MOST = len(ascii_uppercase)
HEAVIEST = 10_000
ASIDE = 1_000


@dataclass(frozen=True, kw_only=True)
class Content:
    """One content: an email, or a text where the campaign goes by SMS. Shares are as weights are to each other.

    `variant` is the one of the campaign that goes on as this content; without any, whichever has the place does.
    `name`: a letter by the place, unless given.
    """

    email: Email | None = None
    sms_body: str = ""
    weight: int = 1
    name: str = ""
    variant: Variant | None = None


def set_variants(campaign: Campaign, contents: Sequence[Content], *, by: Actor) -> Campaign:
    """T2/T7: exactly these, in this order. An approval is void. Raises NotReady, Locked, NotAllowed."""
    if not may(by.user, Permission.UPDATE, campaign.organization):
        raise NotAllowed(f"You may not update campaigns of {campaign.organization}.")
    if problems := _problems(campaign, contents):
        raise NotReady({"variants": problems})
    with transaction.atomic():
        row = Campaign.objects.select_for_update(of=("self",)).select_related("organization").get(pk=campaign.pk)
        if row.deleted_at or row.state not in EDITABLE:
            raise Locked(f"Contents cannot be changed in state {row.state}; copy the campaign instead.")
        if row.is_started and len(contents) < row.variants.count():
            raise Locked("What has gone out keeps its variants; give one no weight instead.")
        _write(row, contents)
        lifecycle.edited(row, by=by, reason="Changed variants.")
    return row


def _write(campaign: Campaign, contents: Sequence[Content]) -> None:
    """Who keeps the place, or is named, keeps the row, so that what points to a variant goes on doing so."""
    kept = _kept(campaign, contents)
    campaign.variants.exclude(pk__in=[each.pk for each in kept if each]).delete()
    campaign.variants.update(position=F("position") + ASIDE)  # no two may share a place, not even in between
    for position, (content, variant) in enumerate(zip(contents, kept, strict=True)):
        values = {"name": content.name or ascii_uppercase[position], "weight": content.weight, "position": position}
        values |= {"email": content.email, "sms_body": content.sms_body}
        if variant is None:
            Variant.objects.create(campaign=campaign, **values)
        else:
            Variant.objects.filter(pk=variant.pk).update(**values)


def _kept(campaign: Campaign, contents: Sequence[Content]) -> list[Variant | None]:
    """For each content, the row that goes on as it."""
    named = {content.variant.pk for content in contents if content.variant}
    places = {each.position: each for each in campaign.variants.all() if each.pk not in named}
    return [content.variant or places.get(place) for place, content in enumerate(contents)]


def _problems(campaign: Campaign, contents: Sequence[Content]) -> list[str]:
    problems = []
    if not 1 <= len(contents) <= MOST:
        problems.append(f"A campaign has 1 to {MOST} variants, not {len(contents)}.")
    if any(not 0 <= content.weight <= HEAVIEST for content in contents) or not any(each.weight for each in contents):
        problems.append(f"Weights are numbers from 0 to {HEAVIEST:,}, and not all of them 0.")
    emails = [content.email for content in contents if content.email]
    if any(email.organization_id != campaign.organization_id for email in emails):
        problems.append(f"There is no such email in {campaign.organization}.")
    kept = [content.variant.pk for content in contents if content.variant]
    if len(set(kept)) < len(kept) or campaign.variants.filter(pk__in=kept).count() < len(kept):
        problems.append("A content that is to be kept is not this campaign's, or stands there twice.")
    if campaign.channel == Channel.SMS and emails:
        problems.append("A campaign by SMS has texts, no emails.")
    return problems
