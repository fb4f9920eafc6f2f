"""A recurring campaign tries its variants anew at each occurrence."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils.timezone import now

from campaigns import lifecycle, schedules, tasks
from campaigns.models import Campaign, State
from campaigns.recurrence import from_cron
from delivery.freeze import freeze
from delivery.runs import finish_if_complete
from splittests import planning, standings
from splittests.models import SplitTestRun
from splittests.standings import Phase
from splittests.tasks import go_on
from tests.factories import staff
from tests.splittests.test_course import opened_by, planned, sent_to

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def instance(clock, campaign, moment, *opens):
    """From the occurrence to the last message; its run."""
    clock.move_to(moment)
    assert tasks.start_due() == 1
    run = freeze(Campaign.objects.get(pk=campaign.pk))
    sent_to(run)
    go_on()
    clock.shift(timedelta(hours=3))
    opened_by(run, *opens)
    clock.shift(timedelta(hours=2))
    go_on()
    sent_to(run)
    finish_if_complete(campaign.pk)
    campaign.refresh_from_db()
    return run


def test_each_instance_is_tried_and_decided_by_itself():
    with time_machine.travel(MONDAY - timedelta(days=1), tick=False) as clock:
        campaign = planned(wait=4)
        by = staff(campaign.organization, "manager")
        daily = schedules.recurring(from_cron("0 9 * * *", max_instances=2), "UTC", after=now())
        lifecycle.schedule(campaign, by=by, schedule=daily)

        first = instance(clock, campaign, MONDAY, 0, 5)
        assert campaign.state == State.SCHEDULED
        assert standings.of(campaign).phase == Phase.DECIDED
        planning.plan(campaign, by=by, metric="clicked")
        second = instance(clock, campaign, MONDAY + timedelta(days=1), 4, 0)

    assert campaign.state == State.SENT
    rows = SplitTestRun.objects.order_by("run__number")
    assert [row.run for row in rows] == [first, second]
    assert [(row.chosen.name, row.verdict, row.snapshot["metric"]) for row in rows] == [
        ("B", "won", "opened"),
        ("A", "unclear", "clicked"),
    ]
    assert standings.of(campaign).run == rows[1]
    assert [[each["people"] for each in row.snapshot["measured"]] for row in rows] == [[5, 5], [5, 5]]
