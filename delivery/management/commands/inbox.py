"""Run the built-in inbox until it is told to stop."""

import asyncio
import logging
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from delivery.inbox import PortTaken, listening


class Command(BaseCommand):
    help = "Run the built-in inbox: an SMTP server that keeps every message and passes none on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.INBOX_HOST, help="Address to listen on (INBOX_HOST).")
        parser.add_argument("--port", type=int, default=settings.INBOX_PORT, help="Port to listen on (INBOX_PORT).")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells of every command at INFO
        try:
            asyncio.run(self.serve(host, port))
        except PortTaken as error:
            raise CommandError(str(error)) from error

    async def serve(self, host: str, port: int) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with listening(host, port) as (where, at):
            self.stdout.write(f"Inbox: smtp://{where}:{at}, nothing leaves this machine")
            self.stdout._out.flush()  # type: ignore[attr-defined]  # a parent that reads a pipe wants the line now
            await stop.wait()
