"""docs/lifecycle.md says what the code does: its tables are compared with the code's, row by row."""

import itertools
import re

from django.conf import settings

from api.greenarrow import vocabulary as greenarrow
from api.management import vocabulary as management
from api.octeth import vocabulary as octeth
from campaigns.models import Campaign, State
from campaigns.transitions import TRANSITIONS
from operations.management.commands import campaign as command

DOCS = settings.BASE_DIR / "docs"
PAGE = (DOCS / "lifecycle.md").read_text()


def rows(first_heading):
    """The cells of the table that begins with this heading."""
    lines = PAGE[PAGE.index(f"| {first_heading} |") :].splitlines()
    table = list(itertools.takewhile(lambda line: line.startswith("|"), lines))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def words(cell):
    return re.findall(r"`(\w+)`", cell)


def test_the_table_of_states_is_the_codes():
    documented = {words(row[0])[0]: tuple(row[2:]) for row in rows("State")}

    projected = {}
    for state in State:
        campaign = Campaign(state=state)
        projected[state.value] = (octeth.status(campaign), greenarrow.state(campaign), management.status(campaign))
    assert documented == projected


def test_the_table_of_verbs_is_the_codes():
    documented = {verb: {"moves": {}} for verb in TRANSITIONS}
    for verb_cell, number, sources, targets, permission, _ in rows("Verb"):
        (verb,) = words(verb_cell)
        entry = documented[verb]
        entry |= {"number": number, "permission": permission}
        for source in words(sources):
            entry["moves"][source] = [source] if targets == "same" else words(targets)

    assert documented == {
        verb: {
            "number": transition.number,
            "permission": transition.permission.value if transition.permission else "Broadsheet itself",
            "moves": {source.value: [target.value for target in to] for source, to in transition.moves.items()},
        }
        for verb, transition in TRANSITIONS.items()
    }


def test_every_verb_says_what_happens():
    explained = {words(row[0])[0] for row in rows("Verb") if row[5]}

    assert explained == TRANSITIONS.keys()


def test_the_acts_of_the_command_are_listed():
    listed = re.search(r"`manage.py campaign ([\w|-]+)`", PAGE).group(1).split("|")

    acts = re.findall(r'self\._add\(acts, "([\w-]+)"', command.__loader__.get_source(command.__name__))
    assert listed == acts


def test_links_between_the_pages_lead_somewhere():
    for page in [*DOCS.glob("*.md"), *DOCS.glob("decisions/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
