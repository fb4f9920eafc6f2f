"""The clock is killed before each of its writes, one after the other; the next tick ends as if nothing had happened."""

import pytest
from django.core import mail
from django.db import connection, transaction
from django.utils.timezone import now

from campaigns.models import CampaignEvent, State
from delivery.models import Batch
from splittests.models import SplitTestRun
from splittests.tasks import go_on
from tests.splittests.test_course import opened_by, planned, sent_to, started, waiting

pytestmark = pytest.mark.django_db
WRITES = ("INSERT", "UPDATE", "DELETE")
MOST_WRITES = 60


class Killed(BaseException):
    """Nothing catches it."""


def killed_before(number):
    """A wrapper of statements: the number-th that writes is the end."""
    left = number

    def wrapper(execute, sql, params, many, context):
        nonlocal left
        if sql.lstrip().startswith(WRITES):
            left -= 1
            if left == 0:
                raise Killed
        return execute(sql, params, many, context)

    return wrapper


def kills(outcome):
    """Let the clock be killed before each of its writes and tick again; `outcome` is what it comes to. How often."""
    for number in range(1, MOST_WRITES):
        mail.outbox.clear()
        before = transaction.savepoint()
        was_killed = False
        try:
            with connection.execute_wrapper(killed_before(number)):
                go_on()
        except Killed:
            was_killed = True
        go_on()
        go_on()
        assert outcome(), f"killed before write {number}"
        transaction.savepoint_rollback(before)
        if not was_killed:
            return number - 1
    raise AssertionError("It never came to an end.")


def test_a_clock_that_is_killed_anywhere_holds_in_the_end():
    run = started(planned())
    sent_to(run)

    def outcome():
        row = SplitTestRun.objects.get()
        holds = CampaignEvent.objects.filter(verb="hold").count()
        return (row.chosen, row.run.campaign.state, holds, len(row.looks)) == (None, State.HOLDING, 1, 1)

    assert kills(outcome) >= 3


def test_a_clock_that_is_killed_anywhere_decides_and_frees_in_the_end():
    row = waiting()
    opened_by(row.run, 0, 5)
    SplitTestRun.objects.update(due_at=now())
    waits = set(row.run.recipients.filter(batch__held=True).values_list("pk", flat=True))

    def outcome():
        kept = SplitTestRun.objects.get()
        rest = set(row.run.recipients.filter(state="pending").values_list("pk", "variant"))
        return (
            kept.chosen.name == "B"
            and rest == {(pk, kept.chosen_id) for pk in waits}
            and not Batch.objects.filter(held=True).exists()
            and CampaignEvent.objects.filter(verb="release").count() == 1
            and kept.told == "decided"
            and len(mail.outbox) <= 2
        )

    assert kills(outcome) >= 8


def test_a_clock_that_is_killed_anywhere_asks_in_the_end():
    waiting(when_unclear="ask")
    SplitTestRun.objects.update(due_at=now())

    def outcome():
        kept = SplitTestRun.objects.get()
        asked = CampaignEvent.objects.filter(verb="ask").count()
        return (kept.chosen, kept.verdict, kept.told, asked) == (None, "unclear", "asked", 1)

    assert kills(outcome) >= 3
