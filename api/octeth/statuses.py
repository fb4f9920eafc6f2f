"""Writing a status: which verb of the lifecycle it is, from where the campaign stands.

The table is that of the lifecycle's specification (C3.1); the lifecycle itself decides what may be done.
"""

from collections.abc import Callable

from accounts.actors import Actor
from api.octeth import vocabulary
from campaigns import completeness, draft_schedules, lifecycle
from campaigns.errors import InvalidTransition
from campaigns.models import RUNNING, Campaign, ScheduleType, State
from campaigns.schedules import IMMEDIATELY, Schedule

Write = Callable[[Campaign, Actor], object]
OVER = ("Sent", "Failed")  # either word is true of what was ended early


def write(campaign: Campaign, word: str, *, by: Actor, chosen: ScheduleType | None = None, reason: str = "") -> None:
    """`word` is one of `vocabulary.STATUSES`; `chosen` the ScheduleType of the same request, whose time the campaign
    keeps by now; `reason` why it is paused. Raises InvalidTransition, NotReady, NotAllowed."""
    if campaign.state == State.CANCELLED and campaign.is_started:
        _require(word in OVER, campaign)
        return
    match word:
        case "Ready":
            _ready(campaign, chosen, by)
        case "Draft":
            _draft(campaign, by)
        case "Sending":
            _sending(campaign, by)
        case "Paused":
            _paused(campaign, by, reason)
        case "Pending Approval":
            _pending(campaign, by)
        case _:
            _require(vocabulary.status(campaign) == word, campaign)


def cancel(campaign: Campaign, *, by: Actor) -> None:
    """Octeth's cancel: what has not begun is a draft again, what has is ended; what is over stays."""
    match State(campaign.state):
        case State.PENDING_APPROVAL:
            lifecycle.withdraw(campaign, by=by)
        case State.SCHEDULED if not campaign.is_started or campaign.schedule_type == ScheduleType.RECURSIVE:
            unschedule(campaign, by=by)
        case state if state in RUNNING:
            lifecycle.cancel(campaign, by=by)


def unschedule(campaign: Campaign, *, by: Actor) -> Campaign:
    """A schedule that is taken away leaves no pause behind, which nobody would see in a draft."""
    return lifecycle.unschedule(lifecycle.resume(campaign, by=by) if campaign.paused else campaign, by=by)


def approve(campaign: Campaign, *, by: Actor) -> None:
    """T4 of what waits; of a draft, submit and approve it; what is scheduled already is approved enough.

    Raises what the lifecycle raises; NotAllowed where four eyes are needed.
    """
    if campaign.state == State.SCHEDULED:
        return
    if campaign.state == State.DRAFT:
        campaign = _submitted(campaign, None, by)
    if campaign.state == State.PENDING_APPROVAL:
        lifecycle.approve(campaign, by=by)


# --- one function a word -----------------------------------------------------------------------------------------


def _ready(campaign: Campaign, chosen: ScheduleType | None, by: Actor) -> None:
    if campaign.paused and campaign.state != State.DRAFT:
        _resumed(campaign, chosen, by)
        return
    match State(campaign.state):
        case State.DRAFT:
            _submitted(campaign, chosen, by)
        case State.SCHEDULED:
            _rescheduled(campaign, chosen, by)
        case State.PENDING_APPROVAL:
            return
        case State.CANCELLED:
            _submitted(lifecycle.reopen(campaign, by=by), chosen, by)
        case _:
            _require(False, campaign)


def _resumed(campaign: Campaign, chosen: ScheduleType | None, by: Actor) -> None:
    resumed = lifecycle.resume(campaign, by=by)
    if resumed.state == State.SCHEDULED and chosen in (ScheduleType.FUTURE, ScheduleType.RECURSIVE):
        _rescheduled(resumed, chosen, by)


def _submitted(campaign: Campaign, chosen: ScheduleType | None, by: Actor) -> Campaign:
    """What is not complete is only called ready, as Octeth takes it too; so is what has no schedule."""
    schedule = _schedule(campaign, chosen)
    if schedule is None or completeness.problems(campaign):
        return campaign if campaign.ready else lifecycle.mark_ready(campaign, by=by)
    return lifecycle.submit(campaign, by=by, schedule=schedule)


def _schedule(campaign: Campaign, chosen: ScheduleType | None) -> Schedule | None:
    if chosen == ScheduleType.NONE:
        return None
    return IMMEDIATELY if chosen == ScheduleType.IMMEDIATE else draft_schedules.of(campaign)


def _rescheduled(campaign: Campaign, chosen: ScheduleType | None, by: Actor) -> None:
    """The changed time has been written by the time this is asked; here only what says when in a word."""
    if chosen == ScheduleType.NONE:
        lifecycle.mark_ready(unschedule(campaign, by=by), by=by)
    elif chosen == ScheduleType.IMMEDIATE and campaign.schedule_type != ScheduleType.IMMEDIATE:
        lifecycle.reschedule(campaign, by=by, schedule=IMMEDIATELY)


def _draft(campaign: Campaign, by: Actor) -> None:
    match State(campaign.state):
        case State.DRAFT:
            if campaign.ready:
                lifecycle.mark_ready(campaign, ready=False, by=by)
        case State.PENDING_APPROVAL:
            lifecycle.withdraw(campaign, by=by)
        case State.SCHEDULED:
            unschedule(campaign, by=by)
        case State.CANCELLED:
            lifecycle.reopen(campaign, by=by)
        case _:
            _require(False, campaign)


def _sending(campaign: Campaign, by: Actor) -> None:
    if campaign.paused and campaign.state != State.DRAFT:
        lifecycle.resume(campaign, by=by)
    elif campaign.state in (State.DRAFT, State.SCHEDULED):
        lifecycle.send_now(campaign, by=by)
    else:
        _require(campaign.state in (State.PENDING_APPROVAL, *RUNNING), campaign)


def _paused(campaign: Campaign, by: Actor, reason: str) -> None:
    if campaign.paused:
        return
    _require(campaign.state in (State.SCHEDULED, *RUNNING), campaign)
    lifecycle.pause(campaign, by=by, reason=reason)


def _pending(campaign: Campaign, by: Actor) -> None:
    """A draft waits for an approver, also of somebody who needs none."""
    if campaign.state == State.PENDING_APPROVAL:
        return
    _require(campaign.state == State.DRAFT, campaign)
    schedule = draft_schedules.of(campaign) or IMMEDIATELY
    lifecycle.submit(campaign, by=by, schedule=schedule, for_approval=True)


def _require(condition: bool, campaign: Campaign) -> None:
    if not condition:
        raise InvalidTransition("change", campaign.state)
