"""Saying something again: one delivery, or all that have failed since a moment. Same body, same id, tried anew."""

from datetime import datetime

from django.utils.timezone import now

from accounts.actors import Actor
from webhooks.endpoints import require_on
from webhooks.models import Delivery, DeliveryQuerySet, Endpoint

State = Delivery.State


def replay(delivery: Delivery, *, by: Actor) -> bool:
    """Send it again, also what was delivered; False where it waits anyway. Raises NotAllowed and SwitchedOff."""
    require_on(delivery.endpoint, by)
    return bool(_anew(Delivery.objects.filter(pk=delivery.pk).exclude(state=State.WAITING)))


def replay_failed(endpoint: Endpoint, *, since: datetime, by: Actor) -> int:
    """Send all of it again that was given up and was first said since then; how many. Raises as `replay`."""
    require_on(endpoint, by)
    return _anew(Delivery.objects.filter(endpoint=endpoint, state=State.FAILED, created_at__gte=since))


def _anew(rows: DeliveryQuerySet) -> int:
    return rows.update(state=State.WAITING, tries=0, next_try_at=now(), finished_at=None)
