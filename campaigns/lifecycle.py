"""The life of a campaign: the only module that writes `state` and `paused`.

    draft ──submit──> scheduled ──start──> calculating ──freeze──> sending ──finish──> sent
      │  └─submit──> pending_approval ──approve──┘ │                 │  ^
      │<──reject / withdraw / unschedule───────────┘               hold release   (split tests)
                                                                     v  │
    cancel: any unfinished state -> cancelled        fail: scheduled, running -> failed       holding

`TRANSITIONS` is the table. Each public function is one verb: it locks the row, asks its guards, moves the campaign by
compare-and-set on (state, paused), and writes a `CampaignEvent`, all in one transaction. Rooms further up `react` to
verbs after the commit.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils.timezone import now

from accounts.actors import SYSTEM, Actor
from accounts.models import User
from accounts.permissions import may
from campaigns import approval, completeness
from campaigns.errors import InvalidTransition, NotAllowed, NotReady
from campaigns.models import Campaign, CampaignRun, ContentSnapshot, ScheduleType, State
from campaigns.transitions import TRANSITIONS, locked, move, record, require


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a campaign is to go out: `at` is an aware time, `tz` the IANA zone it was chosen in."""

    type: ScheduleType
    at: datetime | None = None
    tz: str = ""

    def __post_init__(self) -> None:
        if self.type == ScheduleType.FUTURE and self.at is None:
            raise NotReady({"scheduled_at": ["Say when the campaign is to go out."]})


IMMEDIATELY = Schedule(type=ScheduleType.IMMEDIATE)


def at(moment: datetime, tz: str = "") -> Schedule:
    return Schedule(type=ScheduleType.FUTURE, at=moment, tz=tz)


# --- what can be done now ----------------------------------------------------------------------------------------


def allowed(campaign: Campaign, user: User | None) -> list[str]:
    """The verbs this person can use on this campaign now, the likeliest next one first."""
    verbs = ["submit", "approve", "reject", "resume", "send_now", "reschedule", "pause", "retry_failed"]
    verbs += ["unschedule", "withdraw", "edit", "cancel", "reopen", "delete"]
    return [verb for verb in verbs if _is_allowed(verb, campaign, user)]


def _is_allowed(verb: str, campaign: Campaign, user: User | None) -> bool:
    transition = TRANSITIONS[verb]
    if transition.permission is None or campaign.deleted_at or campaign.state not in transition.sources:
        return False
    if not may(user, transition.permission, campaign.organization):
        return False
    return _fits(verb, campaign) and not (verb == "approve" and _is_own(campaign, user))


def _fits(verb: str, campaign: Campaign) -> bool:
    """What the table does not say: conditions on the row besides its state."""
    match verb:
        case "resume":
            return campaign.paused
        case "pause":
            return not campaign.paused and campaign.state != State.DRAFT
        case "send_now":
            return not campaign.paused
        case "reopen":
            return not campaign.is_started
        case "retry_failed":
            return campaign.runs.filter(failed__gt=0).exists()
        case "edit" | "unschedule" | "reschedule":
            return not campaign.is_started
        case _:
            return True


def _is_own(campaign: Campaign, user: User | None) -> bool:
    return campaign.organization.four_eyes and user is not None and campaign.submitted_by_id == user.pk


# --- drafting and scheduling -------------------------------------------------------------------------------------


def created(campaign: Campaign, *, by: Actor, verb: str = "create", reason: str = "") -> None:
    """T1: write the first line of a new campaign's history; called in the transaction that made the row."""
    record(campaign, verb, by=by, before="", reason=reason)


def edited(campaign: Campaign, *, by: Actor, reason: str = "Edited.") -> Campaign:
    """T2/T7: something an approver looks at was changed; called after the change, in its transaction.

    A submitted campaign goes back to draft. A scheduled one stays scheduled, unless an approval is void now or it
    became incomplete, which is refused.
    """
    with locked(campaign, "edit", by) as row:
        if row.state == State.DRAFT:
            move(row, "edit", to=State.DRAFT, by=by, reason=reason, ready=False)
        elif row.state == State.PENDING_APPROVAL:
            move(row, "edit", to=State.DRAFT, by=by, reason=reason, **_NO_SCHEDULE, **_NO_SUBMISSION)
        else:
            _require_complete(row)
            _keep_or_ask_again(row, "edit", by=by, reason=reason)
    return _refreshed(campaign)


def mark_ready(campaign: Campaign, *, ready: bool = True, by: Actor) -> Campaign:
    """Say that a draft is complete, without scheduling it (Octeth's Ready / Not Scheduled)."""
    with locked(campaign, "mark_ready", by) as row:
        move(row, "mark_ready", to=State.DRAFT, by=by, ready=ready)
    return _refreshed(campaign)


