"""`manage.py reclassify`: judge hits again that older rules have judged, and count them again."""

from argparse import ArgumentTypeError
from datetime import UTC, date, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from campaigns.models import Campaign, CampaignRun
from stats import classification, old_hits
from stats.classification import Verdict
from stats.reclassify import Outcome


class Command(BaseCommand):
    help = (
        "Tell people from programs anew in hits that older rules have judged, and count them again. "
        "May be stopped at any time; the next one goes on (with --all from the start)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--campaign", metavar="ID", help="only hits of this campaign")
        parser.add_argument("--since", type=_day, metavar="DATE", help="only who has a hit of this day (UTC) or later")
        parser.add_argument(
            "--all",
            action="store_true",
            dest="everything",
            help="also hits of today's rules: after a change of settings",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument(
            "--chunk", type=int, default=old_hits.CHUNK, help="recipients in one transaction (%(default)s)"
        )

    def handle(
        self,
        *args: Any,
        campaign: str | None,
        since: datetime | None,
        everything: bool,
        dry_run: bool,
        chunk: int,
        **options: Any,
    ) -> None:
        hits = old_hits.waiting(_campaign(campaign) if campaign else None, since, everything=everything)
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("Judging hits", total=hits.count())
            outcome = old_hits.judge(
                hits, dry_run=dry_run, chunk=max(chunk, 1), progress=lambda done: bar.update(task, completed=done.hits)
            )
        self._tell(outcome, dry_run)

    def _tell(self, outcome: Outcome, dry_run: bool) -> None:
        changed = sum(outcome.changes.values())
        done = "would change" if dry_run else "changed"
        rules = f"rules of version {classification.VERSION}"
        self.stdout.write(f"{outcome.hits:,} hits judged by the {rules}; {changed:,} verdicts {done}.")
        for (before, after), number in sorted(outcome.changes.items(), key=lambda change: (-change[1], change[0])):
            self.stdout.write(f"{number:>12,}  {_words(before)} -> {_words(after)}")
        runs = CampaignRun.objects.select_related("campaign").filter(pk__in=list(outcome.passed_over)).order_by("pk")
        for run in runs:
            people = outcome.passed_over[run.pk]
            self.stdout.write(
                f"Passed over in “{run.campaign.name}”, run {run.number}: {people:,} recipients. "
                "Some of their hits are not kept any more, and their figures stay as they are."
            )


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError as wrong:
        raise ArgumentTypeError(f"“{text}” is no day; write it as 2026-11-21.") from wrong


def _campaign(text: str) -> Campaign:
    """By its id, as links and APIs show it, or by number."""
    wanted = Q(public_id=text) | Q(pk=int(text)) if text.isdecimal() else Q(public_id=text)
    found = Campaign.objects.filter(wanted).first()
    if found is None:
        raise CommandError(f"There is no campaign “{text}”.")
    return found


def _words(verdict: Verdict) -> str:
    return f"{verdict.agent} ({verdict.reason})" if verdict.reason else verdict.agent
