"""Events as GreenArrow posts them: `studio_open`, `studio_click`, `studio_unsub`, `bounce_all`, `bounce_bad_address`
and `scomp`, with its names and numbers. What it has no event for is not told."""

import uuid
from collections.abc import Callable
from datetime import datetime
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
    campaign = Campaign.objects.filter(public_id=data["campaign"]["id"]).first()
    mailing_list = _list(campaign, subscriber_id) if campaign else None
    row = Subscription.objects.filter(mailing_list=mailing_list, subscriber=subscriber_id).first()
    run = campaign.runs.order_by("number").first() if campaign else None
    return {
        "event_type": "",
        "event_time": int(at.timestamp()),
        "email": data["subscriber"]["address"],
        "listid": str(mailing_list.pk) if mailing_list else None,
        "list_name": mailing_list.name if mailing_list else None,
        "sendid": f"a{run.pk}" if run else None,
        "studio_mailing_list_id": mailing_list.pk if mailing_list else None,
        "studio_subscriber_id": row.pk if row else None,
        "studio_campaign_id": campaign.pk if campaign else None,
        "studio_autoresponder_id": None,
        "studio_is_unique": bool(data.get("is_first")),
        "studio_rl_seq_id": None,
        "studio_rl_distinct_id": None,
    }


def _list(campaign: Campaign, subscriber_id: int) -> Any:
    """The campaign's own list, else one of those it addresses that the person is on."""
    dispatch = dispatches.of(campaign)
    if dispatch.mailing_list_id:
        return dispatch.mailing_list
    parts = campaign.audience.filter(excluded=False, mailing_list__subscriptions__subscriber=subscriber_id)
    part = parts.select_related("mailing_list").first()
    return part.mailing_list if part else None


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
