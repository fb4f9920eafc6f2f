"""GreenArrow Studio's words for where a campaign is: `dispatch.state`, with `paused` beside it. Pure."""

from django.db.models import Q

from campaigns.models import Campaign, State

STATES: dict[State, str] = {
    State.DRAFT: "idle",
    State.PENDING_APPROVAL: "idle",
    State.SCHEDULED: "scheduled",
    State.CALCULATING: "sending",
    State.SENDING: "sending",
    State.HOLDING: "sending",
    State.SENT: "finished",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}


def state(campaign: Campaign) -> str:
    """`dispatch.state`; pausing does not change it."""
    return STATES[State(campaign.state)]


def state_filter(value: str) -> Q:
    """The campaigns whose `dispatch.state` is this word, exactly; an unknown word selects none."""
    return Q(state__in=[state for state, word in STATES.items() if word == value])
