"""Old hits judged by the rules of today, a few recipients at a time.

Each chunk is a transaction in turn with ingest, so that figures are right at every moment and hits go on being stored
in between. What is done has the version of today's rules, so that whoever is stopped goes on where they were.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from campaigns.models import Campaign
from stats import classification, reclassify
from stats.ingest import take_turn
from stats.models import Event
from stats.reclassify import Outcome

CHUNK = 500


def waiting(
    campaign: Campaign | None = None, since: datetime | None = None, *, everything: bool = False
) -> QuerySet[Event]:
    """Hits that older rules have judged, of people who are not erased; with `everything` all hits of theirs."""
    hits = Event.objects.filter(subscriber__isnull=False)
    if not everything:
        hits = hits.filter(rules_version__lt=classification.VERSION)
    if campaign is not None:
        hits = hits.filter(run__campaign=campaign)
    return hits.filter(at__gte=since) if since else hits


def judge(
    hits: QuerySet[Event],
    *,
    dry_run: bool = False,
    chunk: int = CHUNK,
    progress: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Judge these hits, and with each all other hits of its recipient, which may decide it. `progress` is told of the
    whole outcome after each chunk."""
    outcome, last = Outcome(), 0
    while recipients := _next(hits, last, chunk):
        outcome.add(_judge(recipients, dry_run))
        progress(outcome)
        last = recipients[-1]
    return outcome


def _next(hits: QuerySet[Event], last: int, chunk: int) -> list[int]:
    rows = hits.filter(recipient_id__gt=last).order_by("recipient_id")
    return list(rows.values_list("recipient_id", flat=True).distinct()[:chunk])


def _judge(recipients: list[int], dry_run: bool) -> Outcome:
    if dry_run:
        return reclassify.recheck(recipients, dry_run=True)
    with transaction.atomic():
        take_turn()
        return reclassify.recheck(recipients)
