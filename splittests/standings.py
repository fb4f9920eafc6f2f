"""How a split test stands, for whoever looks at it: live until it is decided, and then as it was decided."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from campaigns.models import Campaign, CampaignRun, State, Variant
from splittests import measuring
from splittests.course import replay
from splittests.decisions import Decision, Metric, Standing, decide
from splittests.models import SplitTest, SplitTestRun


class Phase(StrEnum):
    """Where a test is: nothing has left yet; the sample is on its way; it is out and the clock runs; nothing was clear
    and somebody is asked; it is decided; the campaign ended before that; everybody was of the sample, so that there is
    nothing to decide."""

    PLANNED = "planned"
    SAMPLING = "sampling"
    WAITING = "waiting"
    ASKING = "asking"
    DECIDED = "decided"
    STOPPED = "stopped"
    NO_REST = "no_rest"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One variant in the race. `people`: of whom `amount` is counted; `rate`, `low`, `high`: fractions, or for a metric
    per person what one brought on average (cents for revenue), with its 95 % interval; `chance` of being the best."""

    variant: Variant
    people: int
    amount: int
    rate: float
    low: float
    high: float
    chance: float


@dataclass(frozen=True, kw_only=True)
class Race:
    """`verdict`, `reason`: what would be found now, or what was. `leader` is who is ahead, `chosen` who was chosen."""

    phase: Phase
    test: SplitTest
    rows: list[Row] = field(default_factory=list)
    leader: Variant | None = None
    verdict: str = ""
    reason: str = ""
    run: SplitTestRun | None = None

    @property
    def due_at(self) -> datetime | None:
        return self.run.due_at if self.run else None

    @property
    def chosen(self) -> Variant | None:
        return self.run.chosen if self.run else None


def of(campaign: Campaign) -> Race | None:
    """The race of the campaign's last run; None where no test is planned. Measured anew each time until decided."""
    test = SplitTest.objects.filter(campaign=campaign).first()
    if test is None:
        return None
    run = campaign.runs.filter(frozen_at__isnull=False).select_related("campaign").order_by("number").last()
    variants = {each.pk: each for each in campaign.variants.select_related("email").order_by("position")}
    if run is None or len(variants) < 2:
        return Race(phase=_before(campaign), test=test)
    row = SplitTestRun.objects.filter(run=run).select_related("chosen", "chosen_by").first()
    found = _found(run, test, row)
    rows = [_row(variants[each.measured.variant_id], each) for each in found.standings]
    return Race(
        phase=_phase(campaign, run, row),
        test=test,
        rows=rows,
        leader=variants[found.leader],
        verdict=str(found.verdict),
        reason=row.reason if row and row.chosen_id else found.reason,
        run=row,
    )


def chosen_of(campaigns: Iterable[int]) -> dict[int, int]:
    """By campaign id, the variant that a split test sent to the rest of its latest run that was decided."""
    rows = SplitTestRun.objects.filter(run__campaign__in=list(campaigns), chosen__isnull=False)
    return dict(rows.order_by("run__number").values_list("run__campaign_id", "chosen_id"))


def _found(run: CampaignRun, test: SplitTest, row: SplitTestRun | None) -> Decision:
    if row is not None and row.chosen_id is not None:
        return replay(row.snapshot)
    metric = Metric(test.metric)
    return decide(metric, measuring.measure(run, metric), test.terms)


def _before(campaign: Campaign) -> Phase:
    return Phase.STOPPED if campaign.state in (State.CANCELLED, State.FAILED, State.SENT) else Phase.PLANNED


def _phase(campaign: Campaign, run: CampaignRun, row: SplitTestRun | None) -> Phase:
    if row is not None and row.chosen_id is not None:
        return Phase.DECIDED
    if row is None and not run.batches.filter(held=True).exists():
        return Phase.NO_REST
    if campaign.state not in (State.SENDING, State.HOLDING):
        return Phase.STOPPED
    if row is None or campaign.state == State.SENDING:
        return Phase.SAMPLING
    return Phase.ASKING if row.measured_at and row.measured_at >= row.due_at else Phase.WAITING


def _row(variant: Variant, standing: Standing) -> Row:
    measured = standing.measured
    return Row(
        variant=variant,
        people=measured.people,
        amount=measured.amount,
        rate=measured.rate,
        low=standing.low,
        high=standing.high,
        chance=standing.chance,
    )
