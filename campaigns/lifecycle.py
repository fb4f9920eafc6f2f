"""The life of a campaign: the only module that writes `state` and `paused`.

    draft ──submit──> scheduled ──start──> calculating ──freeze──> sending ──finish──> sent
      │  └─submit──> pending_approval ──approve──┘ │                 │  ^
      │<──reject / withdraw / unschedule───────────┘               hold release   (split tests)
                                                                     v  │
    cancel: any unfinished state -> cancelled        fail: scheduled, running -> failed       holding

`TRANSITIONS` is the table. Each public function is one verb: it locks the row, asks its guards, moves the campaign by
compare-and-set on (state, paused), and writes a `CampaignEvent`, all in one transaction. Rooms further up `react` to
verbs after the commit. Verbs raise what `campaigns.errors` lists.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils.timezone import now

from accounts.actors import SYSTEM, Actor
from accounts.models import User
from campaigns import approval, completeness, merge_fields, recurring
from campaigns.errors import InvalidTransition, NotAllowed, NotReady
from campaigns.local_times import ends_at, has_passed
from campaigns.models import Campaign, CampaignRun, ContentSnapshot, ScheduleType, State
from campaigns.possible import allowed, can_pause_in, failed_recipients
from campaigns.recurring import Due
from campaigns.schedules import IMMEDIATELY, Schedule, at, is_missed
from campaigns.transitions import TRANSITIONS, locked, move, record, require

__all__ = ["IMMEDIATELY", "TRANSITIONS", "Schedule", "allowed", "at"]

# --- drafting and scheduling -------------------------------------------------------------------------------------


def created(campaign: Campaign, *, by: Actor, verb: str = "create", reason: str = "") -> None:
    """T1: write the first line of a new campaign's history; called in the transaction that made the row."""
    record(campaign, verb, by=by, before="", reason=reason)


def edited(campaign: Campaign, *, by: Actor, reason: str = "Edited.") -> Campaign:
    """T2/T7: something an approver looks at was changed; called after the change, in its transaction.

    A campaign that waits for approval goes back to draft. A scheduled one stays scheduled if it is still complete
    (NotReady otherwise), or waits for approval if none covers what it says now.
    """
    with locked(campaign, "edit", by) as row:
        if row.state == State.SCHEDULED:
            _require_complete(row)
            _keep_or_ask_again(row, "edit", by=by, reason=reason)
        elif row.state == State.PENDING_APPROVAL:
            _to_draft(row, "edit", by=by, reason=reason)
        else:
            move(row, "edit", by=by, reason=reason)
    return _refreshed(campaign)


def mark_ready(campaign: Campaign, *, ready: bool = True, by: Actor) -> Campaign:
    """Say that a draft is complete, without scheduling it (Octeth's Ready / Not Scheduled)."""
    with locked(campaign, "mark_ready", by) as row:
        move(row, "mark_ready", by=by, ready=ready)
    return _refreshed(campaign)


def submit(campaign: Campaign, *, by: Actor, schedule: Schedule = IMMEDIATELY, for_approval: bool = False) -> Campaign:
    """T3, or T3p where an approver has to look first; with `for_approval` also where none has to. Raises NotReady with
    what is missing, by field."""
    with locked(campaign, "submit", by) as row:
        _submit(row, by=by, schedule=schedule, for_approval=for_approval)
    return _refreshed(campaign)


def follow(child: Campaign, original: Campaign, *, answerable: User | None, is_covered: bool) -> Campaign:
    """T3, or T3p, of a campaign that Broadsheet made of another, at once and on behalf of whoever is answerable for it.

    `is_covered`: the approval of the original was about this, too. Raises NotReady with what is missing, by field.
    """
    with locked(child, "submit", SYSTEM) as row:
        _require_complete(row)
        columns = {"submitted_by": answerable, "submitted_at": now(), **IMMEDIATELY.columns_for(row)}
        if not is_covered and approval.is_required(row.organization, answerable):
            _ask(row, "submit", by=SYSTEM, **columns)
            return _refreshed(child)
        _set(row, columns)
        shown = approval.remember(row)
        if is_covered:
            columns |= {name: getattr(original, name) for name in ("approved_by", "approved_at")}
            columns["approved_revision"] = shown
        move(row, "submit", to=State.SCHEDULED, by=SYSTEM, reason=f"Follows {original.public_id}.", **columns)
    return _refreshed(child)


