"""Write down what became of recipients: their state and the run's counters move together, or not at all.

A recipient is settled at most once in a claim of its batch (`Recipient.claim`), and only by who holds that claim or
replays its journal. So outcomes may be told twice, by a worker and then by its journal, and count once.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Min, QuerySet

from campaigns.models import CampaignRun, State
from delivery.models import Batch, Recipient
from delivery.retries import Accepted, Deferred, InDoubt, Outcome, Rejected

STATES: dict[type[Outcome], str] = {
    Accepted: Recipient.State.SENT,
    Deferred: Recipient.State.PENDING,
    Rejected: Recipient.State.FAILED,
    InDoubt: Recipient.State.IN_DOUBT,
}
CANCELLED = "cancelled"
# Told, in the transaction that settles them, of which run the next server took the messages of which recipients; other
# rooms add themselves when the app starts.
LISTENERS: list[Callable[[int, Sequence[int]], None]] = []
LONGEST_TEXT = 500

_UPDATE = """
UPDATE delivery_recipient AS recipient
SET state = outcome.became, attempts = attempts + 1, claim = %s, not_before = outcome.until,
    reply_code = outcome.code, reply_text = outcome.reply,
    settled_at = CASE WHEN outcome.became = 'pending' THEN NULL ELSE %s END
