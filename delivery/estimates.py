"""Counting whom a campaign would reach, in the background, for programs that ask again until it is counted."""

import hashlib
import json
import logging
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.timezone import now

from campaigns import approval
from campaigns.models import Campaign
from delivery import audiences
from delivery.models import AudienceEstimate

logger = logging.getLogger(__name__)

KEPT = timedelta(hours=8)
# After so long the one who was asked to count is taken for lost.
LOST = timedelta(minutes=15)


def wanted(campaign: Campaign, *, anew: bool = False) -> AudienceEstimate | None:
    """What was counted within the last eight hours of the audience as it is now; None while that is being counted.

    Who asks first has it counted; of several who ask at once, one does. `anew` forgets what was counted.
    """
    asked = fingerprint(campaign)
    with transaction.atomic():
        row = _locked(campaign, asked)
        if not anew and row.fingerprint == asked and _is_of_use(row):
            return row if row.counted_at else None
        row.fingerprint, row.asked_at, row.counted_at, row.problem = asked, now(), None, ""
        row.save()
        transaction.on_commit(partial(_queue, campaign.pk))
    return None


def count(campaign_id: int) -> None:
    """Count it, unless that is done; what is asked meanwhile of another audience is counted on its own."""
    campaign = Campaign.objects.select_related("organization").filter(pk=campaign_id).first()
    row = AudienceEstimate.objects.filter(campaign=campaign_id, counted_at=None).first()
    if campaign is None or row is None:
        return
    found: dict[str, Any] = {"problem": ""}
    try:
        counted = audiences.estimate(audiences.of(campaign))
        found |= {"mailable": counted.mailable, "suppressed": counted.skipped.get("suppressed", 0)}
    except Exception as error:
        logger.exception("The audience of %s could not be counted.", campaign.public_id)
        found["problem"] = str(error)[:500]
    mine = AudienceEstimate.objects.filter(pk=row.pk, fingerprint=fingerprint(campaign), counted_at=None)
    mine.update(**found, counted_at=now())


def fingerprint(campaign: Campaign) -> str:
    """The same as long as the same people are meant: lists, segments with their rules, channel and cap."""
    looked_at = approval.looked_at(campaign)
    asked = [looked_at["channel"], looked_at["audience"], campaign.frequency_cap_hours]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _locked(campaign: Campaign, asked: str) -> AudienceEstimate:
    rows = AudienceEstimate.objects.select_for_update()
    row = rows.filter(campaign=campaign).first()
    if row is None:
        try:
            with transaction.atomic():
                # of an age at which nobody counts any more, so that whoever made it has it counted
                return AudienceEstimate.objects.create(campaign=campaign, fingerprint=asked, asked_at=now() - LOST)
        except IntegrityError:
            row = rows.get(campaign=campaign)
    return row


def _is_of_use(row: AudienceEstimate) -> bool:
    if row.counted_at is not None:
        return not row.problem and now() - row.counted_at < KEPT
    return now() - row.asked_at < LOST


def _queue(campaign_id: int) -> None:
    from delivery.tasks import estimate_audience  # the task calls this module

    estimate_audience.delay(campaign_id)
