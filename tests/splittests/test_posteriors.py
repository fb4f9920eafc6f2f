from itertools import pairwise
from math import exp, lgamma, log

import pytest
import scipy

from splittests.posteriors import chances, mean, share


@pytest.mark.parametrize(
    ("people", "of"), [(0, 0), (0, 10), (10, 10), (3, 10), (0, 100_000), (41, 1000), (70_000, 100_000)]
)
def test_a_share_is_distributed_as_scipy_says(people, of):
    table, known = share(people, of), scipy.stats.beta(people + 1, of - people + 1)

    for quantile in (0.025, 0.2, 0.5, 0.9, 0.975):
        assert table.below(known.ppf(quantile)) == pytest.approx(quantile, abs=2e-4)
        assert table.quantile(quantile) == pytest.approx(known.ppf(quantile), abs=known.std() / 100)
    assert table.mean == pytest.approx(known.mean(), abs=known.std() / 100)


def test_a_mean_is_distributed_as_scipy_says():
    table, known = mean(250, 900, 1000), scipy.stats.norm(0.25, ((0.9 - 0.0625) / 1000) ** 0.5)

    for quantile in (0.025, 0.5, 0.975):
        assert table.below(known.ppf(quantile)) == pytest.approx(quantile, abs=2e-4)


def beats(first, second):
    """How likely a share is larger than another: Evan Miller, Formulas for Bayesian A/B Testing (2014), equation 6."""
    (a1, b1), (a2, b2) = ((people + 1, of - people + 1) for people, of in (first, second))

    def log_beta(a, b):
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    return sum(exp(log_beta(a2 + i, b1 + b2) - log(b1 + i) - log_beta(1 + i, b1) - log_beta(a2, b2)) for i in range(a1))


@pytest.mark.parametrize(
    ("one", "other"), [((5, 10), (5, 10)), ((12, 100), (20, 110)), ((480, 2000), (530, 2000)), ((0, 50), (3, 60))]
)
def test_of_two_shares_the_better_is_as_likely_as_the_closed_form_says(one, other):
    first = chances([share(*one), share(*other)])[0]

    assert first == pytest.approx(beats(one, other), abs=5e-4)


def test_of_many_each_is_as_likely_the_best_as_quadrature_says():
    samples = [(30, 200), (41, 210), (35, 190), (0, 20), (44, 205)]
    known = [scipy.stats.beta(people + 1, of - people + 1) for people, of in samples]

    def density(x, place):
        others = [each.cdf(x) for number, each in enumerate(known) if number != place]
        product = known[place].pdf(x)
        for each in others:
            product *= each
        return product

    expected = [scipy.integrate.quad(density, 0, 1, args=(place,), limit=200)[0] for place in range(len(samples))]
    assert chances([share(*sample) for sample in samples]) == pytest.approx(expected, abs=5e-4)


def test_below_never_falls():
    table = share(3, 17)
    assert all(one <= other for one, other in pairwise(table.below(x / 100) for x in range(-10, 120)))


@pytest.mark.parametrize(("people", "of"), [(-1, 5), (6, 5)])
def test_what_is_no_share_is_refused(people, of):
    with pytest.raises(ValueError, match="no share"):
        share(people, of)


def test_nobody_has_no_average():
    with pytest.raises(ValueError, match="no average"):
        mean(0, 0, 0)
