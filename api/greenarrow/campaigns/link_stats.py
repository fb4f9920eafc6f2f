"""The links of a campaign's contents, as they were sent, with every click on them."""

from collections.abc import Mapping
from typing import Any

from api.greenarrow.errors import NotFound
from audience.criteria.greenarrow.place import number
from campaigns.models import Campaign
from delivery import dispatches
from stats.links import links

PLACES = 2**15  # a place in a mail is smaller than that


def of_campaign(campaign: Campaign, params: Mapping[str, str]) -> list[dict[str, Any]]:
    """By URL in any case, then by id; `url` (with `*` for any run of characters) and `content_id` choose among them.

    Each place of a link has a row, so that the clicks of all rows are the clicks of the campaign. Raises NotFound.
    """
    content_id = params.get("content_id", "")
    variants = list(campaign.variants.all())
    if content_id:
        variants = [each for each in variants if each.pk == number(content_id)]
        if not variants:
            raise NotFound("content not found")
    if not campaign.is_started or not dispatches.of(campaign).tracks_clicks:
        return []
    wanted, pattern = {each.pk for each in variants}, params.get("url", "")
    found = [
        {
            "link_id": row.variant_id * PLACES + row.position,
            "url": row.url,
            "clicks_total": row.raw_clicks,
            "clicks_unique": row.raw_clicked_first,
            "clicks_unique_by_link": row.raw_clicked,
        }
        for row in links(campaign, variants)
        if row.variant_id in wanted and (not pattern or matches(pattern, row.url))
    ]
    return sorted(found, key=lambda row: (str(row["url"]).lower(), row["link_id"]))


def matches(pattern: str, url: str) -> bool:
    """Whether the whole URL is like the pattern, in any case. Each piece is looked for once, so that no pattern takes
    longer than its length times that of the URL."""
    first, *rest = pattern.lower().split("*")
    text = url.lower()
    if not rest:
        return text == first
    if not text.startswith(first):
        return False
    at = len(first)
    for piece in rest[:-1]:
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return text.endswith(rest[-1]) and len(text) - len(rest[-1]) >= at
