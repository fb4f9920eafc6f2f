"""Who hits one mail again and again is told of only so often: a program that reloads a pixel all day must not become as
many requests to everybody who listens. Every hit is counted all the same."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Count, Q
from django.db.models.functions import TruncHour

from stats import bulk
from stats.counting import Judged
from stats.models import Engagement, Event, EventKind

REPEATED = {EventKind.OPENED.value, EventKind.CLICKED.value}
Key = tuple[int, str, datetime]


def within_limit(told: Sequence[Judged]) -> list[Judged]:
    """Of each recipient's opens, and of their clicks, the first WEBHOOK_HITS_PER_HOUR of each hour (UTC), in the order
    in which they were stored; 0 sets no limit. In the transaction that has stored them."""
    limit = settings.WEBHOOK_HITS_PER_HOUR
    busy = _busy(told, limit) if limit else set()
    if not busy:
        return list(told)
    of_busy = Counter(_key(each) for each in told if each.hit.recipient_id in busy and each.hit.kind in REPEATED)
    before = _stored(of_busy) - of_busy
    kept = []
    for each in told:
        if (key := _key(each)) in of_busy:
            before[key] += 1
            if before[key] > limit:
                continue
        kept.append(each)
    return kept


def _key(judged: Judged) -> Key:
    hit = judged.hit
    return hit.recipient_id, hit.kind, hit.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _busy(told: Sequence[Judged], limit: int) -> set[int]:
    recipients = {each.hit.recipient_id for each in told if each.hit.kind in REPEATED}
    if not recipients:
        return set()
    rows = Engagement.objects.filter(Q(opens__gt=limit) | Q(clicks__gt=limit), pk__in=bulk.among(recipients))
    return set(rows.order_by().values_list("pk", flat=True))


def _stored(keys: Counter[Key]) -> Counter[Key]:
    """How many events there are of each."""
    if not keys:
        return Counter()
    hours = [hour for *_, hour in keys]
    rows = Event.objects.filter(recipient__in=bulk.among({pk for pk, *_ in keys}), kind__in=sorted(REPEATED))
    rows = rows.filter(at__gte=min(hours)).annotate(hour=TruncHour("at", tzinfo=UTC)).order_by()
    counted = rows.values_list("recipient_id", "kind", "hour").annotate(Count("pk"))
    return Counter({(pk, kind, hour): number for pk, kind, hour, number in counted})
