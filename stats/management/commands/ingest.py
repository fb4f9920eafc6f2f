"""`manage.py ingest`: store what waits in the spool, once or for ever."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, connection

from stats.ingest import ingest


class Command(BaseCommand):
    help = "Store the opens, clicks and unsubscribes that wait in this machine's spool."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--follow", action="store_true", help="go on until stopped (SIGTERM or Ctrl-C)")
        parser.add_argument("--every", type=float, default=0.5, help="seconds between two looks (default: 0.5)")

    def handle(self, *args: Any, follow: bool, every: float, **options: Any) -> None:
        stopped = threading.Event()
        if follow:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopped.set())
        self._once()
        while follow and not stopped.wait(every):
            self._once()

    def _once(self) -> None:
        try:
            stored = ingest()
        except OperationalError as away:
            self.stderr.write(f"The database is away, the spool keeps what it has: {away}")
            connection.close()
        else:
            if stored:
                self.stdout.write(f"{stored} hits stored")
