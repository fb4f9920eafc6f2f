"""How many people a split test is about, and what difference so many can show. Pure.

What can be told apart follows from the sizes by the usual formula for two shares (Fleiss, Levin, Paik: Statistical
Methods for Rates and Proportions, 3rd edition, section 4.2, without its correction). A difference d is found where

    d = z * sqrt((p * (1 - p) + (p + d) * (1 - p - d)) / people),    z = z(certainty) + z(power)

where `people` got each variant and p is the rate that is usual: a quadratic equation in d. A leader that is the best of
two with 95 % is ahead of the other one-sided with 95 %, near enough; of several it has to be ahead of each, so that
what may go wrong is shared out among them (Bonferroni).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, sqrt
from statistics import NormalDist

from splittests.decisions import PER_PERSON, Metric, Terms

POWER = 0.8
# What is taken for usual where an organization has not sent anything to know better.
USUAL = {
    Metric.OPENED: 0.25,
    Metric.CLICKED: 0.03,
    Metric.CLICK_TO_OPEN: 0.12,
    Metric.UNSUBSCRIBED: 0.003,
    Metric.CONVERTED: 0.01,
}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """`people` get the campaign: `sample` of them first, `dealt` to the variants in their order; `rest` waits."""

    people: int
    sample: int
    dealt: list[int]

    @property
    def rest(self) -> int:
        return self.people - self.sample

    @property
    def fewest(self) -> int:
        return min(self.dealt, default=0)

    def are_too_few(self, terms: Terms) -> bool:
        """Whether a variant cannot be delivered to as many as a comparison needs."""
        return self.fewest < terms.least_people


def sizes(people: int, weights: Sequence[int], share: int | None) -> Sizes:
    """As `delivery.freeze` fixes them, give or take a person for each variant while not everybody of a round has had a
    turn. `share`: of the sample, in hundredths of a per cent; None where all variants go to everybody."""
    tried = share is not None and len(weights) > 1
    sample = min(people, max(len(weights), people * share // 10_000)) if tried and share is not None else people
    return Sizes(people=people, sample=sample, dealt=dealt(sample, weights))


def dealt(people: int, weights: Sequence[int]) -> list[int]:
    """So many people by weight, whole ones; who is left over goes to the largest remainders, the first first."""
    divisor = gcd(*weights) or 1
    parts = [weight // divisor for weight in weights] if any(weights) else [1] * len(weights)
    whole = sum(parts)
    found = [people * part // whole for part in parts]
    left = sorted(range(len(parts)), key=lambda place: -(people * parts[place] % whole))
    for place in left[: people - sum(found)]:
        found[place] += 1
    return found


def detectable(metric: Metric, people: int, variants: int, *, rate: float, certainty: float) -> float | None:
    """What difference between two variants' rates a test finds four times in five (POWER), as a fraction of people.

    None where it cannot be said beforehand: totals and revenue depend on how differently people behave. `rate` is of
    `people`; for the click to open rate these are those who open. Of a certainty below a half nothing need be shown.
    """
    if metric in PER_PERSON or people <= 0 or variants < 2 or not 0 < rate < 1:
        return None
    doubt = max(1e-9, 1 - certainty) / (variants - 1)
    asked = NormalDist().inv_cdf(1 - doubt) if doubt < 0.5 else 0.0
    z2 = (asked + NormalDist().inv_cdf(POWER)) ** 2
    slope, whole = z2 * (1 - 2 * rate), people + z2
    return (slope + sqrt(slope**2 + 8 * z2 * rate * (1 - rate) * whole)) / (2 * whole)
