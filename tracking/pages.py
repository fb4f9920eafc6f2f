"""The unsubscribe page behind the link in every mail, and the target of one-click unsubscribes (RFC 8058).

GET and HEAD show what would happen and change nothing: scanners and mail programs follow every link. A POST changes at
once. There is no CSRF token: whoever can forge the address has the signed link, and mail programs have no cookie.

When the database is away, the wish goes to the spool and ingest carries it out.
"""

import logging
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import Error as DatabaseAway
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from content.tokens import BadToken, Purpose, RecipientToken, read_recipient_token
from tracking import unsubscribes
from tracking.clients import client_address
from tracking.limits import is_over_limit
from tracking.spool import Hit, HitKind, append
from tracking.unsubscribes import Gone, Wish

logger = logging.getLogger(__name__)

UNDO_SALT, UNDO_SECONDS = "tracking.resubscribe", 24 * 3600


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """`/u/<token>`: GET the page; POST `confirm`, `everything`, `undo`, or `List-Unsubscribe=One-Click`."""
    try:
        who = read_recipient_token(Purpose.UNSUBSCRIBE, token)
    except BadToken:
        return _page(request, "not_found", status=404)
    try:
        return _post(request, who, token) if request.method == "POST" else _show(request, who)
    except Gone:
        return _page(request, "gone", status=404)
    except (DatabaseAway, OSError):
        logger.exception("Neither the database nor the spool could take an unsubscription.")
        return _page(request, "away", status=503, headers={"Retry-After": "60"})


# --- looking -----------------------------------------------------------------------------------------------------


def _show(request: HttpRequest, who: RecipientToken, *, status: int = 200) -> HttpResponse:
    try:
        wish = unsubscribes.find(who)
        active, in_scope = list(wish.subscriptions(everything=True)), list(wish.subscriptions())
    except DatabaseAway:
        logger.exception("The unsubscribe page is shown without names: the database is away.")
        return _page(request, "confirm", status=status)
    others = [each for each in active if each not in in_scope]
    name, address = "confirm" if in_scope else "already", masked(str(wish.subscriber))
    return _page(request, name, status=status, wish=wish, address=address, subscriptions=in_scope, others=others)


def masked(address: str) -> str:
    """Enough to recognise one's own address by, and too little to learn a stranger's from a forwarded mail."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}•••{at}{domain}" if at else f"•••{address[-3:]}"


# --- changing ----------------------------------------------------------------------------------------------------


def _post(request: HttpRequest, who: RecipientToken, token: str) -> HttpResponse:
    if is_over_limit("u", token, settings.POSTS_PER_LINK) or is_over_limit(
        "u", client_address(request.META), settings.POSTS_PER_ADDRESS
    ):
        return _page(request, "too_many", status=429, headers={"Retry-After": "60"})
    asked = request.POST
    if asked.get("List-Unsubscribe", "").lower() == "one-click":
        return _one_click(request, who)
    if "undo" in asked:
        return _undo(request, who, asked["undo"])
    if "confirm" in asked or "everything" in asked:
        return _unsubscribe(request, who, everything="everything" in asked)
    return _show(request, who, status=400)


def _one_click(request: HttpRequest, who: RecipientToken) -> HttpResponse:
    with suppress(Gone):  # who is not there any more is unsubscribed as well
        _end(request, who, everything=False, source="one-click")
    return _private(HttpResponse("You are unsubscribed.\n", content_type="text/plain; charset=utf-8"))


def _unsubscribe(request: HttpRequest, who: RecipientToken, *, everything: bool) -> HttpResponse:
    wish, ended = _end(request, who, everything=everything, source="page")
    if wish is None:
        return _page(request, "later", status=202)
    undo = signing.dumps([wish.subscriber.pk, ended], salt=UNDO_SALT) if ended else ""
    return _page(request, "unsubscribed", wish=wish, everything=everything, undo=undo)


def _end(request: HttpRequest, who: RecipientToken, *, everything: bool, source: str) -> tuple[Wish | None, list[int]]:
    """End the subscriptions, and spool that it happened. Without a wish, the spool is all that could be told."""
    address = client_address(request.META)
    wish, ended = _carry_out(who, everything=everything, source=source, ip_address=address)
    hit = Hit(
        HitKind.UNSUBSCRIBED,
        who.run_id,
        who.recipient_id,
        who.subscriber_id,
        datetime.now(UTC),
        ip_address=address,
        user_agent=request.headers.get("User-Agent", "")[:500],
        data={"applied": wish is not None, "everything": everything, "source": source},
    )
    _keep(hit, must=wish is None)
    return wish, ended


def _carry_out(who: RecipientToken, **how: Any) -> tuple[Wish | None, list[int]]:
    try:
        wish = unsubscribes.find(who)
        return wish, unsubscribes.unsubscribe(wish, **how)
    except DatabaseAway:
        logger.exception("An unsubscription waits in the spool: the database is away.")
        return None, []


def _keep(hit: Hit, *, must: bool) -> None:
    """Spool the hit; where the database has the wish already, a full disk costs only the figure."""
    try:
        append(hit, sync=must)
    except OSError:
        if must:
            raise
        logger.exception("An unsubscription was carried out and cannot be counted.")


def _undo(request: HttpRequest, who: RecipientToken, signed: str) -> HttpResponse:
    wish = unsubscribes.find(who)
    try:
        subscriber_id, ended = signing.loads(signed, salt=UNDO_SALT, max_age=UNDO_SECONDS)
    except signing.BadSignature:
        return _show(request, who, status=400)
    if subscriber_id != wish.subscriber.pk:
        return _show(request, who, status=400)
    back = unsubscribes.resubscribe(wish, ended, source="page", ip_address=client_address(request.META))
    return _page(request, "resubscribed", wish=wish, subscriptions=back)


# --- answering ---------------------------------------------------------------------------------------------------


def _page(
    request: HttpRequest, name: str, *, status: int = 200, headers: dict[str, str] | None = None, **about: Any
) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    response = render(request, f"tracking/{name}.html", {"nonce": nonce, **about}, status=status)
    for header, value in (headers or {}).items():
        response[header] = value
    return _private(response, nonce)


def _private(response: HttpResponse, nonce: str = "") -> HttpResponse:
    """Nothing is loaded, framed, kept or told to other sites: the address itself is the key."""
    styles = f"style-src 'nonce-{nonce}'; " if nonce else ""
    response["Content-Security-Policy"] = (
        f"default-src 'none'; {styles}form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Frame-Options"] = "DENY"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
