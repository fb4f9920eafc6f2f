"""After a kill: nobody is lost, nobody gets two, and who is in doubt is named."""

import os
import random
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils.timezone import now

from campaigns import lifecycle
from campaigns.models import State
from delivery import batches, recovery, settlement, tasks
from delivery.journal import Journal
from delivery.models import Batch
from delivery.retries import Accepted, Deferred, Rejected
from tests.delivery.servers import Mailbox
from tests.delivery.states import assert_reconciled, by, reloaded, sending, states

pytestmark = pytest.mark.django_db(transaction=True)


def killed(run, *, started=(), outcomes=None, settled=None):
    """What a worker leaves behind that claimed the run's batch, wrote this down, and settled part of it."""
    batch = run.batches.get()
    journal = Journal.create(batch.pk)
    claim = batches.claim(batch.pk, worker=journal.name)
    for recipient_id in started:
        journal.started(recipient_id)
    for recipient_id, outcome in (outcomes or {}).items():
        journal.settled(recipient_id, outcome)
    if settled:
        settlement.settle(claim, settled, at=now())
    journal.__exit__(KeyboardInterrupt)


def test_a_journal_tells_what_became_of_each(own_journals):
    _, run = sending(people=5)
    taken, refused, later, under_way, never = run.recipients.values_list("pk", flat=True)
    until = now() + timedelta(minutes=1)
    known = {taken: Accepted(250, "ok"), refused: Rejected(550, "no"), later: Deferred(until, 451, "busy")}
    killed(run, started=[taken, refused, under_way], outcomes=known)

    recovery.replay(now())

    found = {each.pk: each for each in run.recipients.all()}
    assert {pk: each.state for pk, each in found.items()} == {
        taken: "sent",
        refused: "failed",
        later: "pending",
        under_way: "in_doubt",
        never: "pending",
    }
    assert (found[later].not_before, found[later].attempts) == (until, 1)
    assert (found[never].not_before, found[never].attempts) == (None, 0)
    assert "worker was stopped" in found[under_way].reply_text
    assert_reconciled(run)
    batch = run.batches.get()
    assert (batch.state, batch.worker, batch.not_before) == ("waiting", "", None)
    assert list(own_journals.glob("*.journal")) == []


def test_replaying_twice_changes_nothing(own_journals):
    _, run = sending(people=2)
    first, _ = run.recipients.values_list("pk", flat=True)
    killed(run, started=[first], outcomes={first: Accepted(250, "ok")})
    (path,) = own_journals.glob("*.journal")
    content = path.read_bytes()

    recovery.replay(now())
    path.write_bytes(content)
    recovery.replay(now())

    assert states(run) == {"sent": 1, "pending": 1}
    assert_reconciled(run)
    assert not path.exists()


def test_what_was_settled_before_the_kill_counts_once():
    _, run = sending(people=2)
    first, second = run.recipients.values_list("pk", flat=True)
    known = {first: Accepted(250, "ok"), second: Deferred(now() + timedelta(minutes=1), 451, "busy")}
    killed(run, started=known, outcomes=known, settled=known)

    recovery.replay(now())

    assert states(run) == {"sent": 1, "pending": 1}
    assert set(run.recipients.values_list("attempts", flat=True)) == {1}
    assert_reconciled(run)


def test_a_journal_waits_until_the_database_is_back(own_journals, monkeypatch):
    _, run = sending(people=1)
    only = run.recipients.get().pk
    killed(run, started=[only], outcomes={only: Accepted(250, "ok")})

    def away(*args, **kwargs):
        raise DatabaseError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(settlement, "count", away)
        with pytest.raises(DatabaseError):
            recovery.replay(now())
    assert states(run) == {"pending": 1}

    recovery.replay(now())

    assert states(run) == {"sent": 1}
    assert_reconciled(run)


def test_what_a_cancelled_campaign_had_not_sent_is_dropped_with_the_replay():
    campaign, run = sending(people=3)
    first, second, _ = run.recipients.values_list("pk", flat=True)
    killed(run, started=[first, second], outcomes={first: Accepted(250, "ok")})
    lifecycle.cancel(campaign, by=by(campaign))

    recovery.replay(now())

    assert states(run) == {"sent": 1, "in_doubt": 1, "skipped": 1}
    assert run.batches.get().state == "done"
    assert_reconciled(run)


def test_a_batch_that_stops_every_worker_suspends_the_campaign(settings):
    settings.RETRY_BASE_SECONDS = 0
    campaign, run = sending(people=1)

    for _ in range(settings.MAX_ATTEMPTS):
        killed(run)
        recovery.replay(now())

    assert reloaded(campaign).paused
    assert "The worker was stopped in the middle of the batch" in reloaded(campaign).pause_reason


def test_a_worker_that_died_with_the_last_message_leaves_a_campaign_that_finishes():
    campaign, run = sending(people=1)
    only = run.recipients.get().pk
    killed(run, started=[only], outcomes={only: Accepted(250, "ok")})

    tasks.sweep()

    assert reloaded(campaign).state == State.SENT


