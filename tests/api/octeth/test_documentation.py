"""docs/api/octeth.md names every command there is, and claims none that there is not."""

import re
from pathlib import Path

from api.octeth import registry

TABLE = Path("docs/api/octeth.md").read_text().partition("## Commands")[2]
ROWS = [
    (re.findall(r"`([\w.-]+)`", names), word)
    for names, word in re.findall(r"^\| (`[^|]+) \| (yes|partly|no) \|", TABLE, re.MULTILINE)
]


def documented(*words):
    return {name for names, word in ROWS if word in words for name in names}


def test_every_command_is_documented_and_nothing_else_is():
    registry.load()

    assert documented("yes", "partly") == registry.COMMANDS.keys()


def test_what_is_not_there_is_not_claimed():
    registry.load()

    assert documented("no")
    assert not documented("no") & registry.COMMANDS.keys()
