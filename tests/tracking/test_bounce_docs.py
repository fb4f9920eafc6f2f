"""docs/bounces.md has every code there is."""

import re
from pathlib import Path

from tracking.bounces.causes import Cause

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "bounces.md").read_text()


def test_every_code_is_written_down_with_its_type_and_meaning():
    rows = re.findall(r"^\| `(\d{3})` \| (\w+) \| (.*) \|$", DOCUMENT, re.MULTILINE)

    assert rows == [(each.code, each.type, each.meaning) for each in Cause]
