"""What happened becomes rows for those who want to know, in the transaction in which it happens.

Rolled back, nothing was said; committed, it will be, whatever is killed in between. Where nobody wants to know, this
costs one small query for a chunk of thousands of hits, and writes nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils.timezone import now

from accounts.models import Organization
from audience.models import Subscriber
from campaigns.models import CampaignEvent, CampaignRun
from delivery.models import Recipient
from stats import bulk
from stats.counting import Judged
from stats.models import Engagement
from stats.tally import FIRST_TIME
from webhooks import floods, payloads
from webhooks.models import Delivery, Endpoint, Happening

COLUMNS = (
    *("public_id", "endpoint_id", "subscriber_id", "event", "body", "state"),
    *("tries", "next_try_at", "history", "answer_status", "answer_text", "error", "created_at", "finished_at"),
)
RUN = ("number", "campaign__public_id", "campaign__name", "campaign__channel", "campaign__edition_id")
OWNER = ("campaign__organization_id", "campaign__organization__public_id", "campaign__organization__name")
Row = tuple[Any, ...]


def on_campaign_event(event: CampaignEvent) -> None:
    """Told by `campaigns.transitions` of each line of a campaign's history."""
    happening = payloads.happening_of(event)
    if happening is None:
        return
    campaign = event.campaign
    listening = Endpoint.objects.listening().of(campaign.organization)
    wanting = [each for each in listening if each.wants(happening, campaign.edition_id)]
    if wanting:
        organization = named(campaign.organization)
        data = payloads.of_campaign(campaign, event.reason, event.data.get("variant", ""))
        add([row for endpoint in wanting for row in _told(endpoint, happening, event.at, organization, data)])


def on_hits(judged: Sequence[Judged]) -> None:
    """Told by `stats.ingest` of each chunk of hits. Nothing is said about people who have been erased."""
    kinds = {each.hit.kind for each in judged} & payloads.OF_HITS.keys()
    endpoints = _wanting({payloads.OF_HITS[kind] for kind in kinds})
    if not endpoints:
        return
    runs = _runs({each.known.run_id for each in judged}, endpoints)
    told = [
        each for each in judged if each.hit.kind in kinds and each.known.run_id in runs and each.known.subscriber_id
    ]
    told = [each for each in told if _wanted(endpoints, runs[each.known.run_id], payloads.OF_HITS[each.hit.kind])]
    if told:
        add(list(_rows_of_hits(floods.within_limit(told), runs, endpoints)))


def on_accepted(run_id: int, recipients: Sequence[int]) -> None:
    """Told by `delivery.settlement` which recipients' messages the next server took."""
    endpoints = _wanting({Happening.MESSAGE_DELIVERED})
    runs = _runs({run_id}, endpoints) if endpoints else {}
    wanting = _wanted(endpoints, runs[run_id], Happening.MESSAGE_DELIVERED) if runs else []
    if not wanting:
        return
    run, at = runs[run_id], now()
    rows = Recipient.objects.filter(pk__in=bulk.among(recipients), subscriber__isnull=False)
    people = rows.order_by().values_list("subscriber_id", "subscriber__public_id", "address")
    add(
        [
            row
            for subscriber_id, public_id, address in people
            for data in [payloads.of_acceptance(run, public_id, address)]
            for endpoint in wanting
            for row in _told(endpoint, Happening.MESSAGE_DELIVERED, at, _owner(run), data, subscriber_id)
        ]
    )


def add(rows: Sequence[Row]) -> None:
    bulk.insert(Delivery, COLUMNS, rows)


def row_of_test(endpoint: Endpoint) -> Delivery:
    """A test, not saved yet."""
    happening, data = payloads.of_test(endpoint)
    (row,) = _told(endpoint, happening, now(), named(endpoint.organization), data)
    return Delivery(**dict(zip(COLUMNS, row, strict=True)))


def named(organization: Organization) -> dict[str, str]:
    return {"id": organization.public_id, "name": organization.name}


def _told(
    endpoint: Endpoint,
    happening: str,
    at: datetime,
    organization: dict[str, str],
    data: dict[str, Any],
    subscriber_id: int | None = None,
) -> list[Row]:
    """A row for each thing the endpoint is told of it; there may be several, or none."""
    moment = now()
    return [
        (
            *(message_id, endpoint.pk, subscriber_id, str(happening), body, Delivery.State.WAITING.value),
            *(0, moment, [], None, "", "", moment, None),
        )
        for message_id, body in payloads.bodies(endpoint.form, happening, at, organization, data, subscriber_id)
    ]


def _wanting(happenings: set[Happening]) -> list[Endpoint]:
    """Endpoints of any organization; there are few."""
    if not happenings:
        return []
    return [each for each in Endpoint.objects.listening().order_by("pk") if each.wants_any(happenings)]


def _runs(ids: Iterable[int], endpoints: Sequence[Endpoint]) -> dict[int, dict[str, Any]]:
    """Those of organizations with such endpoints."""
    organizations = {endpoint.organization_id for endpoint in endpoints}
    rows = CampaignRun.objects.filter(pk__in=list(ids), campaign__organization__in=organizations).order_by()
    return {row["pk"]: row for row in rows.values("pk", *RUN, *OWNER)}


def _wanted(endpoints: Sequence[Endpoint], run: dict[str, Any], happening: str) -> list[Endpoint]:
    organization, edition = run["campaign__organization_id"], run["campaign__edition_id"]
    return [each for each in endpoints if each.organization_id == organization and each.wants(happening, edition)]


def _owner(run: dict[str, Any]) -> dict[str, str]:
    return {"id": run["campaign__organization__public_id"], "name": run["campaign__organization__name"]}


def _rows_of_hits(
    told: Sequence[Judged], runs: dict[int, dict[str, Any]], endpoints: Sequence[Endpoint]
) -> Iterable[Row]:
    people = _public_ids({each.known.subscriber_id for each in told if each.known.subscriber_id})
    firsts = _first_times({each.hit.recipient_id for each in told})
    for each in told:
        hit, run, whose = each.hit, runs[each.known.run_id], each.known.subscriber_id
        if whose not in people:
            continue
        happening = payloads.OF_HITS[hit.kind]
        is_first = firsts.get(hit.recipient_id, {}).get(FIRST_TIME[hit.kind]) == hit.at
        data = payloads.of_hit(each, run, people[whose], is_first=is_first)
        for endpoint in _wanted(endpoints, run, happening):
            yield from _told(endpoint, happening, hit.at, _owner(run), data, whose)


def _public_ids(people: Iterable[int]) -> dict[int | None, str]:
    rows = Subscriber.objects.filter(pk__in=bulk.among(people)).order_by()
    return dict(rows.values_list("pk", "public_id"))


def _first_times(recipients: Iterable[int]) -> dict[int, dict[str, Any]]:
    columns = [FIRST_TIME[kind] for kind in payloads.OF_HITS]
    rows = Engagement.objects.filter(recipient__in=bulk.among(recipients)).order_by()
    return {row["recipient_id"]: row for row in rows.values("recipient_id", *columns)}
