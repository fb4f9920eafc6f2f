"""The table of the lifecycle and the one way to move along it.

Numbers are those of the specification and of docs/lifecycle.md. `locked` takes the row and asks the table's guards,
`move` is the compare-and-set with its line in the history. Only `campaigns.lifecycle`, with
its `campaigns.steps`, calls them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from accounts.actors import Actor, Surface
from accounts.permissions import Permission, may
from campaigns.errors import InvalidTransition, NotAllowed
from campaigns.models import EDITABLE, REASON_LENGTH, RUNNING, UNFINISHED, Campaign, CampaignEvent, State


@dataclass(frozen=True)
class Transition:
    """One row of the table: where the verb may begin, and where it may end from there.

    `permission` is what a person needs; with None only Broadsheet itself does it.
    """

    number: str
    moves: Mapping[State, tuple[State, ...]]
    permission: Permission | None

    @property
    def sources(self) -> tuple[State, ...]:
        return tuple(self.moves)


def _from(sources: Iterable[State], *targets: State) -> dict[State, tuple[State, ...]]:
    return dict.fromkeys(sources, targets)


def _within(sources: Iterable[State]) -> dict[State, tuple[State, ...]]:
    """The verb changes something else; the state stays."""
    return {state: (state,) for state in sources}


DRAFT, PENDING, SCHEDULED = EDITABLE
CALCULATING, SENDING, HOLDING = RUNNING
NOT_RUNNING = tuple(state for state in State if state not in RUNNING)

TRANSITIONS: dict[str, Transition] = {
    "edit": Transition(
        "T2, T7",
        {DRAFT: (DRAFT,), PENDING: (DRAFT,), SCHEDULED: (SCHEDULED, PENDING)},
        Permission.UPDATE,
    ),
    "mark_ready": Transition("T2", _within([DRAFT]), Permission.UPDATE),
    "submit": Transition("T3, T3p", _from([DRAFT], SCHEDULED, PENDING), Permission.SEND),
    "approve": Transition("T4", _from([PENDING], SCHEDULED), Permission.APPROVE),
    "reject": Transition("T5", _from([PENDING], DRAFT), Permission.APPROVE),
    "withdraw": Transition("T5", _from([PENDING], DRAFT), Permission.SEND),
    "unschedule": Transition("T6", _from([SCHEDULED], DRAFT), Permission.UPDATE),
    "reschedule": Transition("T7", _from([SCHEDULED], SCHEDULED, PENDING), Permission.SEND),
    "void_approval": Transition("T7p", _from([SCHEDULED], PENDING), None),
    "start": Transition("T8", _from([SCHEDULED], CALCULATING), None),
    # by way of submit or reschedule, which is where it stops when an approver has to look first
    "send_now": Transition("T8, T8n", _from([DRAFT, SCHEDULED], CALCULATING, PENDING), Permission.SEND),
    "freeze": Transition("T9, T10", _from([CALCULATING], SENDING, State.SENT), None),
    "hold": Transition("T11", _from([SENDING], HOLDING), None),
    "release": Transition("T12", _from([HOLDING], SENDING), Permission.UPDATE_STATE),
    "finish": Transition("T13", _from([SENDING], State.SENT), None),
    "fail": Transition("T14", _from([SCHEDULED, *RUNNING], State.FAILED), None),
    "pause": Transition("T15", _within([DRAFT, SCHEDULED, *RUNNING]), Permission.UPDATE_STATE),
    "suspend": Transition("T16", _within(RUNNING), None),
    "resume": Transition("T17", _within(UNFINISHED), Permission.UPDATE_STATE),
    "cancel": Transition("T18", _from(UNFINISHED, State.CANCELLED), Permission.UPDATE_STATE),
    "retry_failed": Transition("T19", _from([State.SENT, State.FAILED], SENDING), Permission.RETRY),
    "reopen": Transition("T20", _from([State.CANCELLED], DRAFT), Permission.UPDATE),
    "delete": Transition("T21", _within(NOT_RUNNING), Permission.DELETE),
    "next_instance": Transition("T22", _from([CALCULATING, SENDING], SCHEDULED, State.SENT), None),
    "miss": Transition("T22", _within([SCHEDULED, *RUNNING]), None),
}

Reaction = Callable[[int], None]
_reactions: dict[str, list[Reaction]] = defaultdict(list)


def react(verb: str, reaction: Reaction) -> None:
    """Call `reaction(campaign_id)` after each commit of this verb; registered once, when a room's app starts.

    What a reaction raises is logged and does not reach whoever used the verb: the change is committed by then, so a
    reaction may only hasten what the database says has to be done anyway.
    """
    if verb not in TRANSITIONS:
        raise KeyError(verb)
    _reactions[verb].append(reaction)


Listener = Callable[[CampaignEvent], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Call `listener(event)` with each line of a campaign's history, in the transaction that writes it: what it writes
    is there if and only if the line is. Registered once, when a room's app starts."""
    _listeners.append(listener)


@contextmanager
def locked(campaign: Campaign, verb: str, by: Actor) -> Iterator[Campaign]:
    """The row as it is now, locked until the verb is done, with the table's state and permission guards asked."""
    transition = TRANSITIONS[verb]
    with transaction.atomic():
        row = Campaign.objects.select_for_update(of=("self",)).select_related("organization").get(pk=campaign.pk)
        _require_permission(row, verb, transition, by)
        if row.deleted_at:
            raise InvalidTransition(verb, row.state, "This campaign was deleted.")
        require(row.state in transition.sources, verb, row)
        yield row


def _require_permission(row: Campaign, verb: str, transition: Transition, by: Actor) -> None:
    if by.surface == Surface.SYSTEM and by.user is None:
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
    before = State(row.state)
    target = to or before
    require(target in TRANSITIONS[verb].moves.get(before, ()), verb, row)
    columns |= {name: columns[name][:REASON_LENGTH] for name in columns.keys() & {"status_reason", "pause_reason"}}
    moved = Campaign.objects.filter(pk=row.pk, state=before, paused=row.paused, deleted_at=None).update(
        state=target, modified_at=now(), **columns
    )
    require(moved == 1, verb, row, "Somebody else changed the campaign at the same moment; look again.")
    row.state = target
    for name, value in columns.items():
        setattr(row, name, value)
    record(row, verb, by=by, before=before, reason=reason, data=data)
    for reaction in _reactions[verb]:
        _after_commit(reaction, row.pk)


def _after_commit(reaction: Reaction, campaign_id: int) -> None:
    def call() -> None:  # not a partial: Django logs the name of what failed, and a partial has none
        reaction(campaign_id)

    transaction.on_commit(call, robust=True)


def record(
    campaign: Campaign, verb: str, *, by: Actor, before: str, reason: str = "", data: dict[str, Any] | None = None
) -> None:
    event = CampaignEvent.objects.create(
        campaign=campaign,
        verb=verb,
        from_state=before,
        to_state=campaign.state,
        paused=campaign.paused,
        by=by.user,
        api_key=by.api_key,
        surface=by.surface,
        reason=reason[:REASON_LENGTH],
        data=data or {},
    )
    for listener in _listeners:
        listener(event)
