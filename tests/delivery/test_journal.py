import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery import journal
from delivery.journal import Journal, JournalUnwritable, abandoned, read
from delivery.retries import Accepted, Deferred, InDoubt, Rejected
from tests.races import at_once

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

texts = st.text(max_size=60).map(lambda text: " ".join(text.split())).filter(str.isprintable)
codes = st.integers(200, 599)
outcomes = st.one_of(
    st.builds(Accepted, codes, texts),
    st.builds(Rejected, st.none() | codes, texts),
    st.builds(InDoubt, texts),
    st.builds(Deferred, st.integers(0, 10**6).map(lambda seconds: AT + timedelta(seconds=seconds)), codes, texts),
)


def written(events):
    """A journal a killed worker left, with these events; a recipient without an outcome was only started."""
    kept = Journal.create(7)
    for recipient_id, outcome in events:
        kept.started(recipient_id)
        if outcome is not None:
            kept.settled(recipient_id, outcome)
    kept.__exit__(KeyboardInterrupt)
    return kept.path


@given(events=st.dictionaries(st.integers(1, 2**63 - 1), st.none() | outcomes, max_size=8))
def test_what_was_written_is_read(events):
    path = written(events.items())

    entries = read(path)

    assert entries.outcomes == {key: outcome for key, outcome in events.items() if outcome}
    assert entries.in_flight == {key for key, outcome in events.items() if outcome is None}
    path.unlink()


@given(data=st.data())
def test_a_file_torn_anywhere_says_nothing_that_was_not_written(data):
    path = written(
        [(1, Accepted(250, "ok")), (2, Rejected(550, "5.1.1 No")), (3, None), (4, Deferred(AT, 451, "later"))]
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])

    torn = read(path)

    assert (
        torn.outcomes.items()
        <= {1: Accepted(250, "ok"), 2: Rejected(550, "5.1.1 No"), 4: Deferred(AT, 451, "later")}.items()
    )
    assert torn.in_flight <= {1, 2, 3, 4}
    assert torn.in_flight.isdisjoint(torn.outcomes)
    path.unlink()


def test_a_torn_line_in_the_middle_spoils_only_what_it_touches():
    path = written([(1, Accepted(250, "ok"))])
    path.write_bytes(path.read_bytes() + b"> 2< 3 accepted 250 - ok\n> 4\n")

    assert read(path).in_flight == {4}
    assert read(path).outcomes.keys() == {1}


def test_a_line_break_in_a_reply_cannot_forge_an_entry():
    path = written([(1, Rejected(550, "no\n< 2 accepted 250 - ok"))])

    assert read(path).outcomes == {1: Rejected(550, "no < 2 accepted 250 - ok")}


def test_a_journal_is_abandoned_only_when_its_worker_is_gone():
    with Journal.create(1) as alive:
        left_behind = written([(5, None)])

        assert [each.path for each in abandoned()] == [left_behind]
        assert alive.path.exists()


def test_a_journal_that_ended_well_is_gone():
    with Journal.create(1) as kept:
        kept.started(1)

    assert list(abandoned()) == []
    assert not kept.path.exists()


def test_an_abandoned_journal_is_found_until_it_is_removed():
    path = written([(5, None)])

    assert [each.path for each in abandoned()] == [path]
    for each in abandoned():
        each.path.unlink()
    assert list(abandoned()) == []


def test_of_two_that_look_one_gets_the_journal():
    written([(5, None)])
    found, second = abandoned(), abandoned()

    next(found)

    assert next(second, None) is None
    found.close()


def test_a_worker_that_was_killed_while_it_made_its_journal_leaves_nothing_for_long(own_journals):
    own_journals.mkdir(parents=True)
    for name, age in (("1-old", 120), ("2-young", 1)):
        path = own_journals / f"{name}.new"
        path.touch()
        os.utime(path, (time.time() - age,) * 2)

    assert list(abandoned()) == []
    assert [path.name for path in own_journals.glob("*.new")] == ["2-young.new"]


def test_a_full_disk_stops_before_anything_goes_out(monkeypatch):
    monkeypatch.setattr(os, "write", lambda descriptor, data: len(data) - 1)

    with Journal.create(1) as kept, pytest.raises(JournalUnwritable):
        kept.started(1)


def test_all_workers_on_a_machine_share_its_identity(own_journals):
    own_journals.mkdir(parents=True)

    names = at_once(*[lambda: journal.identity(own_journals)] * 8)

    assert len(set(names)) == 1
    assert journal.is_here(f"{names[0]}/7-x.journal")
    assert not journal.is_here("elsewhere-1234/7-x.journal")
    assert [path.name for path in Path(own_journals).iterdir()] == ["identity"]
