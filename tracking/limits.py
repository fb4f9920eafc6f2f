"""How often strangers may post to public forms. Counted in the cache: an outage of it lets everybody through."""

import hashlib
import logging
import time

from django.core.cache import cache

logger = logging.getLogger(__name__)

SECONDS = 60


def is_over_limit(form: str, who: str, limit: int) -> bool:
    """Count one more post of `who` to `form`; True where it is one too many for this minute."""
    digest = hashlib.sha256(who.encode()).hexdigest()[:32]
    key = f"posts:{form}:{digest}:{int(time.time() // SECONDS)}"
    try:
        cache.add(key, 0, 2 * SECONDS)
        return cache.incr(key) > limit
    except Exception:  # whatever a cache server raises: nobody is kept from unsubscribing by it
        logger.exception("The cache that counts posts is away.")
        return False
