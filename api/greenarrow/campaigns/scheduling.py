"""`state`, `begins_at` and `paused`: which verb of the lifecycle each of them means, where the campaign is now."""

from datetime import datetime

from api.greenarrow.campaigns.dispatch_keys import Settings
from api.greenarrow.errors import ValidationFailed
from api.greenarrow.routing import Call
from api.greenarrow.vocabulary import OVER, state
from campaigns import completeness, contents, drafts, lifecycle
from campaigns.models import Campaign, State
from delivery import dispatches

WAITING = ("idle", "scheduled")


def apply(call: Call, campaign: Campaign, said: Settings, begins_at: datetime | None) -> None:
    """`begins_at`: what `said` has, as it counts. Raises ValidationFailed and what the verbs raise."""
    now_in, wanted = state(campaign), said.state
    if wanted is not None and not _is_possible(now_in, wanted):
        raise ValidationFailed(f"dispatch.state cannot be changed from {now_in} to {wanted}")
    if now_in in OVER:
        return
    if wanted == "cancelled":
        lifecycle.cancel(campaign, by=call.by)
        return
    if now_in in WAITING:
        _wait(call, campaign, said, begins_at)
    elif said.has_begins_at and _is_another(campaign, begins_at):
        raise ValidationFailed(f"begins_at cannot be changed in state {now_in}")
    if said.paused is not None:
        pause(call, campaign) if said.paused else resume(call, campaign)


def _is_possible(now_in: str, wanted: str) -> bool:
    if wanted == now_in or wanted == "cancelled":
        return wanted == now_in or now_in not in OVER
    return now_in in WAITING and wanted not in OVER


def _wait(call: Call, campaign: Campaign, said: Settings, begins_at: datetime | None) -> None:
    at = begins_at if said.has_begins_at else campaign.scheduled_at
    if said.state == "scheduled" and at is None:
        raise ValidationFailed("begins_at cannot be blank when state is scheduled")
    if said.state == "sending" and is_complete(campaign):
        lifecycle.send_now(campaign, by=call.by)
    elif said.state == "idle" or at is None:
        _unschedule(call, campaign)
        _keep_time(call, campaign, at)
    elif campaign.state == State.SCHEDULED:
        if _is_another(campaign, at):
            lifecycle.reschedule(campaign, by=call.by, schedule=lifecycle.at(at, call.zone))
    elif campaign.state == State.PENDING_APPROVAL and not _is_another(campaign, at):
        pass  # it waits for somebody else already
    elif is_complete(campaign):
        _unschedule(call, campaign)
        lifecycle.submit(campaign, by=call.by, schedule=lifecycle.at(at, call.zone))
    else:
        _keep_time(call, campaign, at)


def _unschedule(call: Call, campaign: Campaign) -> None:
    if campaign.state == State.SCHEDULED:
        lifecycle.unschedule(campaign, by=call.by)
    elif campaign.state == State.PENDING_APPROVAL:
        lifecycle.withdraw(campaign, by=call.by)


def _keep_time(call: Call, campaign: Campaign, at: datetime | None) -> None:
    """An incomplete campaign keeps the time it was given, and stays idle."""
    if _is_another(campaign, at):
        drafts.edit(campaign, by=call.by, scheduled_at=at, schedule_tz=call.zone if at else "")


def _is_another(campaign: Campaign, at: datetime | None) -> bool:
    """Whole seconds are shown, and come back."""
    now_at = campaign.scheduled_at
    if at is None or now_at is None:
        return at is not now_at
    return at.replace(microsecond=0) != now_at.replace(microsecond=0)


def is_complete(campaign: Campaign) -> bool:
    """Whether it could go out: delivery settings, contents, and people."""
    campaign = Campaign.objects.select_related("organization").get(pk=campaign.pk)
    defined = dispatches.of(campaign).is_defined or campaign.scheduled_at is not None
    return defined and bool(contents.written(campaign)) and not completeness.problems(campaign)


# --- pausing -------------------------------------------------------------------------------------------------------


def pause(call: Call, campaign: Campaign) -> None:
    """Pausing what is paused changes nothing."""
    if not campaign.paused:
        lifecycle.pause(campaign, by=call.by)


def resume(call: Call, campaign: Campaign) -> None:
    if campaign.paused:
        lifecycle.resume(campaign, by=call.by)
