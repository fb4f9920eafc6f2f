"""How often strangers may post to public forms. Counted in the cache."""

import hashlib
import logging
import time

from django.core.cache import cache

logger = logging.getLogger(__name__)

SECONDS = 60
DAY = 24 * 3600


def is_over_limit(form: str, who: str, limit: int, *, seconds: int = SECONDS, unknown: bool = False) -> bool:
    """Count one more post of `who` to `form`; True where it is one too many for this minute (or other span).

    `unknown` is the answer while the cache is away: nobody is kept from unsubscribing by it.
    """
    key = _key(form, who, seconds)
    try:
        cache.add(key, 0, 2 * seconds)
        return cache.incr(key) > limit
    except Exception:  # whatever a cache server raises
        logger.exception("The cache that counts posts is away.")
        return unknown


def take_back(form: str, who: str, *, seconds: int = SECONDS) -> None:
    """Do not count the last post: nothing came of it."""
    try:
        cache.decr(_key(form, who, seconds))
    except Exception:  # as above; or the span has ended meanwhile
        logger.warning("A post could not be taken back from the count.", exc_info=True)


def _key(form: str, who: str, seconds: int) -> str:
    digest = hashlib.sha256(who.encode()).hexdigest()[:32]
    return f"posts:{form.replace(' ', '-')}:{digest}:{int(time.time() // seconds)}"
