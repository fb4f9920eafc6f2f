"""Octeth's words for where a campaign is: `CampaignStatus`, its reason, and the filters of its lists. Pure."""

from django.db.models import Q

from campaigns.models import RUNNING, Campaign, ScheduleType, State
from content.models import Email

STATUSES = ("Draft", "Ready", "Sending", "Paused", "Pending Approval", "Sent", "Failed")
SPLIT_TEST_RUNNING = "Split test running"
CANCELLED_BY_USER = "Cancelled by user"
_SUSPENDABLE = (State.SCHEDULED, *RUNNING)


def status(campaign: Campaign) -> str:
    """`CampaignStatus`. Scheduled is not a status here: a scheduled campaign is Ready."""
    match State(campaign.state):
        case State.DRAFT:
            return "Ready" if campaign.ready else "Draft"
        case State.PENDING_APPROVAL:
            return "Pending Approval"
        case State.CANCELLED:
            return "Sent" if campaign.is_started else "Draft"
        case State.SENT:
            return "Sent"
        case State.FAILED:
            return "Failed"
        case State.HOLDING:
            return "Paused"
        case State.SCHEDULED:
            return "Paused" if campaign.paused else "Ready"
        case State.CALCULATING | State.SENDING:
            return "Paused" if campaign.paused else "Sending"


def status_reason(campaign: Campaign) -> str:
    """`CampaignStatusReason`: why a campaign is paused, failed or ended early."""
    if campaign.state == State.CANCELLED:
        return CANCELLED_BY_USER if campaign.is_started else ""
    if campaign.paused and campaign.state in _SUSPENDABLE:
        return "Paused by user" if campaign.pause_reason == "user" else campaign.pause_reason
    return SPLIT_TEST_RUNNING if campaign.state == State.HOLDING else campaign.status_reason


_FILTERS: dict[str, Q] = {
    "draft": Q(state=State.DRAFT, ready=False) | Q(state=State.CANCELLED, started_at__isnull=True),
    "ready": Q(state=State.DRAFT, ready=True) | Q(state=State.SCHEDULED, paused=False),
    "scheduled": Q(
        state=State.SCHEDULED, paused=False, schedule_type__in=[ScheduleType.FUTURE, ScheduleType.RECURSIVE]
    ),
    "sending": Q(state__in=[State.CALCULATING, State.SENDING], paused=False),
    "paused": Q(state__in=[State.SCHEDULED, State.CALCULATING, State.SENDING], paused=True) | Q(state=State.HOLDING),
    "pendingapproval": Q(state=State.PENDING_APPROVAL),
    "pending": Q(state=State.PENDING_APPROVAL),
    "sent": Q(state=State.SENT) | Q(state=State.CANCELLED, started_at__isnull=False),
    "failed": Q(state=State.FAILED),
    "all": Q(),
}


def status_filter(value: str) -> Q:
    """The campaigns this filter word selects, in any case and with or without spaces; an unknown word selects none."""
    return _FILTERS.get("".join(value.lower().split()), Q(pk__in=[]))


def content_type(email: Email | None) -> str:
    """`ContentType` of an email: which of its bodies somebody has written."""
    if email is None or not (email.html and email.text):
        return "HTML" if email and email.html else "Plain"
    return "Both"
