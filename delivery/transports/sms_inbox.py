"""SMS into the built-in inbox: kept in the database, sent nowhere."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError, connections

from delivery.models import InboxMessage
from delivery.transports import Ledger, Message, Unreachable


class SmsInboxTransport:
    """Keeps texts one at a time, so that a crash leaves at most one in doubt."""

    def __init__(self, organization_id: int | None) -> None:
        self.organization_id = organization_id

    async def deliver(self, messages: AsyncIterator[Message], ledger: Ledger) -> None:
        """See `Transport`."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1) as writer:  # one thread, so one database connection
            try:
                async for message in messages:
                    ledger.started(message)
                    await loop.run_in_executor(writer, self._keep, message)
                    ledger.answered(message, 250, "Kept in the inbox")
            except DatabaseError as error:
                ledger.answered(message, 451, "The inbox cannot store messages now")
                raise Unreachable(f"The SMS inbox cannot store messages: {error}") from error
            finally:
                await loop.run_in_executor(writer, connections.close_all)

    def _keep(self, message: Message) -> None:
        text = message.content if isinstance(message.content, str) else message.content.decode()
        InboxMessage.objects.create(
            organization_id=self.organization_id,
            channel=InboxMessage.Channel.SMS,
            sender=message.sender[:320],
            recipient=message.address[:320],
            raw=text.encode(),
        )
