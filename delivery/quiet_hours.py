"""Setting quiet hours. What waits for the ones there were is looked at again at once."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from accounts.actors import Actor
from accounts.models import Organization
from accounts.permissions import Permission, may
from campaigns.errors import NotAllowed, NotReady
from campaigns.models import RUNNING
from delivery.models import Batch, QuietHours

MANAGE = Permission.MANAGE_MEMBERS  # a rule of the organization, above any campaign


def create(organization: Organization, *, by: Actor, **values: Any) -> QuietHours:
    """`values`: edition, channel, begin, end. Raises NotReady by field, NotAllowed."""
    return _kept(QuietHours(organization=organization), by, values)


def change(hours: QuietHours, *, by: Actor, **values: Any) -> QuietHours:
    """Raises NotReady by field, NotAllowed."""
    return _kept(hours, by, values)


def drop(hours: QuietHours, *, by: Actor) -> None:
    """What they hold back goes out. Raises NotAllowed."""
    _require_may(hours.organization, by)
    with transaction.atomic():
        hours.delete()
        _look_again(hours.organization)


def _kept(hours: QuietHours, by: Actor, values: dict[str, Any]) -> QuietHours:
    _require_may(hours.organization, by)
    for name, value in values.items():
        setattr(hours, name, value)
    if hours.edition and hours.edition.organization_id != hours.organization_id:
        raise NotReady({"edition": [f"There is no such edition in {hours.organization}."]})
    try:
        hours.full_clean()
    except ValidationError as error:
        fields = {"end" if name == "__all__" else name: texts for name, texts in error.message_dict.items()}
        raise NotReady(fields) from error
    with transaction.atomic():
        hours.save()
        _look_again(hours.organization)
    return hours


def _require_may(organization: Organization, by: Actor) -> None:
    if not may(by.user, MANAGE, organization):
        raise NotAllowed(f"You may not set the quiet hours of {organization}.")


def _look_again(organization: Organization) -> None:
    """Batches that wait are taken when their people's time comes, and given back where it is quiet or too early."""
    waiting = Batch.objects.filter(state=Batch.State.WAITING, failures=0, not_before__gt=now())
    of_it = waiting.filter(run__campaign__organization=organization, run__campaign__state__in=RUNNING)
    of_it.update(not_before=F("release_at"))
