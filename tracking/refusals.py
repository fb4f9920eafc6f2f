"""Links that were refused: counted for good, without letting a flood of forgeries fill the disk.

The first refusal is written down at once, later ones together, in one line a minute at most: into the log, and into the
spool as a record of its own kind, which ingest adds up by day and reason (`stats.models.Refusal`). What has not been
written is written when the process ends in peace; a killed one loses the refusals of its last minute, and no hit.
"""

import atexit
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.util import Finalize

from tracking.spool import REFUSED, Hit, append

logger = logging.getLogger(__name__)

# More kinds of reasons than there are; whatever comes beyond them is counted as other.
MOST_REASONS = 20


def _after(seconds: float, act: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()


class Refusals:
    """Counts of one process. `clock` is in seconds; `later` does something after so many of them."""

    def __init__(
        self,
        seconds: float = 60,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], None] = _after,
    ) -> None:
        self._seconds, self._clock, self._later = seconds, clock, later
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()
        self._last_address = ""
        self._next_line_at = clock()
        self._is_awaited = False
        atexit.register(self.write)
        Finalize(None, self.write, exitpriority=10)  # worker processes of a web server end without atexit

    def count(self, why: str, address: str) -> None:
        with self._lock:
            self._waiting[why if why in self._waiting or len(self._waiting) < MOST_REASONS else "other"] += 1
            self._last_address = address
            wait = self._next_line_at - self._clock()
            if wait > 0 and self._is_awaited:
                return
            self._is_awaited = wait > 0
        if wait > 0:
            self._later(wait, self.write)
        else:
            self.write()

    def write(self) -> None:
        """Write down what has been counted since the last line. What the spool does not take waits for the next."""
        with self._lock:
            waiting, self._waiting = self._waiting, Counter()
            self._is_awaited = False
            self._next_line_at = self._clock() + self._seconds
        if not waiting:
            return
        why = ", ".join(f"{reason} ({number})" for reason, number in waiting.most_common())
        logger.warning("Refused links: %d, the last from %s: %s", waiting.total(), self._last_address, why)
        try:
            append(Hit(REFUSED, 0, 0, 0, datetime.now(UTC), data={"refused": dict(waiting)}))
        except OSError:
            logger.exception("Refused links could not be written down.")
            with self._lock:
                self._waiting += waiting
