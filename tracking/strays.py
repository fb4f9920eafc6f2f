"""What came back and could not be counted: keep it, count it, forget it."""

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count
from django.utils.timezone import now

from tracking.models import StrayMail

LONGEST = {"kind": 16, "address": 254, "sender": 254, "subject": 500, "detail": 500}
MOST_KEPT = 64 * 1024  # bytes of each


def keep(raw: bytes, *, reason: str, source: str, identity: str = "", **about: str) -> StrayMail:
    """Once, however often it comes; `identity` where the bytes are not the same each time.

    Raises DatabaseError.
    """
    key = hashlib.sha256(identity.encode() or raw).hexdigest()
    texts = {name: text.replace("\0", "")[: LONGEST[name]] for name, text in about.items()}
    stray, _ = StrayMail.objects.get_or_create(
        key=key, defaults={"reason": reason, "source": source[:32], "raw": raw[:MOST_KEPT], **texts}
    )
    return stray


def unmatched_since(moment: datetime) -> dict[str, int]:
    """How many reports nobody could be found for, by what they report."""
    rows = StrayMail.objects.filter(reason=StrayMail.Reason.UNMATCHED, received_at__gte=moment).order_by()
    return dict(rows.values_list("kind").annotate(reports=Count("pk")))


def forget_old(at: datetime | None = None) -> int:
    """Delete what is older than STRAY_MAIL_DAYS; how many that were."""
    before = (at or now()) - timedelta(days=settings.STRAY_MAIL_DAYS)
    deleted, _ = StrayMail.objects.filter(received_at__lt=before).delete()
    return deleted
