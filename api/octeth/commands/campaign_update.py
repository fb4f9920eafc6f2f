"""Campaign.Update: everything is checked first, then written, and last of all the status, through the lifecycle."""

from typing import Any

from api.octeth import audiences, echoes, statuses
from api.octeth.campaign_changes import Changes
from api.octeth.campaigns import campaign, campaigns, in_a_fitting_state
from api.octeth.models import Echo
from api.octeth.registry import Call, command
from campaigns import draft_schedules, drafts, lifecycle, recurring, variants
from campaigns.models import REASON_LENGTH, Campaign, ScheduleType, State
from campaigns.variants import Content
from splittests import resending
from splittests.models import AutoResend

LONGEST_NAME = 250
ECHOED = ("SendTimeZone", "ApprovalUserExplanation")


@command("campaign.update", permission="Campaign.Update", writes=True)
def update(call: Call) -> dict[str, Any]:
    found = campaign(call, lock=True)
    changes = Changes.of(call, found)
    with in_a_fitting_state():
        _write_content(changes)
        _write_plain(changes)
        _write_schedule(changes)
        audiences.write(call, found)
        _write_resend(changes)
        found.refresh_from_db()
        if changes.status:
            statuses.write(found, changes.status, by=call.by, chosen=changes.kind, reason=_reason(changes))
    return {}


def _write_content(changes: Changes) -> None:
    """Variations take the place of the email; without them the email, if one was named, is the content again."""
    by, found = changes.call.by, changes.campaign
    if changes.variations:
        contents = [Content(email=each.email, weight=each.weight) for each in changes.variations]
        variants.set_variants(found, contents, by=by)
    elif changes.variations == [] and found.variants.count() > 1:
        variants.set_variants(found, [Content(email=changes.email)], by=by)
    elif changes.email is not None:
        if found.variants.count() > 1:
            variants.set_variants(found, [Content(email=changes.email)], by=by)
        else:
            drafts.edit(found, by=by, email=changes.email)


def _write_plain(changes: Changes) -> None:
    given, found = changes.given, changes.campaign
    wanted: dict[str, Any] = {}
    if name := " ".join(given.text("CampaignName").split())[:LONGEST_NAME]:
        wanted["name"] = name
    if given.word("PublishOnRSS"):
        wanted["is_public"] = given.word("PublishOnRSS").lower() == "enabled"
    if given.word("S2SEnabled"):
        wanted["tracks_conversions"] = given.flag("S2SEnabled")
    if "GoogleAnalyticsDomains" in given:  # empty clears it, where others would be left alone
        wanted["analytics_domains"] = given.text("GoogleAnalyticsDomains").strip()
    if wanted:
        drafts.edit(found, by=changes.call.by, **wanted)
    echoed: dict[str, Any] = {name: given.word(name) for name in ECHOED if given.word(name)}
    if changes.status != "Paused" and (reason := _reason(changes)):
        echoed["CampaignStatusReason"] = reason
    if original := campaigns(changes.call).filter(pk=given.whole("OriginalCampaignID")).first():
        echoed["OriginalCampaignID"] = original.pk
    echoes.remember(found.organization, Echo.Kind.CAMPAIGN, found.pk, echoed)


def _reason(changes: Changes) -> str:
    return " ".join(changes.given.text("CampaignStatusReason").split())[:REASON_LENGTH]


def _write_resend(changes: Changes) -> None:
    """What was planned already may be sent again at any time, as clients do; so may that nothing is."""
    planned = AutoResend.objects.filter(campaign=changes.campaign).first()
    wanted, unplanned = changes.resend, {"enabled": False}
    before = {name: getattr(planned, name) for name in wanted} if planned else unplanned
    if wanted and wanted != before:
        resending.set_auto_resend(changes.campaign, by=changes.call.by, **wanted)


# --- the schedule ------------------------------------------------------------------------------------------------


def _write_schedule(changes: Changes) -> None:
    """In a draft it is kept until the campaign is submitted; what is scheduled or waits for approval is moved."""
    found = Campaign.objects.select_related("organization").get(pk=changes.campaign.pk)
    if _is_as_it_was(changes, found):
        return
    if found.state in (State.DRAFT, State.CANCELLED) and not found.is_started:
        _keep(changes, found, changes.kind or ScheduleType(found.schedule_type))
    elif found.state == State.PENDING_APPROVAL:
        if changes.status != "Ready" or changes.kind != ScheduleType.NONE:
            _resubmit(changes, found)
    elif changes.kind == ScheduleType.NONE:
        statuses.unschedule(found, by=changes.call.by)
    else:
        lifecycle.reschedule(found, by=changes.call.by, schedule=changes.schedule or lifecycle.IMMEDIATELY)


def _resubmit(changes: Changes, found: Campaign) -> None:
    """Whoever has to look at it looks at the new time, also where who changes it is trusted."""
    by, kind = changes.call.by, changes.kind or ScheduleType(found.schedule_type)
    _keep(changes, lifecycle.withdraw(found, by=by), kind)
    schedule = draft_schedules.of(Campaign.objects.get(pk=found.pk))
    if schedule is not None:
        lifecycle.submit(found, by=by, schedule=schedule, for_approval=True)


def _is_as_it_was(changes: Changes, found: Campaign) -> bool:
    """Clients send the whole schedule again with every change; that is none."""
    if changes.kind is None and changes.at is None and changes.recurrence is None:
        return True
    same_kind = changes.kind is None or changes.kind == found.schedule_type
    same_time = changes.at is None or changes.at == found.scheduled_at
    same_recurrence = changes.recurrence is None or changes.recurrence == recurring.of(found)
    same_zone = changes.kind in (ScheduleType.NONE, ScheduleType.IMMEDIATE) or changes.zone == found.schedule_tz
    return same_kind and same_time and same_recurrence and same_zone


def _keep(changes: Changes, found: Campaign, kind: ScheduleType) -> None:
    by, wanted = changes.call.by, _columns(changes)
    if found.state == State.CANCELLED:
        found = lifecycle.reopen(found, by=by)
    if found.schedule_type == ScheduleType.RECURSIVE:
        draft_schedules.keep(found, ScheduleType.NONE, by=by)
    if wanted:
        drafts.edit(found, by=by, **wanted)
    draft_schedules.keep(found, kind, by=by)


def _columns(changes: Changes) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if changes.at is not None:
        wanted = {"scheduled_at": changes.at, "schedule_tz": changes.zone}
    if changes.recurrence is not None:
        wanted |= {"recurrence": changes.recurrence, "schedule_tz": changes.zone}
    return wanted
