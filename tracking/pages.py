"""The unsubscribe page behind the link in every mail, and the target of one-click unsubscribes (RFC 8058).

GET and HEAD show what would happen and change nothing, a POST changes at once (`tracking.private_pages`).

When the database is away, the wish goes to the spool and ingest carries it out.
"""

import logging
from contextlib import suppress
from typing import Any

from django.core import signing
from django.db import Error as DatabaseAway
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from content.tokens import BadToken, Purpose, RecipientToken, read_recipient_token, recipient_token
from tracking import unsubscribes
from tracking.clients import client_address
from tracking.hits import hit_of
from tracking.private_pages import away, masked, page, private, private_page, refused, too_many
from tracking.spool import HitKind, append
from tracking.unsubscribes import Gone, Wish

logger = logging.getLogger(__name__)

UNDO_SALT, UNDO_SECONDS = "tracking.resubscribe", 24 * 3600


@private_page
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """`/u/<token>`: GET the page; POST `confirm`, `everything`, `undo`, or `List-Unsubscribe=One-Click`."""
    try:
        who = read_recipient_token(Purpose.UNSUBSCRIBE, token)
    except BadToken as forged:
        return refused(request, forged)
    try:
        return _post(request, who, token) if request.method == "POST" else _show(request, who)
    except Gone:
        return page(request, "gone", status=404)
    except (DatabaseAway, OSError):
        logger.exception("Neither the database nor the spool could take an unsubscription.")
        return away(request)


# --- looking -----------------------------------------------------------------------------------------------------


def _show(request: HttpRequest, who: RecipientToken, *, status: int = 200) -> HttpResponse:
    try:
        wish = unsubscribes.find(who)
        active, in_scope = list(wish.subscriptions(everything=True)), list(wish.subscriptions())
    except DatabaseAway:
        logger.exception("The unsubscribe page is shown without names: the database is away.")
        return page(request, "confirm", status=status)
    others = [each for each in active if each not in in_scope]
    name, address = "confirm" if in_scope else "already", masked(str(wish.subscriber))
    about: dict[str, Any] = {
        "address": address,
        "subscriptions": in_scope,
        "others": others,
        "preferences": preferences_path(who),
    }
    return page(request, name, status=status, wish=wish, **about)


def preferences_path(who: RecipientToken) -> str:
    """Where the same person, through the same mail, chooses their lists."""
    token = recipient_token(
        Purpose.PREFERENCES, run_id=who.run_id, recipient_id=who.recipient_id, subscriber_id=who.subscriber_id
    )
    return reverse("preferences", args=[token])


# --- changing ----------------------------------------------------------------------------------------------------


def _post(request: HttpRequest, who: RecipientToken, token: str) -> HttpResponse:
    if refused := too_many(request, "u", token):
        return refused
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
    return private(HttpResponse("You are unsubscribed.\n", content_type="text/plain; charset=utf-8"))


def _unsubscribe(request: HttpRequest, who: RecipientToken, *, everything: bool) -> HttpResponse:
    wish, ended = _end(request, who, everything=everything, source="page")
    if wish is None:
        return page(request, "later", status=202)
    undo = signing.dumps([wish.subscriber.pk, ended], salt=UNDO_SALT) if ended else ""
    about: dict[str, Any] = {"everything": everything, "undo": undo, "preferences": preferences_path(who)}
    return page(request, "unsubscribed", wish=wish, **about)


def _end(request: HttpRequest, who: RecipientToken, *, everything: bool, source: str) -> tuple[Wish | None, list[int]]:
    """End the subscriptions, and spool that it happened. Without a wish, the spool is all that could be told."""
    address = client_address(request.META)
    wish, ended = _carry_out(who, everything=everything, source=source, ip_address=address)
    spool(
        request,
        who,
        must=wish is None,
        applied=wish is not None,
        everything=everything,
        source=source,
        ended=len(ended),
    )
    return wish, ended


def _carry_out(who: RecipientToken, **how: Any) -> tuple[Wish | None, list[int]]:
    try:
        wish = unsubscribes.find(who)
        return wish, unsubscribes.unsubscribe(wish, **how)
    except DatabaseAway:
        logger.exception("An unsubscription waits in the spool: the database is away.")
        return None, []


def spool(request: HttpRequest, who: RecipientToken, *, must: bool = False, **data: Any) -> None:
    """Tell the figures of the run; where the database has the wish already, a full disk costs only the figure."""
    try:
        append(hit_of(HitKind.UNSUBSCRIBED, who, request.META, data=data), sync=must)
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
    return page(request, "resubscribed", wish=wish, subscriptions=back)
