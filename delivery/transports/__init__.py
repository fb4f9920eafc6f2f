"""What carries messages out of the house, behind one interface.

A transport is handed a stream of messages and tells a ledger about each of them. The ledger is what survives a crash,
so the order counts: `started` returns before the first byte with which the other side could take the message.

How another transport implements it, for an HTTP gateway and for SMPP:

- `started` before the request (the `submit_sm`) is written; `answered` as soon as its response is read.
- Answers are told as SMTP would tell them: 250 taken, 4xx try again later (HTTP 429 and 5xx, SMPP throttled or queue
  full), 5xx never (other HTTP 4xx, SMPP invalid destination), with the gateway's own words as the text.
- `lost` when the request went out and no response came: a time-out, a broken connection. Never guess.
- `refused` for what is not offered at all, such as an address that cannot be written in the protocol.
- A message that was not started may simply be dropped: it is still pending, and its batch is tried again.
- Raise `Unreachable` when messages are left and the gateway cannot be used, with a reason an operator understands.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person: a complete RFC 5322 message with CRLF line ends, or the text of an SMS."""

    recipient_id: int
    sender: str
    address: str
    content: bytes | str
    attempts: int = 0


class Unreachable(Exception):
    """Messages are left and the other side cannot be used now; the text says which side and why."""


class Ledger(Protocol):
    """Who a transport tells what becomes of each message."""

    def started(self, message: Message) -> None:
        """From now on the other side may have it."""

    def answered(self, message: Message, code: int, text: str) -> None:
        """The other side has answered, in terms of SMTP reply codes (RFC 5321 section 4.2)."""

    def refused(self, message: Message, why: str) -> None:
        """It cannot be offered to anybody, now or later."""

    def lost(self, message: Message, why: str) -> None:
        """It was started, and no answer will come."""


class Transport(Protocol):
    """Carries messages of one channel."""

    async def deliver(self, messages: AsyncIterator[Message], ledger: Ledger) -> None:
        """Offer each message once. Every started message is answered or lost when this returns.

        Raises Unreachable.
        """
