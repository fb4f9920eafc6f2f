"""Posting what is due: one sender a machine, with several posts in the air and no transaction open meanwhile.

The database is asked and told by the sender's own thread, in turn; the others only post. Each endpoint has a few posts
in the air at most, one that fails just one, and endpoints take turns, so that a slow one holds up nobody but itself.
"""

import fcntl
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils.timezone import now

from accounts import sealing
from webhooks import posting, settlement, signing
from webhooks.endpoints import secrets_of
from webhooks.models import Delivery, Endpoint
from webhooks.posting import Answer
from webhooks.settlement import Claim

logger = logging.getLogger(__name__)

TURN_SECONDS = 10.0  # then the worker is free for others; what is left comes next
TOGETHER_SECONDS = 0.01


def send_due(seconds: float = TURN_SECONDS) -> int:
    """Post what is due, beginning nothing new after so many seconds; how many tries ended.

    Returns 0 at once where another process of this machine is at it.
    """
    with _alone() as is_alone:
        return _Turn(until=time.monotonic() + seconds).run() if is_alone else 0


@contextmanager
def _alone() -> Iterator[bool]:
    """Bounds what one machine has in the air; correctness does not hang on it. Let go of by the kernel at a kill."""
    settings.WEBHOOK_LOCK.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(settings.WEBHOOK_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


@dataclass
class _Turn:
    """One go at what is due. `in_air`: posts not yet answered, by what was claimed."""

    until: float
    done: int = 0
    in_air: dict[Future[Answer], Claim] = field(default_factory=dict)

    def run(self) -> int:
        with ThreadPoolExecutor(settings.WEBHOOK_CONNECTIONS, "webhooks") as threads:
            while True:
                begun = self._begin(threads) if time.monotonic() < self.until else 0
                if not self.in_air:
                    return self.done
                self._end(None if not begun else 0.05)

    def _begin(self, threads: ThreadPoolExecutor) -> int:
        """Fill the free connections, endpoint by endpoint; how many posts began."""
        busy, begun = Counter(claim.endpoint_id for claim in self.in_air.values()), 0
        for endpoint in _waiting_endpoints() if self._free() else []:
            share = min(_share(endpoint) - busy[endpoint.pk], self._free())
            claims = settlement.take(endpoint, share, now()) if share > 0 else []
            for claim in claims:
                self.in_air[threads.submit(_post, endpoint, claim)] = claim
            begun += len(claims)
        return begun

    def _free(self) -> int:
        return int(settings.WEBHOOK_CONNECTIONS - len(self.in_air))

    def _end(self, seconds: float | None) -> None:
        """Wait for the next answers, and write them down."""
        ended, running = wait(self.in_air, timeout=seconds, return_when=FIRST_COMPLETED)
        if ended and running:  # a moment later there are more, and several cost the database little more than one
            ended, _ = wait(self.in_air, timeout=TOGETHER_SECONDS, return_when=ALL_COMPLETED)
        answers = [(self.in_air.pop(future), future.result()) for future in ended]
        self.done += settlement.settle(answers, now())


def _waiting_endpoints() -> list[Endpoint]:
    """Endpoints with something due, whoever has waited longest first."""
    due = Delivery.objects.filter(
        endpoint=OuterRef("pk"), state=Delivery.State.WAITING, next_try_at__lte=now()
    ).order_by("next_try_at")
    rows = Endpoint.objects.listening().filter(Exists(due))
    return list(rows.annotate(due_since=due.values("next_try_at")[:1]).order_by("due_since", "pk"))


def _share(endpoint: Endpoint) -> int:
    """How many posts to it may be in the air at once."""
    return 1 if endpoint.failing_since else max(1, settings.WEBHOOK_CONNECTIONS // 2)


def _post(endpoint: Endpoint, claim: Claim) -> Answer:
    """In a thread of its own; asks no database."""
    body, at = claim.body.encode(), now()
    try:
        secrets = secrets_of(endpoint, at)
    except sealing.CannotOpen as error:
        return Answer(error=str(error))
    headers = signing.headers(secrets, claim.public_id, int(at.timestamp()), body)
    return posting.post(endpoint.url, body, headers, timeout=endpoint.timeout_seconds)
