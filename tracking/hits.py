"""What a request of somebody with a link is worth writing down."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from content.tokens import RecipientToken
from tracking.clients import client_address
from tracking.spool import Hit, HitKind

LONGEST_AGENT = 500


def hit_of(kind: HitKind, who: RecipientToken, environ: Mapping[str, Any], **about: Any) -> Hit:
    """A hit of this moment. `environ` is a WSGI environ or Django's `request.META`."""
    return Hit(
        kind,
        who.run_id,
        who.recipient_id,
        who.subscriber_id,
        datetime.now(UTC),
        ip_address=client_address(environ),
        user_agent=environ.get("HTTP_USER_AGENT", "")[:LONGEST_AGENT],
        **about,
    )
