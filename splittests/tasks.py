"""What the clock does to split tests. Every step may be done twice, and by two at once."""

import logging
from collections.abc import Callable
from typing import Any

from celery import shared_task
from django.utils.timezone import now

from delivery.tasks import queue_batches
from splittests import course, resending
from splittests.models import SplitTestRun

logger = logging.getLogger(__name__)


@shared_task(name="splittests.go_on")  # type: ignore[untyped-decorator]
def go_on() -> None:
    """Hold what is sampled, decide what is due, free who waits, make resends. One that cannot go on keeps no other."""
    for run in course.sampled().select_related("campaign"):
        _try(course.hold, run)
    for row in course.due(now()):
        _try(course.decide_now, row)
    for row in course.to_free().select_related("run"):
        _try(_free, row)
    for resend in resending.due(now()):
        _try(resending.make, resend)


def _free(row: SplitTestRun) -> None:
    course.free(row)
    queue_batches(row.run.campaign_id)


def _try(step: Callable[[Any], Any], row: Any) -> None:
    try:
        step(row)
    except Exception:
        logger.exception("%s cannot go on now; the next tick tries again.", row)
