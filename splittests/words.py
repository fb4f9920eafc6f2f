"""A race in words, the same wherever it is told."""

from accounts.templatetags.figures import percent
from accounts.texts import one_line
from campaigns.models import Variant
from splittests.decisions import PER_PERSON, Metric
from splittests.standings import Race

LONGEST = 60


def rate(metric: Metric, value: float) -> str:
    """A share of people as a percentage; of a metric per person the average, of revenue in whole units of money."""
    if metric == Metric.REVENUE:
        return f"{value / 100:.2f}"
    return f"{value:.2f}" if metric in PER_PERSON else share(value)


def share(fraction: float) -> str:
    """Rounded as figures are, so that a report says the same."""
    return percent(round(fraction, 4))


def says(variant: Variant) -> str:
    """Its subject or text, shortened."""
    said = one_line(variant.email.subject if variant.email else variant.sms_body)
    return (said if len(said) < LONGEST else f"{said[: LONGEST - 3]}…") or "nothing yet"


def lines(race: Race) -> list[str]:
    """A line for each variant."""
    metric = Metric(race.test.metric)
    return [
        f"{row.variant.name}: {says(row.variant)}: {rate(metric, row.rate)} of {row.people:,}, "
        f"the best with {share(row.chance)}"
        for row in race.rows
    ]
