"""Acts that begin at the same moment, each on a database connection of its own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, connections

RACE = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time: no race to lose"),
]


def race(test):
    """Mark one test as a race, as `pytestmark = RACE` marks all of a file."""
    for mark in RACE:
        test = mark(test)
    return test


def at_once(*acts, refusals=()):
    """What each act returned, or which of the named refusals it raised; any other error is the test's."""
    together = Barrier(len(acts))

    def run(act):
        try:
            together.wait(timeout=30)
            return act()
        except refusals as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def in_another_connection(act):
    """Begin an act beside this one; the future of what it returns."""

    def run():
        try:
            return act()
        finally:
            connections.close_all()

    threads = ThreadPoolExecutor(1)
    future = threads.submit(run)
    threads.shutdown(wait=False)
    return future
