"""One mail that came back, into the spool; or, where it cannot be counted, among the strays.

When `take` returns, the mail may be deleted as far as this machine goes: its hits are on the disk. Who wants to know
that they are in the database too asks for the keys (`stats.mailbox`). The same mail may be taken again at any time:
its hits have the same keys, and ingest counts each once.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from content.tokens import RecipientToken
from tracking import strays
from tracking.bounces import whose
from tracking.bounces.mail import Parsed, Report, parse
from tracking.models import StrayMail
from tracking.spool import Hit, HitKind, append_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The keys under which the hits of a mail are counted once, and how many of its reports were strays."""

    keys: tuple[str, ...] = ()
    strays: int = 0
    hits: tuple[Hit, ...] = field(default=(), repr=False)


def take(raw: bytes, *, source: str, envelope_to: str = "") -> Taken:
    """Keep what this mail reports. Raises OSError where the spool does not take it, and DatabaseError where a recipient
    has to be looked for or a stray to be kept; then nothing is lost, as long as the mail is brought again."""
    parsed, digest = parse(raw), digest_of(raw)
    hits, unmatched = _hits(parsed, digest, envelope_to)
    for number, report in unmatched:
        strays.keep(
            raw, identity=f"{digest}:{number}", reason=StrayMail.Reason.UNMATCHED, **_about(source, parsed, report)
        )
    if not parsed.reports:
        strays.keep(raw, reason=str(parsed.nothing), **_about(source, parsed))
    append_all(hits, sync=True)
    return Taken(
        keys=tuple(hit.data["key"] for hit in hits), strays=len(unmatched) or int(not parsed.reports), hits=tuple(hits)
    )


def digest_of(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _hits(parsed: Parsed, digest: str, envelope_to: str) -> tuple[list[Hit], list[tuple[int, Report]]]:
    signed = whose.signed(parsed, envelope_to)
    moment = datetime.now(UTC)
    hits, unmatched = [], []
    for number, report in enumerate(parsed.reports):
        # A mail made for one recipient reports of one; of several, each has to be found by its own address.
        token = signed if signed and len(parsed.reports) == 1 else whose.find(report, parsed)
        if token is None and signed and number == 0:
            token = signed
        if token is None:
            unmatched.append((number, report))
        else:
            hits.append(hit_of(report, token, at=moment, key=f"mail:{digest}:{number}"))
    return hits, unmatched


def hit_of(report: Report, token: RecipientToken, *, at: datetime, key: str) -> Hit:
    return Hit(report.kind, token.run_id, token.recipient_id, token.subscriber_id, at, data=_data(report, key))


def _data(report: Report, key: str) -> dict[str, str]:
    data = {"key": key}
    if report.kind == HitKind.BOUNCED and report.cause is not None:
        data |= {"type": report.cause.type, "code": report.cause.code, "origin": "remote"}
    return data | {name: text for name, text in (("status", report.status), ("diagnostic", report.diagnostic)) if text}


def _about(source: str, parsed: Parsed, report: Report | None = None) -> dict[str, str]:
    about = {"source": source, "sender": parsed.sender, "subject": parsed.subject}
    if report is not None:
        about |= {"kind": str(report.kind), "address": report.address, "detail": report.diagnostic}
    return about