FROM {outcomes}
WHERE recipient.id = outcome.recipient_id AND batch_id = %s AND state = 'pending' AND claim < %s
RETURNING id, state
"""
_OUTCOMES = {
    "postgresql": """jsonb_to_recordset(%s::jsonb)
        AS outcome(recipient_id bigint, became text, until timestamptz, code smallint, reply text)""",
    "sqlite": """(SELECT value ->> 'recipient_id' AS recipient_id, value ->> 'became' AS became,
        value ->> 'until' AS until, value ->> 'code' AS code, value ->> 'reply' AS reply FROM json_each(%s))
        AS outcome""",
}


def no_wait(failures: int) -> timedelta:
    return timedelta(0)


class ClaimLost(Exception):
    """The batch is no longer in this worker's hands: a person gave the worker up for lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A batch in one worker's hands; `number` counts the batch's claims."""

    batch_id: int
    run_id: int
    campaign_id: int
    worker: str
    number: int
    zone: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What a batch looks like after it was given back."""

    claim: Claim
    state: str
    is_due: bool
    failures: int
    last_error: str


def settle(claim: Claim, outcomes: Mapping[int, Outcome], *, at: datetime) -> int:
    """Settle these recipients of the claimed batch and extend the lease; how many were. Raises ClaimLost."""
    with transaction.atomic():
        _locked(claim)
        counted = _settle(claim, outcomes, at)
        _held(claim).update(settled=F("settled") + counted, settled_at=at, lease_until=_lease(at))
    return counted


def skip(claim: Claim, reasons: Mapping[int, str], *, at: datetime) -> int:
    """Skip these recipients of the claimed batch, each for its reason; how many were. Raises ClaimLost."""
    with transaction.atomic():
        _locked(claim)
        skipped = sum(_skip(claim, why, reasons, at) for why in set(reasons.values()))
        count(claim.run_id, {"skipped": skipped})
    return skipped


def _skip(claim: Claim, reason: str, reasons: Mapping[int, str], at: datetime) -> int:
    theirs = [pk for pk, found in reasons.items() if found == reason]
    waiting = Recipient.objects.filter(batch=claim.batch_id, state=Recipient.State.PENDING, pk__in=theirs)
    return waiting.update(state=Recipient.State.SKIPPED, skip_reason=reason, not_before=None, settled_at=at)


def extend_lease(claim: Claim, *, at: datetime) -> None:
    """Raises ClaimLost."""
    if not _held(claim).update(lease_until=_lease(at)):
        raise ClaimLost(f"Batch {claim.batch_id} is no longer in the hands of {claim.worker}.")


def release(
    claim: Claim,
    outcomes: Mapping[int, Outcome],
    *,
    at: datetime,
    error: str = "",
    wait: Callable[[int], timedelta] = no_wait,
    drop: str = "",
    until: datetime | None = None,
) -> Released:
    """Settle the last outcomes and give the batch back. Raises ClaimLost.

    `error` says why nothing more could be sent; `wait` for how long the batch is then left alone, given how many times
    in a row that happened, and `until` when it is, whatever happened. What a cancelled campaign has not sent is
    dropped; so is what is left of any other, for the reason given as `drop`.
    """
    with transaction.atomic():
        batch = _locked(claim)
        settled = batch.settled + _settle(claim, outcomes, at)
        if reason := CANCELLED if batch.run.campaign.state == State.CANCELLED else drop:
            _drop(batch, at, reason)
        failures = 0 if not error else 1 if settled else batch.failures + 1
        fields = _given_back(batch, at, wait(failures) if error else timedelta(0), until)
        fields |= {"settled": settled, "settled_at": at, "failures": failures, "last_error": error[:LONGEST_TEXT]}
        Batch.objects.filter(pk=batch.pk).update(**fields)
    return Released(
        claim=claim,
        state=fields["state"],
        is_due=fields["state"] == Batch.State.WAITING and fields["not_before"] is None,
        failures=failures,
        last_error=error,
    )


def drop(batch: Batch, *, at: datetime, reason: str = CANCELLED) -> int:
    """Skip what is left of a batch that nobody is working on; how many people that were."""
    with transaction.atomic():
        waiting = Batch.objects.select_for_update().filter(pk=batch.pk, state=Batch.State.WAITING).first()
        if waiting is None:
            return 0
        dropped = _drop(waiting, at, reason)
        Batch.objects.filter(pk=batch.pk).update(state=Batch.State.DONE, not_before=None)
    return dropped


def _lease(at: datetime) -> datetime:
    return at + timedelta(seconds=settings.LEASE_SECONDS)


def _held(claim: Claim) -> QuerySet[Batch]:
    return Batch.objects.filter(pk=claim.batch_id, worker=claim.worker, claims=claim.number, state=Batch.State.CLAIMED)


def _locked(claim: Claim) -> Batch:
    batch = _held(claim).select_for_update(of=("self",)).select_related("run__campaign").first()
    if batch is None:
        raise ClaimLost(f"Batch {claim.batch_id} is no longer in the hands of {claim.worker}.")
    return batch


def _settle(claim: Claim, outcomes: Mapping[int, Outcome], at: datetime) -> int:
    if not outcomes:
        return 0
    moment = connection.ops.adapt_datetimefield_value
    rows = json.dumps([_row(recipient_id, outcome) for recipient_id, outcome in outcomes.items()])
    sql = _UPDATE.format(outcomes=_OUTCOMES[connection.vendor])
    with connection.cursor() as cursor:
        cursor.execute(sql, [claim.number, moment(at), rows, claim.batch_id, claim.number])
        settled = cursor.fetchall()
    states = Counter(state for _, state in settled)
    count(claim.run_id, states)
    if accepted := [pk for pk, state in settled if state == Recipient.State.SENT]:
        for listener in LISTENERS:
            listener(claim.run_id, accepted)
    return states.total()


def _row(recipient_id: int, outcome: Outcome) -> dict[str, Any]:
    until = connection.ops.adapt_datetimefield_value(outcome.until) if isinstance(outcome, Deferred) else None
    return {
        "recipient_id": recipient_id,
        "became": STATES[type(outcome)],
        "until": until and str(until),
        "code": outcome.code,
        "reply": outcome.text[:LONGEST_TEXT].replace("\0", ""),  # which PostgreSQL takes in no text
    }


def count(run_id: int, states: Mapping[str, int]) -> None:
    """Move the run's counters by these numbers; pending is what they leave."""
    changes = {
        state: F(state) + states[state] for state in ("sent", "failed", "skipped", "in_doubt") if states.get(state)
    }
    if changes:
        CampaignRun.objects.filter(pk=run_id).update(**changes)


def _drop(batch: Batch, at: datetime, reason: str) -> int:
    dropped = batch.recipients.filter(state=Recipient.State.PENDING).update(
        state=Recipient.State.SKIPPED, skip_reason=reason, not_before=None, settled_at=at
    )
    count(batch.run_id, {"skipped": dropped})
    return dropped


def _given_back(batch: Batch, at: datetime, wait: timedelta, until: datetime | None) -> dict[str, Any]:
    """The columns of a batch in nobody's hands; `not_before` is None when somebody in it can be sent to now."""
    pending = batch.recipients.filter(state=Recipient.State.PENDING)
    free: dict[str, Any] = {"worker": "", "lease_until": None, "queued_at": None, "not_before": None}
    if not pending.exists():
        return free | {"state": Batch.State.DONE}
    if until:
        free["not_before"] = until
    elif wait:
        free["not_before"] = at + wait
    elif not pending.filter(not_before__isnull=True).exists():
        earliest = pending.aggregate(at=Min("not_before"))["at"]
        free["not_before"] = earliest if earliest > at else None
    return free | {"state": Batch.State.WAITING}
