"""What the script draws, and the tables that say the same: shapes for `static/broadsheet/charts.js`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import now

from campaigns.models import Channel
from stats.admin import hits
from stats.report_rows import Compared, Dashboard
from stats.timeline import HOUR, Point, Timeline

Chart = dict[str, Any]
# name, label, colour, whether it is drawn at first: people at their first time, and every time
OPENS = (("opened", "Opened", "blue", True), ("opens", "Opens in all", "violet", False))
CLICKS = (("clicked", "Clicked", "amber", True), ("clicks", "Clicks in all", "red", False))
TONES = ("blue", "amber", "green", "violet", "red")


def series(label: str, tone: str, values: Sequence[float | None], *, shown: bool = True) -> dict[str, Any]:
    """One line of a chart; what is not `shown` can be switched on."""
    return {"label": label, "tone": tone, "values": list(values), "shown": shown}


# --- a campaign over time ----------------------------------------------------------------------------------------


def over_time(timeline: Timeline, channel: str, *, raw: bool) -> Chart:
    columns = CLICKS if channel == Channel.SMS else OPENS + CLICKS
    return {
        "labels": [moment(point.at, timeline.step) for point in timeline.points],
        "series": [
            series(label, tone, [hits.count(point, name, raw=raw) for point in timeline.points], shown=shown)
            for name, label, tone, shown in columns
        ],
    }


def moment(at: datetime, step: str) -> str:
    return date_format(at, "D j M" if step == "day" else "D j M, H:i")


def steps(timeline: Timeline, channel: str, *, raw: bool) -> list[tuple[Point, str, list[int]]]:
    """The rows of the table behind the chart."""
    columns = CLICKS if channel == Channel.SMS else OPENS + CLICKS
    return [
        (point, moment(point.at, timeline.step), [hits.count(point, name, raw=raw) for name, *_ in columns])
        for point in timeline.points
    ]


def heads(channel: str) -> list[str]:
    return [label for _, label, *_ in (CLICKS if channel == Channel.SMS else OPENS + CLICKS)]


# --- campaigns beside each other ---------------------------------------------------------------------------------


def since_start(found: Sequence[Compared], name: str, *, raw: bool) -> Chart:
    """The share of those delivered to who had opened (or clicked) by the end of each hour since the start."""
    hours = max((len(each.elapsed) for each in found), default=0)
    lines = [
        series(each.campaign.name, tone, _shares(each, name, hours, raw=raw))
        for each, tone in zip(found, TONES, strict=False)
    ]
    return {"labels": [f"{hour + 1} h" for hour in range(hours)], "series": lines, "unit": "share"}


def _shares(each: Compared, name: str, hours: int, *, raw: bool) -> list[float | None]:
    """None for hours that have not begun: a line that goes on level would say that nobody opens any more."""
    delivered = hits.of_set(each, raw=raw).delivered
    found = [hits.count(step, name, raw=raw) / delivered if delivered else 0.0 for step in each.elapsed[:hours]]
    begun = hours_begun(each)
    return [round(min(1.0, value), 4) if hour < begun else None for hour, value in enumerate(found)]


def hours_begun(each: Compared) -> int:
    """How many hours since its start have begun by now."""
    started_at = each.campaign.started_at
    return (now() - started_at) // HOUR + 1 if started_at else 0


# --- the last days -----------------------------------------------------------------------------------------------


def by_day(found: Dashboard, channel: str, *, raw: bool) -> Chart:
    lines = [series("Clicked", "amber", [hits.count(day, "clicked", raw=raw) for day in found.days])]
    if channel == Channel.EMAIL:
        lines.insert(0, series("Opened", "blue", [hits.count(day, "opened", raw=raw) for day in found.days]))
    lines += [
        series("Unsubscribed", "violet", [day.unsubscribed for day in found.days], shown=False),
        series("Bounced", "red", [day.bounced for day in found.days], shown=False),
        series("Complained", "gray", [day.complained for day in found.days], shown=False),
    ]
    return {"labels": [date_format(day.day, "j M") for day in found.days], "series": lines}


def rows(chart: Chart) -> list[tuple[str, list[float]]]:
    """The table behind a chart: a row for each step."""
    return [(label, [line["values"][at] for line in chart["series"]]) for at, label in enumerate(chart["labels"])]
