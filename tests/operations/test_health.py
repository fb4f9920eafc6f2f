"""What an administrator hears of when something stands still."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from campaigns import lifecycle
from delivery.models import Batch
from operations.health import checks
from stats.ingest import ingest
from stats.models import Refusal
from tests.factories import campaign_in, draft_campaign, staff
from tests.stats.populations import a_run, hit
from tracking import spool
from tracking.models import StrayMail

pytestmark = pytest.mark.django_db


def wrong(at=None):
    return {check.name for check in checks(at) if not check.ok}


@pytest.fixture
def clock():
    """A clock that ticked just now."""
    every, _ = IntervalSchedule.objects.get_or_create(every=5, period="seconds")
    task = PeriodicTask(name="campaigns.start_due", task="campaigns.start_due", interval=every, last_run_at=now())
    task.save()
    return task


def test_all_is_well_while_the_clock_ticks(clock):
    assert wrong() == set()


def test_a_clock_that_never_ran_or_fell_silent_is_noticed(clock):
    assert wrong(now() + timedelta(minutes=10)) == {"Clock"}

    clock.delete()

    assert wrong() == {"Clock"}


def test_a_campaign_that_is_due_and_does_not_start_is_noticed(clock):
    campaign = draft_campaign()
    by = staff(campaign.organization, "manager")
    lifecycle.submit(campaign, by=by, schedule=lifecycle.at(now() + timedelta(minutes=1), "UTC"))

    assert wrong(now() + timedelta(minutes=2)) == set()
    assert wrong(now() + timedelta(minutes=4)) == {"Starts"}


def test_a_batch_left_by_a_worker_is_noticed(clock):
    run = a_run(1, campaign=campaign_in("sending", people=0), number=2)
    Batch.objects.create(run=run, number=1, state="claimed", worker="gone", lease_until=now() - timedelta(minutes=5))

    assert wrong() == {"Workers"}


def test_many_refused_links_are_noticed_and_a_few_are_not(clock):
    today = now().date()
    Refusal.objects.create(day=today - timedelta(days=2), reason="bad signature", count=10_000)
    Refusal.objects.create(day=today, reason="bad signature", count=800)
    Refusal.objects.create(day=today, reason="The link is no address.", count=199)
    assert wrong() == set()
    assert "999 links were refused" in checks()[-1].detail

    Refusal.objects.create(day=today - timedelta(days=1), reason="bad signature", count=1)

    assert wrong() == {"Links"}
    assert "mostly: bad signature. Was a key" in checks()[-1].detail


def test_hits_that_nobody_counts_are_noticed(clock):
    run = a_run(1)
    spool.append(hit(run.recipients.get()))

    assert wrong() == set()
    assert wrong(now() + timedelta(minutes=3)) == {"Figures"}

    ingest(limit=10)

    assert wrong(now() + timedelta(minutes=3)) == set()


def test_many_reports_that_nobody_can_be_found_for_are_noticed(clock):
    StrayMail.objects.bulk_create(
        StrayMail(key=str(number), reason="unmatched", source="pipe", raw=b"") for number in range(21)
    )
    assert wrong() == {"Reports"}

    StrayMail.objects.update(reason="automatic")
    assert wrong() == set()
