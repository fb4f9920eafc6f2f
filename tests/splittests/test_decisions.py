import pytest
from hypothesis import given
from hypothesis import strategies as st

from splittests.decisions import Measured, Metric, Terms, Verdict, decide, race

EASY = Terms(least_people=1, least_difference=0.0, certainty=0.0)


def measured(*pairs, squares=None):
    return [
        Measured(variant_id=number, people=people, amount=amount, squares=amount if squares is None else squares)
        for number, (amount, people) in enumerate(pairs, start=1)
    ]


def test_a_clear_lead_wins():
    found = decide(Metric.OPENED, measured((200, 1000), (300, 1000)), Terms())

    assert (found.verdict, found.leader) == (Verdict.WON, 2)
    assert found.standings[1].chance > 0.999
    assert found.standings[1].low < 0.3 < found.standings[1].high


def test_a_lead_that_chance_explains_is_no_clear_difference():
    found = decide(Metric.OPENED, measured((100, 1000), (108, 1000)), Terms())

    assert (found.verdict, found.leader) == (Verdict.UNCLEAR, 2)
    assert "95.0% are asked" in found.reason


def test_a_certain_lead_that_is_too_small_to_matter_is_no_clear_difference():
    found = decide(Metric.OPENED, measured((500_000, 1_000_000), (505_000, 1_000_000)), Terms())

    assert (found.verdict, found.reason) == (
        Verdict.UNCLEAR,
        "The first is 1.0% ahead of the second; a lead of 5.0% counts.",
    )


def test_too_few_people_decide_nothing():
    found = decide(Metric.CLICKED, measured((0, 99), (99, 99)), Terms())

    assert (found.verdict, found.leader) == (Verdict.TOO_FEW, 2)


def test_the_fewest_unsubscribes_are_the_best():
    found = decide(Metric.UNSUBSCRIBED, measured((90, 1000), (20, 1000)), Terms())

    assert (found.verdict, found.leader) == (Verdict.WON, 2)


def test_a_tie_is_led_by_the_first():
    assert decide(Metric.CLICKED, measured((7, 100), (7, 100), (7, 100)), EASY).leader == 1
    assert decide(Metric.CLICKED, measured((0, 0), (0, 0)), EASY).leader == 1


def test_one_who_clicks_very_often_proves_less_than_many_who_click_once():
    often = race(Metric.CLICKS, [*measured((100, 1000)), Measured(variant_id=2, people=1000, amount=160, squares=6400)])
    once = race(Metric.CLICKS, measured((100, 1000), (160, 1000)))

    assert once[1].chance > 0.999
    assert often[1].chance < 0.97


def test_nobody_wins_alone():
    with pytest.raises(ValueError, match="nobody to win against"):
        decide(Metric.OPENED, measured((1, 2)), Terms())


samples = st.lists(
    st.integers(0, 3000).flatmap(lambda people: st.tuples(st.integers(0, people), st.just(people))),
    min_size=2,
    max_size=5,
)


@given(samples, st.sampled_from(Metric))
def test_chances_add_up_and_the_leader_leads(pairs, metric):
    found = decide(metric, measured(*pairs), EASY)

    assert sum(each.chance for each in found.standings) == pytest.approx(1)
    rates = [each.measured.rate for each in found.standings]
    best = min(rates) if metric == Metric.UNSUBSCRIBED else max(rates)
    assert rates[found.leader - 1] == best


def test_what_reached_nobody_is_never_ahead():
    found = decide(Metric.UNSUBSCRIBED, measured((0, 0), (3, 50)), EASY)
    assert found.leader == 2, "nobody has unsubscribed from it, since nobody got it"
    assert decide(Metric.UNSUBSCRIBED, measured((0, 0), (3, 50)), Terms()).leader == 2


def test_a_lead_over_a_loss_is_a_lead():
    """A shop may report what was given back as less than nothing."""
    found = decide(Metric.REVENUE, measured((5_000, 1000), (-5_000, 1000), squares=100_000), Terms())

    assert (found.verdict, found.leader) == (Verdict.WON, 1)
    assert "200.0% ahead" in found.reason
