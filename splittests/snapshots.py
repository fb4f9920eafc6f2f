"""What a test's snapshot keeps of each variant beside the measure: all that had been counted of its sample when it was
decided. Later the winner's figures hold the rest, too, and those of the others go on; these stay comparable.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db.models import Count

from campaigns.models import CampaignRun
from delivery.models import Recipient
from splittests.models import SplitTestRun
from stats import base_counters
from stats.base_counters import BaseCounters
from stats.counted import Sums, columns_of, results, summed
from stats.figures import Results
from stats.models import Counter

States = dict[tuple[str, str], int]


def taken(run: CampaignRun) -> dict[str, Any]:
    """As JSON, each by variant id: `counters` (`stats.base_counters.BaseCounters`: every hit, by vendors' rules),
    `people` (by state) and `counts` (by kind: `stats.counted.Sums`), of which `figures` is made."""
    states = _states(run)
    counts = summed(Counter.objects.filter(run=run), "variant_id")
    return {
        "counters": {str(pk): asdict(each) for pk, each in base_counters.for_run(run, states).items()},
        "people": {str(pk): _by_state(found) for pk, found in states.items()},
        "counts": {str(pk): {kind: list(sums) for kind, sums in counts.get(pk, {}).items()} for pk in states},
    }


def counters(row: SplitTestRun) -> dict[int, BaseCounters]:
    """By variant id; empty where nothing was kept."""
    return {int(pk): BaseCounters(**kept) for pk, kept in row.snapshot.get("counters", {}).items()}


def figures(row: SplitTestRun) -> dict[int, Results]:
    """Of the sample when it was decided, by variant id; empty where nothing was kept."""
    channel, counts = row.run.campaign.channel, row.snapshot.get("counts", {})
    return {
        int(pk): results(columns, {kind: Sums(*sums) for kind, sums in counts.get(pk, {}).items()}, channel)
        for pk, states in row.snapshot.get("people", {}).items()
        for columns in [columns_of(states)]
    }


def _states(run: CampaignRun) -> dict[int, States]:
    """People of the sample by (state, reason of skipping), by variant in their order; who waits has no variant."""
    found: dict[int, States] = defaultdict(dict)
    for pk in run.campaign.variants.order_by("position").values_list("pk", flat=True):
        found[pk] = {}
    rows = Recipient.objects.filter(run=run, variant__isnull=False).order_by()
    for pk, state, reason, people in rows.values_list("variant_id", "state", "skip_reason").annotate(Count("pk")):
        found[pk][state, reason] = people
    return dict(found)


def _by_state(found: Mapping[tuple[str, str], int]) -> dict[str, int]:
    states: dict[str, int] = defaultdict(int)
    for (state, _), people in found.items():
        states[state] += people
    return dict(states)
