"""Campaign.Get and Campaigns.Get, the numbers of each status, and what campaigns add up to."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now

from api.octeth import campaign_details, campaign_filters, campaign_rows, vocabulary
from api.octeth.campaign_rows import Related
from api.octeth.campaigns import campaigns
from api.octeth.errors import Refused, Shape
from api.octeth.registry import Access, Call, command
from campaigns.models import Campaign, ScheduleType

MISSING = "Required parameter 'campaignid' is missing."
NOT_NUMERIC = "The 'campaignid' parameter must be numeric."
NOT_FOUND = "Campaign not found."
NEVER_EXCLUDED = "campaignid"
TOTALS = (
    *("TotalRecipients", "TotalSent", "TotalFailed", "TotalDelivered", "TotalOpens", "UniqueOpens"),
    *("TotalClicks", "UniqueClicks", "TotalHardBounces", "TotalSoftBounces", "TotalUnsubscriptions"),
)
STATUSES = ("Draft", "Ready", "Sending", "Paused", "Pending Approval", "Sent", "Failed")


@command("campaign.get", access=Access.EITHER, permission="Campaign.Get", shape=Shape.MESSAGE)
def get(call: Call) -> dict[str, Any]:
    given = call.parameters
    rows = _asked(call)
    found = rows.first()
    if found is None:
        return _not_found(call)
    related = Related(rows, tags=given.flag("RetrieveTags"))
    body = campaign_rows.row(found, related, tags=given.flag("RetrieveTags"))
    body |= campaign_details.resends(found, call.who)
    if given.flag("RetrieveStatistics"):
        body |= campaign_details.statistics(found, given)
    if given.flag("SplitABTestStatistics"):
        body |= campaign_details.by_variation(found, body, related)
    if given.flag("RetrieveRecipientDomains", default=True):
        body["RecipientDomains"] = campaign_details.domains(found)
    return {"Campaign": body, "CampaignThroughput": campaign_rows.throughput(found, body["TotalSent"], now=now())}


def _asked(call: Call) -> QuerySet[Campaign]:
    if not call.parameters.word("CampaignID"):
        raise Refused(1, text=MISSING)
    wanted = call.parameters.id("CampaignID")
    if wanted is None:
        raise Refused(2, text=NOT_NUMERIC)
    return campaigns(call).filter(pk=wanted)


def _not_found(call: Call) -> dict[str, Any]:
    """Three documents say three things; the request says which one its client was written for."""
    if "FailOnNotFound" not in call.parameters:
        raise Refused(2, text=NOT_FOUND)
    if call.parameters.flag("FailOnNotFound"):
        raise Refused(3, text=NOT_FOUND)
    return {"Campaign": []}


@command("campaigns.get", permission="Campaigns.Get")
def get_many(call: Call) -> dict[str, Any]:
    """A page, or, with `RecordsPerRequest` 0, all of them, which are streamed."""
    given, zone = call.parameters, call.organization.timezone
    rows = campaign_filters.chosen(campaigns(call), given)  # type: ignore[arg-type]
    rows = campaign_filters.within(rows, given, zone, names=("Date_From", "Date_To"))
    body: dict[str, Any] = {"ErrorText": "", "Campaigns": [], "TotalCampaigns": rows.count()}
    if given.flag("IncludeTotalRecipients"):
        body["AggregateSums"] = _sums(rows)
    if not given.flag("CountOnly"):
        body["Campaigns"] = _page(campaign_filters.ordered(rows, given), call)
    return body


def _page(rows: QuerySet[Campaign], call: Call) -> list[dict[str, Any]] | Iterator[dict[str, Any]]:
    given = call.parameters
    first, size = given.whole("RecordsFrom"), given.whole("RecordsPerRequest")
    if size == 0:
        return _rows(rows, call, rows.iterator(chunk_size=1000), skip=first)
    page = list(rows[first : first + size])
    related = Campaign.objects.filter(pk__in=[each.pk for each in page])
    return list(_rows(related, call, page))


def _rows(of: QuerySet[Campaign], call: Call, found: Iterable[Campaign], *, skip: int = 0) -> Iterator[dict[str, Any]]:
    given = call.parameters
    statistics, tags = given.flag("RetrieveStatistics", default=True), given.flag("RetrieveTags")
    related = Related(of, statistics=statistics, tags=tags)
    setup = campaign_details.setups(of) if given.flag("RetrieveSetupMeta") else {}
    excluded = {word.lower() for word in given.words("ExcludeColumns")} - {NEVER_EXCLUDED}
    by_day = given.flag("RetrieveStatistics")
    for each in islice(found, skip, None):
        row = campaign_rows.row(each, related, statistics=statistics, tags=tags)
        row |= campaign_details.statistics(each, given) if by_day else {}
        row |= campaign_details.by_variation(each, row, related) if given.flag("SplitABTestStatistics") else {}
        row |= setup.get(each.pk, {})
        yield {name: value for name, value in row.items() if name.lower() not in excluded}


def _sums(rows: QuerySet[Campaign]) -> dict[str, int]:
    figures = Related(rows).figures
    found = [
        campaign_rows.figures(figures.get(each.pk, campaign_rows.NOTHING), each)
        for each in rows.order_by().iterator(chunk_size=1000)
    ]
    return {name: sum(row[name] for row in found) for name in TOTALS}


@command("campaigns.counts", permission="Campaigns.Get")
def counts(call: Call) -> dict[str, Any]:
    """How many campaigns have each status, and how many lie in each drawer of Octeth's own pages."""
    rows = campaign_filters.chosen(campaigns(call), call.parameters)  # type: ignore[arg-type]
    rows = campaign_filters.within(rows, call.parameters, call.organization.timezone, names=("date_from", "date_to"))
    columns = ("state", "paused", "ready", "started_at", "schedule_type")
    found = [
        (vocabulary.status(each), each.schedule_type) for each in rows.select_related(None).only(*columns).iterator()
    ]
    by_status = {status: sum(status == each for each, _ in found) for status in STATUSES}
    drawers = [_drawer(*each) for each in found]
    named = ("Sent", "Outbox", "Draft", "Scheduled", "Paused", "Pending Approval", "Failed")
    return {
        "Counts": by_status | {"Total": len(found)},
        "Buckets": {name: drawers.count(name) for name in named} | {"Total": len(found)},
    }


def _drawer(status: str, schedule_type: str) -> str:
    if status == "Sending":
        return "Outbox"
    if status != "Ready":
        return status
    if schedule_type == ScheduleType.IMMEDIATE:
        return "Outbox"
    return "Scheduled" if schedule_type in (ScheduleType.FUTURE, ScheduleType.RECURSIVE) else "Draft"
