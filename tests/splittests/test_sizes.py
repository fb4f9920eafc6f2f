"""How many people a split test is about, and what so many can show."""

from math import sqrt

import numpy
import pytest
import scipy

from delivery.freeze import freeze
from splittests.decisions import Metric
from splittests.sizes import POWER, dealt, detectable, sizes


@pytest.mark.parametrize(
    ("people", "weights", "share", "sample", "shares"),
    [
        (48_210, [1, 1, 1], 1_000, 4_821, [1_607] * 3),
        (48_210, [1, 1], None, 48_210, [24_105, 24_105]),
        (10, [1, 3], None, 10, [3, 7]),
        (10, [100], 1_000, 10, [10]),
        (3, [1, 1, 1, 1], 1_000, 3, [1, 1, 1, 0]),
        (100, [1, 1, 1], 1, 3, [1, 1, 1]),
        (0, [1, 1], 1_000, 0, [0, 0]),
        (7, [0, 0], None, 7, [4, 3]),
        (7, [0, 5], None, 7, [0, 7]),
    ],
)
def test_people_are_dealt_whole(people, weights, share, sample, shares):
    found = sizes(people, weights, share)

    assert (found.sample, found.dealt, found.rest) == (sample, shares, people - sample)
    assert sum(found.dealt) == sample


@pytest.mark.django_db
def test_the_numbers_told_before_are_those_of_the_freeze():
    from campaigns import lifecycle
    from tests.factories import staff
    from tests.splittests.test_course import planned

    campaign = planned(people=23, variants=3, share_percent="40")
    run = freeze(lifecycle.send_now(campaign, by=staff(campaign.organization)))

    told = sizes(23, [1, 1, 1], 4_000)
    sample = run.recipients.filter(batch__held=False)
    assert [sample.filter(variant=each).count() for each in campaign.variants.order_by("position")] == told.dealt
    assert run.recipients.filter(batch__held=True).count() == told.rest


@pytest.mark.parametrize(("rate", "people"), [(0.2, 500), (0.05, 900)])
def test_what_can_be_told_apart_is_found_as_often_as_promised(rate, people):
    """Against every possible outcome of two samples, each with its probability."""
    gap = detectable(Metric.OPENED, people, 2, rate=rate, certainty=0.95)
    counts = numpy.arange(people + 1)
    first, second = counts[:, None] / people, counts[None, :] / people
    likely = (
        scipy.stats.binom.pmf(counts, people, rate)[:, None]
        * scipy.stats.binom.pmf(counts, people, rate + gap)[None, :]
    )
    spread = numpy.sqrt(numpy.maximum((first + second) * (2 - first - second) / 2, 1e-12) / people)
    found = likely[(second - first) / spread > scipy.stats.norm.ppf(0.95)].sum()

    assert found == pytest.approx(POWER, abs=0.04)


def test_more_variants_and_more_certainty_ask_for_more_and_four_times_the_people_show_half_the_difference():
    usual = {"rate": 0.2, "certainty": 0.95}
    two, five = (detectable(Metric.CLICKED, 1_000, variants, **usual) for variants in (2, 5))

    assert five > two
    assert detectable(Metric.CLICKED, 1_000, 2, rate=0.2, certainty=0.99) > two
    assert detectable(Metric.CLICKED, 4_000, 2, **usual) == pytest.approx(two / 2, rel=0.03)
    z, other = scipy.stats.norm.ppf(0.95) + scipy.stats.norm.ppf(0.8), 0.2 + two
    assert two == pytest.approx(z * sqrt((0.2 * 0.8 + other * (1 - other)) / 1_000))


@pytest.mark.parametrize(
    ("metric", "people", "variants", "rate"),
    [(Metric.REVENUE, 100, 2, 0.1), (Metric.OPENED, 0, 2, 0.1), (Metric.OPENED, 9, 1, 0.1), (Metric.OPENED, 9, 2, 0.0)],
)
def test_what_nobody_can_know_beforehand_is_not_told(metric, people, variants, rate):
    assert detectable(metric, people, variants, rate=rate, certainty=0.95) is None


def test_a_certainty_that_asks_for_nothing_is_no_error():
    assert detectable(Metric.OPENED, 100, 2, rate=0.1, certainty=0.0) > 0
    assert detectable(Metric.OPENED, 100, 2, rate=0.1, certainty=1.0) < 1


def test_a_weight_takes_its_share():
    assert dealt(11, [2, 1]) == [7, 4]
