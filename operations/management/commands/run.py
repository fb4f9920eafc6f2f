"""`manage.py run`: web server, worker, clock and inbox together, until Ctrl-C."""

import signal
import time
from string import digits
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from operations import programs
from operations.supervisor import Program, SupervisorError, running

COLOURS = {"web": "36", "worker": "35", "errands": "35", "clock": "34", "inbox": "33"}


class Command(BaseCommand):
    help = "Run web server, worker, clock and the built-in inbox together, until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        self._require_migrated()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it, and so do its programs
            signal.signal(signal.SIGHUP, _interrupt)
        try:
            self._run()
        except SupervisorError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("Killed.")
        else:
            self.stdout.write("Stopped.")

    def _run(self) -> None:
        with running(programs.all_here(), settings.VAR_DIR / "log", self._tell) as supervisor:
            try:
                for program in supervisor.wait_until_ready():
                    self.stdout.write(f"{self._name(program)} {programs.described(program)}")
                self.stdout.write(f"Logs are in {settings.VAR_DIR / 'log'}. Ctrl-C stops everything.")
                while True:
                    supervisor.check()
                    time.sleep(0.2)
            except KeyboardInterrupt:
                self.stdout.write("\nStopping; a worker first finishes what it has in hand. Ctrl-C again kills it.")

    def _tell(self, program: Program, line: str) -> None:
        self.stderr.write(f"{self._name(program)} {line}")

    def _name(self, program: Program) -> str:
        name = f"{program.name:<7}"
        colour = COLOURS[program.name.rstrip(digits)]
        return f"\033[{colour}m{name}\033[0m" if self.stdout.isatty() else name

    def _require_migrated(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError("The database is not up to date. Run: python manage.py migrate")
        connection.close()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
