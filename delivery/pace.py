"""No more messages an hour than a campaign's delivery settings say, however many workers send it."""

from datetime import datetime, timedelta

from django.db import transaction

from delivery.models import Dispatch

# Messages are taken up by so many seconds' worth; nobody waits with a batch in hand, and a wait in between is made up
# for by as much.
SPAN = timedelta(seconds=30)
HOUR = timedelta(hours=1)


class Pace:
    """What one worker may take up now: `count` messages, or none before `until`."""

    def __init__(self, count: int, until: datetime | None = None) -> None:
        self.count, self.until = count, until


def take(campaign_id: int, wanted: int, at: datetime) -> Pace:
    """So many of the messages wanted, accounted for at once, so that of two workers neither has the other's share."""
    if not Dispatch.objects.filter(campaign=campaign_id, speed__gt=0).exists():
        return Pace(wanted)
    with transaction.atomic():
        row = Dispatch.objects.select_for_update().get(campaign=campaign_id)
        if not row.speed:
            return Pace(wanted)
        begin = max(row.sent_until or at, at - SPAN)
        if begin > at:
            return Pace(0, begin)
        count = min(wanted, max(1, int(row.speed * (SPAN / HOUR))))
        Dispatch.objects.filter(pk=row.pk).update(sent_until=begin + count * HOUR / row.speed)
    return Pace(count)


def give_back(campaign_id: int, count: int) -> None:
    """What was taken and there were no messages for."""
    if count <= 0:
        return
    with transaction.atomic():
        row = Dispatch.objects.select_for_update().filter(campaign=campaign_id, speed__gt=0).first()
        if row is not None and row.sent_until is not None:
            Dispatch.objects.filter(pk=row.pk).update(sent_until=row.sent_until - count * HOUR / row.speed)
