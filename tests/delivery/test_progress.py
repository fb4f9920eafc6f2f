from datetime import timedelta

import pytest
from django.utils.timezone import now

from campaigns.models import CampaignRun
from delivery import progress, tasks
from delivery.models import Batch
from tests.delivery.servers import Mailbox
from tests.delivery.states import addressed, reloaded, sending
from tests.factories import draft_campaign

pytestmark = pytest.mark.django_db(transaction=True)


def test_before_it_starts_there_is_nothing_to_count():
    assert progress.of(draft_campaign()) == progress.Progress()


def test_the_numbers_add_up_with_the_reasons(mail_relay):
    campaign, run = sending(people=4)
    addressed(campaign, 0, "gone@example.com")
    addressed(campaign, 1, "busy@example.com")
    run.recipients.filter(pk=run.recipients.last().pk).update(state="skipped", skip_reason="suppressed")
    CampaignRun.objects.filter(pk=run.pk).update(skipped=1)
    mailbox = Mailbox(rcpt={"gone@example.com": "550 No", "busy@example.com": "451 Later"})

    with mail_relay(mailbox):
        tasks.deliver_batch(run.batches.get().pk)

    seen = progress.of(campaign)
    assert (seen.planned, seen.sent, seen.failed, seen.skipped, seen.in_doubt, seen.pending) == (4, 1, 1, 1, 0, 1)
    assert seen.skipped_by_reason == {"suppressed": 1}
    assert seen.share == pytest.approx(2 / 3)
    assert seen.next_try_at == run.batches.get().not_before
    assert seen.per_second > 0
    assert seen.seconds_left == pytest.approx(1 / seen.per_second)


def test_the_rate_is_that_of_the_batches_that_move(time_machine_at):
    _, run = sending(people=10)
    batch = run.batches.get()
    moment = now()
    Batch.objects.filter(pk=batch.pk).update(
        claimed_at=moment - timedelta(seconds=2), settled_at=moment, settled=6, state="claimed", lease_until=moment
    )
    CampaignRun.objects.filter(pk=run.pk).update(sent=6)

    seen = progress.of(reloaded(run))

    assert seen.per_second == pytest.approx(3)
    assert seen.seconds_left == pytest.approx(4 / 3)
    time_machine_at(moment + timedelta(minutes=2))
    assert progress.of(reloaded(run)).per_second == 0


def test_a_relay_that_is_away_is_shown_with_the_next_try(settings):
    settings.SMTP_PORT = 1
    campaign, run = sending(people=2)

    tasks.deliver_batch(run.batches.get().pk)

    seen = progress.of(campaign)
    assert "connection refused" in seen.last_error
    assert seen.next_try_at > now()


def test_a_finished_run_has_its_average_rate(mail_relay):
    campaign, run = sending(people=3)
    with mail_relay(Mailbox()):
        tasks.deliver_batch(run.batches.get().pk)
    run.refresh_from_db()

    seen = progress.of(campaign)

    assert seen.per_second == pytest.approx(3 / (run.finished_at - run.frozen_at).total_seconds())
    assert (seen.seconds_left, seen.share, seen.last_error) == (None, 1.0, "")


def test_watching_costs_the_same_few_queries_whatever_the_size(django_assert_num_queries, settings):
    settings.BATCH_SIZE = 2
    campaign, _ = sending(people=20)

    with django_assert_num_queries(4):
        progress.of(campaign)
