"""Processes that die for real: whatever was answered is in the database, once."""

import http.client
import itertools
import os
import random
import signal
import socket
import threading
import time
from collections import Counter as Naive
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from content.tokens import Purpose, link_token, recipient_token
from stats.ingest import ingest, next_records, store
from stats.models import ClickedLink, Counter, Engagement, Event, SpoolPosition
from tests.races import at_once, race
from tests.stats.populations import NINE, a_run
from tests.stats.processes import kill, process, wait_until
from tracking import spool
from tracking.spool import Hit

# --- the web server ----------------------------------------------------------------------------------------------


class Reader(threading.Thread):
    """Opens and clicks as fast as the server answers, until it is gone; each request says its number. `cut` are those
    whose answer never came."""

    def __init__(self, port, paths, numbers):
        super().__init__()
        self.port, self.paths, self.numbers = port, itertools.cycle(paths), numbers
        self.answered, self.cut = [], []

    def run(self):
        self.ask_until_it_is_gone()

    def ask_until_it_is_gone(self):
        server = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with suppress(OSError, http.client.HTTPException):
            while not self.is_done():
                number = next(self.numbers)
                self.cut.append(number)
                server.request("GET", next(self.paths), headers={"User-Agent": f"hit {number}"})
                answer = server.getresponse()
                answer.read()
                assert answer.status in (200, 302)
                self.answered.append(self.cut.pop())
        server.close()

    def is_done(self):
        return False


class StubbornReader(Reader):
    """Asks again whenever the server is gone, until it is told to stop."""

    def __init__(self, *asked):
        super().__init__(*asked)
        self.told = threading.Event()

    def run(self):
        while not self.is_done():
            self.ask_until_it_is_gone()
            self.told.wait(0.02)

    def is_done(self):
        return self.told.is_set()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def tracked_paths(run):
    for recipient in run.recipients.all():
        who = {"run_id": run.pk, "recipient_id": recipient.pk, "subscriber_id": recipient.subscriber_id}
        link = link_token(run_id=run.pk, position=1, url="https://example.com/story")
        yield f"/o/{recipient_token(Purpose.OPEN, **who)}.gif"
        yield f"/c/{recipient_token(Purpose.CLICK, **who)}/{link}"


@pytest.mark.django_db
def test_every_hit_a_killed_web_server_answered_is_stored_once(environment):
    run, port = a_run(people=5), free_port()
    server = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws"]
    paths, numbers = list(tracked_paths(run)), itertools.count()
    readers = [Reader(port, paths, numbers) for _ in range(4)]

    with process([*server, "--blocking-threads", "4", "config.wsgi:application"], environment) as web:
        wait_until(lambda: is_listening(port), web)
        for reader in readers:
            reader.start()
        wait_until(lambda: sum(len(reader.answered) for reader in readers) > 400, web)
        kill(web)
        for reader in readers:
            reader.join()
    ingest()

    check_answers(readers, environment)


def check_answers(readers, environment):
    """What was answered is stored and counted, once; beside it only what was kept when the answer was cut off."""
    stored = Naive(int(agent.removeprefix("hit ")) for agent in Event.objects.values_list("user_agent", flat=True))
    answered = {number for reader in readers for number in reader.answered}
    assert set(stored.values()) == {1}
    assert answered <= stored.keys()
    assert stored.keys() - answered <= {number for reader in readers for number in reader.cut}
    assert sum(Counter.objects.filter(kind__in=["opened", "clicked"]).values_list("total", flat=True)) == len(stored)
    assert summed(Engagement, "opens") + summed(Engagement, "clicks") == len(stored)
    assert spool.files(Path(environment["VAR_DIR"]) / "spool") == []  # the dead writers' files were finished


@pytest.mark.django_db(transaction=True)
def test_both_are_killed_at_any_moment_while_people_open_and_click(environment):
    """For longer: KILLS=60 pytest -k both_are_killed tests/stats/test_killed_processes.py"""
    run, port, dice = a_run(people=20), free_port(), random.Random()
    paths, numbers = list(tracked_paths(run)), itertools.count()
    readers = [StubbornReader(port, paths, numbers) for _ in range(4)]
    web_server = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws"]
    commands = {
        "web": [*web_server, "--blocking-threads", "4", "config.wsgi:application"],
        "ingest": ["manage.py", "ingest", "--follow", "--every", "0.01"],
    }
    environment |= {"INGEST_CHUNK": "50"}

    with ExitStack() as stack:
        stack.callback(stop, readers)
        working = {name: stack.enter_context(process(command, environment)) for name, command in commands.items()}
        for reader in readers:
            reader.start()
        for place in range(int(os.environ.get("KILLS", "1"))):
            moved = {"web": lambda: answered(readers), "ingest": Event.objects.count}
            for name in commands:
                wait_for_more(moved[name], working[name])
            time.sleep(dice.uniform(0, 0.3))
            for name in [["web", "ingest"], ["ingest"], ["web"]][place % 3]:
                kill(working[name])
                working[name] = stack.enter_context(process(commands[name], environment))
        wait_for_more(lambda: answered(readers), working["web"])
    ingest()

    check_answers(readers, environment)


