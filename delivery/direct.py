"""Send a few messages at once, while somebody waits for the result."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from django.conf import settings
from django.utils.timezone import now

from delivery.retries import InDoubt, Outcome, Policy, Rejected, judge
from delivery.transports import Message, Transport

PATIENCE = 15  # seconds a person is made to wait for each answer
_NEVER_LAST = 2**31  # a later attempt is the person's to make


def send(messages: Sequence[Message], transport: Transport) -> dict[int, Outcome]:
    """What became of each message, by recipient id. Raises delivery.transports.Unreachable when none could be sent."""
    outcomes = _Outcomes()
    asyncio.run(transport.deliver(_stream(messages), outcomes))
    return outcomes.known


async def _stream(messages: Sequence[Message]) -> AsyncIterator[Message]:
    for message in messages:
        yield message


class _Outcomes:
    """A ledger for the moment: nothing of it outlives the process."""

    def __init__(self) -> None:
        self.known: dict[int, Outcome] = {}
        self._policy = Policy(max_attempts=_NEVER_LAST, base_seconds=settings.RETRY_BASE_SECONDS)

    def started(self, message: Message) -> None:
        self.known[message.recipient_id] = InDoubt("No answer came.")

    def answered(self, message: Message, code: int, text: str) -> None:
        self.known[message.recipient_id] = judge(code, text, attempts=0, at=now(), jitter=0, policy=self._policy)

    def refused(self, message: Message, why: str) -> None:
        self.known[message.recipient_id] = Rejected(None, why)

    def lost(self, message: Message, why: str) -> None:
        self.known[message.recipient_id] = InDoubt(why)
