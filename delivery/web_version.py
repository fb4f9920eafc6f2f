"""The page behind “view in your browser”: the message as this recipient got it, from what the run said.

The HTML is what an author wrote, on the origin of the admin: a sandbox takes scripts, forms and our cookies from it.
"""

import logging

from django.db import Error as DatabaseAway
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from campaigns.models import CampaignRun
from content.compile import Contents
from content.errors import ContentError
from content.sandbox import POLICY, page_of
from content.tokens import BadToken, Purpose, RecipientToken, read_recipient_token
from delivery.models import Recipient
from delivery.rendering import Mails, messages_of, rows
from tracking.hits import hit_of
from tracking.private_pages import away, page, refused
from tracking.spool import HitKind, append

logger = logging.getLogger(__name__)


@require_safe
def web_version(request: HttpRequest, token: str) -> HttpResponse:
    """`/w/<token>`: the message, or a page that says that the link does not work."""
    try:
        who = read_recipient_token(Purpose.VIEW, token)
        contents = _contents(who)
    except BadToken as forged:
        return refused(request, forged)
    except (Recipient.DoesNotExist, ContentError):
        return page(request, "not_found", status=404)
    except DatabaseAway:
        logger.exception("The web version is away with the database.")
        return away(request)
    if request.method == "GET":
        _keep(request, who)
    return _private(HttpResponse(page_of(contents)), POLICY)


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


def _keep(request: HttpRequest, who: RecipientToken) -> None:
    try:
        append(hit_of(HitKind.VIEWED, who, request.META))
    except OSError:
        logger.exception("A view in the browser was shown and cannot be counted.")


def _private(response: HttpResponse, policy: str) -> HttpResponse:
    """Framed, kept and told to nobody: the address itself is the key."""
    response["Content-Security-Policy"] = policy
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Frame-Options"] = "DENY"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
