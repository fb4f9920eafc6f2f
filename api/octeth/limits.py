"""How often one credential, or one address without any, may ask."""

import hashlib
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache

from api.octeth.registry import Command, Limit


@dataclass(frozen=True)
class TooMany(Exception):
    """Asked too often: when to come back, in seconds, and how often one may ask."""

    seconds: int
    requests: int

    @property
    def body(self) -> dict[str, object]:
        wait = f"Too many requests. Wait for {self.seconds} seconds for another {self.requests} attempts."
        return {"Success": False, "ErrorCode": 429, "Errors": [{"Code": 429, "Message": wait}]}


def count(command: Command, who: str) -> None:
    """One more request. Raises TooMany."""
    limit = command.limit or Limit(settings.OCTETH_REQUESTS_PER_MINUTE)
    if limit.requests:
        _count(limit, limit.group or "all" if command.limit is None else limit.group or command.name, who)


def _count(limit: Limit, group: str, who: str) -> None:
    window, elapsed = divmod(int(time.time()), limit.seconds)
    key = f"octeth:{group}:{hashlib.sha256(who.encode('utf-8', 'replace')).hexdigest()}:{window}"
    cache.add(key, 0, timeout=limit.seconds)
    try:
        asked = cache.incr(key)
    except ValueError:  # it was dropped meanwhile
        asked = 1
    if asked > limit.requests:
        raise TooMany(limit.seconds - elapsed, limit.requests)
