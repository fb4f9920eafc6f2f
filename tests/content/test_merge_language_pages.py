"""The pages about the languages of others tell the truth: their examples are run, their lists are those of the code."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from content.merge import greenarrow, octeth_helpers, octeth_tags, values
from content.merge.bodies import body_of
from content.merge.known import alias
from content.merge.languages import parsed_part

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {language: (DOCS / f"merge-language-{language}.md").read_text() for language in ("octeth", "greenarrow")}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = {language: FENCE.findall(page) for language, page in PAGES.items()}
EXAMPLES = [
    (language, source, text)
    for language, blocks in BLOCKS.items()
    for (kind, source), (next_kind, text) in pairwise(blocks)
    if (kind, next_kind) == (language, "text")
]
HELPERS = re.findall(r"^\| (`.+`) \| `(.+)` \| `(.+)` \|$", PAGES["octeth"], re.MULTILINE)


def result(language, source):
    person = json.loads(next(body for kind, body in BLOCKS[language] if kind == "json"))
    fields = [(number, key, key.replace("_", " ").title()) for number, key in enumerate(person, start=5)]
    found = parsed_part(source, language=language, part="text", fields=fields)
    return body_of(found.segments).render(values.context_of(person, found.fields))


@pytest.mark.parametrize(("language", "source", "text"), EXAMPLES)
def test_the_examples_give_what_they_are_said_to_give(language, source, text):
    assert result(language, source) == text


@pytest.mark.parametrize(("source", "text"), [row[1:] for row in HELPERS])
def test_the_helpers_give_what_they_are_said_to_give(source, text):
    assert result("octeth", source) == text


def test_every_example_is_run():
    assert len(EXAMPLES) == sum(kind in PAGES for blocks in BLOCKS.values() for kind, _ in blocks) == 4


def test_every_helper_tag_and_code_is_named():
    named = {name.split("-")[0].lower() for row in HELPERS for name in re.findall(r"`([\w-]+)`", row[0])}

    assert named == octeth_helpers.HELPERS.keys() | octeth_helpers.NUMBERED.keys() | octeth_helpers.WITHOUT_FILTER
    for rows in octeth_tags.NAMESPACES.values():
        for row in rows:
            assert re.search(rf"[:`]{row.name}[`% ]", PAGES["octeth"]), row.name
    assert {code.name for code in greenarrow.CODES} <= {*re.findall(r"`%%(\w+)%%`", PAGES["greenarrow"])}


def test_an_alias_is_the_key_in_capitals():
    assert alias("first_name") == "FirstName"
