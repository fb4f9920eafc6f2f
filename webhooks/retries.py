"""When a try that failed is made again. Pure.

The waits are those that Standard Webhooks recommends: 5 seconds, 5 and 30 minutes, 2, 5, 10, 14, 20 and 24 hours, so
that the tenth and last try comes some three days after the first. Each is up to a tenth longer, by chance, so that
what failed together does not come back together.
"""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from django.conf import settings

JITTER = 0.1
LONGEST_RETRY_AFTER = timedelta(days=1)


def next_try(tries: int, at: datetime, retry_after: str = "") -> datetime | None:
    """When to try again after this many; None when it is given up. `retry_after` is the header, and can only delay."""
    waits = settings.WEBHOOK_RETRY_SECONDS
    if tries > len(waits):
        return None
    wait = timedelta(seconds=waits[tries - 1] * (1 + JITTER * random.random()))  # noqa: S311 - no secret
    return at + max(wait, _asked(retry_after, at))


def _asked(retry_after: str, at: datetime) -> timedelta:
    """RFC 9110, 10.2.3: seconds, or a date."""
    if retry_after.isascii() and retry_after.isdigit():
        return timedelta(seconds=min(int(retry_after[:9]), LONGEST_RETRY_AFTER.total_seconds()))
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError, OverflowError):
        return timedelta(0)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment - at, timedelta(0)), LONGEST_RETRY_AFTER)
