"""A campaign by its recipients' domains, by what its mail was looked at with, and by the codes of its bounces."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet, Sum

from campaigns.models import Campaign
from stats.counted import Sums, added_up, columns_of, results, summed
from stats.figures import Figures
from stats.models import READ, Breakdown, EventKind
from stats.outcomes import DomainOutcome, outcomes
from stats.report_rows import DomainRow, ProgramRow

Dimension = Breakdown.Dimension
PROGRAMS_SHOWN = 20


def largest_domains(campaign: Campaign, number: int = 100) -> list[DomainRow]:
    """So many with most recipients, and all others in the last row."""
    return by_domain(campaign, outcomes(campaign, largest=number).domains)


def bounced_or_not(figures: Figures) -> tuple[int, int, int]:
    """Those sent to as Octeth divides them: not bounced, hard, soft; it knows no other type, so that soft holds it."""
    soft = figures.bounced_soft + figures.bounced_other
    return max(0, figures.sent - figures.bounced_hard - soft), figures.bounced_hard, soft


def by_domain(campaign: Campaign, sizes: Sequence[DomainOutcome]) -> list[DomainRow]:
    """The same domains as `sizes`, with what came back from them. In two queries."""
    rows = _of(campaign).filter(dimension=Dimension.DOMAIN)
    named = [each.domain for each in sizes if not each.others]
    counts = summed(rows.filter(value__in=named), "value")
    if len(named) < len(sizes):
        counts[None] = added_up(summed(rows.exclude(value__in=named), "run_id").values())
    return [_domain_row(each, counts.get(None if each.others else each.domain, {}), campaign) for each in sizes]


def _domain_row(size: DomainOutcome, counts: Mapping[str, Sums], campaign: Campaign) -> DomainRow:
    columns = columns_of(size.states)
    found = results(columns, counts, campaign.channel, columns["planned"] - columns["skipped"])
    return DomainRow(domain=size.domain, figures=found.figures, raw=found.raw, others=size.others)


def by_program(campaign: Campaign, dimension: str) -> list[ProgramRow]:
    """Programs (Dimension.CLIENT) or devices (Dimension.DEVICE), those that most people read with first."""
    rows = _of(campaign).filter(dimension=dimension, kind__in=[READ, EventKind.CLICKED])
    found = [(name, results({}, counts, campaign.channel)) for name, counts in summed(rows, "value").items()]
    shown = [ProgramRow(name=name, figures=each.figures, raw=each.raw) for name, each in found]
    return sorted(shown, key=_most_people)[:PROGRAMS_SHOWN]


def _most_people(row: ProgramRow) -> tuple[Any, ...]:
    return (-row.figures.opened, -row.figures.clicked, -row.raw.opened, -row.raw.clicked, row.name)


def bounce_codes(campaign: Campaign) -> dict[str, int]:
    """People by the code of their first bounce, most first."""
    rows = _of(campaign).filter(dimension=Dimension.BOUNCE, kind=EventKind.BOUNCED).order_by()
    codes = rows.values_list("value").annotate(people=Sum("unique")).order_by("-people", "value")
    return {code: people for code, people in codes if people}


def _of(campaign: Campaign) -> QuerySet[Breakdown]:
    return Breakdown.objects.filter(run__campaign=campaign)
