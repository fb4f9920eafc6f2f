"""What an SMS gateway posts to us: receipts, and the texts that people answer with (STOP, START).

    POST /sms/receipts   {"id": "r-17", "to": "+4930123456", "status": "delivered", "reason": "", "at": "<ISO 8601>"}
    POST /sms/messages   {"id": "m-9", "from": "+4930123456", "text": "STOP"}

As JSON, one object or a list of them, or as a form. `Authorization: Bearer <SMS_WEBHOOK_SECRET>`; without a secret set,
nothing is there. The answer says how many were taken. A 5xx means: post it again; each id counts once.
"""

import hmac
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseAway
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from audience import sms_wishes
from audience.addresses import normalise_phone
from audience.errors import InvalidAddress
from tracking import strays
from tracking.bounces import whose
from tracking.bounces.causes import Cause, cause_of
from tracking.bounces.intake import hit_of
from tracking.bounces.mail import LONGEST_DIAGNOSTIC, Report
from tracking.bounces.whose import Clue
from tracking.models import StrayMail
from tracking.spool import Hit, HitKind, append

logger = logging.getLogger(__name__)

DAYS = 14  # between a text and what is still heard of it
LARGEST = 1024 * 1024
MOST = 1000
ARRIVED = {"delivered"}
FAILED = {"undelivered", "undeliverable", "failed", "rejected", "expired"}


class BadPost(Exception):
    """What was posted cannot be read; the text says why."""


@csrf_exempt
@require_POST
def receipts(request: HttpRequest) -> JsonResponse:
    return _answer(request, _take_receipt)


@csrf_exempt
@require_POST
def messages(request: HttpRequest) -> JsonResponse:
    return _answer(request, _take_message)


def _answer(request: HttpRequest, take: Callable[[dict[str, str]], bool]) -> JsonResponse:
    if not settings.SMS_WEBHOOK_SECRET:
        raise Http404
    if not _knows_the_secret(request):
        return _said({"error": "The secret is missing or wrong."}, 401)
    try:
        posted = _posted(request)
        return _said({"taken": sum(take(each) for each in posted)}, 200)
    except BadPost as bad:
        return _said({"error": str(bad)}, 400)
    except (DatabaseAway, OSError):
        logger.exception("What an SMS gateway posted could not be kept.")
        return _said({"error": "It could not be kept. Post it again."}, 503)


def _said(what: dict[str, Any], status: int) -> JsonResponse:
    return JsonResponse(what, status=status, headers={"Cache-Control": "no-store"})


def _knows_the_secret(request: HttpRequest) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(
        given.strip().encode(), settings.SMS_WEBHOOK_SECRET.encode()
    )


def _posted(request: HttpRequest) -> list[dict[str, str]]:
    if request.content_type != "application/json":
        return [request.POST.dict()]
    if len(request.body) > LARGEST:
        raise BadPost(f"At most {LARGEST} bytes at a time.")
    try:
        given = json.loads(request.body)
    except (ValueError, RecursionError) as unreadable:
        raise BadPost("This is not JSON.") from unreadable
    rows = given if isinstance(given, list) else [given]
    if len(rows) > MOST or not all(isinstance(row, dict) for row in rows):
        raise BadPost(f"Post an object, or a list of at most {MOST} objects.")
    return [{str(name): str(value) for name, value in row.items() if value is not None} for row in rows]


def _number(row: dict[str, str], name: str) -> str:
    try:
        return normalise_phone(row.get(name, ""))
    except InvalidAddress as bad:
        raise BadPost(f"{name}: {bad}") from bad


# --- receipts ------------------------------------------------------------------------------------------------------


def _take_receipt(row: dict[str, str]) -> bool:
    """False for what says nothing final, such as `queued`."""
    status, number = row.get("status", "").lower(), _number(row, "to")
    if status not in ARRIVED | FAILED:
        return False
    if not row.get("id"):
        raise BadPost("A receipt needs an id, which is the same when it is posted again.")
    report = _report(status, number, row.get("reason", ""))
    key = f"sms:{row['id']}:{status}"
    token = whose.ask(Clue(address=number, channel="sms", days=DAYS))
    if token is None:
        strays.keep(
            json.dumps(row).encode(),
            reason=StrayMail.Reason.UNMATCHED,
            source="sms",
            identity=key,
            kind=str(report.kind),
            address=number,
            detail=report.diagnostic,
        )
    else:
        append(hit_of(report, token, at=_when(row), key=key), sync=True)
    return True


def _report(status: str, number: str, reason: str) -> Report:
    if status in ARRIVED:
        return Report(kind=HitKind.DELIVERED, address=number)
    words = " ".join(reason.split())[:LONGEST_DIAGNOSTIC]
    cause = Cause.UNREACHABLE if status == "expired" else cause_of("", words)
    return Report(kind=HitKind.BOUNCED, address=number, cause=cause, diagnostic=words or status)


def _when(row: dict[str, str]) -> datetime:
    """As the gateway says, if that is a time with its zone and not in the future."""
    moment = datetime.now(UTC)
    try:
        stated = parse_datetime(row.get("at", ""))
    except ValueError:
        stated = None
    return min(stated, moment) if stated is not None and stated.tzinfo is not None else moment


# --- texts ---------------------------------------------------------------------------------------------------------


def _take_message(row: dict[str, str]) -> bool:
    """False for a text that is neither word."""
    number, word = _number(row, "from"), _first_word(row.get("text", ""))
    if word in settings.SMS_STOP_WORDS:
        _stop(row, number)
    elif word in settings.SMS_START_WORDS:
        sms_wishes.start(number)
    else:
        return False
    return True


def _first_word(text: str) -> str:
    words = text.split()
    return words[0].strip(".,!\"'").upper() if words else ""


def _stop(row: dict[str, str], number: str) -> None:
    moment = _when(row)
    ended = sms_wishes.stop(number, at=moment)
    token = whose.ask(Clue(address=number, channel="sms", days=DAYS))
    if token is not None:
        data = {"applied": True, "everything": True, "source": sms_wishes.SOURCE, "ended": ended}
        data |= {"key": f"sms:{row['id']}:stop"} if row.get("id") else {}
        append(Hit(HitKind.UNSUBSCRIBED, token.run_id, token.recipient_id, token.subscriber_id, moment, data=data))
