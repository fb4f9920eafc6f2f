"""docs/merge-language.md tells the truth: its examples are run, its lists and limits are those of the code."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from content import sms
from content.merge import engine, expressions, filters, parsing, scanner, values
from content.merge.bodies import body_of
from content.merge.engine import escaped
from content.merge.parsing import parse
from tests.content.sources import compiled

REFERENCE = Path(__file__).parents[2].joinpath("docs", "merge-language.md").read_text()
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = FENCE.findall(REFERENCE)
PERSON = json.loads(next(body for kind, body in BLOCKS if kind == "json"))
EXAMPLES = [
    (source, text) for (kind, source), (next_kind, text) in pairwise(BLOCKS) if (kind, next_kind) == ("jinja", "text")
]
ROWS = re.findall(r"^\| (`.+) \| (?:.+) \| `(.+)` \| `(.+)` \|$", REFERENCE, re.MULTILINE)


def result(source):
    parsed = parse(source)
    return body_of(parsed.segments).render(values.context_of(PERSON, parsed.fields))


@pytest.mark.parametrize(("source", "text"), EXAMPLES)
def test_the_examples_give_what_they_are_said_to_give(source, text):
    assert result(source) == text


@pytest.mark.parametrize(("source", "text"), [(row[1].replace(r"\|", "|"), row[2]) for row in ROWS])
def test_the_filters_give_what_they_are_said_to_give(source, text):
    assert result(source) == text


@pytest.mark.parametrize("source", [body for kind, body in BLOCKS if kind == "html"])
def test_the_pages_compile(source):
    assert compiled(html=source)


def test_every_example_is_run():
    assert len(EXAMPLES) == sum(kind == "jinja" for kind, _ in BLOCKS) == 11
    assert len(ROWS) == 17


def test_every_filter_loop_part_and_test_is_named():
    named = set(re.findall(r"`(\w+)(?:\(.*?\))?`", " ".join(row[0] for row in ROWS)))

    assert named == set(filters.FILTERS)
    assert all(f"`{part}`" in REFERENCE for part in expressions.LOOP_PARTS)
    assert set(re.findall(r"`(%-?\w)`", REFERENCE)) == set(filters.DATE_PARTS)
    assert set(re.findall(r"`is (\w+)`", REFERENCE)) <= expressions.TESTS


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("A part (HTML, text, ...)", scanner.MAX_SOURCE_LENGTH),
        ("A tag", scanner.MAX_TAG_LENGTH),
        ("A value", values.MAX_VALUE_LENGTH),
        ("A list", values.MAX_VALUES),
        ("What a filter makes", filters.MAX_RESULT_LENGTH),
        ("`range()`", filters.MAX_RANGE),
        ("Loops inside each other", parsing.MAX_LOOP_DEPTH),
        ("What loops hold, together", parsing.MAX_LOOP_LENGTH),
        ("Blocks inside each other", parsing.MAX_DEPTH),
        ("`elif` of one `if`", parsing.MAX_ELIFS),
        ("Steps of a part", engine.FUEL),
        ("What a part makes", engine.MAX_OUTPUT_LENGTH),
        ("An SMS", sms.MAX_LENGTH),
    ],
)
def test_the_limits_are_those_of_the_code(what, limit):
    assert re.search(rf"^\| {re.escape(what)} \| {limit:,}\b", REFERENCE, re.MULTILINE)


def test_values_are_escaped_as_the_reference_says():
    parsed = parse("{{ company }}", markup=True)

    assert body_of(parsed.segments, escape=escaped).render(PERSON) == "Smith &amp; Sons"
    assert "`Smith &amp; Sons`" in REFERENCE
