"""What the clock does about webhooks. The database says what is due; a task that is lost is asked for again."""

import logging

from celery import shared_task

from accounts.models import User
from webhooks import notices, retention, sending
from webhooks.models import Endpoint

logger = logging.getLogger(__name__)

MAIL = {"autoretry_for": (OSError,), "retry_backoff": 30, "retry_backoff_max": 3600, "max_retries": 8}


@shared_task(name="webhooks.send")  # type: ignore[untyped-decorator]
def send() -> None:
    """Post what is due, for a while; the clock asks every two seconds, and one worker a machine does it."""
    sending.send_due()


@shared_task(name="webhooks.tell")  # type: ignore[untyped-decorator]
def tell() -> None:
    """Mail to the administrators of what was switched off: a task each, so that one that fails repeats no other."""
    for endpoint in notices.untold():
        for reader in notices.readers_of(endpoint):
            notify.delay(endpoint.pk, reader.pk)
        notices.mark_told(endpoint)


@shared_task(name="webhooks.notify", **MAIL)  # type: ignore[untyped-decorator]
def notify(endpoint_id: int, reader_id: int) -> None:
    endpoint = Endpoint.objects.select_related("organization").filter(pk=endpoint_id).first()
    if endpoint and endpoint.switched_off_at:
        notices.switched_off(endpoint, User.objects.get(pk=reader_id)).send()


@shared_task(name="webhooks.thin")  # type: ignore[untyped-decorator]
def thin() -> None:
    retention.thin()
