"""How many people each variant goes to, told before anything is sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.templatetags.figures import percent
from campaigns.models import Campaign
from splittests.decisions import Metric
from splittests.models import SplitTest
from splittests.preflight import too_few
from splittests.sizes import POWER, USUAL, Sizes, detectable, sizes
from stats.trends import average_for

RATES = {
    Metric.OPENED: "open_rate",
    Metric.CLICKED: "click_rate",
    Metric.CLICK_TO_OPEN: "click_to_open_rate",
    Metric.UNSUBSCRIBED: "unsubscribe_rate",
    Metric.CONVERTED: "conversion_rate",
}


@dataclass(frozen=True, kw_only=True)
class ShownSizes:
    """`shares`: name and people of each variant. `power`: what the test can show, `small`: why it will show nothing;
    both empty without one."""

    sizes: Sizes
    shares: list[tuple[str, int]]
    test: SplitTest | None = None
    power: str = ""
    small: str = ""

    @property
    def most(self) -> int:
        return max(self.sizes.dealt, default=0)

    @property
    def is_even(self) -> bool:
        return self.most - self.sizes.fewest <= 1


def shown_sizes(
    campaign: Campaign, people: int, *, test: SplitTest | None, weights: Sequence[int], names: Sequence[str]
) -> ShownSizes:
    """For so many `people` who would get the campaign. `test`, `weights`: as planned, or as typed."""
    found = sizes(people, weights, int(test.share_percent * 100) if test else None)
    shares = list(zip(names, found.dealt, strict=True))
    if test is None or len(weights) < 2 or not people:
        return ShownSizes(sizes=found, shares=shares)
    small = too_few(test, found.fewest) if found.are_too_few(test.terms) else ""
    return ShownSizes(sizes=found, shares=shares, test=test, small=small, power=_power(campaign, test, found))


def planned_sizes(campaign: Campaign, people: int) -> ShownSizes | None:
    """Of a campaign as it is planned; None where it has one variant."""
    rows = list(campaign.variants.order_by("position").values_list("name", "weight"))
    if len(rows) < 2:
        return None
    test = SplitTest.objects.filter(campaign=campaign).first()
    names, weights = [name for name, _ in rows], [weight for _, weight in rows]
    return shown_sizes(campaign, people, test=test, weights=weights, names=names)


def _power(campaign: Campaign, test: SplitTest, found: Sizes) -> str:
    """In a sentence; empty where nothing can be said."""
    metric = Metric(test.metric)
    if metric not in RATES:
        return "What difference it can show depends on how differently people behave, and cannot be said beforehand."
    average = average_for(campaign).figures
    usual = average.get(RATES[metric]) or USUAL[metric]
    people = found.fewest
    if metric == Metric.CLICK_TO_OPEN:
        people = round(people * (average.get("open_rate") or USUAL[Metric.OPENED]))
    gap = detectable(metric, people, len(found.dealt), rate=usual, certainty=float(test.certainty))
    if gap is None:
        return ""
    other = max(0.0, usual - gap) if metric == Metric.UNSUBSCRIBED else min(1.0, usual + gap)
    whose = "usual here" if average.get(RATES[metric]) else "usual elsewhere, since you have sent too little to tell"
    return (
        f"Such a sample tells {percent(usual)} from {percent(other)} in {POWER:.0%} of all cases; "
        f"a smaller difference mostly ends without a winner. {percent(usual)} is what is {whose}."
    )
