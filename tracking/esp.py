"""What email service providers report by webhook, in django-anymail's one vocabulary for all of them.

Their word can be believed, since they know our secret: so an event that names nothing but an address is matched with
the latest message sent there. Opens and clicks are not taken: Broadsheet counts its own. An exception makes the answer
a 500, and the provider comes again; the key of an event counts it once.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

from tracking import strays
from tracking.bounces import whose
from tracking.bounces.causes import Cause, cause_of, status_in
from tracking.bounces.intake import hit_of
from tracking.bounces.mail import LONGEST_DIAGNOSTIC, Report
from tracking.bounces.whose import Clue
from tracking.models import StrayMail
from tracking.spool import HitKind, append

DAYS = 30  # between a message and what a provider still reports of it
KINDS = {
    "delivered": HitKind.DELIVERED,
    "bounced": HitKind.BOUNCED,
    "rejected": HitKind.BOUNCED,  # the relay had taken it, so it is sent, and comes back
    "failed": HitKind.BOUNCED,
    "complained": HitKind.COMPLAINED,
    "unsubscribed": HitKind.UNSUBSCRIBED,
}
# What a provider says that refuses an address of its own accord, without the words of another server.
BY_REASON = {
    "invalid": Cause.BAD_ADDRESS,
    "bounced": Cause.NO_MAILBOX,
    "timed_out": Cause.UNREACHABLE,
    "blocked": Cause.POLICY,
    "spam": Cause.POLICY,
    "unsubscribed": Cause.POLICY,
}
_MESSAGE_ID = re.compile(r"[a-z]+_[a-z0-9]{20}\.\d{1,9}\.\d{1,18}@[^\s<>\"']{1,253}")


def receive(sender: Any, event: Any, esp_name: str, **about: Any) -> None:
    """A receiver of anymail's `tracking` signal. Raises OSError and DatabaseError."""
    kind = KINDS.get(event.event_type)
    if kind is None:
        return
    report, key = _report(kind, event), _key(event, esp_name)
    found = _MESSAGE_ID.search(f"{event.message_id} {event.esp_event!r}"[:50_000])
    token = whose.ask(Clue(address=report.address, message_id=found[0] if found else "", days=DAYS))
    if token is None:
        _keep_stray(report, event, esp_name, key)
        return
    moment = datetime.now(UTC)
    hit = hit_of(report, token, at=min(event.timestamp or moment, moment), key=key)
    if kind == HitKind.UNSUBSCRIBED:  # carried out by whoever stores the hit
        hit.data.update(applied=False, everything=False, source=f"esp {esp_name}"[:64])
    append(hit, sync=True)


def _report(kind: HitKind, event: Any) -> Report:
    words = " ".join(str(event.mta_response or event.description or "").split())[:LONGEST_DIAGNOSTIC]
    address = str(event.recipient or "").strip().lower()
    if kind != HitKind.BOUNCED:
        return Report(kind=kind, address=address)
    status = status_in(words)
    said = cause_of(status, words) if words else Cause.SOFT
    reason = BY_REASON.get(event.reject_reason or "")
    cause = reason if reason and (event.event_type == "rejected" or said is Cause.SOFT) else said
    return Report(kind=kind, address=address, cause=cause, status=status, diagnostic=words)


def _key(event: Any, esp_name: str) -> str:
    identity = event.event_id or f"{event.message_id} {event.timestamp}"
    return f"esp:{esp_name}:{identity}:{event.event_type}:{event.recipient}"


def _keep_stray(report: Report, event: Any, esp_name: str, key: str) -> None:
    raw = json.dumps(event.esp_event, default=str, indent=1).encode()
    strays.keep(
        raw,
        reason=StrayMail.Reason.UNMATCHED,
        source=esp_name,
        identity=key,
        kind=str(report.kind),
        address=report.address,
        detail=report.diagnostic,
    )
