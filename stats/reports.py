"""What became of campaigns, from the runs' own columns and the counters: the cost does not grow with the events.

Recipients are looked at only for what no counter holds: reasons of skipping, and outcomes by variant where a campaign
has several.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, QuerySet, Sum

from campaigns.approval import EMAIL_FIELDS
from campaigns.models import Campaign, CampaignRun, Channel, ContentSnapshot, Variant
from content.compile import compile_email
from content.errors import ContentError
from delivery.models import Recipient
from stats.figures import Figures
from stats.models import READ, Counter, EventKind
from stats.timeline import Point, Timeline, over_time

SETTLED_COLUMNS = ("sent", "failed", "skipped", "in_doubt")
RUN_COLUMNS = ("planned", *SETTLED_COLUMNS, "excluded")
State = Recipient.State
Counts = Mapping[str, tuple[int, int]]  # (total, unique) by kind


@dataclass(frozen=True, kw_only=True)
class LinkRow:
    """A link of the mail. `clicked`: people who clicked it; `clicked_first`: those who clicked it before any other."""

    variant_id: int
    variant: str
    position: int
    url: str
    clicks: int = 0
    clicked: int = 0
    clicked_first: int = 0


@dataclass(frozen=True, kw_only=True)
class VariantRow:
    variant: Variant
    figures: Figures


@dataclass(frozen=True, kw_only=True)
class Report:
    """`outcomes`: people by state of their message (`Recipient.State`); `skip_reasons`: people by reason."""

    figures: Figures
    timeline: Timeline
    links: list[LinkRow] = field(default_factory=list)
    variants: list[VariantRow] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    skip_reasons: dict[str, int] = field(default_factory=dict)


def report(campaign: Campaign) -> Report:
    """Everything a report page shows, over all runs of the campaign; zeros before it was started."""
    counts = _by_variant(campaign)
    run = _run_columns([campaign.pk]).get(campaign.pk, {})
    whole = _figures(run, _added_up(counts.values()), campaign.channel, campaign.total_recipients)
    variants = list(campaign.variants.order_by("position"))
    return Report(
        figures=whole,
        timeline=over_time(_hours(campaign), (campaign.edition or campaign.organization).timezone),
        links=_links(campaign, variants),
        variants=_variant_rows(campaign, variants, counts, whole),
        outcomes={state.value: getattr(whole, state.value) for state in State},
        skip_reasons=_skip_reasons(campaign),
    )


def for_campaigns(ids: Iterable[int]) -> dict[int, Figures]:
    """The figures of many campaigns by id, in three queries; campaigns that were never started are not in it."""
    wanted = list(ids)
    runs, counts = _run_columns(wanted), _by_campaign(wanted)
    about = Campaign.objects.filter(pk__in=runs.keys()).order_by().values_list("pk", "channel", "total_recipients")
    return {pk: _figures(runs[pk], counts[pk], channel, total) for pk, channel, total in about}


def for_rows(rows: Sequence[Any]) -> dict[int, Figures]:
    """As `for_campaigns`, in one query, for rows of campaigns that carry `sent_count` and `failed_count` already.

    Campaigns that were never started have zeros; what is skipped, waiting or in doubt is not counted.
    """
    counts = _by_campaign(row.pk for row in rows)
    return {
        row.pk: _figures(
            {"sent": row.sent_count, "failed": row.failed_count}, counts[row.pk], row.channel, row.total_recipients
        )
        for row in rows
    }


# --- figures -----------------------------------------------------------------------------------------------------


def _run_columns(ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """By campaign, summed over its runs."""
    runs = CampaignRun.objects.filter(campaign__in=ids).order_by().values_list("campaign")
    summed = runs.annotate(*[Sum(column) for column in RUN_COLUMNS])
    return {row[0]: dict(zip(RUN_COLUMNS, row[1:], strict=True)) for row in summed}


def _by_campaign(ids: Iterable[int]) -> dict[int, dict[str, tuple[int, int]]]:
    rows = Counter.objects.filter(run__campaign__in=list(ids)).order_by().values_list("run__campaign", "kind")
    counts: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
    for campaign_id, kind, total, unique in rows.annotate(Sum("total"), Sum("unique")):
        counts[campaign_id][kind] = (total, unique)
    return counts


def _by_variant(campaign: Campaign) -> dict[int, dict[str, tuple[int, int]]]:
    rows = Counter.objects.filter(run__campaign=campaign).order_by().values_list("variant_id", "kind")
    counts: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
    for variant_id, kind, total, unique in rows.annotate(Sum("total"), Sum("unique")):
        counts[variant_id][kind] = (total, unique)
    return counts


def _added_up(counts: Iterable[Counts]) -> Counts:
    summed: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for each in counts:
        for kind, (total, unique) in each.items():
            summed[kind] = (summed[kind][0] + total, summed[kind][1] + unique)
    return summed


def _figures(columns: Mapping[str, int], counts: Counts, channel: str, total_recipients: int) -> Figures:
    def total(kind: str) -> int:
        return counts.get(kind, (0, 0))[0]

    def people(kind: str) -> int:
        return counts.get(kind, (0, 0))[1]

    settled = sum(columns.get(name, 0) for name in SETTLED_COLUMNS)
    has_opens = channel == Channel.EMAIL
    return Figures(
        **columns,
        total_recipients=total_recipients,
        pending=columns.get("planned", 0) - settled,
        bounced=people(EventKind.BOUNCED),
        opened=people(READ) if has_opens else 0,
        opens=total(READ) if has_opens else 0,
        pixel_opened=people(EventKind.OPENED),
        pixel_opens=total(EventKind.OPENED),
        clicked=people(EventKind.CLICKED),
        clicks=total(EventKind.CLICKED),
        viewed=people(EventKind.VIEWED),
        unsubscribed=people(EventKind.UNSUBSCRIBED),
        complained=people(EventKind.COMPLAINED),
    )


def _variant_rows(
    campaign: Campaign, variants: list[Variant], counts: Mapping[int, Counts], whole: Figures
) -> list[VariantRow]:
    """A plain campaign's one variant is the whole; several share it, and who got which is asked of the recipients."""
    if len(variants) == 1:
        return [VariantRow(variant=variants[0], figures=whole)]
    columns = _columns_by_variant(campaign)
    rows = []
    for variant in variants:
        own, to_send = columns[variant.pk], columns[variant.pk]["planned"] - columns[variant.pk]["skipped"]
        figures = _figures(own, counts.get(variant.pk, {}), campaign.channel, to_send)
        rows.append(VariantRow(variant=variant, figures=figures))
    return rows


