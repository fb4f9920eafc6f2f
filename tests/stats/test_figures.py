import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.figures import COUNTS, DEFINITIONS, RATES, Figures, rate

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
    counts = dict(zip(COUNTS, range(10, 10 + len(COUNTS)), strict=True))  # all different
    figures = Figures(**counts | {"sent": 977, "opened": 411})
    numerator, denominator = getattr(figures, definition.numerator), getattr(figures, definition.denominator)

    assert getattr(figures, name) == round(numerator / denominator, 4)


def test_every_figure_is_defined_and_every_definition_is_a_figure():
    rates_and_delivered = {name for name, value in vars(Figures).items() if isinstance(value, property)}

    assert set(DEFINITIONS) == set(COUNTS) | rates_and_delivered


def test_every_rate_says_its_formula_where_it_is_read():
    for name in RATES:
        definition = DEFINITIONS[name]
        assert getattr(Figures, name).__doc__ == f"`{definition.numerator} / {definition.denominator}`"


def test_a_rate_differs_with_programs_where_one_of_its_parts_does():
    for name in RATES:
        parts = DEFINITIONS[DEFINITIONS[name].numerator], DEFINITIONS[DEFINITIONS[name].denominator]
        assert DEFINITIONS[name].by_programs == any(part.by_programs for part in parts)


@given(sent=people, receipts=st.integers(1, 10**7), bounced=people)
def test_receipts_say_what_was_delivered_of_sms_and_of_sms_alone(sent, receipts, bounced):
    counts = {"sent": sent, "receipts": receipts, "bounced": bounced}

    assert Figures(**counts, is_sms=True).delivered == receipts
    assert Figures(**counts | {"receipts": 0}, is_sms=True).delivered == max(0, sent - bounced)
    assert Figures(**counts).delivered == max(0, sent - bounced)


def test_the_page_for_people_says_what_the_code_says():
    written = {cells[0]: cells[1:] for cells in table_rows(METRICS.read_text())}

    assert written == {
        name: [each.label, each.sentence, *formula(each), sets(each)] for name, each in DEFINITIONS.items()
    }


def formula(definition):
    return [f"`{definition.numerator}` / `{definition.denominator}`"] if definition.is_rate else []


def sets(definition):
    return "two" if definition.by_programs else "one"


def table_rows(text):
    for line in text.splitlines():
        if match := re.match(r"\| `(\w+)` \| (.*) \|$", line):
            yield [match[1], *match[2].split(" | ")]
