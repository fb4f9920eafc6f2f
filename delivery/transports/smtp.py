"""Mail through an SMTP relay, over a few connections at once.

With PIPELINING (RFC 2920) a body and the envelope after it travel together, so that a message costs one round trip. On
each connection at most one body is on its way: that is all a crash can leave in doubt.

What the relay says of one message is that message's outcome. What it says of us (it refuses the connection, the log-in
or the sender, answers 421, or hangs up) is nobody's: those messages are not counted as tried.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from delivery.transports import Ledger, Message, Unreachable
from delivery.transports.smtp_replies import Reply
from delivery.transports.smtp_session import FINAL_REPLY_FACTOR, Disconnected, Refused, Relay, Session
from delivery.transports.smtp_wire import UnsafeAddress, body, mail_from, path, rcpt_to

CLOSING = 421
TOO_LARGE = 552


class SmtpTransport:
    """Offers messages to one relay."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay

    async def deliver(self, messages: AsyncIterator[Message], ledger: Ledger) -> None:
        """See `Transport`. Addresses that could smuggle in a command are refused without being offered."""
        await _Delivery(self.relay, messages, ledger).run()


class _Delivery:
    """The messages of one call, shared by its connections."""

    def __init__(self, relay: Relay, messages: AsyncIterator[Message], ledger: Ledger) -> None:
        self.relay, self.ledger = relay, ledger
        self._messages = messages
        self._returned: deque[Message] = deque()
        self._troubles: list[str] = []
        self._exhausted = False
        self._doubts = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self.relay.connections):
                group.create_task(self._keep_sending())
        if self._troubles and (self._returned or not self._exhausted):
            raise Unreachable(f"The mail relay {self.relay} cannot be used: {self._troubles[-1]}.")

    async def next(self) -> Message | None:
        """The next message that can be offered; None when there is no more, or nobody should send more."""
        while self._doubts < self.relay.connections:
            if self._returned:
                return self._returned.popleft()
            try:
                message = await anext(self._messages)
            except StopAsyncIteration:
                self._exhausted = True
                if self._returned:
                    continue
                return None
            if self._is_safe(message):
                return message
        return None

    def give_back(self, message: Message) -> None:
        """It was not started, so another connection may offer it."""
        self._returned.appendleft(message)

    def lose(self, message: Message, why: str) -> None:
        self._doubts += 1
        self.ledger.lost(message, why)

    def _is_safe(self, message: Message) -> bool:
        try:
            path(message.address)
        except UnsafeAddress as error:
            self.ledger.refused(message, str(error))
            return False
        return True

    async def _keep_sending(self) -> None:
        """One connection after another, as long as each of them gets something across."""
        while (message := await self.next()) is not None:
            try:
                session = await Session.open(self.relay)
            except (Disconnected, Refused) as error:
                self.give_back(message)
                self._troubles.append(str(error))
                return
            conversation = _Conversation(self, session, message)
            await conversation.hold()
            if conversation.trouble:
                self._troubles.append(conversation.trouble)
                if not conversation.answered:
                    return