def send_now(campaign: Campaign, *, by: Actor) -> Campaign:
    """T8n/T8: start at once; where an approver has to look first, the campaign waits for that instead (T3p)."""
    with locked(campaign, "send_now", by) as row:
        require(not row.paused, "send_now", row, "Resume the campaign first: it is paused.")
        if row.state == State.DRAFT:
            _submit(row, by=by, schedule=IMMEDIATELY)
        else:
            _require_complete(row)
            _bring_forward(row, by=by)
        if row.state == State.SCHEDULED:
            _start(row, "send_now", by=by)
    return _refreshed(campaign)


def schedule(campaign: Campaign, *, by: Actor, schedule: Schedule) -> Campaign:
    """T3 for a draft, T7 for what is scheduled already."""
    if campaign.state == State.SCHEDULED:
        return reschedule(campaign, by=by, schedule=schedule)
    return submit(campaign, by=by, schedule=schedule)


def reschedule(campaign: Campaign, *, by: Actor, schedule: Schedule) -> Campaign:
    """T7: another time; an approval that covered the old time is void."""
    with locked(campaign, "reschedule", by) as row:
        _require_complete(row)
        _keep_recurrence(row, schedule)
        _keep_or_ask_again(row, "reschedule", by=by, **schedule.columns_for(row))
    return _refreshed(campaign)


def unschedule(campaign: Campaign, *, by: Actor, reason: str = "") -> Campaign:
    """T6: back to draft; the time is kept for whoever schedules it again."""
    with locked(campaign, "unschedule", by) as row:
        _to_draft(row, "unschedule", by=by, reason=reason)
    return _refreshed(campaign)


# --- approval ----------------------------------------------------------------------------------------------------


def approve(campaign: Campaign, *, by: Actor, revision: str = "", reason: str = "") -> Campaign:
    """T4. With `revision`, refuses when what the approver looked at has changed since. A time in the past means now."""
    with locked(campaign, "approve", by) as row:
        if approval.is_own(row, by.user, by.api_key):
            raise NotAllowed("You submitted this campaign, so somebody else has to approve it.")
        if revision and revision != approval.revision(row):
            why = "The campaign has changed since you looked at it; look again."
            raise InvalidTransition("approve", row.state, why)
        _require_complete(row)
        if row.schedule_type == ScheduleType.FUTURE and has_passed(row, now()):
            row.schedule_type = ScheduleType.IMMEDIATE
        move(
            row,
            "approve",
            to=State.SCHEDULED,
            by=by,
            reason=reason,
            data={"submitted_by": row.submitted_by_id},
            schedule_type=row.schedule_type,
            status_reason="",
            approved_by=by.user,
            approved_at=now(),
            approved_revision=approval.remember(row),
        )
    return _refreshed(campaign)


def reject(campaign: Campaign, *, by: Actor, reason: str) -> Campaign:
    """T5 by an approver, who has to say why."""
    if not reason.strip():
        raise NotReady({"reason": ["Say why, so that the author knows what to change."]})
    with locked(campaign, "reject", by) as row:
        _to_draft(row, "reject", by=by, reason=reason, status_reason=reason)
    return _refreshed(campaign)


def withdraw(campaign: Campaign, *, by: Actor, reason: str = "") -> Campaign:
    """T5 by the people who submitted it."""
    with locked(campaign, "withdraw", by) as row:
        _to_draft(row, "withdraw", by=by, reason=reason)
    return _refreshed(campaign)


# --- sending -----------------------------------------------------------------------------------------------------


def start(campaign: Campaign, *, at: datetime | None = None) -> Campaign:
    """T8 by the clock, and T22 for an instance of a recurring campaign. Asks everything again that was asked at
    scheduling.

    A start missed by too much fails (MISSED_START_HOURS), a campaign without a valid approval where one is needed
    waits for an approver (T7p), a campaign that became incomplete fails with what is missing. Of the occurrences of a
    recurring campaign that nobody was there for, the last is made up for if it is recent (CATCH_UP_MINUTES).
    """
    moment = at or now()
    with locked(campaign, "start", SYSTEM) as row:
        require(not row.paused, "start", row)
        due = _due(row, moment)
        if _is_missed(row, moment):
            _end(row, "fail", State.FAILED, reason="Scheduled time is in the past")
        elif due and due.slot is None:
            _miss(row, due, why="Nobody was there to send it in time.")
        elif approval.is_missing(row, row.submitted_by):
            changed = "The campaign was changed after it was approved."
            unapproved = "Nobody who may send without approval answers for this campaign any more."
            _ask(row, "void_approval", by=SYSTEM, reason=changed if row.approved_revision else unapproved)
        elif problems := completeness.problems(row):
            _end(row, "fail", State.FAILED, reason=str(NotReady(problems)))
        else:
            if due and due.count:
                _miss(row, due, why="Nobody was there to send it in time.")
            _start(row, "start", by=SYSTEM, due=due)
    return _refreshed(campaign)