def test_the_database_going_away_while_sending_loses_nothing(mail_relay, monkeypatch):
    campaign, run = sending(people=30)
    original = settlement.release

    def away(*args, **kwargs):
        raise DatabaseError("gone")

    with mail_relay(Mailbox()) as mailbox:
        monkeypatch.setattr(settlement, "release", away)
        with pytest.raises(DatabaseError):
            tasks.deliver_batch(run.batches.get().pk)
        monkeypatch.setattr(settlement, "release", original)
        tasks.sweep()

    assert len(mailbox.mails) == 30
    assert states(run) == {"sent": 30}
    assert reloaded(campaign).state == State.SENT


# --- workers on other machines ------------------------------------------------------------------------------------


def elsewhere(run):
    """The run's batch in the hands of a worker whose journals are on another machine."""
    batch = run.batches.get()
    batches.claim(batch.pk, worker="other-1234/7-x.journal")
    return batch


def test_a_batch_of_a_silent_worker_elsewhere_says_where_its_journal_is(time_machine_at, settings):
    _, run = sending(people=1)
    batch = elsewhere(run)
    time_machine_at(now() + timedelta(seconds=settings.LEASE_SECONDS + 1))

    tasks.sweep()

    batch.refresh_from_db()
    assert batch.state == "claimed"
    assert "The worker on other-1234 has not been heard of since" in batch.last_error
    assert states(run) == {"pending": 1}


def test_a_worker_elsewhere_that_stays_silent_leaves_its_people_in_doubt(time_machine_at, settings):
    _, run = sending(people=3)
    batch = elsewhere(run)
    later, *_ = run.recipients.values_list("pk", flat=True)
    far = now() + timedelta(days=2)
    settlement.settle(batches.held(reloaded(batch).worker), {later: Deferred(far, 451, "busy")}, at=now())
    time_machine_at(now() + timedelta(seconds=settings.LEASE_SECONDS + settings.LOST_WORKER_SECONDS + 1))

    tasks.sweep()

    assert states(run) == {"pending": 1, "in_doubt": 2}
    assert (reloaded(batch).state, reloaded(batch).worker) == ("waiting", "")
    assert_reconciled(run)


def test_a_slow_worker_on_this_machine_is_left_alone(time_machine_at, settings):
    _, run = sending(people=1)
    batch = run.batches.get()
    with Journal.create(batch.pk) as journal:
        batches.claim(batch.pk, worker=journal.name)
        time_machine_at(now() + timedelta(days=1))

        tasks.sweep()

        assert reloaded(batch).state == "claimed"


# --- kill -9 ------------------------------------------------------------------------------------------------------


def worker_environment(settings):
    about = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{about['NAME']}"
    else:
        password = f":{about['PASSWORD']}" if about["PASSWORD"] else ""
        url = f"postgres://{about['USER']}{password}@{about['HOST']}:{about['PORT'] or 5432}/{about['NAME']}"
    return os.environ | {
        "DATABASE_URL": url,
        "JOURNAL_DIR": str(settings.JOURNAL_DIR),
        "SMTP_PORT": str(settings.SMTP_PORT),
        "SMTP_CONNECTIONS": "4",
        "RETRY_BASE_SECONDS": "0",
        "BATCH_SIZE": str(settings.BATCH_SIZE),
    }


class CountingMailbox(Mailbox):
    """Says when it has taken a number of messages."""

    def __init__(self):
        super().__init__()
        self.reached, self.goal = threading.Event(), 10**9

    def until(self, goal):
        self.goal = goal
        self.reached.clear()
        if len(self.mails) >= goal:
            self.reached.set()
        assert self.reached.wait(60)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        reply = await super().handle_DATA(server, session, envelope)
        if len(self.mails) >= self.goal:
            self.reached.set()
        return reply


def test_a_worker_killed_again_and_again_loses_nobody_and_sends_to_nobody_twice(mail_relay, settings):
    people, kills, seed = 300, 3, random.randrange(10**6)
    random_numbers = random.Random(seed)
    settings.BATCH_SIZE = 60
    campaign, run = sending(people=people)

    with mail_relay(CountingMailbox()) as mailbox:
        environment = worker_environment(settings)
        for _ in range(kills):
            worker = start_worker(environment)
            mailbox.until(len(mailbox.mails) + random_numbers.randint(1, people // (kills + 1)))
            worker.send_signal(signal.SIGKILL)
            worker.communicate()
        last = start_worker(environment)
        output, errors = last.communicate(timeout=60)

    assert (last.returncode, output.split()) == (0, ["done"]), errors
    delivered = [address for _, address, _ in mailbox.mails]
    by_state = {
        state: set(run.recipients.filter(state=state).values_list("address", flat=True)) for state in states(run)
    }
    doubtful = by_state.pop("in_doubt", set())
    assert len(delivered) == len(set(delivered)), seed  # nobody twice
    assert by_state == {"sent": by_state["sent"]}, seed  # nobody left
    assert by_state["sent"] | doubtful == set(run.recipients.values_list("address", flat=True)), seed
    assert by_state["sent"] <= set(delivered) <= by_state["sent"] | doubtful, seed  # who is sent got it
    assert len(doubtful) <= 4 * kills, seed
    assert_reconciled(run)
    assert reloaded(campaign).state == State.SENT
    assert not Batch.objects.open().exists()


def start_worker(environment):
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.delivery.killable_worker"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout.readline() == "ready\n"
    return worker
