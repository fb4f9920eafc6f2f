"""The figures of many campaigns at once, in a fixed number of queries."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet, Sum

from campaigns.models import Campaign, CampaignRun
from stats.counted import RUN_COLUMNS, Counts, results, summed
from stats.figures import Results
from stats.models import Counter


def for_campaigns(ids: Iterable[int] | QuerySet[Any, Any]) -> dict[int, Results]:
    """By campaign id, in three queries; campaigns that were never started are not in it. `ids` may be a query."""
    wanted = ids if isinstance(ids, QuerySet) else list(ids)
    runs, counts = run_columns(wanted), _counts(wanted)
    about = Campaign.objects.filter(pk__in=runs.keys()).order_by().values_list("pk", "channel", "total_recipients")
    return {pk: results(runs[pk], counts.get(pk, {}), channel, total) for pk, channel, total in about}


def for_rows(rows: Sequence[Any]) -> dict[int, Results]:
    """As `for_campaigns`, in one query, for rows of campaigns that carry `sent_count` and `failed_count` already.

    Campaigns that were never started have zeros; what is skipped, waiting or in doubt is not counted.
    """
    counts = _counts(row.pk for row in rows)
    return {
        row.pk: results(
            {"sent": row.sent_count, "failed": row.failed_count},
            counts.get(row.pk, {}),
            row.channel,
            row.total_recipients,
        )
        for row in rows
    }


def for_runs(runs: Sequence[CampaignRun], channel: str) -> dict[int, Results]:
    """By run id, each run alone, in one query; of runs of campaigns by this channel."""
    counts = dict(summed(Counter.objects.filter(run__in=[run.pk for run in runs]), "run"))
    columns = {run.pk: {name: getattr(run, name) for name in RUN_COLUMNS} for run in runs}
    return {
        run.pk: results(columns[run.pk], counts.get(run.pk, {}), channel, run.planned - run.skipped) for run in runs
    }


def run_columns(ids: Iterable[int] | QuerySet[Any, Any]) -> dict[int, dict[str, int]]:
    """The columns of runs by campaign, summed over its runs."""
    runs = CampaignRun.objects.filter(campaign__in=ids).order_by().values_list("campaign")
    added = runs.annotate(*[Sum(column) for column in RUN_COLUMNS])
    return {row[0]: dict(zip(RUN_COLUMNS, row[1:], strict=True)) for row in added}


def _counts(ids: Iterable[int] | QuerySet[Any, Any]) -> dict[int, Counts]:
    wanted = ids if isinstance(ids, QuerySet) else list(ids)
    return dict(summed(Counter.objects.filter(run__campaign__in=wanted), "run__campaign"))