def freeze(campaign: Campaign, *, user_count: int, total_recipients: int) -> Campaign:
    """T9/T10: the audience is fixed; without anybody to send to, the campaign is sent already."""
    with locked(campaign, "freeze", SYSTEM) as row:
        found = {"user_count": user_count, "total_recipients": total_recipients}
        counts: dict[str, Any] = {name: getattr(row, name) + number for name, number in found.items()}  # over all runs
        if total_recipients:
            move(row, "freeze", to=State.SENDING, by=SYSTEM, data=found, **counts)
            return _refreshed(campaign)
        reason = "Nobody in the audience can be mailed." if user_count else "The audience is empty."
        if row.schedule_type == ScheduleType.RECURSIVE:
            _end_instance(row, reason=reason, data=found, **counts)
        else:
            _end(row, "freeze", State.SENT, reason=reason, data=found, **counts)
    return _refreshed(campaign)


def hold(campaign: Campaign) -> Campaign:
    """T11: the sample of a split test is out; wait for the decision."""
    with locked(campaign, "hold", SYSTEM) as row:
        move(row, "hold", to=State.HOLDING, by=SYSTEM, status_reason="Split test running")
    return _refreshed(campaign)


def release(campaign: Campaign, *, by: Actor = SYSTEM, reason: str = "", variant: str = "") -> Campaign:
    """T12: the winner is known, by its name; send the rest."""
    with locked(campaign, "release", by) as row:
        require(not row.paused, "release", row, "Resume the campaign first: it is paused.")
        data = {"variant": variant} if variant else None
        move(row, "release", to=State.SENDING, by=by, reason=reason, status_reason="", data=data)
    return _refreshed(campaign)


def finish(campaign: Campaign) -> Campaign:
    """T13, or T22 for an instance of a recurring campaign: everybody is settled."""
    if campaign.schedule_type == ScheduleType.RECURSIVE:
        return next_instance(campaign)
    with locked(campaign, "finish", SYSTEM) as row:
        _require_settled(row, "finish")
        _end(row, "finish", State.SENT)
    return _refreshed(campaign)


def fail(campaign: Campaign, *, reason: str) -> Campaign:
    """T14: something no retry mends."""
    with locked(campaign, "fail", SYSTEM) as row:
        _end(row, "fail", State.FAILED, reason=reason)
    return _refreshed(campaign)


def pause(campaign: Campaign, *, by: Actor, reason: str = "") -> Campaign:
    """T15. Workers notice within two seconds and hand back what they have not sent."""
    with locked(campaign, "pause", by) as row:
        require(not row.paused, "pause", row, "The campaign is paused already.")
        require(can_pause_in(row, by.surface), "pause", row)
        move(row, "pause", by=by, reason=reason, paused=True, pause_reason=reason or "user")
    return _refreshed(campaign)


def suspend(campaign: Campaign, *, reason: str) -> Campaign:
    """T16: Broadsheet pauses a campaign by itself, and says why."""
    with locked(campaign, "suspend", SYSTEM) as row:
        require(not row.paused, "suspend", row, "The campaign is paused already.")
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
        default = "Cancelled by user" if row.is_started else ""
        _end(row, "cancel", State.CANCELLED, by=by, reason=reason, status_reason=reason or default)
    return _refreshed(campaign)


def retry_failed(campaign: Campaign, *, by: Actor) -> Campaign:
    """T19: only those whose message failed, once more."""
    with locked(campaign, "retry_failed", by) as row:
        failed = failed_recipients(row)
        require(failed > 0, "retry_failed", row, "No recipient of this campaign has failed.")
        row.runs.filter(failed__gt=0).update(finished_at=None)
        columns: dict[str, Any] = {"finished_at": None, "status_reason": ""}
        if row.schedule_type == ScheduleType.RECURSIVE and recurring.is_exhausted(row):
            columns["scheduled_at"] = None  # the last occurrence has come; nothing is missed meanwhile
        move(row, "retry_failed", to=State.SENDING, by=by, data={"recipients": failed}, **columns)
    return _refreshed(campaign)


