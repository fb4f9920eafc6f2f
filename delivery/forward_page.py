"""The page behind `{{ forward_url }}`: a reader sends a friend a copy of the mail.

Looking changes nothing. A POST needs the ticket that the form was given a moment before, since whoever has the mail has
its link; and few of them are let through, by link and by address, and one to the same friend. The answer is the same
whether the friend may be mailed or not.
"""

import logging
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import Error as DatabaseAway
from django.http import HttpRequest, HttpResponse

from audience.addresses import normalise_email
from audience.errors import InvalidAddress
from campaigns.models import ContentSnapshot
from content.errors import ContentError
from content.publication import headline
from content.tokens import BadToken, Purpose, RecipientToken, read_recipient_token
from delivery import forwarding
from delivery.errors import CannotSend
from delivery.forwarding import NAME, NothingToForward
from tracking.clients import client_address
from tracking.hits import hit_of
from tracking.limits import DAY, is_over_limit, take_back
from tracking.private_pages import away, page, private_page, refused
from tracking.spool import HitKind, append

logger = logging.getLogger(__name__)

TRAP = "website"  # a box people do not see; programs fill in every box
TICKET_SALT, TICKET_SECONDS = "delivery.forward", 12 * 3600


@private_page
def forward(request: HttpRequest, token: str) -> HttpResponse:
    """`/f/<token>`: GET the form; POST `email`, `name` and the form's `ticket`."""
    try:
        who = read_recipient_token(Purpose.FORWARD, token)
    except BadToken as forged:
        return refused(request, forged)
    try:
        content = forwarding.said_to(who)
        return _post(request, who, content, token) if request.method == "POST" else _form(request, content, token)
    except (NothingToForward, ContentError):
        return page(request, "not_found", status=404)
    except (CannotSend, DatabaseAway):
        logger.exception("A copy for a friend could not be sent.")
        return away(request)


def _form(
    request: HttpRequest, content: ContentSnapshot, token: str, *, problems: dict[str, str] | None = None
) -> HttpResponse:
    about: dict[str, Any] = {
        "organization": content.run.campaign.organization,
        "subject": headline(content, content.known_fields).subject,
        "email": request.POST.get("email", "")[:254],
        "sender": request.POST.get("name", "")[:40],
        "ticket": signing.dumps(token, salt=TICKET_SALT),
        "problems": problems or {},
    }
    return page(request, "forward", status=400 if problems else 200, **about)


def _post(request: HttpRequest, who: RecipientToken, content: ContentSnapshot, token: str) -> HttpResponse:
    problems = _problems(request, token)
    if problems:
        return _form(request, content, token, problems=problems)
    friend = normalise_email(request.POST["email"].strip())
    if _is_too_often(request, token):
        return page(request, "enough_forwarded", status=429, headers={"Retry-After": "3600"})
    if not request.POST.get(TRAP):
        _send(request, who, content, friend)
    return page(request, "forwarded", organization=content.run.campaign.organization, email=friend)


def _send(request: HttpRequest, who: RecipientToken, content: ContentSnapshot, friend: str) -> None:
    """Once a day to each friend: a form is sent twice, and readers have the same friends."""
    same = ("f friend", f"{who.run_id} {friend}")
    if is_over_limit(*same, 1, seconds=DAY, unknown=True):
        return
    try:
        sent = forwarding.forward(content, to=friend, name=request.POST.get("name", "").strip())
    except CannotSend:
        take_back(*same, seconds=DAY)
        raise
    if sent:
        _keep(request, who)


def _problems(request: HttpRequest, token: str) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        normalise_email(request.POST.get("email", "").strip())
    except InvalidAddress as wrong:
        found["email"] = str(wrong)
    name = request.POST.get("name", "").strip()
    if name and not NAME.fullmatch(name):
        found["name"] = "Write a name of at most 40 letters, with nothing else in it."
    if not _is_ours(request.POST.get("ticket", ""), token):
        found["form"] = "This page was open for long. Look at what you wrote, and send it again."
    return found


def _is_ours(ticket: str, token: str) -> bool:
    try:
        return bool(signing.loads(ticket, salt=TICKET_SALT, max_age=TICKET_SECONDS) == token)
    except signing.BadSignature:
        return False


def _is_too_often(request: HttpRequest, token: str) -> bool:
    """Where nobody can count, nothing goes out: unlike leaving a list, this can wait."""
    address = client_address(request.META)
    by_link = is_over_limit("f", token, settings.FORWARDS_PER_LINK, seconds=DAY, unknown=True)
    return is_over_limit("f address", address, settings.FORWARDS_PER_ADDRESS, seconds=DAY, unknown=True) or by_link


def _keep(request: HttpRequest, who: RecipientToken) -> None:
    """For the figures. Whom it went to is nobody's business, and stands nowhere."""
    try:
        append(hit_of(HitKind.FORWARDED, who, request.META))
    except OSError:
        logger.exception("A mail was forwarded and cannot be counted.")