class _Conversation:
    """What is said on one connection: envelopes, bodies, and what the relay answers to them."""

    def __init__(self, delivery: _Delivery, session: Session, message: Message) -> None:
        self.delivery, self.session = delivery, session
        self.trouble = ""
        self.answered = 0
        self._offered: Message | None = message  # its envelope is or will be written, its body not yet
        self._started: Message | None = None  # its body is on the way
        self._pipelining = "PIPELINING" in session.extensions
        self._needs_reset = False

    async def hold(self) -> None:
        """Talk until the messages or the connection end; `trouble` then says what went wrong, if anything did."""
        try:
            await self._talk()
            await self.session.quit()
        except (Disconnected, Refused) as error:
            self._abandon(str(error))
        finally:
            self.session.abort()

    def _abandon(self, why: str) -> None:
        self.trouble = why
        if self._started is not None:
            self.delivery.lose(self._started, f"The connection was lost after the message was sent: {why}.")
        if self._offered is not None:
            self.delivery.give_back(self._offered)

    async def _talk(self) -> None:
        if self._pipelining and self._offered is not None:
            self.session.write(self._envelope(self._offered))
        while (message := self._offered) is not None:
            refusal = await self._envelope_refusal(message)
            if refusal is None:
                await self._send_body(message)
            else:
                await self._go_on_without(message, refusal)

    async def _send_body(self, message: Message) -> None:
        upcoming = await self._upcoming()
        data = body(_bytes(message)) + (self._envelope(upcoming) if upcoming and self._pipelining else b"")
        self.session.require_open()  # or it would be started, and in doubt, without a byte sent
        self.delivery.ledger.started(message)
        self._started, self._offered = message, upcoming
        self.session.write(data)
        (reply,) = await self.session.read(patience=FINAL_REPLY_FACTOR)
        self._started = None
        if reply.code == CLOSING:
            self.delivery.give_back(message)  # a definite no: it was not taken
            raise Refused(f"it answered “{reply}”")
        self._answer(message, reply)

    async def _go_on_without(self, message: Message, refusal: Reply) -> None:
        self._offered = None
        self._answer(message, refusal)
        self._needs_reset = True
        self._offered = await self._upcoming()
        if self._offered is not None and self._pipelining:
            self.session.write(self._envelope(self._offered))

    async def _upcoming(self) -> Message | None:
        if self.session.offered >= self.delivery.relay.messages_per_connection:
            return None
        return await self.delivery.next()

    def _answer(self, message: Message, reply: Reply) -> None:
        self.answered += 1
        self.delivery.ledger.answered(message, reply.code, reply.text)

    # --- envelopes -----------------------------------------------------------------------------------------------

    def _commands(self, message: Message) -> list[bytes]:
        """RSET where the last envelope was refused, MAIL, RCPT, DATA. Raises Refused for an impossible sender."""
        try:
            mail = mail_from(message.sender, self._parameters(message))
        except UnsafeAddress as error:
            raise Refused(f"the sender address is not valid: {error}") from error
        reset = [b"RSET\r\n"] if self._needs_reset else []
        return [*reset, mail, rcpt_to(message.address), b"DATA\r\n"]

    def _envelope(self, message: Message) -> bytes:
        self.session.offered += 1
        return b"".join(self._commands(message))

    def _parameters(self, message: Message) -> str:
        parameters = ""
        if "8BITMIME" in self.session.extensions and not _bytes(message).isascii():
            parameters += " BODY=8BITMIME"
        if "SMTPUTF8" in self.session.extensions and not (message.address.isascii() and message.sender.isascii()):
            parameters += " SMTPUTF8"
        return parameters

    async def _envelope_refusal(self, message: Message) -> Reply | None:
        """What keeps this message from being sent; None when the server waits for its body. Raises Refused."""
        if self._pipelining:
            replies = await self.session.read(4 if self._needs_reset else 3)
        else:
            replies = await self._in_step(message)
        if self._needs_reset:
            self._needs_reset = False
            _require_no_refusal(replies.pop(0), "RSET")
        return await self._judged(replies)

    async def _in_step(self, message: Message) -> list[Reply]:
        """The same commands one by one, up to the first that is refused."""
        self.session.offered += 1
        replies = []
        for command in self._commands(message):
            self.session.write(command)
            replies += await self.session.read()
            if replies[-1].code >= 400:
                break
        return replies

    async def _judged(self, replies: list[Reply]) -> Reply | None:
        refusal = next((reply for reply in replies if reply.code >= 400), None)
        if refusal is None:
            return None
        if any(reply.code == CLOSING for reply in replies):
            raise Refused(f"it answered “{refusal}”")
        if replies[0].code != TOO_LARGE:
            _require_no_refusal(replies[0], "the sender")
        if replies[-1].code == 354:
            await self._send_nothing()
        return refusal

    async def _send_nothing(self) -> None:
        """The server waits for a body although it took no recipient (RFC 2920 section 3.1)."""
        self.session.write(b".\r\n")
        await self.session.read()


def _require_no_refusal(reply: Reply, what: str) -> None:
    if reply.code >= 400:
        raise Refused(f"it refuses {what} with “{reply}”")


def _bytes(message: Message) -> bytes:
    return message.content if isinstance(message.content, bytes) else message.content.encode()
