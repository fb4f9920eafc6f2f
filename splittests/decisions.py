"""Which variant of a split test has won, from what was measured when the wait was over. Pure: the same numbers always
give the same decision, so that it can be replayed from its snapshot.

A variant wins when every variant has had enough people, it leads by as much as the test asks, and it is the best with
the certainty that the test asks. Otherwise there is no clear difference, and that is a result of its own: what then
happens is the test's `when_unclear`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from splittests import posteriors
from splittests.posteriors import Posterior


class Metric(StrEnum):
    """What variants are compared by; the figures of people (`stats.figures`)."""

    OPENED = "opened"
    OPENS = "opens"
    CLICKED = "clicked"
    CLICKS = "clicks"
    CLICK_TO_OPEN = "click_to_open_rate"
    UNSUBSCRIBED = "unsubscribed"
    CONVERTED = "converted"
    REVENUE = "revenue_cents"


PER_PERSON = {Metric.OPENS, Metric.CLICKS, Metric.REVENUE}
FEWEST_IS_BEST = {Metric.UNSUBSCRIBED}


class Verdict(StrEnum):
    WON = "won"
    UNCLEAR = "unclear"
    TOO_FEW = "too_few"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One variant's sample: of `people` (delivered to, or openers for the click to open rate) so many did it.

    `amount` is people, or for a metric per person what all of them brought, with the sum of its squares over people.
    """

    variant_id: int
    people: int
    amount: int
    squares: int = 0

    @property
    def rate(self) -> float:
        return self.amount / self.people if self.people else 0.0


@dataclass(frozen=True, kw_only=True)
class Terms:
    """When a lead counts. `least_people`: of each variant; `least_difference`: between the first and the second, as a
    fraction of the second's rate; `certainty`: how likely the leader has to be the best."""

    least_people: int = 100
    least_difference: float = 0.05
    certainty: float = 0.95


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A variant in the race: how likely it is the best, and between what its rate lies with 95 % certainty."""

    measured: Measured
    chance: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Decision:
    """`leader`: the variant ahead, won or not. `standings` in the order of what was measured."""

    verdict: Verdict
    leader: int
    standings: list[Standing]
    reason: str


def decide(metric: Metric, measured: Sequence[Measured], terms: Terms) -> Decision:
    """Raises ValueError for less than two variants. A tie is led by the variant that comes first."""
    if len(measured) < 2:
        raise ValueError("One variant alone has nobody to win against.")
    standings = race(metric, measured)
    ranked = sorted(standings, key=lambda each: _rank(metric, each), reverse=True)
    verdict, reason = _verdict(metric, ranked, terms)
    return Decision(verdict=verdict, leader=ranked[0].measured.variant_id, standings=standings, reason=reason)


def race(metric: Metric, measured: Sequence[Measured]) -> list[Standing]:
    """How the variants stand, in the same order."""
    tables = _posteriors(metric, measured)
    turned = [table.mirrored() for table in tables] if metric in FEWEST_IS_BEST else tables
    return [
        Standing(measured=each, chance=chance, low=table.quantile(0.025), high=table.quantile(0.975))
        for each, chance, table in zip(measured, posteriors.chances(turned), tables, strict=True)
    ]


def _posteriors(metric: Metric, measured: Sequence[Measured]) -> list[Posterior]:
    if metric not in PER_PERSON:
        return [posteriors.share(min(each.amount, each.people), each.people) for each in measured]
    least = _pooled_variance(measured)
    return [posteriors.mean(each.amount, each.squares, max(1, each.people), least_variance=least) for each in measured]


def _pooled_variance(measured: Sequence[Measured]) -> float:
    """Of one person's amount, over all variants; as if one more person had brought one more."""
    people = sum(each.people for each in measured) + 1
    amount, squares = sum(each.amount for each in measured) + 1, sum(each.squares for each in measured) + 1
    return squares / people - (amount / people) ** 2


def _rank(metric: Metric, standing: Standing) -> tuple[bool, float]:
    """What reached nobody is behind everything that did, also where the fewest are best."""
    rate = standing.measured.rate
    return standing.measured.people > 0, -rate if metric in FEWEST_IS_BEST else rate


def _verdict(metric: Metric, ranked: Sequence[Standing], terms: Terms) -> tuple[Verdict, str]:
    fewest = min(each.measured.people for each in ranked)
    if fewest < terms.least_people:
        return Verdict.TOO_FEW, f"A variant has {fewest} people; {terms.least_people} are needed to compare."
    difference = _difference(metric, ranked[0].measured.rate, ranked[1].measured.rate)
    if difference < terms.least_difference:
        asked = f"{terms.least_difference:.1%}"
        return Verdict.UNCLEAR, f"The first is {difference:.1%} ahead of the second; a lead of {asked} counts."
    chance = ranked[0].chance
    if chance < terms.certainty:
        return Verdict.UNCLEAR, f"The first is the best with {chance:.1%}; {terms.certainty:.1%} are asked."
    return Verdict.WON, f"The best with {chance:.1%}, and {difference:.1%} ahead of the second."


def _difference(metric: Metric, first: float, second: float) -> float:
    """How far the first is ahead, as a fraction of the second; 1 where the second has nothing to be a fraction of."""
    ahead = second - first if metric in FEWEST_IS_BEST else first - second
    return ahead / abs(second) if second else float(ahead > 0)
