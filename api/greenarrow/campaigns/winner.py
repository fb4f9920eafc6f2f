"""`automatic_winner_selection`: the split test of a campaign, as this API shows it and is told of it."""

import hashlib
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from api.greenarrow import times
from api.greenarrow.campaigns import statistics
from api.greenarrow.reading import Given
from api.greenarrow.vocabulary import METRIC_WORDS, METRICS, UNITS, percentage
from campaigns.models import Campaign, State, Variant
from delivery.models import Dispatch
from splittests.models import SplitTest, SplitTestRun
from stats.base_counters import BaseCounters

# A raw lead decides here, however small: no certainty is asked for, and of a tie the first content wins.
ANY_LEAD = {"least_people": 0, "least_difference": Decimal(0), "certainty": Decimal(0), "when_unclear": "leader"}
KEYS = ("autowinner_percentage", "autowinner_delay_amount", "autowinner_delay_unit", "autowinner_metric")
HIGHEST_DELAY = 32_767


def settings_of(test: SplitTest | None, dispatch: Dispatch) -> dict[str, Any]:
    """The keys of `dispatch` about it; what was said of a test that is switched off is shown too."""
    if test is None:
        said = dispatch.winner
        shown = {name: said.get(name) for name in KEYS}
        return {"autowinner_enabled": False, **shown, "autowinner_delay_unit": said.get(KEYS[2]) or "minutes"}
    return {
        "autowinner_enabled": True,
        "autowinner_percentage": percentage(test.share_percent),
        "autowinner_delay_amount": test.wait,
        "autowinner_delay_unit": str(test.wait_unit),
        "autowinner_metric": METRIC_WORDS.get(str(test.metric)),
    }


def read(given: Given) -> dict[str, Any]:
    """What was sent of the keys, checked one by one; whether they are enough is `enough`'s to say."""
    said: dict[str, Any] = {}
    if "autowinner_enabled" in given:
        said["autowinner_enabled"] = bool(given.boolean("autowinner_enabled"))
    if "autowinner_percentage" in given:
        said["autowinner_percentage"] = _percentage(given)
    if "autowinner_delay_amount" in given:
        said["autowinner_delay_amount"] = given.integer("autowinner_delay_amount")
        if (said["autowinner_delay_amount"] or 0) > HIGHEST_DELAY:
            given.problem("autowinner_delay_amount", f"must be at most {HIGHEST_DELAY}")
    if "autowinner_delay_unit" in given:
        said["autowinner_delay_unit"] = given.one_of("autowinner_delay_unit", UNITS) or "minutes"
    if "autowinner_metric" in given:
        said["autowinner_metric"] = given.one_of("autowinner_metric", tuple(METRICS))
    return said


def enough(said: dict[str, Any], given: Given) -> None:
    """Problems of a test that is switched on and lacks something."""
    for name in ("autowinner_percentage", "autowinner_delay_amount", "autowinner_metric"):
        if not said.get(name):
            given.problem(name, "cannot be blank when autowinner_enabled is true")


def plan(said: dict[str, Any]) -> dict[str, Any]:
    """The settings of the split test that means."""
    return {
        "share_percent": Decimal(said["autowinner_percentage"]),
        "wait": said["autowinner_delay_amount"],
        "wait_unit": said["autowinner_delay_unit"],
        "metric": METRICS[said["autowinner_metric"]],
        **ANY_LEAD,
    }


def _percentage(given: Given) -> str | None:
    written = given.raw("autowinner_percentage")
    if written is None or written == "":
        return None
    try:
        value = Decimal(str(written)) if not isinstance(written, bool) and len(str(written)) < 40 else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        given.problem("autowinner_percentage", "must be a number")
        return None
    if not 0 < value < 100:
        given.problem("autowinner_percentage", "must be between 0 and 100")
        return None
    if value != round(value, 2):
        given.problem("autowinner_percentage", "must have at most two decimals")
        return None
    return percentage(value)


# --- what became of it ---------------------------------------------------------------------------------------------


def shown(campaign: Campaign, contents: Sequence[Variant]) -> dict[str, Any] | None:
    """None where there is no test, or nothing has begun."""
    run = campaign.runs.order_by("number").last()
    if run is None or len(contents) < 2 or not SplitTest.objects.filter(campaign=campaign).exists():
        return None
    row = SplitTestRun.objects.select_related("chosen").filter(run=run).first()
    if row is None or row.chosen is None:
        return {"state": _undecided(campaign, row), "winning_content": None, "snapshots": []}
    return {
        "state": "finished",
        "winning_content": {"id": row.chosen.pk, "name": row.chosen.name},
        "snapshots": _snapshots(campaign, row, contents),
    }


def _undecided(campaign: Campaign, row: SplitTestRun | None) -> str:
    """Over, too, where everybody was of the sample, so that there was nothing to choose for."""
    if campaign.state == State.SENT:
        return "finished"
    return "split_testing" if row is None or campaign.state == State.SENDING else "decision_delay"


def _snapshots(campaign: Campaign, row: SplitTestRun, contents: Sequence[Variant]) -> list[dict[str, Any]]:
    counters = row.snapshot.get("counters", {})
    slices, known_by = statistics.slice_ids(campaign), statistics.stat_id(campaign)
    group = hashlib.sha256(f"{row.pk} {row.measured_at}".encode()).hexdigest()[:32]
    return [
        {
            "content": {"id": each.pk, "name": each.name, "is_winner": each.pk == row.chosen_id},
            "snapshot": {
                **statistics.raw(base),
                "bounces_unique_by_code": dict(base.bounced_by_code),
                "id": slices.get(each.pk),
                "snapshot_group": group,
                "stat_id": known_by,
                "stat_slice_id": slices.get(each.pk),
                "taken_at": times.shown(row.measured_at),
            },
        }
        for each in sorted(contents, key=lambda variant: variant.pk)
        if (base := BaseCounters(**counters.get(str(each.pk), {})))
    ]
