"""Servers for delivery tests; all real, all on free ports."""

import asyncio
import threading
from contextlib import ExitStack, contextmanager

import pytest
import time_machine

from delivery import inbox as built_in
from tests.delivery.servers import mail_server


@contextmanager
def running(server):
    """Run an async context manager's server in a thread of its own; gives what the context manager gives."""
    started, result = threading.Event(), {}

    async def serve():
        try:
            async with server as value:
                result["value"], result["stop"] = value, asyncio.Event()
                result["loop"] = asyncio.get_running_loop()
                started.set()
                await result["stop"].wait()
        finally:
            started.set()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    started.wait(10)
    try:
        yield result["value"]
    finally:
        result["loop"].call_soon_threadsafe(result["stop"].set)
        thread.join(10)


@pytest.fixture
def inbox(transactional_db):
    """The built-in inbox, listening: (host, port)."""
    with running(built_in.listening("127.0.0.1", 0)) as address:
        yield address


@pytest.fixture(autouse=True)
def own_journals(settings, own_spool):
    """A folder of journals for each test, so that none replays another's."""
    settings.JOURNAL_DIR = own_spool.parent / "journal"
    return settings.JOURNAL_DIR


@pytest.fixture
def mail_relay(settings, transactional_db):
    """Make campaigns go to this SMTP server: `with mail_relay(mailbox): ...`."""

    @contextmanager
    def relay(handler):
        settings.SMTP_TIMEOUT = 5
        with running(mail_server(handler)) as port:
            settings.SMTP_PORT = port
            yield handler

    return relay


@pytest.fixture
def time_machine_at():
    """Travel to a time; the clock goes on from there."""
    with ExitStack() as journeys:
        yield lambda moment: journeys.enter_context(time_machine.travel(moment))
