"""How a race went: looks at it while the campaign waits, at even distances, kept for its chart.

A look is {"at": ISO 8601, "standings": [[variant id, people, amount, chance, delivered, opened, clicked], ...]}.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from campaigns.models import CampaignRun, State
from splittests import measuring
from splittests.decisions import Metric, race
from splittests.models import SplitTest, SplitTestRun

LEAST_APART = timedelta(minutes=1)
IN_A_WAIT = 48
MOST = 200  # of somebody who is asked and does not answer; then every other one is forgotten


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One variant at one time: `rate` and `chance` as in the race, and the shares who had opened and clicked."""

    rate: float
    chance: float
    opened: float
    clicked: float


@dataclass(frozen=True, kw_only=True)
class Look:
    """The race at one time, by variant id."""

    at: datetime
    seen: dict[int, Seen]


def due(at: datetime) -> list[SplitTestRun]:
    """Races that go on and were last looked at long enough ago."""
    rows: QuerySet[SplitTestRun] = SplitTestRun.objects.filter(
        chosen__isnull=True, run__campaign__state=State.HOLDING
    ).defer("looks", "snapshot")
    return [row for row in rows if _is_due(row, at)]


def look(row: SplitTestRun) -> bool:
    """Look once; False where somebody else just did, or it is decided."""
    with transaction.atomic():
        locked = SplitTestRun.objects.select_for_update(
            of=("self",), skip_locked=connection.features.has_select_for_update_skip_locked
        )
        mine = locked.select_related("run__campaign").filter(pk=row.pk, chosen__isnull=True).first()
        if mine is None or not _is_due(mine, now()):
            return False
        test = SplitTest.objects.get(campaign=mine.run.campaign_id)
        add(mine, mine.run, Metric(test.metric))
        mine.save(update_fields=["looks", "looked_at"])
    return True


def add(row: SplitTestRun, run: CampaignRun, metric: Metric) -> None:
    """One more look, on the row in memory."""
    row.looked_at = now()
    row.looks = _thinned([*row.looks, {"at": row.looked_at.isoformat(), "standings": _standings(run, metric)}])


def of(row: SplitTestRun | None) -> list[Look]:
    """The looks kept, oldest first."""
    return [_read(kept) for kept in row.looks] if row else []


def _standings(run: CampaignRun, metric: Metric) -> list[list[float]]:
    found = measuring.figures(run)
    return [
        [
            *(each.measured.variant_id, each.measured.people, each.measured.amount, round(each.chance, 4)),
            *(figures.delivered, figures.opened, figures.clicked),
        ]
        for each, figures in zip(race(metric, measuring.measured(run, metric, found)), found.values(), strict=True)
    ]


def _read(kept: dict[str, Any]) -> Look:
    return Look(
        at=datetime.fromisoformat(kept["at"]),
        seen={
            variant_id: Seen(
                rate=_share(amount, people),
                chance=chance,
                opened=_share(opened, delivered),
                clicked=_share(clicked, delivered),
            )
            for variant_id, people, amount, chance, delivered, opened, clicked in kept["standings"]
        },
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _is_due(row: SplitTestRun, at: datetime) -> bool:
    apart = max(LEAST_APART, (row.due_at - row.sampled_at) / IN_A_WAIT)
    return row.looked_at is None or at - row.looked_at >= apart


def _thinned(kept: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every other one, and always the last."""
    return [*kept[:-1][::2], kept[-1]] if len(kept) > MOST else list(kept)
