"""Questions about many batches."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import Exists, OuterRef, Q

from accounts.scoping import ScopedQuerySet
from campaigns.models import CampaignRun, State

if TYPE_CHECKING:
    from delivery.models import Batch, Recipient  # noqa: F401 - named in the base classes


def may_send(campaign: str = "") -> Q:
    """A campaign that is being sent and that nobody has stopped; `campaign` is the lookup that leads to it."""
    conditions = {"state": State.SENDING, "paused": False, "organization__is_active": True}
    return Q(**{f"{campaign}{name}": value for name, value in conditions.items()})


class BatchQuerySet(ScopedQuerySet["Batch"]):
    def open(self) -> Self:
        """Batches with somebody left to send to, or in a worker's hands."""
        return self.exclude(state="done")

    def due(self, at: datetime) -> Self:
        """Batches a worker may take now: nobody has them, they are not held, their time has come, their campaign may be
        sent.

        Without a join, so that an UPDATE of these rows asks `state` again of a row it had to wait for: joined, Django
        would look for the ids in a sub-select, which PostgreSQL answers from before the wait.
        """
        sent_now = CampaignRun.objects.filter(may_send("campaign__"), pk=OuterRef("run_id"))
        return self.filter(
            Q(not_before__isnull=True) | Q(not_before__lte=at), Exists(sent_now), state="waiting", held=False
        )

    def unqueued(self, since: datetime) -> Self:
        """Batches for which no task was put in the queue since then."""
        return self.filter(Q(queued_at__isnull=True) | Q(queued_at__lt=since))

    def silent(self, since: datetime) -> Self:
        """Batches whose worker should have extended its lease and has not since then."""
        return self.filter(state="claimed", lease_until__lt=since)


class RecipientQuerySet(ScopedQuerySet["Recipient"]):
    def mailable(self, at: datetime) -> Self:
        """People to whom a message may go now: not settled yet, and not asked to be tried later."""
        return self.filter(Q(not_before__isnull=True) | Q(not_before__lte=at), state="pending")

    def in_doubt(self) -> Self:
        """People whose message was handed over and never answered for."""
        return self.filter(state="in_doubt")