def submit(campaign: Campaign, *, by: Actor, schedule: Schedule = IMMEDIATELY) -> Campaign:
    """T3, or T3p where an approver has to look first. Raises NotReady with what is missing, by field."""
    with locked(campaign, "submit", by) as row:
        _schedule(row, "submit", by=by, schedule=schedule)
    return _refreshed(campaign)


def send_now(campaign: Campaign, *, by: Actor) -> Campaign:
    """T8n/T8: start at once; a draft that needs approval is submitted instead (T3p)."""
    with locked(campaign, "send_now", by) as row:
        require(not row.paused, "send_now", row, "Resume the campaign first: it is paused.")
        if row.state == State.DRAFT:
            _schedule(row, "send_now", by=by, schedule=IMMEDIATELY)
        elif row.schedule_type != ScheduleType.IMMEDIATE:
            row.schedule_type, row.scheduled_at = ScheduleType.IMMEDIATE, None
            _keep_or_ask_again(row, "reschedule", by=by, schedule_type=ScheduleType.IMMEDIATE, scheduled_at=None)
        if row.state == State.SCHEDULED:
            _start(row, "send_now", by=by)
    return _refreshed(campaign)


def reschedule(campaign: Campaign, *, by: Actor, schedule: Schedule) -> Campaign:
    """T7: another time; an approval that covered the old time is void."""
    with locked(campaign, "reschedule", by) as row:
        require(not row.is_started, "reschedule", row)
        columns = _columns(schedule)
        for name, value in columns.items():
            setattr(row, name, value)
        _require_complete(row)
        _keep_or_ask_again(row, "reschedule", by=by, **columns)
    return _refreshed(campaign)


def unschedule(campaign: Campaign, *, by: Actor, reason: str = "") -> Campaign:
    """T6: back to draft; the time is kept for whoever schedules it again."""
    with locked(campaign, "unschedule", by) as row:
        require(not row.is_started, "unschedule", row)
        move(row, "unschedule", to=State.DRAFT, by=by, reason=reason, schedule_type=ScheduleType.NONE, **_NO_SUBMISSION)
    return _refreshed(campaign)


# --- approval ----------------------------------------------------------------------------------------------------


def approve(campaign: Campaign, *, by: Actor, revision: str = "", reason: str = "") -> Campaign:
    """T4. With `revision`, refuses when what the approver looked at has changed since. A time in the past means now."""
    with locked(campaign, "approve", by) as row:
        if _is_own(row, by.user):
            raise NotAllowed("You submitted this campaign, so somebody else has to approve it.")
        if revision and revision != approval.revision(row):
            raise InvalidTransition(
                "approve", row.state, "The campaign has changed since you looked at it; look again."
            )
        _require_complete(row)
        if row.scheduled_at and row.scheduled_at <= now() and row.schedule_type == ScheduleType.FUTURE:
            row.schedule_type = ScheduleType.IMMEDIATE
        move(
            row,
            "approve",
            to=State.SCHEDULED,
            by=by,
            reason=reason,
            schedule_type=row.schedule_type,
            approved_by=by.user,
            approved_at=now(),
            approved_revision=approval.revision(row),
        )
    return _refreshed(campaign)


def reject(campaign: Campaign, *, by: Actor, reason: str) -> Campaign:
    """T5 by an approver, who has to say why."""
    if not reason.strip():
        raise NotReady({"reason": ["Say why, so that the author knows what to change."]})
    return _back_to_draft(campaign, "reject", by=by, reason=reason)


def withdraw(campaign: Campaign, *, by: Actor, reason: str = "") -> Campaign:
    """T5 by the people who submitted it."""
    return _back_to_draft(campaign, "withdraw", by=by, reason=reason)


def _back_to_draft(campaign: Campaign, verb: str, *, by: Actor, reason: str) -> Campaign:
    with locked(campaign, verb, by) as row:
        move(row, verb, to=State.DRAFT, by=by, reason=reason, status_reason=reason, schedule_type=ScheduleType.NONE)
    return _refreshed(campaign)


# --- sending -----------------------------------------------------------------------------------------------------


def start(campaign: Campaign, *, at: datetime | None = None) -> Campaign:
    """T8 by the clock. Asks everything again that was asked at scheduling.

    A start missed by too much fails (octeth.md R9), a void approval goes back to the approver (T7p), a campaign that
    became incomplete fails with what is missing.
    """
    moment = at or now()
    with locked(campaign, "start", SYSTEM) as row:
        require(not row.paused, "start", row)
        if _missed_for_good(row, moment):
            _fail(row, "Scheduled time is in the past")
        elif row.approved_revision and row.approved_revision != approval.revision(row):
            reason = "The campaign was changed after it was approved."
            move(row, "void_approval", to=State.PENDING_APPROVAL, by=SYSTEM, reason=reason, **_NO_APPROVAL)
        elif problems := completeness.problems(row):
            _fail(row, str(NotReady(problems)))
        else:
            _start(row, "start", by=SYSTEM)
    return _refreshed(campaign)