def stop(readers):
    for reader in readers:
        reader.told.set()
    for reader in readers:
        if reader.ident:
            reader.join()


def answered(readers):
    return sum(len(reader.answered) for reader in readers)


def wait_for_more(count, working):
    before = count()
    wait_until(lambda: count() > before, working)


# --- the ingester ------------------------------------------------------------------------------------------------


def spool_hits(run, number):
    """Opens and clicks by all recipients in turn, who are not a multiple of three; (opens, clicks)."""
    recipients = list(run.recipients.all())
    for place in range(number):
        recipient = recipients[place % len(recipients)]
        kind = "clicked" if place % 3 == 0 else "opened"
        link = place % 4 + 1 if kind == "clicked" else 0
        spool.append(Hit(kind, run.pk, recipient.pk, recipient.subscriber_id, NINE, link_position=link))
    return number - (number + 2) // 3, (number + 2) // 3


def summed(model, column, **which):
    return sum(model.objects.filter(**which).values_list(column, flat=True))


def check_counts(run, opens, clicks):
    people = run.recipients.count()
    assert Event.objects.filter(kind="opened").count() == opens
    assert Event.objects.filter(kind="clicked").count() == clicks
    assert (summed(Counter, "total", kind="opened"), summed(Counter, "unique", kind="opened")) == (opens, people)
    assert (summed(Counter, "total", kind="clicked"), summed(Counter, "unique", kind="clicked")) == (clicks, people)
    assert summed(Counter, "unique", kind="read") == people
    assert summed(Counter, "unique_by_link", kind="clicked") == ClickedLink.objects.count()
    assert (summed(Engagement, "opens"), summed(Engagement, "clicks")) == (opens, clicks)
    assert summed(ClickedLink, "clicks") == clicks


@pytest.mark.django_db(transaction=True)
def test_an_ingester_that_is_killed_again_and_again_counts_every_hit_once(environment):
    run = a_run(people=7)
    opens, clicks = spool_hits(run, 3000)
    for _ in range(2):
        before = Event.objects.count()
        with process(["manage.py", "ingest", "--follow", "--every", "0.01"], environment) as ingester:
            wait_until(lambda before=before: Event.objects.count() > before, ingester)
            kill(ingester)
    assert Event.objects.count() < opens + clicks, "it was killed too late to show anything"

    ingest()

    check_counts(run, opens, clicks)


DYING_IN_A_TRANSACTION = """
import os, signal, django
django.setup()
from stats import counting, ingest
counting.store_counts = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
ingest.ingest()
"""


@pytest.mark.django_db(transaction=True)
def test_a_kill_between_events_and_counters_leaves_neither(environment):
    run = a_run(people=2)
    opens, clicks = spool_hits(run, 30)

    with process(["-c", DYING_IN_A_TRANSACTION], environment) as ingester:
        assert ingester.wait(60) == -signal.SIGKILL
    assert not Event.objects.exists()
    assert not SpoolPosition.objects.exists()

    ingest()
    check_counts(run, opens, clicks)


@pytest.mark.django_db(transaction=True)
def test_an_ingester_stops_cleanly_when_asked_and_another_goes_on(environment):
    run = a_run(people=4)
    opens, clicks = spool_hits(run, 30)

    with process(["manage.py", "ingest", "--follow", "--every", "0.01"], environment) as ingester:
        wait_until(lambda: Event.objects.count() == opens + clicks, ingester)
        ingester.terminate()
        assert ingester.wait(20) == 0

    check_counts(run, opens, clicks)


@race
def test_ingesters_that_run_at_once_store_each_hit_once(own_spool, settings):
    settings.SPOOL_FILE_BYTES = 5000
    run = a_run(people=5)
    opens, clicks = spool_hits(run, 600)

    def ingest_without_the_lock():
        """As on two machines that share the folder."""
        while records := next_records(own_spool, 7):
            store(records)

    at_once(*[ingest_without_the_lock] * 4)

    check_counts(run, opens, clicks)
