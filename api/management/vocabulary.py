"""The REST API's words for where a campaign is. Pure: nothing of it is stored."""

from collections.abc import Iterable, Mapping

from django.db.models import Q

from campaigns.errors import InvalidTransition
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


FIELDS = {
    "audience": "segment_id",
    "edition": "edition_id",
    "email": "email_message_id",
    "organization": "organization_id",
    "rules": "definition",
    "mailing_lists": "mailing_list_ids",
    "__all__": "non_field_errors",
}
DONE = {
    "submit": "scheduled",
    "reschedule": "scheduled",
    "send_now": "sent",
    "edit": "changed",
    "pause": "paused",
    "resume": "resumed",
    "cancel": "cancelled",
    "delete": "deleted",
    "approve": "approved",
    "reject": "rejected",
    "withdraw": "withdrawn",
    "unschedule": "unscheduled",
    "retry_failed": "retried",
    "reopen": "reopened",
}
# What a client may do next, named as the routes are.
ACTIONS = {"submit": "schedule", "reschedule": "schedule", "send_now": "send", "edit": "update"}


def refusal(error: InvalidTransition) -> str:
    """Why an act was refused, in this API's words; a reason the domain gives stands as it is."""
    if str(error) != str(InvalidTransition(error.verb, error.state)):
        return str(error)
    if error.state == State.PENDING_APPROVAL:
        return f"Campaign cannot be {DONE.get(error.verb, error.verb)} while it waits for approval."
    status = STATUSES.get(error.state, error.state)  # type: ignore[call-overload]  # a deleted campaign has no state
    return f"Campaign cannot be {DONE.get(error.verb, error.verb)} in status {status}."


def field_errors(problems: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The domain's problems under the names this API's fields have."""
    return {FIELDS.get(field, field): messages for field, messages in problems.items()}


def actions(verbs: Iterable[str]) -> list[str]:
    """What can be done now, each once, the likeliest first."""
    return list(dict.fromkeys(ACTIONS.get(verb, verb) for verb in verbs))
