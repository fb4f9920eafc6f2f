"""The built-in inbox: an SMTP server that keeps every message in the database and passes none on.

It lets a new installation send without a relay: nothing leaves the machine, and the admin shows what people would get.
A message is stored before it is answered with 250. Three domains make trouble on request, for demos and tests:

    anybody@defer.example    451, try again later (RCPT)
    anybody@reject.example   550, no such mailbox (RCPT)
    anybody@drop.example     the connection breaks after the body, without an answer
"""

import asyncio
import errno
import logging
import re
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import default as default_policy
from typing import Any, cast
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import DatabaseError, close_old_connections, connections

from accounts.models import Organization
from delivery.models import InboxMessage

logger = logging.getLogger(__name__)

DEFERS, REJECTS, DROPS = "defer.example", "reject.example", "drop.example"
LARGEST_MESSAGE = 32 * 1024 * 1024  # bytes
_ORGANIZATION_ID = re.compile(r"\borg_[a-z0-9]{20}\b")


class PortTaken(Exception):
    """Another program listens where the inbox is to listen; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A message as it came over the wire, for one or more people."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes


def store(messages: Sequence[Arrived]) -> None:
    """Keep these messages, one row a recipient, all in one transaction."""
    rows = [row for message in messages for row in _rows(message)]
    InboxMessage.objects.bulk_create(rows)


def _rows(message: Arrived) -> list[InboxMessage]:
    headers = BytesHeaderParser(policy=default_policy).parsebytes(message.raw)
    organization_id = _organization_id(_header(headers, "Feedback-ID"))
    subject, message_id = _header(headers, "Subject")[:998], _header(headers, "Message-ID")[:255]
    return [
        InboxMessage(
            organization_id=organization_id,
            sender=message.sender[:320],
            recipient=recipient[:320],
            subject=subject,
            message_id=message_id,
            raw=message.raw,
        )
        for recipient in message.recipients
    ]


def _header(headers: "Message[Any, Any]", name: str) -> str:
    """A header's decoded value; what cannot be parsed is no reason to lose the message."""
    try:
        value = str(headers.get(name, ""))
    except Exception:  # the parser of the standard library raises all kinds on hostile input
        logger.warning("A message has a %s header that cannot be read.", name)
        return ""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _organization_id(feedback_id: str) -> int | None:
    found = _ORGANIZATION_ID.search(feedback_id)
    if found is None:
        return None
    return Organization.objects.filter(public_id=found[0]).values_list("pk", flat=True).first()


class Shelf:
    """Stores what arrives, one transaction for all that wait: many connections, one writer."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Arrived, asyncio.Future[None]]] = []
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inbox")
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, message: Arrived) -> None:
        """Return when the message is stored. Raises DatabaseError."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, stored))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await stored

    async def close(self) -> None:
        if self._writing is not None:
            await self._writing
        await asyncio.get_running_loop().run_in_executor(self._writer, connections.close_all)
        self._writer.shutdown()

    async def _write(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            error = await asyncio.get_running_loop().run_in_executor(self._writer, _try_to_store, taken)
            for _, stored in taken:
                if stored.done():  # the sender has hung up meanwhile
                    continue
                stored.set_exception(error) if error else stored.set_result(None)


def _try_to_store(taken: Sequence[tuple[Arrived, Any]]) -> DatabaseError | None:
    close_old_connections()
    try:
        store([message for message, _ in taken])
    except DatabaseError as error:
        logger.exception("The inbox cannot store %s messages.", len(taken))
        return error
    return None


class Handler:
    """What the inbox says to each SMTP command; aiosmtpd calls these by name."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        domain = address.rpartition("@")[2].lower()
        if domain == DEFERS:
            return "451 4.7.1 Busy, as you asked: try again later"
        if domain == REJECTS:
            return "550 5.1.1 No such mailbox, as you asked"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if any(address.lower().endswith(f"@{DROPS}") for address in envelope.rcpt_tos):
            await _hang_up(server)
        message = Arrived(
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            raw=cast(bytes, envelope.original_content),
        )
        try:
            await self._shelf.keep(message)
        except DatabaseError:
            return "451 4.3.0 The inbox cannot store messages now; try again later"
        return "250 2.0.0 Kept in the inbox"


async def _hang_up(server: SMTP) -> None:
    cast(asyncio.Transport, server.transport).abort()
    await asyncio.Event().wait()  # aiosmtpd cancels the session when the connection is gone


@asynccontextmanager
async def listening(host: str, port: int) -> AsyncIterator[tuple[str, int]]:
    """The inbox, listening until the block is left; gives the address, since port 0 means any. Raises PortTaken."""
    loop, shelf = asyncio.get_running_loop(), Shelf()
    sessions: WeakSet[SMTP] = WeakSet()

    def session() -> SMTP:
        protocol = SMTP(
            Handler(shelf),
            hostname="inbox",
            ident="Broadsheet inbox",
            enable_SMTPUTF8=True,
            data_size_limit=LARGEST_MESSAGE,
            loop=loop,
        )
        sessions.add(protocol)
        return protocol

    try:
        server = await loop.create_server(session, host, port)
    except OSError as error:
        await shelf.close()
        raise _port_error(error, host, port) from error
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        for open_session in sessions:
            if open_session.transport is not None:
                open_session.transport.close()
        await shelf.close()


def _port_error(error: OSError, host: str, port: int) -> Exception:
    if error.errno in {errno.EADDRINUSE, errno.EACCES}:
        why = "is taken by another program" if error.errno == errno.EADDRINUSE else "may not be opened by this user"
        return PortTaken(
            f"The inbox cannot listen on {host} port {port}: the port {why}. "
            "Stop that program, or choose another port with INBOX_PORT."
        )
    return error
