"""The page behind “view in your browser”: the message as this recipient got it, from what the run said.

The HTML is what an author wrote, on the origin of the admin: a sandbox takes scripts, forms and our cookies from it.
"""

import html
import logging
import secrets
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from campaigns.models import CampaignRun
from content.compile import Contents
from content.errors import ContentError
from content.tokens import BadToken, Purpose, RecipientToken, read_recipient_token
from delivery.models import Recipient
from delivery.rendering import Mails, messages_of, rows
from tracking.clients import client_address
from tracking.spool import Hit, HitKind, append

logger = logging.getLogger(__name__)

POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; default-src 'none'; "
    "img-src http: https: data:; style-src 'unsafe-inline' https:; font-src https: data:; media-src https:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@require_safe
def web_version(request: HttpRequest, token: str) -> HttpResponse:
    """`/w/<token>`: the message, or a page that says that the link does not work."""
    try:
        who = read_recipient_token(Purpose.VIEW, token)
        contents = _contents(who)
    except (BadToken, Recipient.DoesNotExist, ContentError):
        return _not_found(request)
    if request.method == "GET":
        _keep(request, who)
    return _private(HttpResponse(_page(contents)), POLICY)


def _contents(who: RecipientToken) -> Contents:
    """Raises Recipient.DoesNotExist for people who are erased, and for a message that is not a mail."""
    recipients = Recipient.objects.filter(pk=who.recipient_id, run=who.run_id, subscriber=who.subscriber_id)
    found = rows(recipients)
    if not found:
        raise Recipient.DoesNotExist
    said = messages_of(CampaignRun.objects.select_related("campaign__organization").get(pk=who.run_id))
    if not isinstance(said, Mails):
        raise Recipient.DoesNotExist
    return said.contents(found[0])


def _page(contents: Contents) -> str:
    if contents.html:
        return contents.html
    return (
        f'<!doctype html><meta charset="utf-8"><title>{html.escape(contents.subject)}</title>'
        f'<pre style="white-space: pre-wrap; font: 1rem/1.5 system-ui, sans-serif">{html.escape(contents.text)}</pre>'
    )


def _keep(request: HttpRequest, who: RecipientToken) -> None:
    hit = Hit(
        HitKind.VIEWED,
        who.run_id,
        who.recipient_id,
        who.subscriber_id,
        datetime.now(UTC),
        ip_address=client_address(request.META),
        user_agent=request.headers.get("User-Agent", "")[:500],
    )
    try:
        append(hit)
    except OSError:
        logger.exception("A view in the browser was shown and cannot be counted.")


def _not_found(request: HttpRequest) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    response = render(request, "tracking/not_found.html", {"nonce": nonce}, status=404)
    return _private(response, f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; frame-ancestors 'none'")


def _private(response: HttpResponse, policy: str) -> HttpResponse:
    """Framed, kept and told to nobody: the address itself is the key."""
    response["Content-Security-Policy"] = policy
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Frame-Options"] = "DENY"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
