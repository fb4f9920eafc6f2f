"""Real processes, started and killed by tests."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def process(arguments, environment):
    """A process group of its own, gone when the block is left."""
    started = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=environment, start_new_session=True, stdout=subprocess.DEVNULL
    )
    try:
        yield started
    finally:
        kill(started)


def kill(started):
    with suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def wait_until(condition, working):
    """Until the process that works on it has brought it about."""
    deadline = time.monotonic() + 60
    while not condition():
        assert working.poll() is None, "the process ended by itself"
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
