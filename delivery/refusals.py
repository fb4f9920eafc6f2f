"""What the relay refuses for good is a bounce on our side (`origin` local): told to tracking, like any other.

Told before it is settled, and told again by whoever replays a journal; the key of a claim counts it once. A message
that could not be offered at all (no code) has failed here, and says nothing about the address.
"""

from collections.abc import Mapping
from datetime import datetime

from delivery.retries import Outcome, Rejected
from delivery.settlement import Claim
from tracking.bounces.causes import cause_of, status_in
from tracking.spool import Hit, HitKind, append_all

LONGEST_DIAGNOSTIC = 500


def tell(claim: Claim, outcomes: Mapping[int, Outcome], *, at: datetime) -> None:
    """Keep the refusals among these outcomes in the spool, with one write. Raises OSError."""
    append_all([_hit(claim, recipient_id, each, at) for recipient_id, each in outcomes.items() if _is_refusal(each)])


def _is_refusal(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) and outcome.code is not None


def _hit(claim: Claim, recipient_id: int, outcome: Outcome, at: datetime) -> Hit:
    status, words = status_in(outcome.text), f"{outcome.code} {outcome.text}"
    cause = cause_of(status, words)
    data = {
        "key": f"refused:{recipient_id}:{claim.batch_id}:{claim.number}",
        "type": cause.type,
        "code": cause.code,
        "origin": "local",
        "status": status,
        "diagnostic": words[:LONGEST_DIAGNOSTIC].replace("\0", ""),
    }
    return Hit(HitKind.BOUNCED, claim.run_id, recipient_id, 0, at, data=data)
