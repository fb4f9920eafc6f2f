import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.figures import DEFINITIONS, Figures, rate

METRICS = Path(__file__).resolve().parent.parent.parent / "docs" / "metrics.md"
people = st.integers(0, 10**7)


@given(people, people)
def test_a_rate_is_a_fraction_with_four_decimals(numerator, denominator):
    value = rate(numerator, denominator)

    assert 0.0 <= value <= 1.0
    assert value == round(value, 4)
    if denominator and numerator <= denominator:
        assert abs(value - numerator / denominator) <= 0.00005


@pytest.mark.parametrize(
    ("numerator", "denominator", "value"),
    [(1, 3, 0.3333), (2, 3, 0.6667), (0, 0, 0.0), (5, 0, 0.0), (0, 5, 0.0), (7, 5, 1.0), (1, 1, 1.0)],
)
def test_examples_of_rates(numerator, denominator, value):
    assert rate(numerator, denominator) == value


@given(sent=people, bounced=people)
def test_delivered_is_never_negative(sent, bounced):
    assert Figures(sent=sent, bounced=bounced).delivered == max(0, sent - bounced)


@pytest.mark.parametrize("name", [name for name, definition in DEFINITIONS.items() if definition.is_rate])
def test_a_rate_is_what_its_definition_says(name):
    definition = DEFINITIONS[name]
    figures = Figures(sent=977, bounced=24, opened=411, clicked=83, unsubscribed=7, complained=2)
    numerator, denominator = getattr(figures, definition.numerator), getattr(figures, definition.denominator)

    assert getattr(figures, name) == round(numerator / denominator, 4)


def test_every_figure_is_defined_and_every_definition_is_a_figure():
    rates_and_delivered = {name for name, value in vars(Figures).items() if isinstance(value, property)}
    counted = {each.name for each in fields(Figures)}

    assert set(DEFINITIONS) == counted | rates_and_delivered


def test_the_page_for_people_says_what_the_code_says():
    written = {cells[0]: cells[1:] for cells in table_rows(METRICS.read_text())}

    assert written == {
        name: (
            [each.label, each.sentence, f"`{each.numerator}` / `{each.denominator}`"]
            if each.is_rate
            else [each.label, each.sentence]
        )
        for name, each in DEFINITIONS.items()
    }


def table_rows(text):
    for line in text.splitlines():
        if match := re.match(r"\| `(\w+)` \| (.*) \|$", line):
            yield [match[1], *match[2].split(" | ")]
