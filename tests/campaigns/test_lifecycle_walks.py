"""Random walks over the verbs: whatever people and Broadsheet do, in whatever order, the lifecycle's rules hold."""

from datetime import timedelta

import hypothesis
import pytest
from django.db import transaction
from django.utils.timezone import now
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.actors import SYSTEM, Surface
from accounts.models import Organization
from api.greenarrow import vocabulary as greenarrow
from api.management import vocabulary as management
from api.octeth import vocabulary as octeth
from campaigns import approval, drafts, lifecycle
from campaigns.errors import CampaignError, InvalidTransition, NotAllowed
from campaigns.models import TERMINAL, UNFINISHED, Campaign, CampaignRevision, CampaignRun, State
from campaigns.possible import OFFERED
from campaigns.transitions import TRANSITIONS
from tests.conftest import acting
from tests.examples import examples
from tests.factories import draft_campaign

PEOPLE = ["alice", "bob", "dora", "erin", "victor", "charlie"]


def deliver(campaign, failed):
    """What delivery would have done by now."""
    total = campaign.total_recipients
    failed = min(failed, total)
    CampaignRun.objects.filter(campaign=campaign).update(planned=total, failed=failed, sent=total - failed)


def at(hours):
    return lifecycle.at(now() + timedelta(hours=hours), "UTC")


# (verb, how it is used): by people, and by Broadsheet itself
OFFERED_STEPS = [
    ("submit", lambda c, by: lifecycle.submit(c, by=by)),
    ("submit", lambda c, by: lifecycle.submit(c, by=by, schedule=at(-1))),
    ("submit", lambda c, by: lifecycle.submit(c, by=by, schedule=at(2))),
    ("approve", lambda c, by: lifecycle.approve(c, by=by)),
    ("reject", lambda c, by: lifecycle.reject(c, by=by, reason="No.")),
    ("withdraw", lambda c, by: lifecycle.withdraw(c, by=by)),
    ("unschedule", lambda c, by: lifecycle.unschedule(c, by=by)),
    ("reschedule", lambda c, by: lifecycle.reschedule(c, by=by, schedule=at(-48))),
    ("reschedule", lambda c, by: lifecycle.reschedule(c, by=by, schedule=at(1))),
    ("send_now", lambda c, by: lifecycle.send_now(c, by=by)),
    ("release", lambda c, by: lifecycle.release(c, by=by)),
    ("pause", lambda c, by: lifecycle.pause(c, by=by)),
    ("resume", lambda c, by: lifecycle.resume(c, by=by)),
    ("cancel", lambda c, by: lifecycle.cancel(c, by=by)),
    ("retry_failed", lambda c, by: lifecycle.retry_failed(c, by=by)),
    ("reopen", lambda c, by: lifecycle.reopen(c, by=by)),
    ("delete", lambda c, by: lifecycle.delete(c, by=by)),
    ("edit", lambda c, by: lifecycle.edited(c, by=by)),
    ("edit", lambda c, by: drafts.edit(c, by=by, sms_body="One")),
    ("edit", lambda c, by: drafts.edit(c, by=by, sms_body="Two")),
]
BROADSHEETS_STEPS = [
    ("start", lambda c, by: lifecycle.start(c)),
    ("freeze", lambda c, by: lifecycle.freeze(c, user_count=3, total_recipients=0)),
    ("freeze", lambda c, by: lifecycle.freeze(c, user_count=3, total_recipients=3)),
    ("hold", lambda c, by: lifecycle.hold(c)),
    ("finish", lambda c, by: lifecycle.finish(c)),
    ("fail", lambda c, by: lifecycle.fail(c, reason="Gone.")),
    ("suspend", lambda c, by: lifecycle.suspend(c, reason="Errors.")),
]
STEPS = OFFERED_STEPS + BROADSHEETS_STEPS
# taken less often, so that walks get far
AWAY = {"cancel", "delete", "fail", "pause", "suspend", "unschedule", "withdraw", "reject"}


def next_step(data, campaign, people):
    """Mostly something the table knows from here, by somebody who may; now and then anything by anybody."""
    if data.draw(st.integers(0, 5)) == 0:
        return data.draw(st.sampled_from(STEPS)), data.draw(st.sampled_from(PEOPLE))
    able = [name for name in ("bob", "alice", "dora", "erin") if lifecycle.allowed(campaign, people[name])]
    name = data.draw(st.sampled_from(able or PEOPLE))
    verbs = set(lifecycle.allowed(campaign, people[name], Surface.GREENARROW)) - {"edit"}
    verbs |= {verb for verb, _ in BROADSHEETS_STEPS if campaign.state in TRANSITIONS[verb].sources}
    going_on = verbs - AWAY if data.draw(st.integers(0, 7)) else verbs
    verb = data.draw(st.sampled_from(sorted(going_on or verbs or {"edit"})))
    return data.draw(st.sampled_from([step for step in STEPS if step[0] == verb])), name


