"""Servers for delivery tests; all real, all on free ports."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from delivery import inbox as built_in


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
