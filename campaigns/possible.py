"""What a person can do with a campaign now; buttons and hints read this, never a copy of it."""

from django.db.models import Sum

from accounts.actors import Surface
from accounts.models import ApiKey, User
from accounts.permissions import granted
from campaigns import approval
from campaigns.models import Campaign, State
from campaigns.transitions import TRANSITIONS

OFFERED = (
    "submit",
    "approve",
    "reject",
    "resume",
    "send_now",
    "reschedule",
    "release",
    "pause",
    "retry_failed",
    "unschedule",
    "withdraw",
    "edit",
    "cancel",
    "reopen",
    "delete",
)


def allowed(
    campaign: Campaign, user: User | None, surface: Surface = Surface.ADMIN, key: ApiKey | None = None
) -> list[str]:
    """The verbs this person, perhaps through this key, can use on this campaign now, the likeliest next one first."""
    permissions = granted(user, campaign.organization)
    return [
        verb
        for verb in OFFERED
        if TRANSITIONS[verb].permission in permissions
        and not campaign.deleted_at
        and campaign.state in TRANSITIONS[verb].sources
        and _fits(verb, campaign, user, surface, key)
    ]


def _fits(verb: str, campaign: Campaign, user: User | None, surface: Surface, key: ApiKey | None) -> bool:
    """What the table does not say: conditions on the row besides its state."""
    match verb:
        case "approve":
            return not approval.is_own(campaign, user, key)
        case "resume":
            return campaign.paused
        case "pause":
            return not campaign.paused and can_pause_in(campaign, surface)
        case "send_now":
            return not campaign.paused and not approval.keeps_to_its_times(campaign, user)
        case "release":
            return not campaign.paused
        case "retry_failed":
            return failed_recipients(campaign) > 0
        case "reopen":
            return not campaign.is_started
        case _:
            return True


def can_pause_in(campaign: Campaign, surface: Surface) -> bool:
    """A draft can be held back from its future only where GreenArrow's clients expect that."""
    return campaign.state != State.DRAFT or surface == Surface.GREENARROW


def failed_recipients(campaign: Campaign) -> int:
    return campaign.runs.aggregate(failed=Sum("failed"))["failed"] or 0
