"""After a worker was killed: settle what its journal says, and take back what nobody answers for."""

from datetime import datetime, timedelta

from django.conf import settings

from delivery import batches, journal, refusals, settlement
from delivery.journal import Abandoned
from delivery.models import Batch
from delivery.retries import InDoubt, Outcome
from delivery.sending import retry_wait, suspend_if_hopeless
from delivery.settlement import Claim, Released

KILLED = "The worker was stopped while the message was on its way."
STOPPED = "The worker was stopped in the middle of the batch."


def replay(at: datetime) -> list[Released]:
    """Settle the journals on this machine whose workers are gone; the batches that were given back.

    Accepted messages are sent, those that never went stay pending, and those on the way at the kill are in doubt: at
    most one for each connection the worker had. Doing it twice changes nothing.
    """
    released = []
    for left in journal.abandoned():
        claim = batches.held(left.name)
        if claim is not None:
            released.append(_release(claim, left, at))
        left.path.unlink(missing_ok=True)
    return released


def _release(claim: Claim, left: Abandoned, at: datetime) -> Released:
    doubts: dict[int, Outcome] = dict.fromkeys(left.entries.in_flight, InDoubt(KILLED))
    refusals.tell(claim, left.entries.outcomes, at=at)
    released = settlement.release(claim, doubts | left.entries.outcomes, at=at, error=STOPPED, wait=_wait)
    suspend_if_hopeless(released)
    return released


def _wait(failures: int) -> timedelta:
    """A worker that is stopped once is no reason to wait; a batch that stops every worker is."""
    return retry_wait(failures - 1) if failures > 1 else timedelta(0)


def give_up_lost_workers(at: datetime) -> list[Released]:
    """Take back batches whose worker has been silent for too long and whose journal is not on this machine.

    Nobody can say which of the people it could have sent to got the message: all of them are in doubt. Until then the
    batch says where the journal is, and starting a worker there settles everything exactly.
    """
    released = []
    for batch in Batch.objects.silent(at).select_related("run__campaign"):
        if batch.lease_until is None or journal.is_here(batch.worker):
            continue  # alive and slow, or about to be replayed
        where = batch.worker.partition("/")[0]
        heard = f"{batch.lease_until:%Y-%m-%d %H:%M} UTC"
        why = f"The worker on {where} has not been heard of since {heard}, and its journal is there."
        if batch.lease_until < at - timedelta(seconds=settings.LOST_WORKER_SECONDS):
            released += [given for given in [_give_up(batch, at, why)] if given]
        else:
            Batch.objects.filter(pk=batch.pk, worker=batch.worker).update(last_error=f"{why} Start it again.")
    return released


def _give_up(batch: Batch, at: datetime, why: str) -> Released | None:
    claim = batches.held(batch.worker)
    if claim is None or batch.claimed_at is None:
        return None
    reached = batch.recipients.mailable(batch.claimed_at).values_list("pk", flat=True)
    return settlement.release(claim, dict.fromkeys(reached, InDoubt(why)), at=at, error=why)
