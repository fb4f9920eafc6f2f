"""What endpoints are told, as JSON. Pure: rows come in as they were read.

Every body is {"id", "type", "created", "organization", "data"}; docs/webhooks.md shows each type, and a test holds that
page to what is made here. Ids are those of the REST API, times ISO 8601 in UTC.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from accounts.public_ids import new_public_id
from campaigns.models import Campaign, CampaignEvent, State
from stats.counting import Judged
from stats.models import EventKind
from webhooks.models import TEST, Endpoint, Happening

OF_HITS: dict[str, Happening] = {
    EventKind.DELIVERED.value: Happening.MESSAGE_DELIVERED,
    EventKind.BOUNCED.value: Happening.MESSAGE_BOUNCED,
    EventKind.OPENED.value: Happening.MESSAGE_OPENED,
    EventKind.CLICKED.value: Happening.MESSAGE_CLICKED,
    EventKind.UNSUBSCRIBED.value: Happening.MESSAGE_UNSUBSCRIBED,
    EventKind.COMPLAINED.value: Happening.MESSAGE_COMPLAINED,
}
OF_STATES: dict[str, Happening] = {
    State.SCHEDULED.value: Happening.CAMPAIGN_SCHEDULED,
    State.CALCULATING.value: Happening.CAMPAIGN_STARTED,
    State.SENT.value: Happening.CAMPAIGN_SENT,
    State.FAILED.value: Happening.CAMPAIGN_FAILED,
    State.CANCELLED.value: Happening.CAMPAIGN_CANCELLED,
}
OF_VERBS = {"ask": Happening.CHOICE_NEEDED, "release": Happening.VARIANT_CHOSEN}
# By a person's program; servers that report have none.
BY_PROGRAM = {EventKind.OPENED.value, EventKind.CLICKED.value, EventKind.UNSUBSCRIBED.value}
LONGEST_TEXT = 500


# How else an event is told, by the form of an endpoint: called with the happening, its time, `data` as below and the
# subscriber's id (None where it is about nobody), and gives one object for each thing to be told, or none.
FORMS: dict[str, Callable[[str, datetime, dict[str, Any], int | None], list[Any]]] = {}


def happening_of(event: CampaignEvent) -> Happening | None:
    """What a line of a campaign's history is to an endpoint: a step of its split test, the state it came into, or a new
    time."""
    if event.verb in OF_VERBS:
        return OF_VERBS[event.verb]
    arrived = event.to_state != event.from_state or event.verb == "reschedule"
    return OF_STATES.get(event.to_state) if arrived else None


def body(message_id: str, happening: str, at: datetime, organization: dict[str, str], data: dict[str, Any]) -> str:
    """In ASCII, so that it is the same bytes to everybody and any text can be in it."""
    told = {"id": message_id, "type": happening, "created": time(at), "organization": organization, "data": data}
    return json.dumps(told, separators=(",", ":"))


def bodies(
    form: str,
    happening: str,
    at: datetime,
    organization: dict[str, str],
    data: dict[str, Any],
    subscriber_id: int | None,
) -> list[tuple[str, str]]:
    """What an endpoint of this form is sent, each with the id it is sent under."""
    if form in FORMS and happening != TEST:
        told = FORMS[form](happening, at, data, subscriber_id)
        return [(new_public_id("msg"), json.dumps(each, separators=(",", ":"))) for each in told]
    message_id = new_public_id("msg")
    return [(message_id, body(message_id, happening, at, organization, data))]


def of_campaign(campaign: Campaign, reason: str, variant: str = "") -> dict[str, Any]:
    """`data` of what happened to a campaign, as it is in this transaction. `variant`: the name of what was chosen."""
    runs = list(campaign.runs.order_by("number"))
    return {
        "campaign": {
            **_campaign(campaign.public_id, campaign.name, campaign.channel),
            "edition_id": campaign.edition.public_id if campaign.edition else None,
            "scheduled_at": time(campaign.scheduled_at),
            "started_at": time(campaign.started_at),
            "completed_at": time(campaign.finished_at),
            "user_count": campaign.user_count,
            "total_recipients": campaign.total_recipients,
            "sent_count": sum(run.sent for run in runs),
            "failed_count": sum(run.failed for run in runs),
        },
        "run": runs[-1].number if runs else None,
        "reason": reason,
        **({"variant": variant} if variant else {}),
    }


def of_hit(judged: Judged, run: dict[str, Any], subscriber_id: str, *, is_first: bool) -> dict[str, Any]:
    """`data` of what came back from one recipient. `run`: columns of the run with its campaign's."""
    hit, known = judged.hit, judged.known
    data: dict[str, Any] = {
        "campaign": _campaign(run["campaign__public_id"], run["campaign__name"], run["campaign__channel"]),
        "run": run["number"],
        "subscriber": {"id": subscriber_id, "address": known.address},
        "is_first": is_first,
    }
    if hit.kind in BY_PROGRAM:
        verdict = judged.verdict
        data |= {"agent": verdict.agent, "agent_reason": verdict.reason}
        data |= {"ip_address": hit.ip_address or None, "user_agent": hit.user_agent}
    if hit.kind == EventKind.CLICKED:
        data["link"] = {"position": hit.link_position, "url": hit.url}
    if hit.kind == EventKind.BOUNCED:
        data["bounce"] = {
            name: _short(hit.data.get(name, "")) for name in ("type", "origin", "code", "status", "diagnostic")
        }
    if hit.kind == EventKind.DELIVERED:
        data["evidence"] = "receipt"
    return data


def of_acceptance(run: dict[str, Any], subscriber_id: str, address: str) -> dict[str, Any]:
    """`data` of a message that the next server took."""
    return {
        "campaign": _campaign(run["campaign__public_id"], run["campaign__name"], run["campaign__channel"]),
        "run": run["number"],
        "subscriber": {"id": subscriber_id, "address": address},
        "is_first": True,
        "evidence": "acceptance",
    }


def of_test(endpoint: Endpoint) -> tuple[str, dict[str, Any]]:
    """Type and `data` of a test."""
    return TEST, {"webhook": {"id": endpoint.public_id, "name": endpoint.name}}


def time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def _campaign(public_id: str, name: str, channel: str) -> dict[str, Any]:
    return {"id": public_id, "name": name, "channel": channel}


def _short(value: Any) -> str:
    return str(value)[:LONGEST_TEXT]