def freeze(campaign: Campaign, *, user_count: int, total_recipients: int) -> Campaign:
    """T9/T10: the audience is fixed; without anybody to send to, the campaign is sent already."""
    with locked(campaign, "freeze", SYSTEM) as row:
        counts: dict[str, Any] = {"user_count": user_count, "total_recipients": total_recipients}
        if total_recipients:
            move(row, "freeze", to=State.SENDING, by=SYSTEM, data=counts, **counts)
        else:
            reason = "Nobody in the audience can be mailed." if user_count else "The audience is empty."
            move(
                row,
                "freeze",
                to=State.SENT,
                by=SYSTEM,
                data=counts,
                paused=False,
                status_reason=reason,
                finished_at=now(),
                **counts,
            )
    return _refreshed(campaign)


def hold(campaign: Campaign) -> Campaign:
    """T11: the sample of a split test is out; wait for the decision."""
    with locked(campaign, "hold", SYSTEM) as row:
        move(row, "hold", to=State.HOLDING, by=SYSTEM, status_reason="Split test running")
    return _refreshed(campaign)


def release(campaign: Campaign, *, by: Actor = SYSTEM, reason: str = "") -> Campaign:
    """T12: the winner is known; send the rest."""
    with locked(campaign, "release", by) as row:
        require(not row.paused, "release", row)
        move(row, "release", to=State.SENDING, by=by, reason=reason, status_reason="")
    return _refreshed(campaign)


def finish(campaign: Campaign) -> Campaign:
    """T13: everybody is settled."""
    with locked(campaign, "finish", SYSTEM) as row:
        require(not row.paused, "finish", row)
        unsettled = sum(run.pending for run in row.runs.all())
        require(unsettled == 0, "finish", row, f"{unsettled} recipients are not settled yet.")
        moment = now()
        row.runs.filter(finished_at__isnull=True).update(finished_at=moment)
        move(row, "finish", to=State.SENT, by=SYSTEM, finished_at=moment, status_reason="")
    return _refreshed(campaign)


def fail(campaign: Campaign, *, reason: str) -> Campaign:
    """T14: something no retry mends."""
    with locked(campaign, "fail", SYSTEM) as row:
        _fail(row, reason)
    return _refreshed(campaign)


def pause(campaign: Campaign, *, by: Actor, reason: str = "") -> Campaign:
    """T15. Workers notice within two seconds and hand back what they have not sent."""
    with locked(campaign, "pause", by) as row:
        require(not row.paused, "pause", row, "The campaign is paused already.")
        move(row, "pause", by=by, reason=reason, paused=True, pause_reason=reason or "user")
    return _refreshed(campaign)


def suspend(campaign: Campaign, *, reason: str) -> Campaign:
    """T16: Broadsheet pauses a campaign by itself, and says why."""
    with locked(campaign, "suspend", SYSTEM) as row:
        require(not row.paused, "suspend", row)
        move(row, "suspend", by=SYSTEM, reason=reason, paused=True, pause_reason=reason)
    return _refreshed(campaign)


def resume(campaign: Campaign, *, by: Actor) -> Campaign:
    """T17. A scheduled campaign whose time has passed starts with the next tick of the clock."""
    with locked(campaign, "resume", by) as row:
        require(row.paused, "resume", row, "The campaign is not paused.")
        move(row, "resume", by=by, paused=False, pause_reason="")
    return _refreshed(campaign)


def cancel(campaign: Campaign, *, by: Actor, reason: str = "") -> Campaign:
    """T18: for good; whoever has not been sent to will not be. What is on the wire may still arrive."""
    with locked(campaign, "cancel", by) as row:
        columns: dict[str, Any] = {"paused": False, "pause_reason": "", "ready": False}
        if row.is_started:
            columns |= {"finished_at": now(), "status_reason": reason or "Cancelled by user"}
        move(row, "cancel", to=State.CANCELLED, by=by, reason=reason, **columns)
    return _refreshed(campaign)


def retry_failed(campaign: Campaign, *, by: Actor) -> Campaign:
    """T19: only those whose message failed, once more."""
    with locked(campaign, "retry_failed", by) as row:
        failed = sum(run.failed for run in row.runs.all())
        require(failed > 0, "retry_failed", row, "No recipient of this campaign has failed.")
        row.runs.filter(failed__gt=0).update(finished_at=None)
        move(
            row,
            "retry_failed",
            to=State.SENDING,
            by=by,
            finished_at=None,
            status_reason="",
            data={"recipients": failed},
        )
    return _refreshed(campaign)


