"""The acts on a campaign as the admin words them: what the button says, what is asked before, what is told after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.actors import Actor
from campaigns import lifecycle
from campaigns.admin import split_tests
from campaigns.models import Campaign, State

Act = Callable[[Campaign, Actor, Mapping[str, Any]], Campaign]


@dataclass(frozen=True, kw_only=True)
class Verb:
    """`asks`, what the confirmation asks for: "" nothing, "schedule", "reason", "choice"; None: no confirmation."""

    name: str
    label: str
    icon: str
    act: Act
    done: str
    button: str = ""  # of the confirmation
    asks: str | None = None
    question: str = ""
    warning: str = ""
    tone: str = ""  # primary, danger
    numbers: bool = False  # whether the confirmation shows who would get it, and when

    @property
    def is_confirmed(self) -> bool:
        return self.asks is not None


def _submit(campaign: Campaign, by: Actor, given: Mapping[str, Any]) -> Campaign:
    return lifecycle.submit(campaign, by=by, schedule=given["schedule"])


def _reschedule(campaign: Campaign, by: Actor, given: Mapping[str, Any]) -> Campaign:
    return lifecycle.reschedule(campaign, by=by, schedule=given["schedule"])


def _approve(campaign: Campaign, by: Actor, given: Mapping[str, Any]) -> Campaign:
    return lifecycle.approve(campaign, by=by, revision=given.get("revision", ""), reason=given.get("reason", ""))


def _plain(verb: Callable[..., Campaign]) -> Act:
    return lambda campaign, by, given: verb(campaign, by=by)


def _with_reason(verb: Callable[..., Campaign]) -> Act:
    return lambda campaign, by, given: verb(campaign, by=by, reason=given.get("reason", ""))


_ALL = (
    Verb(
        name="submit",
        label="Schedule…",
        button="Schedule",
        icon="send",
        act=_submit,
        done="“{name}” is scheduled.",
        asks="schedule",
        question="When should “{name}” go out?",
        tone="primary",
        numbers=True,
    ),
    Verb(
        name="send_now",
        label="Send now…",
        button="Send now",
        icon="bolt",
        act=_plain(lifecycle.send_now),
        done="“{name}” is on its way.",
        asks="",
        question="Send “{name}” now?",
        warning="Messages start leaving within seconds. What has left cannot be called back.",
        tone="primary",
        numbers=True,
    ),
    Verb(
        name="approve",
        label="Approve…",
        button="Approve",
        icon="check",
        act=_approve,
        done="You approved “{name}”.",
        asks="note",
        question="Approve “{name}”?",
        warning="It goes out as scheduled, without anybody looking at it again.",
        tone="primary",
        numbers=True,
    ),
    Verb(
        name="reject",
        label="Reject…",
        button="Send it back",
        icon="undo",
        act=_with_reason(lifecycle.reject),
        done="You sent “{name}” back to its author.",
        asks="reason",
        question="Send “{name}” back?",
        warning="It becomes a draft again. Its author reads your reason.",
        tone="danger",
    ),
    Verb(
        name="reschedule",
        label="Change time…",
        button="Change time",
        icon="schedule",
        act=_reschedule,
        done="“{name}” has a new time.",
        asks="schedule",
        question="When should “{name}” go out instead?",
        numbers=True,
    ),
    Verb(
        name="resume",
        label="Resume",
        icon="play_arrow",
        act=_plain(lifecycle.resume),
        done="“{name}” goes on.",
        tone="primary",
    ),
    Verb(
        name="pause",
        label="Pause",
        icon="pause",
        act=_plain(lifecycle.pause),
        done="“{name}” is paused; nothing leaves until you resume it.",
    ),
    Verb(
        name="release",
        label="Decide now…",
        button="Decide now",
        icon="emoji_events",
        act=split_tests.decide,
        done="“{name}” goes on: the rest gets what was chosen.",
        asks="choice",
        question="End the split test of “{name}” now?",
        warning="Everybody who is not of the sample gets one variant, at once.",
        tone="primary",
    ),
    Verb(
        name="retry_failed",
        label="Retry failed…",
        button="Try again",
        icon="refresh",
        act=_plain(lifecycle.retry_failed),
        done="“{name}” is being sent again to those it failed for.",
        asks="",
        question="Try the failed recipients of “{name}” again?",
        warning="Only people whose message failed get another try; nobody gets it twice.",
        numbers=True,
    ),
    Verb(
        name="unschedule",
        label="Back to draft",
        icon="edit_note",
        act=_plain(lifecycle.unschedule),
        done="“{name}” is a draft again.",
    ),
    Verb(
        name="withdraw",
        label="Withdraw",
        icon="undo",
        act=_plain(lifecycle.withdraw),
        done="“{name}” is a draft again; nobody needs to look at it now.",
    ),
    Verb(
        name="cancel",
        label="Cancel…",
        button="Cancel the campaign",
        icon="block",
        act=_with_reason(lifecycle.cancel),
        done="“{name}” is cancelled.",
        asks="note",
        question="Cancel “{name}”?",
        warning="For good: whoever has not been sent to will not be. What has left cannot be called back.",
        tone="danger",
        numbers=True,
    ),
    Verb(
        name="reopen",
        label="Reopen as draft",
        icon="restart_alt",
        act=_plain(lifecycle.reopen),
        done="“{name}” is a draft again.",
        tone="primary",
    ),
    Verb(
        name="delete",
        label="Delete…",
        button="Delete",
        icon="delete",
        act=_plain(lifecycle.delete),
        done="“{name}” is deleted.",
        asks="",
        question="Delete “{name}”?",
        warning="It disappears from all lists. What has been sent stays sent.",
        tone="danger",
        numbers=True,
    ),
)
VERBS = {verb.name: verb for verb in _ALL}


def button_of(verb: Verb, *, needs_approval: bool) -> str:
    """What the confirming button says."""
    if needs_approval and verb.name in {"submit", "send_now"}:
        return "Submit for approval"
    return verb.button or verb.label


def told(verb: Verb, campaign: Campaign) -> str:
    """What to say afterwards; where an approver has to look first, that."""
    if verb.name in {"submit", "send_now", "reschedule"} and campaign.state == State.PENDING_APPROVAL:
        return f"“{campaign.name}” waits for an approver now; they have been told."
    if campaign.schedule_type == "recursive" and verb.name in {"submit", "reschedule"}:
        return f"“{campaign.name}” goes out again and again now, as you chose."
    if verb.name == "submit" and campaign.schedule_type == "immediate":
        return f"“{campaign.name}” starts in a moment."
    return verb.done.format(name=campaign.name)
