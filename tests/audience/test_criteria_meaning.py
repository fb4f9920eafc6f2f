"""What rules mean: the people the SQL finds are those the oracle names, on random people and trees."""

import random

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from audience.criteria.compiler import compile_rules, sentence
from audience.criteria.explain import explain
from audience.criteria.tree import from_json
from audience.models import Subscriber, Subscription
from tests.audience import oracle
from tests.audience.rule_worlds import (
    KINDS,
    LISTS,
    NOWS,
    SPECIAL,
    asked,
    made,
    operators,
    people,
    trees,
    worlds,
)
from tests.examples import examples

CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def found(world, rules):
    """Keys by scope, as the SQL finds them."""
    named = world.named(rules)
    rows, everyone = Subscription.objects.of(world.organization), Subscriber.objects.of(world.organization)
    bases = {
        "people": everyone,
        "people behind rows": rows,
        "rows": rows,
        "rows of one list": rows.filter(mailing_list=world.lists[0]),
    }
    return {
        name: set(bases[name].filter(compile_rules(named, scope)).values_list("pk", flat=True))
        for name, scope in world.scopes().items()
    }


def expected(world, rules):
    """The same, as the oracle says."""

    def holds(person, row):
        return oracle.selected(rules, world.world, person, row)

    chosen = [person for person in world.persons if holds(person, None)]
    rows = [(person, number, row) for person in world.persons for number, row in person["rows"].items()]
    return {
        "people": {person["pk"] for person in chosen},
        "people behind rows": {row["pk"] for person in chosen for row in person["rows"].values()},
        "rows": {row["pk"] for person, number, row in rows if holds(person, number)},
        "rows of one list": {row["pk"] for person, number, row in rows if number == 0 and holds(person, number)},
    }


@pytest.mark.django_db
@given(st.data())
@settings(max_examples=examples(60), deadline=None, suppress_health_check=CHECKS)
def test_rules_hold_for_whom_the_slow_and_obvious_way_says(data):
    world, persons = data.draw(worlds())
    rules = data.draw(trees(world["zone"], segments=LISTS))

    with made(world, persons) as there:
        assert found(there, rules) == expected(there, rules)
        for scope in there.scopes().values():
            assert sentence(from_json(there.named(rules)), scope)


TEMPORAL = [name for name, kind in KINDS.items() if kind in ("date", "moment")]


@pytest.mark.django_db
@pytest.mark.parametrize("zone", sorted(NOWS))
def test_every_operator_of_every_field_holds_for_whom_the_oracle_says(zone):
    """Each by itself, on enough people that it holds for some of them and not for others."""
    dice, chosen, spared = random.Random(zone), dict[str, int](), dict[str, int]()
    names = [*KINDS, *SPECIAL] if zone == "UTC" else TEMPORAL  # where the clocks change is nothing to the others

    with made(*_crowd(zone)) as there:
        for field, operator in [(name, each) for name in names for each in operators(name)]:
            for rules in _some(asked(field, operator, zone), dice.randrange(2**32)):
                by_scope = expected(there, rules)
                assert found(there, rules) == by_scope, rules
                chosen[operator] = chosen.get(operator, 0) + len(by_scope["people"])
                spared[operator] = spared.get(operator, 0) + len(there.persons) - len(by_scope["people"])

    verdicts = {"because"}
    assert {operator for operator, many in chosen.items() if not many} <= verdicts
    assert {operator for operator, many in spared.items() if not many} <= verdicts


def _crowd(zone):
    """Twenty people and what they are not to be sent, the same each time."""
    return _some(
        st.builds(lambda world, persons: (world[0], persons), worlds((zone,), 0, 0), _twenty(zone)), 7, most=5
    )[-1]


def _twenty(zone):
    return st.lists(people(zone), min_size=20, max_size=20)


def _some(strategy, number, most=4):
    """Examples of it, the same for the same number."""
    drawn = []

    @seed(number)
    @given(strategy)
    @settings(max_examples=most, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    def draw(example):
        drawn.append(example)

    draw()
    return drawn


@pytest.mark.django_db
@given(st.data())
@settings(max_examples=examples(25), deadline=None, suppress_health_check=CHECKS)
def test_an_explanation_says_of_each_rule_what_the_oracle_says(data):
    world, persons = data.draw(worlds(most=2))
    rules = data.draw(trees(world["zone"], segments=LISTS, leaves=4))

    with made(world, persons) as there:
        tree, scopes = from_json(there.named(rules)), there.scopes()
        for person in persons:
            who = Subscriber.objects.get(pk=person["pk"])
            _compare(explain(tree, who, scopes["people"]), rules, there.world, person, None)
            for number, row in person["rows"].items():
                explained = explain(tree, who, scopes["rows"], row=Subscription.objects.get(pk=row["pk"]))
                _compare(explained, rules, there.world, person, number)


def _compare(explained, rules, world, person, row):
    answer = oracle.holds(rules, world, person, row)
    assert (explained.holds, explained.is_unanswerable) == (answer is True, answer is None)
    assert explained.sentence
    if "on" in rules and rules["on"] not in person["rows"]:
        return  # the rules in it are about nothing
    parts = rules.get("rules", [rules] if explained.parts else [])
    for part, rule in zip(explained.parts, parts, strict=True):
        _compare(part, rule, world, person, rules.get("on", row))
