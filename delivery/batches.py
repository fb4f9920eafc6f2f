"""Batches in workers' hands: who may take one, and which wait to be taken."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.utils.timezone import now

from delivery.models import Batch
from delivery.settlement import Claim

# A task that was lost with its worker is put in the queue again after this long; one that still waits there finds its
# batch taken or done, and does nothing.
QUEUE_AGAIN_AFTER = timedelta(minutes=2)


def claim(batch_id: int, *, worker: str) -> Claim | None:
    """Take the batch, if it is due and nobody else was first."""
    moment = now()
    taken = (
        Batch.objects.due(moment)
        .filter(pk=batch_id)
        .update(
            state=Batch.State.CLAIMED,
            worker=worker,
            claims=F("claims") + 1,
            claimed_at=moment,
            lease_until=moment + timedelta(seconds=settings.LEASE_SECONDS),
            settled=0,
        )
    )
    return held(worker) if taken else None


def held(worker: str) -> Claim | None:
    """The claim of this name, as long as its batch has not been given back."""
    batch = Batch.objects.filter(worker=worker, state=Batch.State.CLAIMED).select_related("run").first()
    if batch is None:
        return None
    return Claim(
        batch_id=batch.pk,
        run_id=batch.run_id,
        campaign_id=batch.run.campaign_id,
        worker=worker,
        number=batch.claims,
        zone=batch.zone,
        expires_at=batch.expires_at,
    )


def take_for_queue(at: datetime, *, campaign_id: int | None = None) -> list[int]:
    """Due batches no task is on its way for, now marked as queued."""
    due = Batch.objects.due(at).unqueued(at - QUEUE_AGAIN_AFTER)
    if campaign_id is not None:
        due = due.filter(run__campaign=campaign_id)
    ids = list(due.values_list("pk", flat=True))
    Batch.objects.filter(pk__in=ids).update(queued_at=at)
    return ids
