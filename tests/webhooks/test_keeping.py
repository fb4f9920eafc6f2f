"""When tries come, how long the log stays, and what the clock asks for."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as django_settings
from django.utils.timezone import now

from accounts.actors import SYSTEM
from tests.webhooks.conftest import an_endpoint
from webhooks import endpoints, retention, tasks
from webhooks.models import Delivery
from webhooks.retries import next_try

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)


def test_waits_grow_as_standard_webhooks_recommends():
    waits = [(next_try(tries, AT) - AT).total_seconds() for tries in range(1, 10)]

    expected = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert all(least <= wait <= least * 1.1 for wait, least in zip(waits, expected, strict=True))
    assert next_try(10, AT) is None
    assert len({next_try(9, AT) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        ("120", timedelta(minutes=2)),
        ("Sat, 21 Nov 2026 10:00:00 GMT", timedelta(hours=1)),
        ("99999999999999999999", timedelta(days=1)),
        ("Sat, 21 Nov 2099 10:00:00 GMT", timedelta(days=1)),
        ("Sat, 21 Nov 1999 10:00:00 GMT", timedelta(seconds=5)),
        ("-5", timedelta(seconds=5)),
        ("soon", timedelta(seconds=5)),
        ("²", timedelta(seconds=5)),
        ("", timedelta(seconds=5)),
    ],
)
def test_retry_after_can_delay_and_nothing_else(asked, least):
    assert least <= next_try(1, AT, asked) - AT <= least * 1.1


@pytest.mark.django_db
def test_old_rows_of_the_log_go_chunk_by_chunk(organization, monkeypatch):
    monkeypatch.setattr(retention, "CHUNK", 2)
    endpoint = an_endpoint(organization)
    rows = [endpoints.send_test(endpoint, by=SYSTEM) for _ in range(7)]
    old = now() - timedelta(days=django_settings.WEBHOOK_LOG_DAYS, minutes=1)
    Delivery.objects.filter(pk__in=[row.pk for row in rows[:5]]).update(created_at=old)

    tasks.thin()

    assert list(Delivery.objects.order_by("pk")) == rows[5:]
    assert retention.thin() == 0


def test_the_clock_asks_for_everything_and_the_sender_has_a_queue_of_its_own(settings):
    asked = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert {tasks.send.name, tasks.tell.name, tasks.thin.name} <= asked
    assert settings.CELERY_TASK_ROUTES[tasks.send.name] == {"queue": settings.WEBHOOK_QUEUE}
    assert settings.WEBHOOK_QUEUE in settings.CELERY_TASK_QUEUES


@pytest.mark.django_db
def test_the_task_posts_what_is_due(endpoint, receiver):
    endpoints.send_test(endpoint, by=SYSTEM)

    tasks.send()

    assert [posted.json["type"] for posted in receiver.posted] == ["webhook.test"]