def reopen(campaign: Campaign, *, by: Actor) -> Campaign:
    """T20: a campaign cancelled before anything left becomes a draft again."""
    with locked(campaign, "reopen", by) as row:
        require(not row.is_started, "reopen", row, "Mail has left already; copy the campaign instead.")
        move(row, "reopen", to=State.DRAFT, by=by, **_NO_SCHEDULE, **_NO_SUBMISSION)
    return _refreshed(campaign)


def delete(campaign: Campaign, *, by: Actor) -> Campaign:
    """T21: hide it; nothing is erased. A scheduled campaign no longer starts."""
    with locked(campaign, "delete", by) as row:
        move(row, "delete", by=by, deleted_at=now(), paused=False)
    return _refreshed(campaign)


def next_instance(campaign: Campaign, *, exhausted: bool) -> Campaign:
    """T22: an instance of a recurring campaign is done; wait for the next, or end when the limit is reached."""
    with locked(campaign, "next_instance", SYSTEM) as row:
        require(row.schedule_type == ScheduleType.RECURSIVE, "next_instance", row)
        if exhausted:
            move(row, "next_instance", to=State.SENT, by=SYSTEM, finished_at=now())
        else:
            move(row, "next_instance", to=State.SCHEDULED, by=SYSTEM)
    return _refreshed(campaign)


# --- what the verbs are made of ----------------------------------------------------------------------------------

_NO_SCHEDULE: dict[str, Any] = {"schedule_type": ScheduleType.NONE, "scheduled_at": None, "schedule_tz": ""}
_NO_APPROVAL: dict[str, Any] = {"approved_by": None, "approved_at": None, "approved_revision": ""}
_NO_SUBMISSION: dict[str, Any] = {"submitted_by": None, "submitted_at": None, **_NO_APPROVAL}


def _require_complete(row: Campaign) -> None:
    if problems := completeness.problems(row):
        raise NotReady(problems)


def _columns(schedule: Schedule) -> dict[str, Any]:
    return {"schedule_type": schedule.type, "scheduled_at": schedule.at, "schedule_tz": schedule.tz}


def _schedule(row: Campaign, verb: str, *, by: Actor, schedule: Schedule) -> None:
    _require_complete(row)
    needs_approval = approval.is_required(row.organization, by.user)
    move(
        row,
        verb if needs_approval or verb == "submit" else "submit",
        to=State.PENDING_APPROVAL if needs_approval else State.SCHEDULED,
        by=by,
        ready=False,
        submitted_by=by.user,
        submitted_at=now(),
        status_reason="Awaiting approval." if needs_approval else "",
        **_columns(schedule),
        **_NO_APPROVAL,
    )


def _keep_or_ask_again(row: Campaign, verb: str, *, by: Actor, reason: str = "", **columns: Any) -> None:
    """Stay scheduled, unless an approval no longer covers the campaign and this person needs one."""
    void = bool(row.approved_revision) and row.approved_revision != approval.revision(row)
    if void and approval.is_required(row.organization, by.user):
        why = f"{reason} The approval is void.".strip()
        columns |= {"submitted_by": by.user, "submitted_at": now(), "status_reason": "Awaiting approval."}
        move(row, verb, to=State.PENDING_APPROVAL, by=by, reason=why, **columns, **_NO_APPROVAL)
    else:
        move(row, verb, to=State.SCHEDULED, by=by, reason=reason, **columns, **(_NO_APPROVAL if void else {}))


def _missed_for_good(row: Campaign, moment: datetime) -> bool:
    if row.schedule_type != ScheduleType.FUTURE or row.scheduled_at is None:
        return False
    return moment - row.scheduled_at >= timedelta(hours=settings.MISSED_START_HOURS)


def _start(row: Campaign, verb: str, *, by: Actor) -> None:
    moment = now()
    number = (row.runs.aggregate(last=Max("number"))["last"] or 0) + 1
    run = CampaignRun.objects.create(campaign=row, number=number, started_at=moment)
    for variant in row.variants.select_related("email"):
        content = {name: getattr(variant.email, name) for name in approval.EMAIL_FIELDS} if variant.email else {}
        ContentSnapshot.objects.create(run=run, variant=variant, sms_body=variant.sms_body, **content)
    move(
        row,
        verb,
        to=State.CALCULATING,
        by=by,
        started_at=row.started_at or moment,
        scheduled_at=row.scheduled_at or moment,
        status_reason="",
        data={"run": number},
    )


def _fail(row: Campaign, reason: str) -> None:
    finished_at = now() if row.is_started else None
    move(
        row,
        "fail",
        to=State.FAILED,
        by=SYSTEM,
        reason=reason[:500],
        status_reason=reason[:500],
        paused=False,
        pause_reason="",
        finished_at=finished_at,
    )


def _refreshed(campaign: Campaign) -> Campaign:
    campaign.refresh_from_db()
    return campaign
