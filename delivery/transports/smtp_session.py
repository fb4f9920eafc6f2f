"""One SMTP connection: greeting, STARTTLS, AUTH, and then commands and replies in step or pipelined (RFC 2920)."""

import asyncio
import base64
import os
import socket
import ssl
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self, cast
from urllib.parse import urlsplit

from django.conf import settings

from delivery.transports.smtp_replies import ProtocolError, Reply, ReplyReader

FINAL_REPLY_FACTOR = 5  # RFC 5321 section 4.5.3.2.6: a server may take its time to say that it has the message
SECONDS_TO_PART = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A mail server that takes our messages, and how to talk to it. Times are in seconds."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    security: str = "none"
    connections: int = 4
    timeout: float = 60
    messages_per_connection: int = 500
    own_name: str = "localhost"
    tls: ssl.SSLContext | None = None

    @classmethod
    def from_settings(cls) -> Self:
        return cls(
            host=settings.SMTP_HOST,
            port=settings.SMTP_PORT,
            user=settings.SMTP_USER,
            password=settings.SMTP_PASSWORD,
            security=settings.SMTP_SECURITY,
            connections=settings.SMTP_CONNECTIONS,
            timeout=settings.SMTP_TIMEOUT,
            messages_per_connection=settings.SMTP_MESSAGES_PER_CONNECTION,
            own_name=urlsplit(settings.BASE_URL).hostname or "localhost",
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def tls_context(self) -> ssl.SSLContext:
        return self.tls or _default_tls()


@lru_cache(maxsize=1)
def _default_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class Disconnected(Exception):
    """The connection broke, or went silent for too long."""


class Refused(Exception):
    """The server does not want to talk to us, or not as this sender."""


class Session(asyncio.Protocol):
    """A connection on which messages can be offered; `extensions` maps what EHLO named to its parameters."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.extensions: dict[str, str] = {}
        self.offered = 0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = ReplyReader()
        self._replies: deque[Reply] = deque()
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._why_lost = ""
        self._closed: asyncio.Future[None] = self._loop.create_future()

    @classmethod
    async def open(cls, relay: Relay) -> Self:
        """A session ready for messages. Raises Disconnected, Refused."""
        session = await cls._connected(relay)
        try:
            await session._introduce()
        except BaseException:
            session.abort()
            raise
        return session

    @classmethod
    async def _connected(cls, relay: Relay) -> Self:
        tls = relay.tls_context if relay.security == "tls" else None
        try:
            async with asyncio.timeout(relay.timeout):
                loop = asyncio.get_running_loop()
                _, session = await loop.create_connection(lambda: cls(relay), relay.host, relay.port, ssl=tls)
        except TimeoutError as error:
            raise Disconnected(f"no answer within {relay.timeout:g} seconds") from error
        except OSError as error:  # ssl.SSLError is one
            raise Disconnected(_in_words(error)) from error
        return session

    # --- what asyncio calls --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._watch = self._loop.call_later(1, self._look_at_the_clock)

    def data_received(self, data: bytes) -> None:
        try:
            self._replies.extend(self._reader.feed(data))
        except ProtocolError as error:
            self._lose(str(error))
        if self._waiter is not None and len(self._replies) >= self._wanted:
            self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(_in_words(error) if error else "the server closed the connection")
        if not self._closed.done():
            self._closed.set_result(None)

    def _look_at_the_clock(self) -> None:
        """One timer a connection instead of one a reply."""
        if self._waiter is not None and self._loop.time() > self._deadline:
            self._lose("the server did not answer in time")
        elif not self._why_lost:
            self._watch = self._loop.call_later(1, self._look_at_the_clock)

    def _lose(self, why: str) -> None:
        self._why_lost = self._why_lost or why
        if self._watch is not None:
            self._watch.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- commands and replies ------------------------------------------------------------------------------------

    def require_open(self) -> None:
        """Raises Disconnected."""
        if self._why_lost:
            raise Disconnected(self._why_lost)

    def write(self, data: bytes) -> None:
        """Send without waiting. Raises Disconnected."""
        self.require_open()
        cast(asyncio.Transport, self._transport).write(data)

    async def read(self, count: int = 1, *, patience: float = 1) -> list[Reply]:
        """The next replies, waited for `patience` times the relay's time-out. Raises Disconnected."""
        if len(self._replies) < count:
            await self._arrival(count, patience)
        if len(self._replies) < count:
            raise Disconnected(self._why_lost)
        return [self._replies.popleft() for _ in range(count)]

    async def _arrival(self, count: int, patience: float) -> None:
        if self._why_lost:
            return
        self._wanted, self._deadline = count, self._loop.time() + self.relay.timeout * patience
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def command(self, line: str) -> Reply:
        """Raises Disconnected."""
        self.write(f"{line}\r\n".encode())
        return (await self.read())[0]

    # --- before the first message --------------------------------------------------------------------------------

    async def _introduce(self) -> None:
        greeting = (await self.read())[0]
        _require(greeting, "it greets with")
        await self._hello()
        if self.relay.security == "starttls":
            await self._start_tls()
            await self._hello()
        if self.relay.user:
            await self._log_in()

    async def _hello(self) -> None:
        reply = await self.command(f"EHLO {self.relay.own_name}")
        if not reply.is_positive:
            reply = await self.command(f"HELO {self.relay.own_name}")
            _require(reply, "it answers HELO with")
            self.extensions = {}
            return
        self.extensions = {
            name.upper(): parameters for name, _, parameters in (line.partition(" ") for line in reply.lines[1:])
        }

    async def _start_tls(self) -> None:
        if "STARTTLS" not in self.extensions:
            raise Refused("the server does not offer STARTTLS, and SMTP_SECURITY asks for it")
        _require(await self.command("STARTTLS"), "it answers STARTTLS with")
        if self._replies or not self._reader.is_empty:
            raise Refused("the server, or somebody in between, sent more before TLS began")
        try:
            secured = await self._loop.start_tls(
                cast(asyncio.Transport, self._transport),
                self,
                self.relay.tls_context,
                server_hostname=self.relay.host,
                ssl_handshake_timeout=self.relay.timeout,
            )
        except OSError as error:
            raise Disconnected(_in_words(error)) from error
        self._transport = secured

    async def _log_in(self) -> None:
        offered = self.extensions.get("AUTH", "").upper().split()
        user, password = self.relay.user, self.relay.password
        if "PLAIN" in offered:
            reply = await self.command(f"AUTH PLAIN {_encoded(f'{chr(0)}{user}{chr(0)}{password}')}")
        elif "LOGIN" in offered:
            reply = await self.command("AUTH LOGIN")
            for answer in (user, password):
                if reply.code != 334:
                    break
                reply = await self.command(_encoded(answer))
        else:
            raise Refused("the server offers neither AUTH PLAIN nor AUTH LOGIN, and SMTP_USER is set")
        _require(reply, "it answers the log-in with")

    # --- parting -------------------------------------------------------------------------------------------------

    async def quit(self) -> None:
        """Say good-bye and wait a moment for the answer; never fails."""
        with suppress(Disconnected):
            self.write(b"QUIT\r\n")
            await self.read(patience=min(1, SECONDS_TO_PART / self.relay.timeout))
        self.abort()
        await self._closed

    def abort(self) -> None:
        self._lose("closed")


def _require(reply: Reply, what: str) -> None:
    if not reply.is_positive:
        raise Refused(f"{what} “{reply}”")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _in_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return f"its name cannot be resolved ({error.strerror})"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__
