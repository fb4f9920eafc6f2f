"""`manage.py receive_bounce < mail`: what a mail server pipes into us, with the exit codes it understands."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from tracking.bounces import intake

LARGEST = 64 * 1024 * 1024  # bytes


class Command(BaseCommand):
    help = "Take one mail that came back (bounce, complaint, receipt) from standard input."
    requires_system_checks = ()  # a mail server starts this for every mail

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--to", default="", help="the address it was delivered to, such as ${original_recipient} of Postfix"
        )

    def handle(self, *args: Any, to: str, **options: Any) -> None:
        """Exits as sysexits.h says: 0 kept; EX_TEMPFAIL (75) bring it again; EX_DATAERR (65) this is no mail."""
        raw = sys.stdin.buffer.read(LARGEST)
        if not raw.strip():
            self.stderr.write("There is no mail on standard input.")
            sys.exit(os.EX_DATAERR)
        try:
            taken = intake.take(raw, source="pipe", envelope_to=to or os.environ.get("ORIGINAL_RECIPIENT", ""))
        except (DatabaseError, OSError) as error:
            self.stderr.write(f"The mail could not be kept, bring it again: {error}")
            sys.exit(os.EX_TEMPFAIL)
        self.stdout.write(f"{len(taken.keys)} reports kept, {taken.strays} set aside")
