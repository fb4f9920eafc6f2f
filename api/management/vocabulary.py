"""The REST API's words for where a campaign is. Pure: nothing of it is stored."""

from django.db.models import Q

from campaigns.models import Campaign, State

STATUSES: dict[State, str] = {
    State.DRAFT: "draft",
    State.PENDING_APPROVAL: "draft",
    State.SCHEDULED: "scheduled",
    State.CALCULATING: "calculating",
    State.SENDING: "sending",
    State.HOLDING: "sending",
    State.SENT: "sent",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}
LABELS = {
    "draft": "Draft",
    "scheduled": "Scheduled",
    "calculating": "Calculating Segment",
    "sending": "Sending",
    "sent": "Sent",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


def status(campaign: Campaign) -> str:
    """`status` in this API's answers; whether the campaign is paused stands beside it, in `paused`."""
    return STATUSES[State(campaign.state)]


def status_filter(value: str) -> Q:
    """The campaigns whose `status` is this word, exactly; an unknown word selects none."""
    return Q(state__in=[state for state, word in STATUSES.items() if word == value])


def error_message(campaign: Campaign) -> str:
    """Why it failed, what it waits for, or why an approver sent it back; empty otherwise."""
    if campaign.state == State.PENDING_APPROVAL:
        return "Awaiting approval."
    return campaign.status_reason if campaign.state in (State.DRAFT, State.FAILED) else ""