def test_the_walks_know_every_verb_that_is_offered():
    assert {verb for verb, _ in OFFERED_STEPS} == set(OFFERED)


class Walk:
    """One campaign, and what has to be true of it after every step."""

    def __init__(self, organization, people):
        self.people = people
        self.campaign = draft_campaign(organization, by=acting(people["bob"]), people=0, channel="sms")

    def take(self, verb, name, act):
        by = acting(self.people[name], Surface.GREENARROW) if name else SYSTEM
        before = self.row()
        offered = lifecycle.allowed(before, by.user, by.surface) if name else None
        events = before.events.count()
        refusal = self.refusal_of(act, by)
        if refusal:
            self.check_nothing_happened(before, events)
            wrong_moment = isinstance(refusal, (InvalidTransition, NotAllowed))
            assert offered is None or verb == "edit" or wrong_moment == (verb not in offered), (verb, refusal)
        else:
            assert offered is None or verb in offered or (verb == "edit" and self.row() == before), verb
            self.check_events(before, events)
            self.check_columns()
            self.check_nothing_unapproved_goes_out(before)

    def refusal_of(self, act, by):
        try:
            with transaction.atomic():
                act(self.row(), by)
        except CampaignError as refusal:
            return refusal

    def row(self):
        return Campaign.objects.select_related("organization").get(pk=self.campaign.pk)

    def check_nothing_happened(self, before, events):
        row = self.row()
        assert (row.state, row.paused, row.modified_at) == (before.state, before.paused, before.modified_at)
        assert row.events.count() == events

    def check_events(self, before, events):
        """A chain without a gap, each link a row of the table."""
        state = before.state
        for event in self.row().events.all()[events:]:
            assert event.from_state == state
            assert event.to_state in TRANSITIONS[event.verb].moves[state], event.verb
            state = event.to_state
        assert state == self.row().state

    def check_columns(self):
        row = self.row()
        assert row.is_started == row.events.filter(to_state=State.CALCULATING).exists()
        hypothesis.event(row.state)
        assert (row.finished_at is not None) == (row.is_started and row.state in TERMINAL)
        assert not row.paused or row.state in UNFINISHED
        assert (row.pause_reason != "") == row.paused
        assert bool(row.approved_revision) == (row.approved_at is not None)
        if row.state == State.PENDING_APPROVAL:
            assert not row.approved_revision
        assert octeth.status(row) in octeth.STATUSES
        assert greenarrow.state(row) in greenarrow.STATES.values()
        assert management.status(row) in management.STATUSES.values()

    def check_nothing_unapproved_goes_out(self, before):
        row = self.row()
        if row.state == State.CALCULATING and before.state != State.CALCULATING:
            started_by = row.events.last().by or row.submitted_by
            approved = row.approved_revision and CampaignRevision.objects.filter(digest=row.approved_revision).exists()
            assert approved or not approval.is_required(row.organization, started_by)
        if row.approved_by_id:
            assert row.approved_by_id != row.submitted_by_id or not row.organization.four_eyes


@pytest.mark.django_db
@settings(
    max_examples=examples(30),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    data=st.data(),
    policy=st.sampled_from(Organization.Approval.values),
    covers_schedule=st.booleans(),
    length=st.integers(10, 40),
    failed=st.integers(0, 3),
)
def test_no_walk_leaves_the_table(
    organization, alice, bob, dora, erin, victor, charlie, data, policy, covers_schedule, length, failed
):
    people = {person.username: person for person in (alice, bob, dora, erin, victor, charlie)}
    with transaction.atomic():
        organization.approval, organization.approval_covers_schedule = policy, covers_schedule
        organization.save()
        walk = Walk(organization, people)
        walk.check_columns()

        for _ in range(length):
            (verb, act), name = next_step(data, walk.row(), people)
            walk.take(verb, None if (verb, act) in BROADSHEETS_STEPS else name, act)
            if walk.row().state == State.SENDING:
                deliver(walk.row(), failed)

        transaction.set_rollback(True)
