"""A run as a whole: when it is complete, what is left of it when it is cancelled, who of it is tried once more."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.timezone import now

from campaigns import lifecycle
from campaigns.errors import InvalidTransition
from campaigns.models import Campaign, CampaignEvent, CampaignRun, State
from delivery import settlement
from delivery.models import Batch, Recipient
from delivery.windows import EXPIRED

# How long a freeze may take to begin before somebody else is asked to do it.
FREEZE_BEGINS_WITHIN = timedelta(seconds=10)


def finish_if_complete(campaign_id: int) -> bool:
    """T13 once everybody is settled; of two workers that finish at once, one does it."""
    campaign = _complete().filter(pk=campaign_id).first()
    if campaign is None or _waits_for_retry(campaign):
        return False
    with suppress(InvalidTransition):  # somebody was quicker, or somebody is in doubt again
        lifecycle.finish(campaign)
    return bool(campaign.state == State.SENT)


def complete_ids() -> list[int]:
    """Campaigns that look complete and are not finished."""
    return list(_complete().values_list("pk", flat=True))


def _complete() -> QuerySet[Campaign]:
    open_batches = Batch.objects.open().filter(run__campaign=OuterRef("pk"))
    unfrozen = CampaignRun.objects.filter(campaign=OuterRef("pk"), frozen_at__isnull=True)
    return Campaign.objects.filter(~Exists(open_batches), ~Exists(unfrozen), state=State.SENDING, paused=False)


def unfrozen_ids(at: datetime) -> list[int]:
    """Campaigns whose audience should be fixed by now."""
    late = CampaignRun.objects.filter(
        frozen_at__isnull=True, campaign__state=State.CALCULATING, started_at__lt=at - FREEZE_BEGINS_WITHIN
    )
    return list(late.values_list("campaign", flat=True))


# --- cancelled -----------------------------------------------------------------------------------------------------


def drop_unsent(campaign_id: int) -> int:
    """Skip whoever a cancelled campaign has not sent to; batches in workers' hands drop theirs when they give back."""
    left = Batch.objects.filter(
        run__campaign=campaign_id, run__campaign__state=State.CANCELLED, state=Batch.State.WAITING
    )
    return sum(settlement.drop(batch, at=now()) for batch in left)


def cancelled_ids() -> list[int]:
    """Cancelled campaigns with somebody left to drop."""
    left = Batch.objects.filter(run__campaign__state=State.CANCELLED, state=Batch.State.WAITING)
    return list(left.values_list("run__campaign", flat=True).distinct())


# --- expired ------------------------------------------------------------------------------------------------------


def expire(at: datetime) -> list[int]:
    """Skip whoever was not sent to in time, where nobody is working on it; the campaigns of those. A pause does not
    stop the clock."""
    over = Batch.objects.filter(state=Batch.State.WAITING, expires_at__lte=at)
    left = over.filter(run__campaign__state__in=[State.SENDING, State.HOLDING]).select_related("run")
    return sorted({batch.run.campaign_id for batch in left if settlement.drop(batch, at=at, reason=EXPIRED)})


# --- tried once more -----------------------------------------------------------------------------------------------


def requeue_failed(campaign_id: int) -> int:
    """Make pending again whoever had failed when the campaign was last told to retry; how many those are.

    What has failed since then stays failed, so asking twice changes nothing.
    """
    campaign = Campaign.objects.filter(pk=campaign_id, state=State.SENDING).first()
    if campaign is None or (asked_at := _retry_asked_at(campaign)) is None:
        return 0
    return sum(_requeue(run, asked_at) for run in campaign.runs.filter(failed__gt=0))


def retried_ids() -> list[int]:
    """Campaigns that were told to retry and have failed recipients: some of them may still have to be requeued."""
    asked = CampaignEvent.objects.filter(campaign=OuterRef("pk"), verb="retry_failed")
    retried = Campaign.objects.filter(Exists(asked), state=State.SENDING, runs__failed__gt=0)
    return list(retried.values_list("pk", flat=True).distinct())


def _waits_for_retry(campaign: Campaign) -> bool:
    asked_at = _retry_asked_at(campaign)
    return asked_at is not None and _failed(asked_at).filter(run__campaign=campaign).exists()


def _retry_asked_at(campaign: Campaign) -> datetime | None:
    asked = campaign.events.filter(verb="retry_failed").order_by("pk").last()
    return asked.at if asked else None


def _failed(before: datetime) -> QuerySet[Recipient]:
    failed = Recipient.objects.filter(state=Recipient.State.FAILED, settled_at__lte=before)
    return failed.filter(subscriber__isnull=False)  # whoever is erased meanwhile is not tried again


def _requeue(run: CampaignRun, asked_at: datetime) -> int:
    with transaction.atomic():
        failed = _failed(asked_at).filter(run=run)
        people = failed.update(state=Recipient.State.PENDING, attempts=0, not_before=None, settled_at=None)
        settlement.count(run.pk, {"failed": -people})
        pending = Recipient.objects.filter(batch=OuterRef("pk"), state=Recipient.State.PENDING)
        reopened = Batch.objects.filter(Exists(pending), run=run, state=Batch.State.DONE)
        again = {"not_before": None, "expires_at": None, "queued_at": None}  # who asks for it wants it sent
        reopened.update(state=Batch.State.WAITING, failures=0, last_error="", **again)
    return people


def forgive(campaign_id: int) -> None:
    """After a resume: the tasks of waiting batches found the campaign paused, so they count as lost; batches that
    waited because nothing could be sent are tried at once, and their failures counted afresh."""
    waiting = Batch.objects.filter(run__campaign=campaign_id, state=Batch.State.WAITING)
    waiting.update(queued_at=None)
    waiting.filter(failures__gt=0).update(failures=0, not_before=None)
