"""Background entries of stats."""

import logging

from celery import shared_task
from django.conf import settings
from django.utils.timezone import now

from stats import mailbox, months, retention
from stats.ingest import ingest
from stats.outcomes import refresh_stale
from tracking import strays
from tracking.bounces.mailbox import MailboxTrouble

logger = logging.getLogger(__name__)


@shared_task(name="stats.ingest_spool")  # type: ignore[untyped-decorator]
def ingest_spool() -> None:
    """Store what came back; the clock asks every two seconds, and one worker at a time does it, a while at most."""
    ingest(limit=5 * settings.INGEST_CHUNK)


@shared_task(name="stats.refresh_outcomes")  # type: ignore[untyped-decorator]
def refresh_outcomes() -> None:
    """Count where the recipients of running campaigns stand; the clock asks every minute."""
    refresh_stale()


@shared_task(name="stats.fetch_bounces")  # type: ignore[untyped-decorator]
def fetch_bounces() -> None:
    """Read the mailbox of bounces, where one is set; the clock asks every minute."""
    try:
        mailbox.fetch()
    except MailboxTrouble as trouble:
        logger.warning("%s It is tried again in a minute.", trouble)


@shared_task(name="stats.forget_strays")  # type: ignore[untyped-decorator]
def forget_strays() -> None:
    """Delete reports that nobody could match, after some weeks; the clock asks every hour."""
    strays.forget_old()


@shared_task(name="stats.keep_months")  # type: ignore[untyped-decorator]
def keep_months() -> None:
    """Make the next month's place for events, drop those that are too old where EVENT_RETENTION_MONTHS says so, and
    renew the statistics of the planner, which autovacuum does for months and never for the table they make up."""
    months.prepare(now())
    if settings.EVENT_RETENTION_MONTHS:
        retention.prune(settings.EVENT_RETENTION_MONTHS, now())
    months.analyze()
