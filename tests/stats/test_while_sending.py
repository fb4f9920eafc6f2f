"""Figures move while a campaign is being sent, and not only after it."""

import pytest

from stats.models import Event
from tests.stats.populations import a_run, hit
from tests.stats.processes import process, wait_until
from tracking import spool

BATCHES = 400
QUEUE_WORK = f"""
import django
django.setup()
from config.celery import app
for number in range({BATCHES}):
    app.send_task("delivery.deliver_batch", [10**9 + number])
app.send_task("stats.ingest_spool")
"""
WORKER = ["-m", "celery", "-A", "config", "worker", "--concurrency", "1", "--loglevel", "WARNING"]


@pytest.mark.django_db(transaction=True)
def test_ingest_does_not_wait_behind_the_batches_of_a_campaign(environment, own_spool):
    environment |= {"CELERY_BROKER_URL": "folder://"}
    with process(["-c", QUEUE_WORK], environment) as producer:
        assert producer.wait(60) == 0
    spool.append(hit(a_run(people=1).recipients.get()))

    with process(WORKER, environment) as worker:
        wait_until(Event.objects.exists, worker)
        waiting = sum(1 for path in (own_spool.parent / "queue" / "queues").rglob("*") if path.is_file())

    assert waiting > BATCHES / 2
