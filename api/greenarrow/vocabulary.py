"""GreenArrow Studio's words for ours, and ours for theirs. Pure."""

from decimal import Decimal

from django.db.models import Q

from audience.criteria.greenarrow.clauses import STATUSES
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
DESCRIPTIONS = {
    "idle": "Step 1: Pending",
    "scheduled": "Step 2: Scheduled",
    "sending": "Step 3: Sending",
    "finished": "Step 4: Finished",
    "failed": "Step 4: Failed",
    "cancelled": "Step 4: Cancelled",
}
WORDS = tuple(DESCRIPTIONS)
STARTED_WORDS = ("sending", "finished", "cancelled", "failed")
OVER = ("finished", "failed", "cancelled")

FORMATS = ("html", "text", "both")
UNITS = ("minutes", "hours", "days")
# How contents are compared: their word, and the metric of a split test.
METRICS = {
    "opens_unique": "opened",
    "clicks_unique": "clicked",
    "opens_total": "opens",
    "clicks_total": "clicks",
    "click_to_open_rate": "click_to_open_rate",
}
METRIC_WORDS = {ours: theirs for theirs, ours in METRICS.items()}
SUBSCRIBER_STATUSES = STATUSES
STATUS_WORDS = {ours: theirs for theirs, ours in STATUSES.items()}


def state(campaign: Campaign) -> str:
    """`dispatch.state`; pausing does not change it."""
    return STATES[State(campaign.state)]


def state_filter(value: str) -> Q:
    """The campaigns whose `dispatch.state` is this word, exactly; an unknown word selects none."""
    return Q(state__in=[state for state, word in STATES.items() if word == value])


def body_format(html: str, text: str, said: str) -> str:
    """`format` of a content: as it was said, else by the bodies there are."""
    if said:
        return said
    return "both" if html.strip() and text.strip() else "text" if text.strip() else "html"


def percentage(value: Decimal | None) -> str | None:
    """As text, with one decimal at least and no zeros behind that: `20.0`, `94.85`."""
    if value is None:
        return None
    digits = f"{value:.2f}"
    return digits[:-1] if digits.endswith("0") else digits


def content_name(position: int) -> str:
    """`Content A`, `Content B`, … by place."""
    return f"Content {chr(ord('A') + position)}"
