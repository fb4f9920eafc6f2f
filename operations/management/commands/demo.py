"""`manage.py demo`: the main job from a CSV file to a report, with everything real, and every number checked."""

import signal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from operations.demo import stage
from operations.demo.play import Stuck, play
from operations.demo.show import Show
from operations.supervisor import SupervisorError, running

FEWEST = 50


class Command(BaseCommand):
    help = "Play the main job in the terminal: import, write, approve, send, read, report; fails if a number is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--people", type=int, default=1000, help="how many people to send to (default: 1000)")

    def handle(self, *args: Any, people: int, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo adds invented people to the database, so it does not run in production.")
        if people < FEWEST:
            raise CommandError(f"Take at least {FEWEST} people, so that there is something to count.")
        if stage.is_set():
            self._play(people)
            return
        call_command("migrate", verbosity=0)
        if status := stage.perform(["--people", str(people)]):
            raise SystemExit(status)

    def _play(self, people: int) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        console = Console(soft_wrap=False)
        show = Show(console)
        try:
            with running(stage.on_it(), Path(settings.VAR_DIR) / "log", self._tell) as supervisor:
                for _ in supervisor.wait_until_ready():
                    pass
                checks = play(people, show, supervisor)
            stage.clear()
        except (SupervisorError, Stuck) as problem:
            raise CommandError(str(problem)) from problem
        except KeyboardInterrupt:
            raise CommandError("Stopped.") from None
        show.checks(checks)
        if wrong := [check for check in checks if not check.holds]:
            raise CommandError(f"{len(wrong)} of {len(checks)} figures do not reconcile.")
        console.print(f"\nAll {len(checks)} figures reconcile. The campaign stays in the database, to be looked at.")

    def _tell(self, program: Any, line: str) -> None:
        self.stderr.write(f"{program.name}: {line}")
