"""Taking deliveries to try, and writing down what came of each.

Taking one moves `next_try_at` to when its sender is given up for lost; that moment is the claim. A sender settles only
what still has its claim, so that one who comes late changes nothing. Killed between the post and the line that notes
the answer, the same body goes out again, under the same `webhook-id`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from webhooks import endpoints
from webhooks.models import Delivery, Endpoint
from webhooks.posting import Answer
from webhooks.retries import next_try

LOST_AFTER = timedelta(minutes=2)  # beyond the time of a try: looking up a name, and the sender's own work
KEPT_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A delivery in a sender's hands, with what is needed to post it."""

    delivery_id: int
    endpoint_id: int
    public_id: str
    body: str
    tries: int
    history: list[dict[str, object]]
    until: datetime


def take(endpoint: Endpoint, limit: int, at: datetime) -> list[Claim]:
    """The deliveries of this endpoint that have been due longest, now this sender's."""
    until = at + timedelta(seconds=endpoint.timeout_seconds) + LOST_AFTER
    with transaction.atomic():
        rows = Delivery.objects.filter(endpoint=endpoint, state=Delivery.State.WAITING, next_try_at__lte=at)
        rows = rows.order_by("next_try_at", "pk")
        if connection.vendor == "postgresql":
            rows = rows.select_for_update(skip_locked=True)
        taken = list(rows[:limit])
        Delivery.objects.filter(pk__in=[row.pk for row in taken]).update(tries=F("tries") + 1, next_try_at=until)
    return [_claim(row, until) for row in taken]


def _claim(row: Delivery, until: datetime) -> Claim:
    return Claim(
        delivery_id=row.pk,
        endpoint_id=row.endpoint_id,
        public_id=row.public_id,
        body=row.body,
        tries=row.tries + 1,
        history=row.history,
        until=until,
    )


def settle(claims: Sequence[tuple[Claim, Answer]], at: datetime) -> int:
    """Note the answers; how many of them were still this sender's to note."""
    with transaction.atomic():
        settled = [(claim, answer) for claim, answer in claims if _settle(claim, answer, at)]
        for endpoint_id in sorted({claim.endpoint_id for claim, _ in settled}):  # in order, as other senders lock them
            _note_health(endpoint_id, [answer for claim, answer in settled if claim.endpoint_id == endpoint_id], at)
    return len(settled)


def _settle(claim: Claim, answer: Answer, at: datetime) -> bool:
    mine = Delivery.objects.filter(pk=claim.delivery_id, state=Delivery.State.WAITING, next_try_at=claim.until)
    return bool(mine.update(**_columns(claim, answer, at)))


def _columns(claim: Claim, answer: Answer, at: datetime) -> dict[str, object]:
    tried = {"at": at.isoformat(), "status": answer.status, "error": answer.error, "ms": answer.milliseconds}
    noted: dict[str, object] = {
        "history": [*claim.history, tried][-KEPT_TRIES:],
        "answer_status": answer.status,
        "answer_text": answer.text,
        "error": answer.error[:300],
    }
    again = None if answer.is_success or answer.is_gone else next_try(claim.tries, at, answer.retry_after)
    if again:
        return noted | {"next_try_at": again}
    state = Delivery.State.DELIVERED if answer.is_success else Delivery.State.FAILED
    return noted | {"state": state, "next_try_at": None, "finished_at": at}


def _note_health(endpoint_id: int, answers: Sequence[Answer], at: datetime) -> None:
    """One that answers is well; one that has not for too long, or that says it is gone, is switched off."""
    rows = Endpoint.objects.filter(pk=endpoint_id)
    if any(answer.is_gone for answer in answers):
        endpoints.switch_off(endpoint_id, reason="It answered 410: it is gone for good.", at=at)
    if any(answer.is_success for answer in answers):
        rows.filter(failing_since__isnull=False).update(failing_since=None)
        return
    rows.filter(failing_since__isnull=True).update(failing_since=at)
    too_long = at - timedelta(hours=settings.WEBHOOK_SWITCH_OFF_HOURS)
    if rows.filter(failing_since__lte=too_long).exists():
        hours = settings.WEBHOOK_SWITCH_OFF_HOURS
        endpoints.switch_off(endpoint_id, reason=f"Every try of {hours} hours failed: {answers[-1].error}", at=at)
