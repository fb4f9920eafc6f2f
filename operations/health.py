"""Is everything running: what an administrator should hear of before a reader does."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Max, Sum
from django.utils.timezone import now
from django_celery_beat.models import PeriodicTask

from campaigns.models import Campaign
from delivery.models import Batch
from stats.models import Refusal, SpoolPosition
from tracking import spool, strays

# The clock writes down every three minutes when it last did what.
CLOCK_SILENT = timedelta(minutes=6)
LATE = timedelta(minutes=2)
REPORTS_OF = timedelta(days=1)
MOST_UNMATCHED = 20
MANY_REFUSED = 1000


@dataclass(frozen=True)
class Check:
    """`detail` says what is wrong and what to do, or how things stand."""

    name: str
    ok: bool
    detail: str


def checks(moment: datetime | None = None) -> list[Check]:
    """In a few queries and no connection to anything but the database and the spool."""
    at = moment or now()
    return [_clock(at), _starts(at), _workers(at), _figures(at), _reports(at), _links(at)]


def _clock(at: datetime) -> Check:
    seen = PeriodicTask.objects.filter(name__in=settings.CELERY_BEAT_SCHEDULE).aggregate(at=Max("last_run_at"))["at"]
    if seen is None:
        return Check("Clock", False, "It has never run. Start celery beat, or everything with `make run`.")
    if at - seen > CLOCK_SILENT:
        return Check("Clock", False, f"It was last seen {seen:%d %b, %H:%M} UTC. Start celery beat again.")
    return Check("Clock", True, "Running.")


def _starts(at: datetime) -> Check:
    late = Campaign.objects.due(at - LATE).filter(modified_at__lt=at - LATE).count()
    if late:
        return Check("Starts", False, f"{late} campaigns are due and have not started. Is a worker running?")
    return Check("Starts", True, "Every campaign that is due has started.")


def _workers(at: datetime) -> Check:
    left = Batch.objects.silent(at - LATE).count()
    if left:
        return Check("Workers", False, f"{left} batches were left by a worker that is gone. Is another one running?")
    return Check("Workers", True, "No batch is left behind.")


def _figures(at: datetime) -> Check:
    """Hits are stored seconds after they come in."""
    oldest = min(_waiting_since(), default=None)
    if oldest is not None and at.timestamp() - oldest > LATE.total_seconds():
        return Check("Figures", False, "Opens and clicks wait to be counted. Is a worker running?")
    return Check("Figures", True, "Opens and clicks are counted as they come in.")


def _links(at: datetime) -> Check:
    """A few forged or cut links are nothing; when links of real mails are refused, they are many."""
    since = at.astimezone(UTC).date() - timedelta(days=1)
    refused = Refusal.objects.filter(day__gte=since).values_list("reason").annotate(number=Sum("count"))
    reasons = sorted(refused, key=lambda row: -row[1])
    total = sum(number for _, number in reasons)
    if total < MANY_REFUSED:
        return Check("Links", True, f"{total:,} links were refused since yesterday.")
    why = f"{total:,} links were refused since yesterday, mostly: {reasons[0][0]}."
    return Check("Links", False, f"{why} Was a key of mails that are out taken from TRACKING_KEYS?")


def _reports(at: datetime) -> Check:
    """Bounces and complaints that nobody could be found for; a few come from forgers."""
    unmatched = sum(strays.unmatched_since(at - REPORTS_OF).values())
    if unmatched > MOST_UNMATCHED:
        return Check(
            "Reports",
            False,
            f"{unmatched} bounces and complaints of the last day name no message. See docs/bounces.md.",
        )
    return Check("Reports", True, f"{unmatched} bounces and complaints of the last day name no message.")


def _waiting_since() -> Iterator[float]:
    """When each spool file that is not read to its end was last written to."""
    stored = dict(SpoolPosition.objects.values_list("file_name", "offset"))
    for path in spool.files(settings.SPOOL_DIR):
        with suppress(FileNotFoundError):  # ingest removes what it has finished
            about = path.stat()
            if about.st_size > stored.get(path.name, 0):
                yield about.st_mtime
