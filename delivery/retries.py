"""What an answer of the other side means: sent, try again later, or failed. Pure: values in, values out.

    2xx                     Accepted
    4xx                     Deferred, until the last attempt; then Rejected with that answer
    5xx                     Rejected
    no answer to a message  InDoubt: it was handed over whole, and whether it was taken nobody knows

A connection that cannot be made is nobody's outcome: the recipients stay as they are, and the batch is tried again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST_WAIT = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The other side took the message."""

    code: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Deferred:
    """The other side asks to come again; not before `until`."""

    until: datetime
    code: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will not be taken, now or later; `code` is None when it was never offered."""

    code: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Handed over, and no answer came."""

    text: str = ""

    @property
    def code(self) -> None:
        return None


Outcome = Accepted | Deferred | Rejected | InDoubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How often a message is offered, and how long to wait in between."""

    max_attempts: int
    base_seconds: int


def judge(code: int, text: str, *, attempts: int, at: datetime, jitter: float, policy: Policy) -> Outcome:
    """The outcome of the attempt answered with this reply; `attempts` counts those before it, `jitter` is in [0, 1)."""
    if 200 <= code < 300:
        return Accepted(code, text)
    if 400 <= code < 500 and attempts + 1 < policy.max_attempts:
        return Deferred(at + backoff(attempts, jitter=jitter, base_seconds=policy.base_seconds), code, text)
    return Rejected(code, text)


def backoff(failures: int, *, jitter: float, base_seconds: int) -> timedelta:
    """How long to wait after `failures` earlier ones: doubling, at most LONGEST_WAIT, up to a quarter more by jitter.

    The jitter keeps people who were deferred together from all coming back in the same second.
    """
    doubled = min(base_seconds * 2 ** min(failures, 32), LONGEST_WAIT.total_seconds())
    return timedelta(seconds=doubled * (1 + jitter / 4))
