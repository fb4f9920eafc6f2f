"""docs/audience.md says what the code does."""

from itertools import takewhile

import pytest
from django.conf import settings

from audience.criteria.cel import values
from audience.criteria.greenarrow import clauses
from audience.criteria.in_segment import InSegment
from audience.criteria.octeth import rules as octeth_rules
from audience.criteria.operators import OPERATORS, TESTS, operators_of
from audience.criteria.subjects import Fact, Sample, Verdict
from audience.criteria.vocabulary import _OWN, OF_PERSON, OF_ROW
from audience.fields import BUILT_IN
from audience.selection import SKIP_REASONS


@pytest.mark.parametrize("word", [*SKIP_REASONS, *OPERATORS, *sorted(BUILT_IN)])
def test_every_skip_reason_and_operator_is_explained(word):
    text = (settings.BASE_DIR / "docs" / "audience.md").read_text(encoding="utf-8")

    assert word in text


def table(heading):
    """Rows of the table whose first heading this is, as lists of cells."""
    lines = (settings.BASE_DIR / "docs" / "audience.md").read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = takewhile(lambda line: line.startswith("|"), lines[start + 2 :])
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_table_of_operators_says_what_each_kind_has():
    told = {
        kind: tuple(operators.split(", "))
        for kinds, operators in (row for row in table("Kind") if (row[1] and "," in row[1]) or row[0] == "sample")
        for kind in kinds.split(", ")
        if kind.islower()
    }
    known = {kind: set(operators_of(kind)) for kind in TESTS}
    known |= {"yes or no": set(Fact.operators), "segment": set(InSegment.operators), "engagement": {"did", "did_not"}}
    known |= {"sample": set(Sample.operators)}

    assert {kind: set(operators) for kind, operators in told.items()} == known
    assert Verdict.operators == ("because",)


def test_the_table_of_fields_names_them_all():
    told = {name.strip("` ") for row in table("Field") for name in row[0].split(",")}

    assert {*OF_PERSON, *OF_ROW, "nobody", "everybody", "segment.<segment id>", "list.<list id>"} <= told
    assert set(_OWN) == {name.split(".")[0] for name in told} - {"campaign", "sms"}


@pytest.mark.parametrize(
    "word",
    [
        *octeth_rules.READERS,
        *clauses.READERS,
        *(f"user.{name}" for name in values.TEXTS | values.SEVERAL | values.MOMENTS.keys()),
    ],
)
def test_every_word_of_the_rule_languages_is_explained(word):
    text = (settings.BASE_DIR / "docs" / "rule-languages.md").read_text(encoding="utf-8")

    assert f"`{word}`" in text
