"""The links of a campaign's mail, and how they were used."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from django.conf import settings
from django.db.models import Max, QuerySet, Sum

from campaigns.models import Campaign, Channel, ContentSnapshot, Variant
from content.compile import Said, compile_email, said_by
from content.errors import ContentError
from stats.models import Counter, EventKind
from stats.report_rows import LinkRow

COUNTS = {
    "clicks": "human_total",
    "clicked": "human_unique_by_link",
    "clicked_first": "human_unique",
    "raw_clicks": "total",
    "raw_clicked": "unique_by_link",
    "raw_clicked_first": "unique",
}


def links(campaign: Campaign, variants: list[Variant]) -> list[LinkRow]:
    """Every tracked link of the mail, also those nobody clicked; those most people clicked first."""
    names = {variant.pk: variant.name for variant in variants}
    urls = links_in_content(campaign)
    rows = Counter.objects.filter(run__campaign=campaign, kind=EventKind.CLICKED).order_by()
    found: dict[tuple[int, int], LinkRow] = {}
    for variant_id, position, url, *clicks in rows.values_list("variant_id", "link_position").annotate(
        Max("url"), *[Sum(column) for column in COUNTS.values()]
    ):
        key = (variant_id, position)
        found[key] = _link_row(key, names, urls.get(key, url), **dict(zip(COUNTS, clicks, strict=True)))
    unclicked = {key: _link_row(key, names, url) for key, url in urls.items() if key not in found}
    return sorted((found | unclicked).values(), key=_order)


def _order(row: LinkRow) -> tuple[int, ...]:
    return (-row.clicks, -row.raw_clicks, row.variant_id, row.position)


def _link_row(key: tuple[int, int], names: Mapping[int, str], url: str, **counted: int) -> LinkRow:
    variant_id, position = key
    return LinkRow(variant_id=variant_id, variant=names.get(variant_id, ""), position=position, url=url, **counted)


def links_in_content(campaign: Campaign) -> dict[tuple[int, int], str]:
    """URLs by variant and position, with merge fields as their author wrote them, as the latest run sent them."""
    if campaign.channel != Channel.EMAIL:
        return {}
    snapshots: QuerySet[ContentSnapshot] = ContentSnapshot.objects.filter(run__campaign=campaign)
    return {
        (snapshot.variant_id, position): url
        for snapshot in snapshots.order_by("run__number")
        for position, url in _links_of(_Sent.of(snapshot))
    }


@dataclass(unsafe_hash=True, kw_only=True)
class _Sent(Said):
    """What a snapshot says, and the fields it knew."""

    known_fields: tuple[tuple[int, str, str], ...]

    @classmethod
    def of(cls, snapshot: ContentSnapshot) -> Self:
        known = tuple((number, key, name) for number, key, name in snapshot.known_fields)
        return cls(**said_by(snapshot), known_fields=known)


@lru_cache(maxsize=64)
def _links_of(said: _Sent) -> tuple[tuple[int, str], ...]:
    """Positions and URLs; kept, since to compile a mail takes longer than the rest of its report."""
    try:
        message = compile_email(said, run_id=0, base_url=settings.BASE_URL, fields=said.known_fields)
    except ContentError:  # then nothing of it was sent either
        return ()
    return tuple((link.position, link.url) for link in message.links)
