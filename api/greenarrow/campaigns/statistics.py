"""`stat_summary` and its relatives: the base counters and what is derived from them, under GreenArrow's names.

Each table below names the wire's key and the attribute it is read from; nothing is computed here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from campaigns.models import Campaign, ContentSnapshot, Variant
from delivery.models import SeedCopy
from stats import base_counters
from stats.base_counters import BaseCounters, added
from stats.derived import Openers, derived, privacy_protection

RAW = {
    "sent_text": "sent_text",
    "sent_html": "sent_html",
    "sent_multipart": "sent_multipart",
    "bounces_total": "bounces",
    "bounces_unique": "bounced",
    "bounces_unique_hard": "bounced_hard",
    "bounces_unique_soft": "bounced_soft",
    "bounces_unique_other": "bounced_other",
    "bounces_unique_local": "bounced_local",
    "bounces_unique_remote": "bounced_remote",
    "clicks_total": "clicks",
    "clicks_unique": "clicked",
    "clicks_unique_by_link": "clicked_links",
    "opens_total": "opens",
    "opens_unique": "opened",
    "scomps_total": "complaints",
    "scomps_unique": "complained",
    "scomps_status_updated": "complaint_ended",
    "unsubs_total": "unsubscribes",
    "unsubs_unique": "unsubscribed",
    "unsubs_status_updated": "unsubscribe_ended",
    "bounces_status_updated": "bounce_ended",
    "total_messages": "handed_over",
    "total_success": "accepted",
    "total_failure": "refused",
    "total_failure_toolong": "expired",
    "skips_error": "skipped_by_error",
    "skips_request": "skipped_on_request",
}
DERIVED = {
    "messages_sent": "messages",
    "messages_html": "messages_html",
    "messages_text": "messages_text",
    "accepted": "accepted",
    "accepted_rate": "accepted_rate",
    "in_queue": "in_queue",
    "in_queue_rate": "in_queue_rate",
    "max_unique_activities": "most_active",
    "open_rate": "open_rate",
    "open_ratio": "opens_each",
    "unopened": "unopened",
    "duplicate_opens": "repeated_opens",
    "duplicate_clicks": "repeated_clicks",
    "click_rate": "click_rate",
    "click_to_open_rate": "click_to_open_rate",
    "unclicked": "unclicked",
    "bounced": "bounced",
    "duplicate_bounces": "repeated_bounces",
    "unbounced": "unbounced",
    "bounce_rate": "bounce_rate",
    "bounce_rate_hard": "hard_rate",
    "bounce_rate_soft": "soft_rate",
    "bounce_rate_other": "other_rate",
    "bounce_local_rate": "local_rate",
    "duplicate_scomps": "repeated_complaints",
    "scomp_rate": "complaint_rate",
    "duplicate_unsubs": "repeated_unsubscribes",
    "unsub_rate": "unsubscribe_rate",
}
OPENERS = {
    "opens_unique": "opened",
    "opens_unique_rate": "opened_rate",
    "opens_total": "opens",
    "privacy_opens_unique": "privacy_opened",
    "privacy_opens_unique_rate": "privacy_opened_rate",
    "privacy_opens_total": "privacy_opens",
    "nonprivacy_opens_unique": "plain_opened",
    "nonprivacy_opens_unique_rate": "plain_opened_rate",
    "nonprivacy_opens_total": "plain_opens",
    "subscriber_count": "people",
}
ALL_OPENERS = tuple(OPENERS)
OF_PROXIES = tuple(each for each in OPENERS if each not in ("opens_unique_rate", "opens_total"))
OF_OTHERS = tuple(each for each in OF_PROXIES if not each.startswith("privacy"))


def raw(base: BaseCounters, *, seeds: int = 0, seeds_accepted: int = 0) -> dict[str, Any]:
    """The counters alone; copies to seed addresses are in the totals of messages and nowhere else."""
    shown = {name: getattr(base, attribute) for name, attribute in RAW.items()}
    shown["total_messages"] += seeds
    shown["total_success"] += seeds_accepted
    return shown


def summary(base: BaseCounters, ids: Mapping[str, int], *, seeds: int = 0, seeds_accepted: int = 0) -> dict[str, Any]:
    """`stat_summary`. `ids`: `stat_id`, or `stat_slice_id`; none for a content that nobody got."""
    figures = derived(base)
    received = bool(ids)
    return {
        **raw(base, seeds=seeds, seeds_accepted=seeds_accepted),
        **ids,
        "bounces_unique_by_code": dict(base.bounced_by_code) if received else None,
        **{name: getattr(figures, attribute) for name, attribute in DERIVED.items()},
        "privacy_protection": privacy(base),
    }


def privacy(base: BaseCounters) -> dict[str, dict[str, Any]]:
    found = privacy_protection(base)
    return {
        "all_subscribers": _openers(found.everybody, ALL_OPENERS),
        "privacy_subscribers": _openers(found.proxied, OF_PROXIES),
        "nonprivacy_subscribers": _openers(found.others, OF_OTHERS),
    }


def _openers(group: Openers, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(group, OPENERS[name]) for name in names}


# --- of one campaign -----------------------------------------------------------------------------------------------


def stat_id(campaign: Campaign) -> int | None:
    """The first run is what a campaign's statistics are known by; None before it began."""
    first = campaign.runs.order_by("number").values_list("pk", flat=True).first()
    return int(first) if first is not None else None


def slice_ids(campaign: Campaign) -> dict[int, int]:
    """By content: what its statistics are known by."""
    rows = ContentSnapshot.objects.filter(run__campaign=campaign).order_by("-run__number")
    return dict(rows.values_list("variant_id", "pk"))


def of_campaign(campaign: Campaign, contents: Sequence[Variant]) -> dict[str, Any]:
    """`stat_summary` and `content_stats`; None in both until it began."""
    known_by = stat_id(campaign)
    if known_by is None:
        nothing = [_of_content(variant, None) for variant in contents]
        return {"stat_summary": None, "content_stats": nothing}
    bases = base_counters.for_campaigns([campaign.pk])[campaign.pk]
    seeds, slices = _seeds(campaign), slice_ids(campaign)
    whole = summary(added(bases.values()), {"stat_id": known_by}, **_added(seeds.values()))
    each = [
        _of_content(variant, _slice(bases.get(variant.pk, BaseCounters()), slices.get(variant.pk), seeds, variant.pk))
        for variant in contents
    ]
    return {"stat_summary": whole, "content_stats": each}


def _slice(base: BaseCounters, known_by: int | None, seeds: Mapping[int, Mapping[str, int]], pk: int) -> dict[str, Any]:
    ids = {"stat_slice_id": known_by} if known_by is not None and base.handed_over else {}
    return summary(base, ids, **seeds.get(pk, {}))


def _of_content(variant: Variant, shown: dict[str, Any] | None) -> dict[str, Any]:
    return {"content": {"id": variant.pk, "name": variant.name}, "stat_summary": shown}


def _seeds(campaign: Campaign) -> dict[int, dict[str, int]]:
    """By content: copies sent to seed addresses, and how many of them were taken."""
    found: dict[int, dict[str, int]] = {}
    rows = SeedCopy.objects.filter(run__campaign=campaign).values_list("variant_id", "is_accepted")
    for variant_id, is_accepted in rows:
        counted = found.setdefault(variant_id, {"seeds": 0, "seeds_accepted": 0})
        counted["seeds"] += 1
        counted["seeds_accepted"] += is_accepted
    return found


def _added(counted: Any) -> dict[str, int]:
    rows = list(counted)
    return {name: sum(each[name] for each in rows) for name in ("seeds", "seeds_accepted")}
