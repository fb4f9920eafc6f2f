"""Links that were refused are counted for good, however many they are."""

import os
import subprocess
import sys

import pytest

from stats.ingest import ingest
from stats.models import Refusal, StrayHit
from tests.stats.processes import ROOT
from tests.tracking.test_endpoints import ask
from tracking import spool
from tracking.refusals import MOST_REASONS, Refusals

BAD, ODD = "bad signature", "The link does not lead to a web page."


class Clock:
    """Time that passes only when told; what waits for later is done then."""

    def __init__(self):
        self.now, self.waiting = 1000.0, []

    def later(self, seconds, act):
        self.waiting.append((self.now + seconds, act))

    def go_on(self, seconds):
        self.now += seconds
        due = [act for at, act in self.waiting if at <= self.now]
        self.waiting = [each for each in self.waiting if each[0] > self.now]
        for act in due:
            act()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def refusals(clock):
    return Refusals(clock=lambda: clock.now, later=clock.later)


def written(folder):
    return [record.hit.data["refused"] for path in spool.files(folder) for record in spool.read(path)]


def test_a_flood_of_forgeries_is_one_line_a_minute(refusals, clock, own_spool, caplog):
    for _ in range(1000):
        refusals.count(BAD, "198.51.100.4")
    refusals.count(ODD, "198.51.100.4")
    clock.go_on(30)
    refusals.count(BAD, "198.51.100.5")

    assert written(own_spool) == [{BAD: 1}]
    assert len(clock.waiting) == 1

    clock.go_on(30)
    assert written(own_spool) == [{BAD: 1}, {BAD: 1000, ODD: 1}]
    assert [record.args[0] for record in caplog.records] == [1, 1001]


def test_after_a_quiet_minute_the_next_is_written_at_once(refusals, clock, own_spool):
    refusals.count(BAD, "")
    clock.go_on(60)
    refusals.count(BAD, "")

    assert written(own_spool) == [{BAD: 1}, {BAD: 1}]
    assert clock.waiting == []


def test_reasons_that_somebody_could_make_up_do_not_fill_the_memory(refusals, own_spool):
    refusals.count(BAD, "")
    for number in range(1000):
        refusals.count(f"reason {number}", "")
    refusals.write()

    assert len(written(own_spool)[1]) == MOST_REASONS + 1
    assert written(own_spool)[1]["other"] == 1000 - MOST_REASONS


def test_what_a_full_disk_does_not_take_waits(refusals, clock, own_spool, monkeypatch):
    def full(hit):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("tracking.refusals.append", full)
        refusals.count(BAD, "")
    refusals.count(BAD, "")
    clock.go_on(60)

    assert written(own_spool) == [{BAD: 2}]


@pytest.mark.django_db
def test_refusals_are_added_up_by_day_and_reason(own_spool):
    assert ask("/c/forged/link")[0] == ask("/o/forged.gif")[0] == ask("/h/forged")[0] == 404
    refusals = Refusals()
    refusals.count(BAD, "")
    refusals.count(BAD, "")
    refusals.count(ODD, "")
    refusals.write()

    ingest()
    once = dict(Refusal.objects.values_list("reason", "count"))
    ingest()

    assert once == dict(Refusal.objects.values_list("reason", "count"))
    assert once[ODD] == 1
    assert once[BAD] >= 3  # those asked for above wait for up to a minute, but for the first
    assert not StrayHit.objects.exists()


PROCESS = """
import multiprocessing, sys
import django
django.setup()
from tracking.refusals import Refusals

def work():
    refusals = Refusals()
    for _ in range(5):
        refusals.count("bad signature", "198.51.100.4")

if sys.argv[1] == "worker":
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
else:
    work()
"""


@pytest.mark.parametrize("kind", ["process", "worker"])
def test_a_process_that_ends_in_peace_writes_down_what_is_left(kind, own_spool):
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "VAR_DIR": str(own_spool.parent)}
    subprocess.run([sys.executable, "-c", PROCESS, kind], cwd=ROOT, env=environment, check=True)

    assert written(own_spool) == [{BAD: 1}, {BAD: 4}]
