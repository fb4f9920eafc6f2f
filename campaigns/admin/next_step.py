"""What to do next with a campaign: one clear action, and why. Pure: the page gives it everything it needs."""

from dataclasses import dataclass, field, replace

from campaigns.models import RUNNING, Campaign, ScheduleType, State


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """`primary` is a verb, or "edit", "report", "copy"; empty when there is nothing to do but wait."""

    what: str
    why: str = ""
    tone: str = ""
    primary: str = ""
    others: tuple[str, ...] = ()
    rarely: tuple[str, ...] = ()  # drawn in a menu
    problems: dict[str, list[str]] = field(default_factory=dict)


BUTTONS = ("send_now", "reschedule", "pause", "retry_failed", "unschedule", "withdraw", "reject")
MENU = ("copy", "cancel", "delete")


def next_step(
    campaign: Campaign,
    allowed: list[str],
    *,
    problems: dict[str, list[str]],
    needs_approval: bool,
    is_own: bool,
    may_copy: bool,
) -> NextStep:
    """The one thing to do now; `others` are the remaining acts in a fixed order, so that buttons keep their place."""
    step = _BY_STATE[State(campaign.state)](campaign, allowed, problems, needs_approval, is_own)
    if campaign.paused:
        step = _paused(campaign, allowed)
    offered = [verb for verb in [*allowed, *(["copy"] if may_copy else [])] if _belongs(verb, campaign, problems)]
    primary = step.primary if step.primary in {*offered, "edit", "report"} else ""
    stop = ("cancel",) if campaign.state in RUNNING else ()  # no time to look for it in a menu
    rest = [verb for verb in offered if verb != primary]
    return replace(
        step,
        primary=primary,
        others=tuple(verb for verb in (*BUTTONS, *stop) if verb in rest),
        rarely=tuple(verb for verb in MENU if verb in rest and verb not in stop),
    )


def _belongs(verb: str, campaign: Campaign, problems: dict[str, list[str]]) -> bool:
    """Acts that would only be refused, or that mean what another says better, are not offered."""
    if verb == "send_now":
        return not problems
    return not (verb == "cancel" and campaign.state == State.DRAFT)  # a draft is deleted


def _draft(
    campaign: Campaign, allowed: list[str], problems: dict[str, list[str]], needs_approval: bool, is_own: bool
) -> NextStep:
    if problems:
        sent_back = f"Sent back: {campaign.status_reason}" if campaign.status_reason else ""
        return NextStep(what="Finish the draft", why=sent_back, primary="edit", tone="gray", problems=problems)
    if campaign.status_reason:
        why = f"It was sent back: “{campaign.status_reason}” Change what is asked for, then submit it again."
        return NextStep(what="Sent back to you", why=why, primary="submit", tone="amber")
    why = "Choose when it goes out; an approver looks at it first." if needs_approval else "Choose when it goes out."
    return NextStep(what="Ready to go", why=why, primary="submit")


def _pending(
    campaign: Campaign, allowed: list[str], problems: dict[str, list[str]], needs_approval: bool, is_own: bool
) -> NextStep:
    if "approve" in allowed:
        why = "Look at the content, the audience and the time below, then decide."
        return NextStep(what="Waiting for your decision", why=why, tone="amber", primary="approve")
    if is_own:
        why = "You submitted this campaign, so somebody else has to approve it."
        return NextStep(what="Waiting for an approver", why=why, tone="amber")
    why = "Approvers have been told. Withdraw it if you want to change something."
    return NextStep(what="Waiting for an approver", why=why, tone="amber")


def _scheduled(
    campaign: Campaign, allowed: list[str], problems: dict[str, list[str]], needs_approval: bool, is_own: bool
) -> NextStep:
    if campaign.schedule_type == ScheduleType.IMMEDIATE:
        return NextStep(what="Starts in a moment", why="The next tick of the clock takes it.", tone="blue")
    again = ", again and again" if campaign.schedule_type == ScheduleType.RECURSIVE else ""
    return NextStep(what="", why=f"Nothing to do: it goes out by itself{again}.", tone="blue", primary="reschedule")


def _running(
    campaign: Campaign, allowed: list[str], problems: dict[str, list[str]], needs_approval: bool, is_own: bool
) -> NextStep:
    if campaign.state == State.CALCULATING:
        return NextStep(what="Working out who gets it", why="Sending starts as soon as that is done.", tone="blue")
    if campaign.state == State.HOLDING:
        why = "The sample is out. The rest follows when the winner is known."
        return NextStep(what="Split test running", why=why, tone="violet", primary="release")
    return NextStep(what="Sending", tone="blue", primary="pause")


def _sent(
    campaign: Campaign, allowed: list[str], problems: dict[str, list[str]], needs_approval: bool, is_own: bool
) -> NextStep:
    if not campaign.total_recipients:
        why = f"{campaign.status_reason} Copy it, choose another audience, and send the copy."
        return NextStep(what="Nobody got it", why=why, tone="amber", primary="copy")
    return NextStep(what="Sent", why="See who opened it and what they clicked.", tone="green", primary="report")


def _failed(
    campaign: Campaign, allowed: list[str], problems: dict[str, list[str]], needs_approval: bool, is_own: bool
) -> NextStep:
    primary = "retry_failed" if "retry_failed" in allowed else "copy"
    return NextStep(what="It failed", why=campaign.status_reason, tone="red", primary=primary)


def _cancelled(
    campaign: Campaign, allowed: list[str], problems: dict[str, list[str]], needs_approval: bool, is_own: bool
) -> NextStep:
    why = "Some had left already; see the report." if campaign.is_started else "Nothing had left."
    return NextStep(what="Cancelled", why=why, tone="gray", primary="report" if campaign.is_started else "reopen")


def _paused(campaign: Campaign, allowed: list[str]) -> NextStep:
    by_a_person = campaign.pause_reason in {"", "user"}
    why = "Nothing leaves until you resume it." if by_a_person else f"Broadsheet paused it: {campaign.pause_reason}"
    return NextStep(what="Paused", why=why, tone="amber", primary="resume")


_BY_STATE = {
    State.DRAFT: _draft,
    State.PENDING_APPROVAL: _pending,
    State.SCHEDULED: _scheduled,
    State.CALCULATING: _running,
    State.SENDING: _running,
    State.HOLDING: _running,
    State.SENT: _sent,
    State.FAILED: _failed,
    State.CANCELLED: _cancelled,
}
