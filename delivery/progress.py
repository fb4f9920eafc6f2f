"""How far a run is: numbers for somebody who watches, in a few queries whatever its size."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from campaigns.models import Campaign, CampaignRun
from delivery.models import Batch, Recipient

WATCHED = timedelta(seconds=30)  # the rate is that of batches settled within this time


@dataclass(frozen=True, kw_only=True)
class Progress:
    """planned = sent + failed + skipped + in_doubt + pending, always."""

    planned: int = 0
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    in_doubt: int = 0
    pending: int = 0
    excluded: int = 0
    """People an excluded list or segment kept out; not part of planned."""
    skipped_by_reason: dict[str, int] = field(default_factory=dict)
    per_second: float = 0.0
    """Recipients settled a second: now, while it is being sent; on average, when it is finished."""
    seconds_left: float | None = None
    """At the present rate; None when nothing moves or nothing is left, and while somebody waits for a split test or for
    the time of day."""
    next_try_at: datetime | None = None
    """When the earliest batch that waits for its time is tried again."""
    next_hour_at: datetime | None = None
    """When it is the next people's time, whom nobody has tried yet; None where all are on their way."""
    last_error: str = ""
    """Why the batch that failed last could not be sent; empty once it could."""

    @property
    def share(self) -> float:
        """Of those a message goes to, how many are settled, from 0 to 1."""
        to_send = self.planned - self.skipped
        return (to_send - self.pending) / to_send if to_send else 1.0


def of(target: Campaign | CampaignRun) -> Progress:
    """The progress of a run, or of a campaign's last one; all zeros before it starts."""
    run = target if isinstance(target, CampaignRun) else target.runs.order_by("number").last()
    if run is None:
        return Progress()
    per_second = _average_rate(run) if run.finished_at else _present_rate(run)
    error, next_try_at, next_hour_at = _waits(run)
    return Progress(
        planned=run.planned,
        sent=run.sent,
        failed=run.failed,
        skipped=run.skipped,
        in_doubt=run.in_doubt,
        pending=run.pending,
        excluded=run.excluded,
        skipped_by_reason=_skipped_by_reason(run) if run.skipped else {},
        per_second=per_second,
        seconds_left=_seconds_left(run, per_second),
        next_try_at=next_try_at,
        next_hour_at=next_hour_at,
        last_error=error,
    )


def _skipped_by_reason(run: CampaignRun) -> dict[str, int]:
    skipped = Recipient.objects.filter(run=run, state=Recipient.State.SKIPPED).order_by()
    return dict(skipped.values_list("skip_reason").annotate(people=Count("pk")).order_by("-people"))


def _present_rate(run: CampaignRun) -> float:
    """What the batches that moved a moment ago have settled since they were claimed, over the time that took."""
    moved = Batch.objects.filter(run=run, settled_at__gte=now() - WATCHED, settled__gt=0)
    about = moved.aggregate(people=Sum("settled"), since=Min("claimed_at"), until=Max("settled_at"))
    if not about["people"]:
        return 0.0
    seconds = (about["until"] - about["since"]).total_seconds()
    return float(about["people"] / max(seconds, 0.001))


def _seconds_left(run: CampaignRun, per_second: float) -> float | None:
    """Who is held waits for a decision, and who is in another zone for the hour, not for workers."""
    waiting = Q(held=True) | Q(release_at__gt=now())
    if not per_second or not run.pending or Batch.objects.open().filter(waiting, run=run).exists():
        return None
    return run.pending / per_second


def _average_rate(run: CampaignRun) -> float:
    if run.frozen_at is None or run.finished_at is None:
        return 0.0
    seconds = (run.finished_at - run.frozen_at).total_seconds()
    return (run.sent + run.failed + run.in_doubt) / max(seconds, 0.001)


def trouble(run: CampaignRun) -> tuple[str, datetime | None]:
    """Why messages of this run wait ('' while all is well), and when the earliest of them is tried again."""
    return _waits(run)[:2]


def _waits(run: CampaignRun) -> tuple[str, datetime | None, datetime | None]:
    """The same, and when it is the next people's time."""
    still_open = Batch.objects.open().filter(run=run)
    failed = still_open.exclude(last_error="").order_by("-settled_at").values_list("last_error", flat=True).first()
    untouched = Q(state=Batch.State.WAITING, claims=0, not_before__gt=now())
    at = still_open.aggregate(tried=Min("not_before"), hour=Min("not_before", filter=untouched))
    return failed or "", at["tried"], at["hour"]


@dataclass(frozen=True, kw_only=True)
class ZoneProgress:
    """How far the people are who go by one clock; `zone` is where most of them live.

    `begins_at`: when messages may leave again or for the first time; None: now. `release_at`: when it was to be their
    time; None where everybody was to get it at once.
    """

    zone: str
    people: int
    pending: int
    release_at: datetime | None
    begins_at: datetime | None

    @property
    def done(self) -> int:
        return self.people - self.pending

    @property
    def is_held_back(self) -> bool:
        """Whether quiet hours put it off."""
        return self.begins_at is not None and self.begins_at != self.release_at

    @property
    def share(self) -> float:
        return self.done / self.people if self.people else 1.0


def by_zone(run: CampaignRun) -> list[ZoneProgress]:
    """Each clock's people, in the order of their hours; empty for a run that asks for nobody's.

    Batches nobody has touched are taken as they were counted, so that only those at work are looked into.
    """
    zoned = Batch.objects.filter(run=run).exclude(zone="")
    still_open = ~Q(state=Batch.State.DONE)
    rows = zoned.values("zone", "release_at").annotate(
        people_in_all=Sum("people"),
        untouched=Coalesce(Sum("people", filter=still_open & Q(claims=0)), 0),
        begins_at=Min("not_before", filter=Q(state=Batch.State.WAITING)),
        at_once=Count("pk", filter=still_open & Q(not_before=None)),
    )
    at_work = Recipient.objects.filter(batch__in=zoned.filter(still_open, claims__gt=0), state=Recipient.State.PENDING)
    left = dict(at_work.order_by().values_list("batch__zone").annotate(Count("pk")))
    found = [
        ZoneProgress(
            zone=row["zone"],
            people=row["people_in_all"],
            pending=row["untouched"] + left.get(row["zone"], 0),
            release_at=row["release_at"],
            begins_at=None if row["at_once"] or (row["begins_at"] or now()) <= now() else row["begins_at"],
        )
        for row in rows.order_by("release_at", "zone")
    ]
    return sorted(found, key=lambda each: (each.release_at or each.begins_at or run.started_at, each.zone))