def reopen(campaign: Campaign, *, by: Actor) -> Campaign:
    """T20: a campaign cancelled before anything left becomes a draft again."""
    with locked(campaign, "reopen", by) as row:
        require(not row.is_started, "reopen", row, "Sending had begun already; copy the campaign instead.")
        _to_draft(row, "reopen", by=by)
    return _refreshed(campaign)


def delete(campaign: Campaign, *, by: Actor) -> Campaign:
    """T21: hide it; nothing is erased. A scheduled campaign no longer starts."""
    with locked(campaign, "delete", by) as row:
        move(row, "delete", by=by, deleted_at=now(), paused=False, pause_reason="")
    return _refreshed(campaign)


def next_instance(campaign: Campaign) -> Campaign:
    """T22: an instance of a recurring campaign is done; wait for the next, or end when the limit is reached."""
    with locked(campaign, "next_instance", SYSTEM) as row:
        require(row.schedule_type == ScheduleType.RECURSIVE, "next_instance", row)
        _require_settled(row, "next_instance")
        _end_instance(row)
    return _refreshed(campaign)


def miss(campaign: Campaign, *, at: datetime | None = None) -> Campaign:
    """T22: an occurrence has come while the instance before it is still being sent; it is left out, and the history
    says so."""
    with locked(campaign, "miss", SYSTEM) as row:
        due = _due(row, at or now(), starts=False)
        require(due is not None, "miss", row)
        if due:
            _miss(row, due, why="The instance before it was still being sent.")
    return _refreshed(campaign)


# --- what the verbs are made of ----------------------------------------------------------------------------------

_NO_APPROVAL: dict[str, Any] = {"approved_by": None, "approved_at": None, "approved_revision": ""}
_NO_SUBMISSION: dict[str, Any] = {"submitted_by": None, "submitted_at": None, **_NO_APPROVAL}


def _require_complete(row: Campaign) -> None:
    if problems := completeness.problems(row):
        raise NotReady(problems)


def _keep_recurrence(row: Campaign, schedule: Schedule) -> None:
    if schedule.recurrence:
        recurring.keep(row, schedule.recurrence)


def _submit(row: Campaign, *, by: Actor, schedule: Schedule, for_approval: bool = False) -> None:
    _require_complete(row)
    _keep_recurrence(row, schedule)
    if for_approval or approval.is_required(row.organization, by.user):
        _ask(row, "submit", by=by, **schedule.columns_for(row))
    else:
        columns = {"submitted_by": by.user, "submitted_at": now(), "status_reason": "", **schedule.columns_for(row)}
        move(row, "submit", to=State.SCHEDULED, by=by, ready=False, **columns, **_NO_APPROVAL)
        approval.remember(row)


def _ask(row: Campaign, verb: str, *, by: Actor, reason: str = "", **columns: Any) -> None:
    """Wait for an approver, on behalf of whoever asked."""
    columns |= {"submitted_by": by.user, "submitted_at": now()} if by.user else {}
    _set(row, columns)
    nobody = not approval.approvers_of(row).exists()
    waiting = "Awaiting approval, but nobody in this organization may give it." if nobody else "Awaiting approval."
    columns |= {"ready": False, "status_reason": waiting, **_NO_APPROVAL}
    move(row, verb, to=State.PENDING_APPROVAL, by=by, reason=reason, **columns)
    approval.remember(row)


def _keep_or_ask_again(row: Campaign, verb: str, *, by: Actor, reason: str = "", **columns: Any) -> None:
    """Stay scheduled if this person needs no approval or one covers the campaign as it is now; else ask for one."""
    _set(row, columns)
    void = bool(row.approved_revision) and not approval.is_covered(row)
    why = f"{reason} The approval is void.".strip() if void else reason
    if approval.is_missing(row, by.user):
        _ask(row, verb, by=by, reason=why, **columns)
    else:
        columns |= {"submitted_by": by.user, "submitted_at": now(), **_NO_APPROVAL} if void else {}
        move(row, verb, to=State.SCHEDULED, by=by, reason=why, **columns)


def _bring_forward(row: Campaign, *, by: Actor) -> None:
    """To now. A recurring campaign gets an instance besides, and goes on as it was."""
    if row.schedule_type == ScheduleType.RECURSIVE:
        if row.organization.approval_covers_schedule and approval.is_required(row.organization, by.user):
            raise NotAllowed("An approver agreed to its times; somebody who needs no approval may send it in between.")
        if approval.is_missing(row, by.user):
            _ask(row, "send_now", by=by)
        return
    columns = {} if row.schedule_type == ScheduleType.IMMEDIATE else IMMEDIATELY.columns
    if columns or approval.is_missing(row, by.user):
        _keep_or_ask_again(row, "reschedule", by=by, **columns)


