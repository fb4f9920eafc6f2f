"""Events as GreenArrow posts them: `studio_open`, `studio_click`, `studio_unsub`, `bounce_all`, `bounce_bad_address`
and `scomp`, with its names and numbers. What it has no event for is not told."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from audience.models import Subscription
from campaigns.models import Campaign
from delivery import dispatches
from webhooks.models import Happening

BOUNCE_TYPES = {"hard": "h", "soft": "s", "other": "o"}
Data = dict[str, Any]


def told(happening: str, at: datetime, data: Data, subscriber_id: int | None) -> list[Data]:
    """One object for each event; see `webhooks.payloads.FORMS`."""
    reader = _READERS.get(happening)
    if reader is None or subscriber_id is None:
        return []
    common = _common(at, data, subscriber_id)
    return [{**common, "event_unique_id": uuid.uuid4().hex, **each} for each in reader(data, common)]


def told_as_arrays(happening: str, at: datetime, data: Data, subscriber_id: int | None) -> list[list[Data]]:
    """For receivers that take an array each time."""
    return [[each] for each in told(happening, at, data, subscriber_id)]


def _common(at: datetime, data: Data, subscriber_id: int) -> Data:
    about = _about(data["campaign"]["id"])
    lists = Subscription.objects.filter(subscriber=subscriber_id, mailing_list__in=about.lists).order_by("pk")
    row = lists.values_list("pk", "mailing_list_id", "mailing_list__name").first()
    subscription_id, list_id, list_name = row or (None, about.lists[0] if len(about.lists) == 1 else None, None)
    return {
        "event_type": "",
        "event_time": int(at.timestamp()),
        "email": data["subscriber"]["address"],
        "listid": str(list_id) if list_id else None,
        "list_name": list_name,
        "sendid": about.sendid,
        "studio_mailing_list_id": list_id,
        "studio_subscriber_id": subscription_id,
        "studio_campaign_id": about.campaign_id,
        "studio_autoresponder_id": None,
        "studio_is_unique": bool(data.get("is_first")),
        "studio_rl_seq_id": None,
        "studio_rl_distinct_id": None,
    }


@dataclass(frozen=True)
class _Campaign:
    """What does not change any more once a campaign has begun. `lists`: its own, else those that it addresses."""

    campaign_id: int | None
    sendid: str | None
    lists: tuple[int, ...]


@lru_cache(maxsize=256)  # hits come by the thousand, about a few campaigns
def _about(public_id: str) -> _Campaign:
    campaign = Campaign.objects.filter(public_id=public_id).first()
    if campaign is None:
        return _Campaign(None, None, ())
    run = campaign.runs.order_by("number").first()
    return _Campaign(campaign.pk, f"a{run.pk}" if run else None, _lists(campaign))


def _lists(campaign: Campaign) -> tuple[int, ...]:
    own = dispatches.of(campaign).mailing_list_id
    if own:
        return (own,)
    parts = [part for part in campaign.audience.select_related("segment") if not part.excluded]
    named = [part.mailing_list_id for part in parts if part.mailing_list_id]
    of_segments = [each.pk for part in parts if part.segment for each in part.segment.mailing_lists.all()]
    return tuple(dict.fromkeys(named or of_segments))


def _opened(data: Data, common: Data) -> list[Data]:
    is_privacy = data.get("agent") == "proxy"
    return [{"event_type": "studio_open", **_program(data), "is_privacy_open": is_privacy}]


def _clicked(data: Data, common: Data) -> list[Data]:
    return [{"event_type": "studio_click", "click_url": data["link"]["url"], **_program(data)}]


def _unsubscribed(data: Data, common: Data) -> list[Data]:
    return [{"event_type": "studio_unsub"}]


def _complained(data: Data, common: Data) -> list[Data]:
    return [{"event_type": "scomp"}]


def _bounced(data: Data, common: Data) -> list[Data]:
    """Every bounce; and one that says the address is bad once more, to be acted on."""
    bounce = data.get("bounce", {})
    code = str(bounce.get("code", ""))
    said = {
        "bounce_type": BOUNCE_TYPES.get(str(bounce.get("type")), "o"),
        "bounce_code": int(code) if code.isdigit() else 0,
        "bounce_text": bounce.get("diagnostic", ""),
    }
    events = [{"event_type": "bounce_all", **said, "synchronous": bounce.get("origin") == "local"}]
    if said["bounce_type"] == "h":
        events.append({"event_type": "bounce_bad_address", **said})
    return events


def _program(data: Data) -> Data:
    return {"studio_ip": data.get("ip_address"), "user_agent": data.get("user_agent") or None}


_READERS: dict[str, Callable[[Data, Data], list[Data]]] = {
    Happening.MESSAGE_OPENED: _opened,
    Happening.MESSAGE_CLICKED: _clicked,
    Happening.MESSAGE_UNSUBSCRIBED: _unsubscribed,
    Happening.MESSAGE_COMPLAINED: _complained,
    Happening.MESSAGE_BOUNCED: _bounced,
}
