"""What the verbs of the lifecycle are made of: each step is taken under the lock of the campaign's row.

Only `campaigns.lifecycle` calls them.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils.timezone import now

from accounts.actors import SYSTEM, Actor
from campaigns import approval, completeness, merge_fields, recurring, schedules
from campaigns.errors import NotAllowed, NotReady
from campaigns.local_times import ends_at
from campaigns.models import Campaign, CampaignRun, ContentSnapshot, ScheduleType, State
from campaigns.recurring import Due
from campaigns.schedules import IMMEDIATELY, Schedule
from campaigns.transitions import move, require

_NO_APPROVAL: dict[str, Any] = {"approved_by": None, "approved_at": None, "approved_revision": ""}
_NO_SUBMISSION: dict[str, Any] = {"submitted_by": None, "submitted_at": None, **_NO_APPROVAL}


def require_complete(row: Campaign) -> None:
    if problems := completeness.problems(row):
        raise NotReady(problems)


def keep_recurrence(row: Campaign, schedule: Schedule) -> None:
    if schedule.recurrence:
        recurring.keep(row, schedule.recurrence)


def submit(row: Campaign, *, by: Actor, schedule: Schedule, for_approval: bool = False) -> None:
    require_complete(row)
    keep_recurrence(row, schedule)
    if for_approval or approval.is_required(row.organization, by.user):
        ask(row, "submit", by=by, **schedule.columns_for(row))
    else:
        columns = {"submitted_by": by.user, "submitted_at": now(), "status_reason": "", **schedule.columns_for(row)}
        move(row, "submit", to=State.SCHEDULED, by=by, ready=False, **columns, **_NO_APPROVAL)
        approval.remember(row)


def ask(row: Campaign, verb: str, *, by: Actor, reason: str = "", **columns: Any) -> None:
    """Wait for an approver, on behalf of whoever asked."""
    columns |= {"submitted_by": by.user, "submitted_at": now()} if by.user else {}
    set_columns(row, columns)
    nobody = not approval.approvers_of(row).exists()
    waiting = "Awaiting approval, but nobody in this organization may give it." if nobody else "Awaiting approval."
    columns |= {"ready": False, "status_reason": waiting, **_NO_APPROVAL}
    move(row, verb, to=State.PENDING_APPROVAL, by=by, reason=reason, **columns)
    approval.remember(row)


def keep_or_ask_again(row: Campaign, verb: str, *, by: Actor, reason: str = "", **columns: Any) -> None:
    """Stay scheduled if this person needs no approval or one covers the campaign as it is now; else ask for one."""
    set_columns(row, columns)
    void = bool(row.approved_revision) and not approval.is_covered(row)
    why = f"{reason} The approval is void.".strip() if void else reason
    if approval.is_missing(row, by.user):
        ask(row, verb, by=by, reason=why, **columns)
    else:
        columns |= {"submitted_by": by.user, "submitted_at": now(), **_NO_APPROVAL} if void else {}
        move(row, verb, to=State.SCHEDULED, by=by, reason=why, **columns)


def bring_forward(row: Campaign, *, by: Actor) -> None:
    """To now. A recurring campaign gets an instance besides, and goes on as it was."""
    if row.schedule_type == ScheduleType.RECURSIVE:
        if approval.keeps_to_its_times(row, by.user):
            raise NotAllowed("An approver agreed to its times; somebody who needs no approval may send it in between.")
        if approval.is_missing(row, by.user):
            ask(row, "send_now", by=by)
        return
    columns = {} if row.schedule_type == ScheduleType.IMMEDIATE else IMMEDIATELY.columns
    if columns or approval.is_missing(row, by.user):
        keep_or_ask_again(row, "reschedule", by=by, **columns)


def to_draft(row: Campaign, verb: str, *, by: Actor, reason: str = "", status_reason: str = "") -> None:
    """The time is kept, but not that it counts; who submitted it stays in the history."""
    data = {"submitted_by": row.submitted_by_id}
    columns = {"schedule_type": ScheduleType.NONE, "status_reason": status_reason, **_NO_SUBMISSION}
    move(row, verb, to=State.DRAFT, by=by, reason=reason, data=data, **columns)


def is_missed(row: Campaign, moment: datetime) -> bool:
    due = ends_at(row)
    if row.schedule_type != ScheduleType.FUTURE or due is None:
        return False
    resumed_at = row.events.filter(verb="resume").aggregate(last=Max("at"))["last"]
    return schedules.is_missed(due, resumed_at, moment, timedelta(hours=settings.MISSED_START_HOURS))


def due(row: Campaign, moment: datetime, *, starts: bool = True) -> Due | None:
    """What has come of a recurring campaign, None of any other. Refused while nothing has."""
    if row.schedule_type != ScheduleType.RECURSIVE:
        return None
    has_come = row.scheduled_at is not None and row.scheduled_at <= moment
    require(has_come, "start" if starts else "miss", row, "Its next occurrence has not come yet.")
    return recurring.due(row, moment, starts=starts)


def miss(row: Campaign, due: Due, *, why: str) -> None:
    move(row, "miss", by=SYSTEM, reason=why, data=due.data, scheduled_at=due.following)


def require_settled(row: Campaign, verb: str) -> None:
    require(not row.paused, verb, row, "A paused campaign does not finish; resume it first.")
    unsettled = sum(run.pending for run in row.runs.all())
    require(unsettled == 0, verb, row, f"{unsettled} recipients are not settled yet.")


def end_instance(row: Campaign, *, reason: str = "", data: dict[str, Any] | None = None, **columns: Any) -> None:
    """Wait for the next occurrence; after the last, the campaign is sent, and says when that was due."""
    if recurring.is_exhausted(row):
        last = row.runs.aggregate(at=Max("slot_at"))["at"] or row.scheduled_at
        end(row, "next_instance", State.SENT, reason=reason, data=data, scheduled_at=last, **columns)
        return
    row.runs.filter(finished_at__isnull=True).update(finished_at=now())
    columns |= {"status_reason": reason, "finished_at": None}
    move(row, "next_instance", to=State.SCHEDULED, by=SYSTEM, reason=reason, data=data, **columns)


def start(row: Campaign, verb: str, *, by: Actor, due: Due | None = None) -> None:
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


def end(
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


def set_columns(row: Campaign, columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        setattr(row, name, value)
