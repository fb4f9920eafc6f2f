"""The table of the lifecycle and the one way to move along it.

Numbers are those of the specification (C2). `locked` takes the row and asks the table's guards, `move` is the
compare-and-set with its line in the history. Only `campaigns.lifecycle` calls them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from accounts.actors import Actor, Surface
from accounts.permissions import Permission, may
from campaigns.errors import InvalidTransition, NotAllowed
from campaigns.models import EDITABLE, RUNNING, UNFINISHED, Campaign, CampaignEvent, State


@dataclass(frozen=True)
class Transition:
    """One row of the table: from which states, to which; `to=None` stays where it is."""

    number: str
    sources: tuple[State, ...]
    to: tuple[State, ...] | None
    permission: Permission | None  # None: only Broadsheet itself


TRANSITIONS: dict[str, Transition] = {
    "edit": Transition("T2, T7", EDITABLE, (State.DRAFT, State.SCHEDULED, State.PENDING_APPROVAL), Permission.UPDATE),
    "mark_ready": Transition("T2", (State.DRAFT,), (State.DRAFT,), Permission.UPDATE),
    "submit": Transition("T3", (State.DRAFT,), (State.SCHEDULED, State.PENDING_APPROVAL), Permission.SEND),
    "approve": Transition("T4", (State.PENDING_APPROVAL,), (State.SCHEDULED,), Permission.APPROVE),
    "reject": Transition("T5", (State.PENDING_APPROVAL,), (State.DRAFT,), Permission.APPROVE),
    "withdraw": Transition("T5", (State.PENDING_APPROVAL,), (State.DRAFT,), Permission.SEND),
    "unschedule": Transition("T6", (State.SCHEDULED,), (State.DRAFT,), Permission.UPDATE),
    "reschedule": Transition("T7", (State.SCHEDULED,), (State.SCHEDULED, State.PENDING_APPROVAL), Permission.SEND),
    "void_approval": Transition("T7p", (State.SCHEDULED,), (State.PENDING_APPROVAL,), None),
    "start": Transition("T8", (State.SCHEDULED,), (State.CALCULATING,), None),
    "send_now": Transition(
        "T8, T8n", (State.DRAFT, State.SCHEDULED), (State.CALCULATING, State.PENDING_APPROVAL), Permission.SEND
    ),
    "freeze": Transition("T9, T10", (State.CALCULATING,), (State.SENDING, State.SENT), None),
    "hold": Transition("T11", (State.SENDING,), (State.HOLDING,), None),
    "release": Transition("T12", (State.HOLDING,), (State.SENDING,), None),
    "finish": Transition("T13", (State.SENDING,), (State.SENT,), None),
    "fail": Transition("T14", (State.SCHEDULED, *RUNNING), (State.FAILED,), None),
    "pause": Transition("T15", (State.DRAFT, State.SCHEDULED, *RUNNING), None, Permission.UPDATE_STATE),
    "suspend": Transition("T16", RUNNING, None, None),
    "resume": Transition("T17", UNFINISHED, None, Permission.UPDATE_STATE),
    "cancel": Transition("T18", UNFINISHED, (State.CANCELLED,), Permission.UPDATE_STATE),
    "retry_failed": Transition("T19", (State.SENT, State.FAILED), (State.SENDING,), Permission.RETRY),
    "reopen": Transition("T20", (State.CANCELLED,), (State.DRAFT,), Permission.UPDATE),
    "delete": Transition(
        "T21",
        tuple(state for state in State if state not in RUNNING),
        None,
        Permission.DELETE,
    ),
    "next_instance": Transition("T22", (State.SENDING, State.CALCULATING), (State.SCHEDULED, State.SENT), None),
}

Reaction = Callable[[int], None]
_reactions: dict[str, list[Reaction]] = defaultdict(list)


def react(verb: str, reaction: Reaction) -> None:
    """Call `reaction(campaign_id)` after each commit of this verb; registered once, when a room's app starts."""
    if verb not in TRANSITIONS:
        raise KeyError(verb)
    _reactions[verb].append(reaction)


@contextmanager
def locked(campaign: Campaign, verb: str, by: Actor) -> Iterator[Campaign]:
    """The row as it is now, locked until the verb is done, with the table's state and permission guards asked."""
    transition = TRANSITIONS[verb]
    with transaction.atomic():
        row = Campaign.objects.select_for_update(of=("self",)).select_related("organization").get(pk=campaign.pk)
        _require_permission(row, verb, transition, by)
        if row.deleted_at or row.state not in transition.sources:
            raise InvalidTransition(verb, "deleted" if row.deleted_at else row.state)
        yield row


def _require_permission(row: Campaign, verb: str, transition: Transition, by: Actor) -> None:
    if by.surface == Surface.SYSTEM:
        return
    if transition.permission is None or not may(by.user, transition.permission, row.organization):
        raise NotAllowed(f"You may not {verb.replace('_', ' ')} campaigns of {row.organization}.")


def require(condition: bool, verb: str, row: Campaign, why: str = "") -> None:
    if not condition:
        raise InvalidTransition(verb, row.state, why)


def move(
    row: Campaign,
    verb: str,
    *,
    by: Actor,
    to: State | None = None,
    reason: str = "",
    data: dict[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Compare-and-set on (state, paused), then the line in the history; both or neither."""
    transition, target, before = TRANSITIONS[verb], to or State(row.state), row.state
    if transition.to is not None and target not in transition.to:
        raise InvalidTransition(verb, row.state)
    moved = Campaign.objects.filter(pk=row.pk, state=before, paused=row.paused, deleted_at=None).update(
        state=target, modified_at=now(), **columns
    )
    if moved != 1:
        raise InvalidTransition(verb, before, "Somebody else changed the campaign at the same moment; look again.")
    row.state = target
    for name, value in columns.items():
        setattr(row, name, value)
    record(row, verb, by=by, before=before, reason=reason, data=data)
    for reaction in _reactions[verb]:
        transaction.on_commit(partial(reaction, row.pk))


def record(
    campaign: Campaign, verb: str, *, by: Actor, before: str, reason: str = "", data: dict[str, Any] | None = None
) -> None:
    CampaignEvent.objects.create(
        campaign=campaign,
        verb=verb,
        from_state=before,
        to_state=campaign.state,
        paused=campaign.paused,
        by=by.user,
        api_key=by.api_key,
        surface=by.surface,
        reason=reason[:500],
        data=data or {},
    )
