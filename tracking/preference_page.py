"""The preference page behind `{{ preferences_url }}`: which lists somebody gets, and nothing else of them."""

import logging
from typing import Any

from django.core import signing
from django.db import Error as DatabaseAway
from django.http import HttpRequest, HttpResponse

from content.tokens import BadToken, Purpose, RecipientToken, read_recipient_token
from tracking import preferences, unsubscribes
from tracking.clients import client_address
from tracking.pages import UNDO_SECONDS, spool
from tracking.preferences import Changes
from tracking.private_pages import away, masked, page, private_page, refused, too_many
from tracking.unsubscribes import Gone, Wish

logger = logging.getLogger(__name__)

UNDO_SALT, SOURCE = "tracking.preferences", "preferences"


@private_page
def show(request: HttpRequest, token: str) -> HttpResponse:
    """`/p/<token>`: GET the page; POST `save` (with `shown` and `lists`), `everything`, or `undo`."""
    try:
        who = read_recipient_token(Purpose.PREFERENCES, token)
    except BadToken as forged:
        return refused(request, forged)
    try:
        wish = unsubscribes.find(who)
        return _post(request, who, wish, token) if request.method == "POST" else _choices(request, wish)
    except Gone:
        return page(request, "gone", status=404)
    except DatabaseAway:
        logger.exception("The preference page is away with the database.")
        return away(request)


def _choices(request: HttpRequest, wish: Wish, *, status: int = 200) -> HttpResponse:
    offered = preferences.choices(wish)
    has_any = any(each.is_on or each.waits for each in offered)
    about: dict[str, Any] = {"address": masked(str(wish.subscriber)), "choices": offered, "has_any": has_any}
    return page(request, "preferences", status=status, wish=wish, **about)


def _post(request: HttpRequest, who: RecipientToken, wish: Wish, token: str) -> HttpResponse:
    if refused := too_many(request, "p", token):
        return refused
    if "undo" in request.POST:
        return _undo(request, wish, request.POST["undo"])
    if "everything" in request.POST:
        return _leave_everything(request, who, wish)
    if "save" in request.POST:
        return _save(request, who, wish)
    return _choices(request, wish, status=400)


def _save(request: HttpRequest, who: RecipientToken, wish: Wish) -> HttpResponse:
    changes = preferences.save(
        wish,
        shown=request.POST.getlist("shown"),
        wanted=request.POST.getlist("lists"),
        source=SOURCE,
        ip_address=client_address(request.META),
    )
    if changes.left:
        spool(request, who, applied=True, everything=False, source=SOURCE, ended=len(changes.ended))
    return _saved(request, wish, changes)


def _leave_everything(request: HttpRequest, who: RecipientToken, wish: Wish) -> HttpResponse:
    on = [each.mailing_list for each in preferences.choices(wish) if each.is_on or each.waits]
    address = client_address(request.META)
    ended = unsubscribes.unsubscribe(wish, everything=True, source=SOURCE, ip_address=address)
    if on:
        spool(request, who, applied=True, everything=True, source=SOURCE, ended=len(ended))
    return _saved(request, wish, Changes(left=on, ended=ended), everything=True)


def _saved(request: HttpRequest, wish: Wish, changes: Changes, *, everything: bool = False) -> HttpResponse:
    joined = [each.pk for each in changes.joined]
    has_undo = bool(joined or changes.ended)
    undo = signing.dumps([wish.subscriber.pk, joined, changes.ended], salt=UNDO_SALT) if has_undo else ""
    left = [each.mailing_list for each in preferences.choices(wish) if each.is_on]
    return page(request, "saved", wish=wish, changes=changes, undo=undo, now_on=left, everything=everything)


def _undo(request: HttpRequest, wish: Wish, signed: str) -> HttpResponse:
    try:
        subscriber_id, joined, ended = signing.loads(signed, salt=UNDO_SALT, max_age=UNDO_SECONDS)
    except signing.BadSignature:
        return _choices(request, wish, status=400)
    if subscriber_id != wish.subscriber.pk:
        return _choices(request, wish, status=400)
    address = client_address(request.META)
    changes = preferences.undo(wish, joined=joined, ended=ended, source=SOURCE, ip_address=address)
    now_on = [each.mailing_list for each in preferences.choices(wish) if each.is_on]
    return page(request, "saved", wish=wish, changes=changes, undo="", now_on=now_on, undone=True)
