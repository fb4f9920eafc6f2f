"""How many recipients stand where: states, reasons of skipping, variants and domains, without reading the recipients.

Each run's recipients are counted as a whole by one statement, now and then while the run changes and once at its end.
Doing it again changes nothing; of two workers one does it. A report reads what was counted, so that its cost does not
grow with the audience. While that is not of this moment, a small audience is counted on the spot, and of a large one
the report says as of when it speaks.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

from django.db import connection, transaction
from django.db.models import Aggregate, CharField, Count, F, Func, Q, QuerySet, Sum
from django.utils.timezone import now

from campaigns.models import Campaign, CampaignRun
from delivery.models import Recipient
from stats.models import Outcome, OutcomeCount

COLUMNS = ("planned", "sent", "failed", "skipped", "in_doubt")
KEY = ("run_id", "variant_id", "domain", "state", "skip_reason")
SMALL = 20_000  # so many people are counted in some hundredths of a second
TURNS = 7_340_129  # any number nothing else in this database uses as the first half of an advisory lock
State = Recipient.State


class DomainOf(Func):
    """What follows the last @ of an address, in small letters; "" where there is none, as in a phone number."""

    output_field = CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        domain = "lower(substring(%(expressions)s from '[^@]*$'))"
        template = f"CASE WHEN strpos(%(expressions)s, '@') > 0 THEN {domain} ELSE '' END"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        until = "rtrim(%(expressions)s, replace(%(expressions)s, '@', ''))"  # the address as far as its last @
        domain = f"lower(substr(%(expressions)s, length({until}) + 1))"
        template = f"CASE WHEN instr(%(expressions)s, '@') > 0 THEN {domain} ELSE '' END"
        return self.as_sql(compiler, connection, template=template, **context)


# --- counting ----------------------------------------------------------------------------------------------------


def refresh_stale(limit: int = 100) -> int:
    """Count anew the runs that have changed since, those counted longest ago first; how many were counted."""
    return sum(refresh(run_id) for run_id in list(stale_runs().values_list("pk", flat=True)[:limit]))


def stale_runs() -> QuerySet[CampaignRun]:
    """Runs with an audience whose columns say something else than when their recipients were last counted."""
    is_as_then = Q(**{f"outcome_count__{name}": F(name) for name in COLUMNS})
    changed = CampaignRun.objects.filter(Q(outcome_count__isnull=True) | ~is_as_then, planned__gt=0)
    return changed.order_by(F("outcome_count__counted_at").asc(nulls_first=True), "pk")


def refresh(run_id: int) -> bool:
    """Count this run's recipients anew; False where somebody else is at it, or the run is gone.

    The columns are read before the recipients: what settles in between leaves them apart, and the run is counted again.
    """
    with transaction.atomic():
        if not _take_turn(run_id):
            return False
        run = CampaignRun.objects.filter(pk=run_id).values(*COLUMNS).first()
        if run is None:
            return False
        Outcome.objects.filter(run=run_id).delete()
        _count(run_id)
        OutcomeCount.objects.update_or_create(run_id=run_id, defaults={**run, "counted_at": now()})
    return True


def _take_turn(run_id: int) -> bool:
    """Until the end of this transaction nobody else counts this run. (SQLite has one writer at a time anyway.)"""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [TURNS, run_id % 2**31])
        return bool(cursor.fetchone()[0])


def _count(run_id: int) -> None:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(name) for name in (*KEY, "people"))
    select, parameters = _recipients(Q(run=run_id)).values(*KEY).annotate(people=Count("pk")).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(Outcome._meta.db_table)} ({columns}) {select}", parameters)


def _recipients(condition: Q) -> QuerySet[Recipient]:
    return Recipient.objects.filter(condition).order_by().annotate(domain=DomainOf("address"))


# --- reading -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DomainOutcome:
    """People of one domain by state of their message; of `others` domains together where it is not 0."""

    domain: str
    states: dict[str, int]
    others: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Where the recipients of a campaign stand, over all its runs.

    `variants`: by variant id, people by state. `skip_reasons`: people by reason, most first. `domains`: the largest
    ones, and all others in the last row. `counted_at`: as of when; None if of this moment.
    """

    variants: dict[int, dict[str, int]] = field(default_factory=dict)
    skip_reasons: dict[str, int] = field(default_factory=dict)
    domains: list[DomainOutcome] = field(default_factory=list)
    counted_at: datetime | None = None


