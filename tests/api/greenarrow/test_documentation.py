"""docs/api/greenarrow.md names every address and every key there is, and none that there is not."""

import json
import re
from pathlib import Path

import pytest

from api.greenarrow import handlers
from api.greenarrow.campaigns import dispatch_keys, statistics, wanted, winner
from api.greenarrow.routing import routes

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "api" / "greenarrow.md").read_text()
PRINTED = json.loads((Path(__file__).parent / "printed.json").read_text())
METHODS = "GET|POST|PUT|DELETE"


def rows():
    """The table rows about requests: (requests, how far they are supported)."""
    found = re.findall(rf"^\| (`(?:{METHODS}) .*?) \| (\w+) \|", PAGE, re.MULTILINE)
    return [(re.findall(rf"`((?:{METHODS}) \S+)`", requests), how) for requests, how in found]


def keys_of(document):
    if isinstance(document, dict):
        yield from document
        for below in document.values():
            yield from keys_of(below)
    elif isinstance(document, list):
        for below in document:
            yield from keys_of(below)


def test_every_address_is_described_and_nothing_else_is():
    assert handlers.__all__
    described = [request for requests, _ in rows() for request in requests]

    assert sorted(described) == sorted(f"{each.method} {each.template}" for each in routes())


def test_each_is_supported_partly_or_not():
    assert {how for _, how in rows()} == {"yes", "partly", "no"}


@pytest.mark.parametrize(
    "keys",
    [
        set(keys_of([each["reply"]["data"] for each in PRINTED.values()])),
        {*wanted.SEGMENT_KEYS, *wanted.FLAT, *dispatch_keys.SEED_KEYS, *dispatch_keys.RULE_KEYS, *winner.KEYS},
        {*statistics.RAW, *statistics.DERIVED, *statistics.OPENERS},
    ],
    ids=["printed by the vendor", "written", "statistics"],
)
def test_every_key_is_described(keys):
    assert {key for key in keys if f"`{key}`" not in PAGE} == set()
