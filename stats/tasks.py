"""Background entries of stats."""

from celery import shared_task
from django.conf import settings

from stats.ingest import ingest
from stats.outcomes import refresh_stale


@shared_task(name="stats.ingest_spool")  # type: ignore[untyped-decorator]
def ingest_spool() -> None:
    """Store what came back; the clock asks every two seconds, and one worker at a time does it, a while at most."""
    ingest(limit=20 * settings.INGEST_CHUNK)


@shared_task(name="stats.refresh_outcomes")  # type: ignore[untyped-decorator]
def refresh_outcomes() -> None:
    """Count where the recipients of running campaigns stand; the clock asks every minute."""
    refresh_stale()