def outcomes(campaign: Campaign, *, largest: int = 50) -> Outcomes:
    """In seven queries at most, whatever the size of the audience. `largest`: how many domains stand by themselves."""
    rows, people, counted_at = _source(campaign)
    return Outcomes(
        variants=_by_variant(rows, people),
        skip_reasons=_skip_reasons(rows, people),
        domains=_by_domain(rows, people, largest),
        counted_at=counted_at,
    )


def by_variant(campaigns: Iterable[int]) -> dict[int, dict[tuple[str, str], int]]:
    """Of many campaigns, in three queries: by variant id, people by (state, reason of skipping)."""
    ids = set(campaigns)
    live = _to_count_now(ids)
    stored = Outcome.objects.filter(run__campaign__in=ids - live).order_by()
    found: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
    for rows, people in ((stored, Sum("people")), (_recipients(Q(run__campaign__in=live)), Count("pk"))):
        of_variants = rows.filter(variant__isnull=False)
        counted = of_variants.values_list("variant_id", "state", "skip_reason").annotate(counted=people)
        for variant_id, state, reason, count in counted:
            found[variant_id][state, reason] = count
    return found


def _to_count_now(ids: Iterable[int]) -> set[int]:
    """Campaigns whose stored outcomes are old, the smallest first, as long as they are few people together."""
    runs = CampaignRun.objects.filter(campaign__in=ids, planned__gt=0).select_related("outcome_count")
    sizes: dict[int, int] = defaultdict(int)
    stale = set()
    for run in runs:
        sizes[run.campaign_id] += run.planned
        if not _is_current(run):
            stale.add(run.campaign_id)
    in_order = sorted(stale, key=sizes.__getitem__)
    people = accumulate(sizes[pk] for pk in in_order)
    return {pk for pk, together in zip(in_order, people, strict=True) if together <= SMALL}


def _source(campaign: Campaign) -> tuple[QuerySet[Any], Aggregate, datetime | None]:
    """The rows to add up, and how: what was counted, or the recipients where that is old and they are few."""
    runs = CampaignRun.objects.filter(campaign=campaign, planned__gt=0).select_related("outcome_count")
    stale = [run for run in runs if not _is_current(run)]
    if stale and sum(run.planned for run in runs) <= SMALL:
        return _recipients(Q(run__campaign=campaign)), Count("pk"), None
    stored = Outcome.objects.filter(run__campaign=campaign).order_by()
    return stored, Sum("people"), min(map(_known_until, stale), default=None)


def _is_current(run: CampaignRun) -> bool:
    counted = getattr(run, "outcome_count", None)
    return counted is not None and all(getattr(counted, name) == getattr(run, name) for name in COLUMNS)


def _known_until(run: CampaignRun) -> datetime:
    """A run that was never counted is not known since it began."""
    counted: OutcomeCount | None = getattr(run, "outcome_count", None)
    return counted.counted_at if counted else run.started_at


def _by_variant(rows: QuerySet[Any], people: Aggregate) -> dict[int, dict[str, int]]:
    """Who waits for a split test has no variant yet."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    of_variants = rows.filter(variant__isnull=False)
    for variant_id, state, count in of_variants.values_list("variant_id", "state").annotate(counted=people):
        found[variant_id][state] = count
    return found


def _skip_reasons(rows: QuerySet[Any], people: Aggregate) -> dict[str, int]:
    skipped = rows.filter(state=State.SKIPPED).values_list("skip_reason").annotate(counted=people)
    return dict(skipped.order_by("-counted", "skip_reason"))


def _by_domain(rows: QuerySet[Any], people: Aggregate, largest: int) -> list[DomainOutcome]:
    """Most people first. Skipped people count too: they were of the audience."""
    sizes = list(rows.values_list("domain").annotate(counted=people).order_by("-counted", "domain")[: largest + 1])
    named = [domain for domain, _ in sizes[:largest]]
    found: dict[str, dict[str, int]] = {domain: {} for domain in named}
    for domain, state, count in rows.filter(domain__in=named).values_list("domain", "state").annotate(counted=people):
        found[domain][state] = count
    shown = [DomainOutcome(domain=domain, states=states) for domain, states in found.items()]
    return shown + _others(rows, people, named) if len(sizes) > largest else shown


def _others(rows: QuerySet[Any], people: Aggregate, named: list[str]) -> list[DomainOutcome]:
    rest = rows.exclude(domain__in=named)
    states = dict(rest.values_list("state").annotate(counted=people))
    return [DomainOutcome(domain="", states=states, others=rest.aggregate(n=Count("domain", distinct=True))["n"])]