def _to_draft(row: Campaign, verb: str, *, by: Actor, reason: str = "", status_reason: str = "") -> None:
    """The time is kept, but not that it counts; who submitted it stays in the history."""
    data = {"submitted_by": row.submitted_by_id}
    columns = {"schedule_type": ScheduleType.NONE, "status_reason": status_reason, **_NO_SUBMISSION}
    move(row, verb, to=State.DRAFT, by=by, reason=reason, data=data, **columns)


def _is_missed(row: Campaign, moment: datetime) -> bool:
    due = ends_at(row)
    if row.schedule_type != ScheduleType.FUTURE or due is None:
        return False
    resumed_at = row.events.filter(verb="resume").aggregate(last=Max("at"))["last"]
    return is_missed(due, resumed_at, moment, timedelta(hours=settings.MISSED_START_HOURS))


def _due(row: Campaign, moment: datetime, *, starts: bool = True) -> Due | None:
    """What has come of a recurring campaign, None of any other. Refused while nothing has."""
    if row.schedule_type != ScheduleType.RECURSIVE:
        return None
    has_come = row.scheduled_at is not None and row.scheduled_at <= moment
    require(has_come, "start" if starts else "miss", row, "Its next occurrence has not come yet.")
    return recurring.due(row, moment, starts=starts)


def _miss(row: Campaign, due: Due, *, why: str) -> None:
    move(row, "miss", by=SYSTEM, reason=why, data=due.data, scheduled_at=due.following)


def _require_settled(row: Campaign, verb: str) -> None:
    require(not row.paused, verb, row, "A paused campaign does not finish; resume it first.")
    unsettled = sum(run.pending for run in row.runs.all())
    require(unsettled == 0, verb, row, f"{unsettled} recipients are not settled yet.")


def _end_instance(row: Campaign, *, reason: str = "", data: dict[str, Any] | None = None, **columns: Any) -> None:
    """Wait for the next occurrence; after the last, the campaign is sent, and says when that was due."""
    if recurring.is_exhausted(row):
        last = row.runs.aggregate(at=Max("slot_at"))["at"] or row.scheduled_at
        _end(row, "next_instance", State.SENT, reason=reason, data=data, scheduled_at=last, **columns)
        return
    row.runs.filter(finished_at__isnull=True).update(finished_at=now())
    columns |= {"status_reason": reason, "finished_at": None}
    move(row, "next_instance", to=State.SCHEDULED, by=SYSTEM, reason=reason, data=data, **columns)


def _start(row: Campaign, verb: str, *, by: Actor, due: Due | None = None) -> None:
    moment, slot = now(), due.slot if due else None
    number = (row.runs.aggregate(last=Max("number"))["last"] or 0) + 1
    run = CampaignRun.objects.create(campaign=row, number=number, slot_at=slot, started_at=moment)
    for variant in row.variants.select_related("email"):
        content: dict[str, Any] = {}
        if variant.email:
            content = {name: getattr(variant.email, name) for name in approval.EMAIL_FIELDS}
            content["known_fields"] = merge_fields.kept(variant.email)
        ContentSnapshot.objects.create(run=run, variant=variant, sms_body=variant.sms_body, **content)
    times: dict[str, Any] = {"started_at": row.started_at or moment, "scheduled_at": row.scheduled_at or moment}
    if row.schedule_type == ScheduleType.RECURSIVE:
        following = due.following if due else row.scheduled_at
        times["scheduled_at"] = None if recurring.is_exhausted(row) else following
    move(row, verb, to=State.CALCULATING, by=by, status_reason="", data={"run": number}, **times)


def _end(
    row: Campaign,
    verb: str,
    to: State,
    *,
    by: Actor = SYSTEM,
    reason: str = "",
    status_reason: str | None = None,
    data: dict[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Into a state nothing leaves by itself; `status_reason` is the reason unless given."""
    finished_at = now() if row.is_started else None
    row.runs.filter(finished_at__isnull=True).update(finished_at=finished_at)
    columns |= {"paused": False, "pause_reason": "", "ready": False, "finished_at": finished_at}
    columns["status_reason"] = reason if status_reason is None else status_reason
    move(row, verb, to=to, by=by, reason=reason, data=data, **columns)


def _set(row: Campaign, columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        setattr(row, name, value)


def _refreshed(campaign: Campaign) -> Campaign:
    campaign.refresh_from_db()
    return campaign
