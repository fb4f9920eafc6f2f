"""The log is kept for WEBHOOK_LOG_DAYS; then its rows go, what still waited for an endpoint that is off among them."""

from datetime import timedelta

from django.conf import settings
from django.utils.timezone import now

from webhooks.models import Delivery

CHUNK = 5000


def thin(chunks: int = 200) -> int:
    """Delete what is too old, a chunk in a transaction; how many rows that were. Keys are in the order of time."""
    limit, deleted = now() - timedelta(days=settings.WEBHOOK_LOG_DAYS), 0
    for _ in range(chunks):
        oldest = list(Delivery.objects.order_by("pk").values_list("pk", "created_at")[:CHUNK])
        old = [pk for pk, created_at in oldest if created_at < limit]
        deleted += Delivery.objects.filter(pk__in=old).delete()[0] if old else 0
        if len(old) < CHUNK:
            break
    return deleted
