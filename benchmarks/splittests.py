"""How often a split test sends what is better, and how often it calls chance a winner.

    make bench-splittests
    python benchmarks/splittests.py [--tests 2000] [--people 5000] [--seed 1]

Each simulated test has two to four variants whose true open rates are known: in half of the tests all the same, in the
other half one is better than the rest by 5 to 30 per cent of their rate (the least difference that counts by default is
5). Each variant is sent to so many people, who open by chance, and `splittests.decisions.decide` decides on its default
terms; where it finds no clear difference, the leader is sent, which is the default too.

The last line is JSON: `better_sent_rate`, of the tests with a difference; `false_winner_rate`, tests without one in
which one was declared; `no_difference_rate`, tests without one in which none was. `declared_rate` says in how many of
those with a difference a winner was declared, and `declared_right_rate` how many of these declarations were right.
"""

import argparse
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from splittests.decisions import Decision, Measured, Metric, Terms, Verdict, decide


@dataclass(frozen=True)
class Truth:
    rates: list[float]
    best: int | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=2000)
    parser.add_argument("--people", type=int, default=5000, help="Of each variant's sample.")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    outcomes = [(truth := make(chance), play(truth, asked.people, chance)) for _ in range(asked.tests)]
    print(json.dumps(figures(outcomes) | {"tests": asked.tests, "people": asked.people}))


def make(chance: random.Random) -> Truth:
    rates = [chance.uniform(0.08, 0.4)] * chance.randint(2, 4)
    if chance.random() < 0.5:
        return Truth(rates, None)
    best = chance.randrange(len(rates))
    rates[best] *= 1 + chance.uniform(0.05, 0.3)
    return Truth(rates, best)


def play(truth: Truth, people: int, chance: random.Random) -> Decision:
    measured = [
        Measured(variant_id=number, people=people, amount=sum(chance.random() < rate for _ in range(people)))
        for number, rate in enumerate(truth.rates)
    ]
    return decide(Metric.OPENED, measured, Terms())


def figures(outcomes: list[tuple[Truth, Decision]]) -> dict[str, float]:
    different = [(truth, found) for truth, found in outcomes if truth.best is not None]
    same = [found for truth, found in outcomes if truth.best is None]
    declared = [(truth, found) for truth, found in different if found.verdict == Verdict.WON]
    false = sum(found.verdict == Verdict.WON for found in same)
    return {
        "better_sent_rate": round(sum(found.leader == truth.best for truth, found in different) / len(different), 4),
        "false_winner_rate": round(false / len(same), 4),
        "no_difference_rate": round(1 - false / len(same), 4),
        "declared_rate": round(len(declared) / len(different), 4),
        "declared_right_rate": round(sum(found.leader == truth.best for truth, found in declared) / len(declared), 4),
    }


if __name__ == "__main__":
    main()
