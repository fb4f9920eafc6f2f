"""`manage.py prune_events`: drop the raw hits of months that are long over; the figures stay."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from stats import retention
from stats.retention import Old


class Command(BaseCommand):
    help = (
        "Drop the raw hits of months that are long over. Counters and reports stay as they are; rules of segments that"
        " ask for a date or a link, `reclassify`, a person's activity and exports no longer see what is gone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--keep-months",
            type=int,
            default=settings.EVENT_RETENTION_MONTHS,
            help="whole months before this one that are kept (default: EVENT_RETENTION_MONTHS)",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be dropped")

    def handle(self, *args: Any, keep_months: int, dry_run: bool, **options: Any) -> None:
        if keep_months < 1:
            raise CommandError("Say how many months to keep, at least 1: --keep-months 12, or EVENT_RETENTION_MONTHS.")
        act = retention.old if dry_run else retention.prune
        self._tell(act(keep_months, now()), "Would drop" if dry_run else "Dropped")

    def _tell(self, found: Old, did: str) -> None:
        for month, events in found.events.items():
            self.stdout.write(f"{month:%Y-%m}: {events:,} hits")
        total = sum(found.events.values())
        keys = f" and {found.keys:,} keys of reports" if found.keys else ""
        self.stdout.write(f"{did} {total:,} hits{keys} from before {found.before:%Y-%m-%d} (UTC).")
