"""What is written down is what there is: settings, commands, links, the map of the rooms."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = sorted((ROOT / "config").glob("*.py"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXAMPLE = (ROOT / ".env.example").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
ROOMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
PLACES = {"VAR_DIR", "JOURNAL_DIR", "DATABASE_URL", "WEB_THREADS", "SECRET_KEY", "TRACKING_KEY"}


def asked_for():
    source = "".join(path.read_text() for path in SETTINGS)
    return set(re.findall(r'(?:\benv\.\w+|\bsecret)\(\s*"([A-Z_]+)"', source))


def own_commands():
    return sorted(name for name, app in get_commands().items() if app.split(".")[0] in ROOMS)


def test_every_setting_is_in_the_example_and_nothing_else_is():
    assert set(re.findall(r"^# ([A-Z_]+)=", EXAMPLE, re.MULTILINE)) == asked_for()


def test_every_setting_is_in_the_table_and_nothing_else_is():
    table = OPERATIONS.partition("## Settings")[2].partition("\n## ")[0]
    first_column = "".join(re.findall(r"^\|([^|]*)\|", table, re.MULTILINE))

    assert set(re.findall(r"`([A-Z_]+)`", first_column)) == asked_for()


def test_the_example_shows_the_defaults():
    """Setting every variable to what the example shows changes nothing."""
    shown = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))

    assert loaded_with({name: value for name, value in shown.items() if name not in PLACES}) == loaded_with({})


def loaded_with(variables):
    kept = {name: value for name, value in os.environ.items() if name not in asked_for() - PLACES}
    kept["PYTHONHASHSEED"] = "0"  # sets in one order
    tell = (
        "import json; from config import settings as s;"
        "print(json.dumps({name: repr(getattr(s, name)) for name in dir(s) if name.isupper()}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", tell], cwd=ROOT, env=kept | variables, capture_output=True, text=True, check=True
    )
    return {name: value for name, value in json.loads(done.stdout).items() if "<function" not in value}


@pytest.mark.parametrize("command", own_commands())
def test_every_command_is_described(command):
    table = OPERATIONS.partition("## Commands")[2].partition("\n## ")[0]

    assert f"| `{command}` |" in table


def test_no_command_is_described_that_does_not_exist():
    table = OPERATIONS.partition("## Commands")[2].partition("\n## ")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(own_commands())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(document):
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_readme_has_every_room_on_its_map():
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert sorted(rows) == sorted(ROOMS)


def test_decision_records_have_numbers_of_their_own_and_say_what_was_decided():
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    numbers = [path.name[:4] for path in records]
    assert len(set(numbers)) == len(numbers)
    for path in records:
        text = path.read_text()
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert "**Decision.**" in text, path.name


def test_no_place_of_one_machine_is_written_down():
    """Addresses and paths that mean something only where they were typed."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()  # noqa: S607
    suspicious = re.compile(r"(?<![\w./])/(?:work|home/\w+|root|Users)/\w")
    found = []
    for name in filter(None, tracked.split("\0")):
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".html", ".js", ".css", ".cfg", ""} and path.is_file():
            text = path.read_text(errors="ignore")
            found += [f"{name}: {match[0]}" for match in suspicious.finditer(text)]
    assert found == []


def test_no_pattern_repeats_a_group_possessively():
    """Python before 3.11.5, such as Debian's, then finds nothing; `(?>...)` says the same and works."""
    possessive = re.compile(r"[^(\\]\)[*+?]\+")
    rooms = [path for path in ROOT.glob("[a-z]*/**/*.py") if path.parts[len(ROOT.parts)] != "tests"]

    assert [str(path) for path in rooms if possessive.search(path.read_text())] == []
    assert rooms
