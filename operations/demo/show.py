"""What a demo shows in the terminal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from campaigns.models import Campaign
from operations.demo.audit import Check
from stats.figures import DEFINITIONS
from stats.report_rows import Report


class Advance(Protocol):
    def __call__(self, by: int, total: int | None = None) -> None: ...


class Show:
    def __init__(self, console: Console) -> None:
        self.console = console
        self._steps = 0

    def step(self, text: str) -> None:
        self._steps += 1
        self.console.print(f"\n[bold]{self._steps}. {text}[/bold]")

    @contextmanager
    def bar(self, text: str, total: int | None) -> Iterator[Advance]:
        columns = (TextColumn("   {task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(text, total=total)

            def advance(by: int, total: int | None = None) -> None:
                progress.update(task, advance=by, total=total)

            yield advance

    def report(self, campaign: Campaign, result: Report) -> None:
        table = Table(title=f"Report of “{campaign}”", title_justify="left")
        table.add_column("Figure")
        table.add_column("", justify="right")
        for definition in DEFINITIONS.values():
            value = getattr(result.figures, definition.name)
            table.add_row(definition.label, f"{value:.1%}" if definition.is_rate else f"{value:,}")
        self.console.print(table)
        links = Table(title="Links", title_justify="left")
        for heading in ("Address", "Clicks", "People"):
            links.add_column(heading, justify="left" if heading == "Address" else "right")
        for link in result.links:
            links.add_row(link.url, f"{link.clicks:,}", f"{link.clicked:,}")
        self.console.print(links)

    def checks(self, checks: Sequence[Check]) -> None:
        table = Table(title="Does it reconcile with the inbox?", title_justify="left")
        for heading in ("", "Figure"):
            table.add_column(heading, no_wrap=True)
        for heading in ("Expected", "Found"):
            table.add_column(heading, justify="right")
        for check in checks:
            mark = "[green]yes[/green]" if check.holds else "[bold red]NO[/bold red]"
            table.add_row(mark, check.name, _said(check.expected), _said(check.actual))
        self.console.print(table)


def _said(value: Any) -> str:
    """A count, or counts by reason in a fixed order."""
    if isinstance(value, dict):
        return ", ".join(f"{count:,} {reason}" for reason, count in sorted(value.items())) or "nobody"
    return f"{value:,}"
