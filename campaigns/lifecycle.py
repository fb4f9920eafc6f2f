"""The life of a campaign: the only module that writes `state` and `paused`.

    draft ──submit──> scheduled ──start──> calculating ──freeze──> sending ──finish──> sent
      │  └─submit──> pending_approval ──approve──┘ │                 │  ^
      │<──reject / withdraw / unschedule───────────┘               hold release   (split tests)
                                                                     v  │
    cancel: any unfinished state -> cancelled        fail: scheduled, running -> failed       holding

`TRANSITIONS` is the table. Each public function is one verb: it locks the row, asks its guards, moves the campaign by
compare-and-set on (state, paused), and writes a `CampaignEvent`, all in one transaction. What verbs have in common is
in `campaigns.steps`. Rooms further up `react` to verbs after the commit. Verbs raise what `campaigns.errors` lists.
"""

from datetime import datetime
from typing import Any

from django.utils.timezone import now

from accounts.actors import SYSTEM, Actor
from accounts.models import User
from campaigns import approval, completeness, recurring, steps
from campaigns.errors import InvalidTransition, NotAllowed, NotReady
from campaigns.local_times import has_passed
from campaigns.models import Campaign, ScheduleType, State
from campaigns.possible import allowed, can_pause_in, failed_recipients
from campaigns.schedules import IMMEDIATELY, Schedule, at
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
            steps.require_complete(row)
            steps.keep_or_ask_again(row, "edit", by=by, reason=reason)
        elif row.state == State.PENDING_APPROVAL:
            steps.to_draft(row, "edit", by=by, reason=reason)
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
        steps.submit(row, by=by, schedule=schedule, for_approval=for_approval)
    return _refreshed(campaign)


def follow(child: Campaign, original: Campaign, *, answerable: User | None, is_covered: bool) -> Campaign:
    """T3, or T3p, of a campaign that Broadsheet made of another, at once and on behalf of whoever is answerable for it.

    `is_covered`: the approval of the original was about this, too. Raises NotReady with what is missing, by field.
    """
    with locked(child, "submit", SYSTEM) as row:
        steps.require_complete(row)
        columns = {"submitted_by": answerable, "submitted_at": now(), **IMMEDIATELY.columns_for(row)}
        if not is_covered and approval.is_required(row.organization, answerable):
            steps.ask(row, "submit", by=SYSTEM, **columns)
            return _refreshed(child)
        steps.set_columns(row, columns)
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
            steps.submit(row, by=by, schedule=IMMEDIATELY)
        else:
            steps.require_complete(row)
            steps.bring_forward(row, by=by)
        if row.state == State.SCHEDULED:
            steps.start(row, "send_now", by=by)
    return _refreshed(campaign)


def schedule(campaign: Campaign, *, by: Actor, schedule: Schedule) -> Campaign:
    """T3 for a draft, T7 for what is scheduled already."""
    if campaign.state == State.SCHEDULED:
        return reschedule(campaign, by=by, schedule=schedule)
    return submit(campaign, by=by, schedule=schedule)


def reschedule(campaign: Campaign, *, by: Actor, schedule: Schedule) -> Campaign:
    """T7: another time; an approval that covered the old time is void."""
    with locked(campaign, "reschedule", by) as row:
        steps.require_complete(row)
        steps.keep_recurrence(row, schedule)
        steps.keep_or_ask_again(row, "reschedule", by=by, **schedule.columns_for(row))
    return _refreshed(campaign)


def unschedule(campaign: Campaign, *, by: Actor, reason: str = "") -> Campaign:
    """T6: back to draft; the time is kept for whoever schedules it again."""
    with locked(campaign, "unschedule", by) as row:
        steps.to_draft(row, "unschedule", by=by, reason=reason)
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
        steps.require_complete(row)
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
        steps.to_draft(row, "reject", by=by, reason=reason, status_reason=reason)
    return _refreshed(campaign)


def withdraw(campaign: Campaign, *, by: Actor, reason: str = "") -> Campaign:
    """T5 by the people who submitted it."""
    with locked(campaign, "withdraw", by) as row:
        steps.to_draft(row, "withdraw", by=by, reason=reason)
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
        due = steps.due(row, moment)
        if steps.is_missed(row, moment):
            steps.end(row, "fail", State.FAILED, reason="Scheduled time is in the past")
        elif due and due.slot is None:
            steps.miss(row, due, why="Nobody was there to send it in time.")
        elif approval.is_missing(row, row.submitted_by):
            changed = "The campaign was changed after it was approved."
            unapproved = "Nobody who may send without approval answers for this campaign any more."
            steps.ask(row, "void_approval", by=SYSTEM, reason=changed if row.approved_revision else unapproved)
        elif problems := completeness.problems(row):
            steps.end(row, "fail", State.FAILED, reason=str(NotReady(problems)))
        else:
            if due and due.count:
                steps.miss(row, due, why="Nobody was there to send it in time.")
            steps.start(row, "start", by=SYSTEM, due=due)
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
            steps.end_instance(row, reason=reason, data=found, **counts)
        else:
            steps.end(row, "freeze", State.SENT, reason=reason, data=found, **counts)
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
        steps.require_settled(row, "finish")
        steps.end(row, "finish", State.SENT)
    return _refreshed(campaign)


def fail(campaign: Campaign, *, reason: str) -> Campaign:
    """T14: something no retry mends."""
    with locked(campaign, "fail", SYSTEM) as row:
        steps.end(row, "fail", State.FAILED, reason=reason)
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
        steps.end(row, "cancel", State.CANCELLED, by=by, reason=reason, status_reason=reason or default)
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
        steps.to_draft(row, "reopen", by=by)
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
        steps.require_settled(row, "next_instance")
        steps.end_instance(row)
    return _refreshed(campaign)


def miss(campaign: Campaign, *, at: datetime | None = None) -> Campaign:
    """T22: an occurrence has come while the instance before it is still being sent; it is left out, and the history
    says so."""
    with locked(campaign, "miss", SYSTEM) as row:
        due = steps.due(row, at or now(), starts=False)
        require(due is not None, "miss", row)
        if due:
            steps.miss(row, due, why="The instance before it was still being sent.")
    return _refreshed(campaign)


def _refreshed(campaign: Campaign) -> Campaign:
    campaign.refresh_from_db()
    return campaign
