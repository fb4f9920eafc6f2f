"""What the queue and the clock do to runs and batches. Every task may run twice, or be lost: `sweep` asks again."""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from celery import shared_task
from django.db import OperationalError
from django.utils.timezone import now
from kombu.exceptions import OperationalError as BrokerGone

from campaigns import lifecycle
from campaigns.errors import InvalidTransition
from campaigns.models import Campaign
from delivery import batches, estimates, recovery, runs, seeds
from delivery.freeze import freeze
from delivery.models import Dispatch
from delivery.sending import deliver
from delivery.settlement import Released

logger = logging.getLogger(__name__)


@shared_task(name="delivery.freeze_run")  # type: ignore[untyped-decorator]
def freeze_run(campaign_id: int) -> None:
    """Fix the audience; what no retry mends fails the campaign with its reason."""
    campaign = Campaign.objects.select_related("organization").get(pk=campaign_id)
    try:
        freeze(campaign)
    except InvalidTransition as refusal:
        logger.info("%s was not frozen: %s", campaign.public_id, refusal)
    except OperationalError:
        raise  # the database is away; the sweeper asks again
    except Exception as error:
        logger.exception("The audience of %s cannot be calculated.", campaign.public_id)
        lifecycle.fail(campaign, reason=f"The audience could not be calculated: {error}")


@shared_task(name="delivery.deliver_batch")  # type: ignore[untyped-decorator]
def deliver_batch(batch_id: int) -> None:
    """Send what is due of the batch; see `delivery.sending`."""
    try:
        _after(recovery.replay(now()))
    except Exception:
        logger.exception("A journal could not be replayed; the sweeper tries again.")
    released = deliver(batch_id)
    if released is not None:
        _after([released])


@shared_task(name="delivery.drop_unsent")  # type: ignore[untyped-decorator]
def drop_unsent(campaign_id: int) -> None:
    runs.drop_unsent(campaign_id)


@shared_task(name="delivery.requeue_failed")  # type: ignore[untyped-decorator]
def requeue_failed(campaign_id: int) -> None:
    runs.requeue_failed(campaign_id)
    queue_batches(campaign_id)


@shared_task(name="delivery.send_seeds")  # type: ignore[untyped-decorator]
def send_seeds(campaign_id: int) -> None:
    seeds.send(campaign_id)


@shared_task(name="delivery.estimate_audience")  # type: ignore[untyped-decorator]
def estimate_audience(campaign_id: int) -> None:
    estimates.count(campaign_id)


@shared_task(name="delivery.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """What lost tasks and killed workers left behind. One step that fails keeps no other from being done."""
    at = now()
    for step in STEPS:
        try:
            step(at)
        except Exception:
            logger.exception("The step %s of the sweep failed.", step.__name__)


# --- what follows a verb (see `DeliveryConfig`) ----------------------------------------------------------------------


def queue_freeze(campaign_id: int) -> None:
    """Reaction to starting."""
    queue(freeze_run, campaign_id)


def queue_batches(campaign_id: int) -> None:
    """Reaction to freezing and releasing: a task for every batch that is due."""
    for batch_id in batches.take_for_queue(now(), campaign_id=campaign_id):
        queue(deliver_batch, batch_id)


def queue_seeds(campaign_id: int) -> None:
    """Reaction to freezing: copies for seed addresses, where there are any."""
    if Dispatch.objects.filter(campaign=campaign_id, seed_lists__isnull=False).exists():
        queue(send_seeds, campaign_id)


def go_on(campaign_id: int) -> None:
    """Reaction to resuming, wherever the campaign was."""
    runs.forgive(campaign_id)
    queue(freeze_run, campaign_id)
    queue_batches(campaign_id)
    runs.finish_if_complete(campaign_id)


def queue_drop(campaign_id: int) -> None:
    """Reaction to cancelling."""
    queue(drop_unsent, campaign_id)


def queue_retry(campaign_id: int) -> None:
    """Reaction to retrying."""
    queue(requeue_failed, campaign_id)


# --- steps of the sweep ----------------------------------------------------------------------------------------------


def _sweep_claims(at: datetime) -> None:
    _after(recovery.replay(at))
    _after(recovery.give_up_lost_workers(at))


def _sweep_freezes(at: datetime) -> None:
    for campaign_id in runs.unfrozen_ids(at):
        queue(freeze_run, campaign_id)


def _sweep_retries(at: datetime) -> None:
    for campaign_id in runs.retried_ids():
        runs.requeue_failed(campaign_id)


def _sweep_cancelled(at: datetime) -> None:
    for campaign_id in runs.cancelled_ids():
        queue(drop_unsent, campaign_id)


def _sweep_expired(at: datetime) -> None:
    for campaign_id in runs.expire(at):
        runs.finish_if_complete(campaign_id)


def _sweep_batches(at: datetime) -> None:
    for batch_id in batches.take_for_queue(at):
        queue(deliver_batch, batch_id)


def _sweep_seeds(at: datetime) -> None:
    for campaign_id in seeds.unsent_ids(at):
        queue(send_seeds, campaign_id)


def _sweep_complete(at: datetime) -> None:
    for campaign_id in runs.complete_ids():
        runs.finish_if_complete(campaign_id)


STEPS = (
    *(_sweep_claims, _sweep_freezes, _sweep_retries, _sweep_cancelled),
    *(_sweep_expired, _sweep_batches, _sweep_seeds, _sweep_complete),
)


def _after(released: Iterable[Released]) -> None:
    """A batch that can go on goes on; a run that is complete is finished."""
    for campaign_id in {each.claim.campaign_id for each in released}:
        queue_batches(campaign_id)
        runs.finish_if_complete(campaign_id)


def queue(task: Any, pk: int) -> None:
    """A broker that is away is no reason to fail what was committed already: the sweeper queues it again."""
    try:
        task.delay(pk)
    except BrokerGone:
        logger.warning("%s(%s) could not be queued; the sweeper will.", task.name, pk, exc_info=True)
