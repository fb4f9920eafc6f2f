"""One clear next action for every state."""

import pytest

from campaigns.admin.next_step import next_step
from campaigns.models import Campaign, ScheduleType, State

EVERYTHING = [
    *("submit", "approve", "reject", "resume", "send_now", "reschedule", "release", "pause", "retry_failed"),
    *("unschedule", "withdraw", "edit", "cancel", "reopen", "delete"),
]


def step_of(state, allowed=EVERYTHING, *, problems=None, is_own=False, **columns):
    campaign = Campaign(name="Morning", state=state, **columns)
    return next_step(
        campaign, list(allowed), problems=problems or {}, needs_approval=False, is_own=is_own, may_copy=True
    )


@pytest.mark.parametrize(
    ("state", "columns", "primary"),
    [
        (State.DRAFT, {}, "submit"),
        (State.PENDING_APPROVAL, {}, "approve"),
        (State.SCHEDULED, {"schedule_type": ScheduleType.FUTURE}, "reschedule"),
        (State.SENDING, {}, "pause"),
        (State.HOLDING, {}, "release"),
        (State.SENDING, {"paused": True}, "resume"),
        (State.SENT, {"total_recipients": 5}, "report"),
        (State.SENT, {"total_recipients": 0}, "copy"),
        (State.FAILED, {}, "retry_failed"),
        (State.CANCELLED, {}, "reopen"),
    ],
)
def test_each_state_has_its_next_action(state, columns, primary):
    assert step_of(state, **columns).primary == primary


def test_an_incomplete_draft_is_finished_first_and_not_sent():
    step = step_of(State.DRAFT, problems={"audience": ["Choose who gets this campaign."]})

    assert step.primary == "edit"
    assert step.problems
    assert "send_now" not in step.others


def test_what_one_may_not_do_is_not_offered():
    step = step_of(State.PENDING_APPROVAL, ["withdraw"], is_own=True)

    assert step.primary == ""
    assert step.others == ("withdraw",)
    assert "somebody else" in step.why


def test_no_act_is_drawn_twice():
    for state in State:
        step = step_of(state, schedule_type=ScheduleType.FUTURE, total_recipients=5)
        drawn = [step.primary, *step.others, *step.rarely]
        assert len(drawn) == len(set(drawn)), state


def test_stopping_is_at_hand_while_sending():
    assert "cancel" in step_of(State.SENDING).others


def test_a_rejected_draft_says_why():
    step = step_of(State.DRAFT, status_reason="The date is wrong.")

    assert "The date is wrong." in step.why