def _columns_by_variant(campaign: Campaign) -> dict[int, dict[str, int]]:
    columns: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(RUN_COLUMNS, 0))
    rows = Recipient.objects.filter(run__campaign=campaign).order_by().values_list("variant_id", "state")
    for variant_id, state, people in rows.annotate(Count("pk")):
        columns[variant_id]["planned"] += people
        if state in RUN_COLUMNS:
            columns[variant_id][state] = people
    return columns


def _skip_reasons(campaign: Campaign) -> dict[str, int]:
    """Most people first."""
    skipped = Recipient.objects.filter(run__campaign=campaign, state=State.SKIPPED).order_by()
    counted = skipped.values_list("skip_reason").annotate(people=Count("pk")).order_by("-people", "skip_reason")
    return dict(counted)


# --- over time ---------------------------------------------------------------------------------------------------


def _hours(campaign: Campaign) -> list[Point]:
    shown = (READ, EventKind.CLICKED.value) if campaign.channel == Channel.EMAIL else (EventKind.CLICKED.value,)
    rows = Counter.objects.filter(run__campaign=campaign, kind__in=shown).order_by().values_list("hour", "kind")
    hours: dict[datetime, dict[str, int]] = defaultdict(dict)
    for hour, kind, total, unique in rows.annotate(Sum("total"), Sum("unique")):
        names = ("opens", "opened") if kind == READ else ("clicks", "clicked")
        hours[hour] |= dict(zip(names, (total, unique), strict=True))
    return [Point(at=hour, **values) for hour, values in sorted(hours.items())]


# --- links -------------------------------------------------------------------------------------------------------


def _links(campaign: Campaign, variants: list[Variant]) -> list[LinkRow]:
    """Every tracked link of the mail, also those nobody clicked; the most clicked first."""
    names = {variant.pk: variant.name for variant in variants}
    urls = _links_in_content(campaign)
    rows = Counter.objects.filter(run__campaign=campaign, kind=EventKind.CLICKED).order_by()
    found: dict[tuple[int, int], LinkRow] = {}
    for variant_id, position, url, *clicks in rows.values_list("variant_id", "link_position").annotate(
        Min("url"), Sum("total"), Sum("unique_by_link"), Sum("unique")
    ):
        key = (variant_id, position)
        counted = dict(zip(("clicks", "clicked", "clicked_first"), clicks, strict=True))
        found[key] = _link_row(key, names, urls.get(key, url), **counted)
    unclicked = {key: _link_row(key, names, url) for key, url in urls.items() if key not in found}
    return sorted((found | unclicked).values(), key=lambda row: (-row.clicks, row.variant_id, row.position))


def _link_row(key: tuple[int, int], names: Mapping[int, str], url: str, **counted: int) -> LinkRow:
    variant_id, position = key
    return LinkRow(variant_id=variant_id, variant=names.get(variant_id, ""), position=position, url=url, **counted)


def _links_in_content(campaign: Campaign) -> dict[tuple[int, int], str]:
    """URLs by variant and position, with merge fields as their author wrote them, as the latest run sent them."""
    if campaign.channel != Channel.EMAIL:
        return {}
    snapshots: QuerySet[ContentSnapshot] = ContentSnapshot.objects.filter(run__campaign=campaign)
    return {
        (snapshot.variant_id, position): url
        for snapshot in snapshots.order_by("run__number")
        for position, url in _links_of(_Said(**{name: getattr(snapshot, name) for name in EMAIL_FIELDS}))
    }


@dataclass(unsafe_hash=True)
class _Said:
    """What a snapshot says, to be compared by value."""

    merge_language: str
    subject: str
    preheader: str
    from_name: str
    from_email: str
    reply_to: str
    html: str
    text: str


@lru_cache(maxsize=64)
def _links_of(said: _Said) -> tuple[tuple[int, str], ...]:
    """Positions and URLs; kept, since to compile a mail takes longer than the rest of its report."""
    try:
        message = compile_email(said, run_id=0, base_url=settings.BASE_URL)
    except ContentError:  # then nothing of it was sent either
        return ()
    return tuple((link.position, link.url) for link in message.links)
