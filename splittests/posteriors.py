"""What is known of a variant after its sample, as a distribution; and how likely each of several is the best. Pure.

A share of people (opened, clicked, unsubscribed, converted) has a Beta distribution, from a prior that takes every
share for equally likely. A mean per person (clicks in all, revenue) has a normal one, with the spread that was
measured: some people click ten times, and to take clicks for independent of each other would call chance a difference.

The probability of being the best is that of the largest of independent draws,

    P(i is best) = integral of f_i(x) * product over j != i of F_j(x),

taken over tables of the densities (Gelman et al., Bayesian Data Analysis, 3rd edition, sections 2.4 and 10.3). Tests
hold it to scipy's quadrature and, for two shares, to the closed form.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import exp, log, prod, sqrt

STEPS = 2000
REACH = 20  # standard deviations to both sides; the flattest end of a Beta distribution is an exponential


@dataclass(frozen=True)
class Posterior:
    """A density over `low` to `high`, by its values in the middle of STEPS equal steps; they need not add up to one."""

    low: float
    high: float
    heights: Sequence[float]

    @cached_property
    def masses(self) -> list[float]:
        whole = sum(self.heights)
        return [height / whole for height in self.heights]

    @cached_property
    def _sums(self) -> list[float]:
        return [0.0, *accumulate(self.masses)]

    @property
    def mean(self) -> float:
        return sum(x * mass for x, mass in zip(self.middles, self.masses, strict=True))

    @property
    def middles(self) -> list[float]:
        step = (self.high - self.low) / len(self.heights)
        return [self.low + (number + 0.5) * step for number in range(len(self.heights))]

    def below(self, x: float) -> float:
        """How likely it is less than x."""
        if x <= self.low:
            return 0.0
        if x >= self.high:
            return 1.0
        place = (x - self.low) / (self.high - self.low) * len(self.heights)
        whole = int(place)
        return self._sums[whole] + (place - whole) * self.masses[whole]

    def quantile(self, share: float) -> float:
        """What it is less than with this probability."""
        place = min(bisect_right(self._sums, share), len(self.heights)) - 1
        inside = (share - self._sums[place]) / self.masses[place] if self.masses[place] else 0.0
        return self.low + (place + min(1.0, inside)) / len(self.heights) * (self.high - self.low)

    def mirrored(self) -> "Posterior":
        """Of what is better the less of it there is."""
        return Posterior(-self.high, -self.low, self.heights[::-1])


def share(people: int, of: int) -> Posterior:
    """Of `of` people `people` did it. Raises ValueError where that cannot be."""
    if not 0 <= people <= of:
        raise ValueError(f"{people} of {of} people is no share.")
    did, did_not = people + 1, of - people + 1
    mean, spread = did / (did + did_not), sqrt(did * did_not / (did + did_not + 1)) / (did + did_not)
    low, high = max(0.0, mean - REACH * spread), min(1.0, mean + REACH * spread)
    return _table(low, high, lambda x: (did - 1) * log(x) + (did_not - 1) * log(1 - x))


def mean(total: float, squares: float, people: int, *, least_variance: float = 0.0) -> Posterior:
    """What one of `people` brought on average: `total` of all, `squares` the sum of their squares.

    `least_variance` (of one person) is what is known of the spread from others: a handful who all did the same do not
    prove that everybody would. Raises ValueError without people.
    """
    if people <= 0:
        raise ValueError("Nobody has no average.")
    average = total / people
    spread = sqrt(max(squares / people - average**2, least_variance, 1e-12) / people)
    return _table(average - REACH * spread, average + REACH * spread, lambda x: -((x - average) ** 2) / spread**2 / 2)


def _table(low: float, high: float, log_density: Callable[[float], float]) -> Posterior:
    step = (high - low) / STEPS
    logs = [log_density(low + (number + 0.5) * step) for number in range(STEPS)]
    highest = max(logs)
    return Posterior(low, high, [exp(each - highest) for each in logs])


def chances(posteriors: Sequence[Posterior]) -> list[float]:
    """How likely each is the largest; they add up to one."""
    raw = [_chance(one, [*posteriors[:place], *posteriors[place + 1 :]]) for place, one in enumerate(posteriors)]
    whole = sum(raw)
    return [each / whole for each in raw]


def _chance(one: Posterior, others: Sequence[Posterior]) -> float:
    points = zip(one.middles, one.masses, strict=True)
    return sum(mass * prod(other.below(x) for other in others) for x, mass in points if mass > 1e-12)
