"""What the clock does to split tests. Every step may be done twice, and by two at once."""

import logging
from collections.abc import Callable
from typing import Any

from celery import shared_task
from django.utils.timezone import now
from kombu.exceptions import OperationalError as BrokerGone

from accounts.models import User
from campaigns.tasks import MAIL
from delivery.tasks import queue_batches
from splittests import course, looks, notices, resending
from splittests.models import SplitTestRun

logger = logging.getLogger(__name__)
Told = SplitTestRun.Told


@shared_task(name="splittests.go_on")  # type: ignore[untyped-decorator]
def go_on() -> None:
    """Hold what is sampled, decide what is due, free who waits, look on, tell people, make resends. One that cannot go
    on keeps no other."""
    for run in course.sampled().select_related("campaign"):
        _try(course.hold, run)
    for row in course.due(now()):
        _try(course.decide_now, row)
    for row in course.to_free().select_related("run"):
        _try(_free, row)
    for row in looks.due(now()):
        _try(looks.look, row)
    for row in notices.waiting().select_related("run__campaign"):
        _try(_tell, row)
    for resend in resending.due(now()):
        _try(resending.make, resend)


def _tell(row: SplitTestRun) -> None:
    """A task for each mail, by whoever marks the row first."""
    what = Told.DECIDED if row.chosen_id else Told.ASKED
    if SplitTestRun.objects.filter(pk=row.pk, told=row.told).update(told=what):
        for user in notices.receivers(row, what):
            queue_notice(row.pk, what, user.pk)


def queue_notice(row_id: int, what: str, user_id: int) -> None:
    """Mail that cannot be queued keeps no test from going on; the page says the same."""
    try:
        notify.delay(row_id, str(what), user_id)
    except BrokerGone:
        logger.warning("Nobody could be told that a split test is %s.", what, exc_info=True)


@shared_task(name="splittests.notify", **MAIL)  # type: ignore[untyped-decorator]
def notify(row_id: int, what: str, user_id: int) -> None:
    row = SplitTestRun.objects.select_related("run__campaign__organization", "chosen__email", "chosen_by").get(
        pk=row_id
    )
    if mail := notices.notice(row, what, User.objects.get(pk=user_id)):
        mail.send()


def _free(row: SplitTestRun) -> None:
    course.free(row)
    queue_batches(row.run.campaign_id)


def _try(step: Callable[[Any], Any], row: Any) -> None:
    try:
        step(row)
    except Exception:
        logger.exception("%s cannot go on now; the next tick tries again.", row)
