"""How long reports take, side by side."""

import statistics
import time

from campaigns.models import Campaign
from stats import reports
from stats.models import Event


def measure(rounds: int) -> dict[str, object]:
    """In turn, so that whatever else the machine does is in the way of both alike; medians in milliseconds."""
    campaigns = {name: Campaign.objects.get(name=name) for name in ("few", "many")}
    events = {name: Event.objects.filter(run__campaign=campaign).count() for name, campaign in campaigns.items()}
    times: dict[str, list[float]] = {name: [] for name in campaigns}
    for name, campaign in campaigns.items():
        figures = reports.report(campaign).raw  # once before, to be warm; and right, or its time says nothing
        assert figures.pixel_opens + figures.clicks == events[name], figures
    for _ in range(rounds):
        for name, campaign in campaigns.items():
            began = time.perf_counter()
            reports.report(campaign)
            times[name].append((time.perf_counter() - began) * 1000)
    few, many = (statistics.median(times[name]) for name in ("few", "many"))
    return {
        "events": sum(events.values()),
        "report_ms_few": round(few, 2),
        "report_ms_many": round(many, 2),
        "report_ratio": round(many / few, 2),
    }
