"""What administrators do and see: retry, set free, give up, and how sending goes (Octeth's admin.campaign.*).

They reach the administrator's organization; those of a superuser reach all.
"""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.timezone import now

from api.octeth import campaign_filters, campaign_rows, vocabulary
from api.octeth.campaign_rows import Related, throughput
from api.octeth.errors import Refused, Shape
from api.octeth.registry import ADMINISTRATORS, Access, Call, command
from api.octeth.rows import moment
from campaigns import lifecycle
from campaigns.errors import InvalidTransition
from campaigns.models import Campaign, CampaignRun, ScheduleType, State
from delivery import recovery, runs, velocity
from delivery.models import Batch, Recipient

PAGE, LARGEST_PAGE = 50, 500
MISSING = "campaign_id parameter is required"
UNKNOWN = "Campaign not found"
NOT_OVER = (
    "Campaign is not in Sent or Failed status. "
    "Only completed or failed campaigns can have their failed recipients retried."
)
NO_QUEUE = "Queue table does not exist for this campaign"
NOBODY_FAILED = "No failed recipients found for this campaign"
BATCH_STATES = {Batch.State.WAITING: "Pending", Batch.State.CLAIMED: "Working", Batch.State.DONE: "Completed"}
QUEUE_STATES = {
    Recipient.State.PENDING: "Pending",
    Recipient.State.SENT: "Sent",
    Recipient.State.FAILED: "Failed",
    Recipient.State.SKIPPED: "Skipped",
    Recipient.State.IN_DOUBT: "Sending",
}


def _campaign(call: Call, *, lock: bool = False) -> Campaign:
    """By any of the names clients know the number by. Raises Refused: 1 where none is named, 2 where there is none."""
    given = call.parameters
    number = given.id("CampaignID") or given.id("campaign_id")
    if number is None:
        raise Refused(1, text=MISSING)
    rows = _administered(call)
    found = (rows.select_for_update(of=("self",)) if lock else rows).filter(pk=number).first()
    if found is None:
        raise Refused(2, text=UNKNOWN)
    return found


def _administered(call: Call) -> QuerySet[Campaign]:
    return call.who.administered(Campaign.objects.kept().select_related("organization"))


# --- acts --------------------------------------------------------------------------------------------------------


@command("admin.campaign.retryfailed", access=Access.ADMIN, shape=Shape.TEXT, writes=True, limit=ADMINISTRATORS)
def retry_failed(call: Call) -> dict[str, Any]:
    """Only those who failed; nobody who joined the audience since. Workers are told after the commit, and a sweep
    finds what they were not told."""
    found = _campaign(call, lock=True)
    if found.state not in (State.SENT, State.FAILED):
        raise Refused(3, text=NOT_OVER)
    if not Recipient.objects.filter(run__campaign=found).exists():
        raise Refused(4, text=NO_QUEUE)
    try:
        lifecycle.retry_failed(found, by=call.by)
    except InvalidTransition as refusal:
        raise Refused(5, text=NOBODY_FAILED) from refusal
    people = runs.requeue_failed(found.pk)
    batches = Batch.objects.filter(run__campaign=found, state=Batch.State.WAITING).count()
    message = f"{people} failed recipients queued for retry in {batches} batch(es)."
    return {"ErrorText": "", "RetriedCount": people, "BatchesCreated": batches, "Message": message}


@command("admin.campaign.unstuck", access=Access.ADMIN, shape=Shape.TEXT, limit=ADMINISTRATORS)
def unstuck(call: Call) -> dict[str, Any]:
    """A sweep does the same by itself within seconds; this does it now."""
    found = _stuck(call)
    released = len(recovery.give_up_lost_workers(now()))
    message = f"Campaign unstuck successfully. {released} batch(es) reset to Pending status."
    return {"ErrorText": "", "CampaignID": found.pk, "BatchesReset": released, "Message": message}


@command("admin.campaign.markfailed", access=Access.ADMIN, shape=Shape.TEXT, writes=True, limit=ADMINISTRATORS)
def mark_failed(call: Call) -> dict[str, Any]:
    found = _stuck(call)
    unfinished = Batch.objects.open().filter(run__campaign=found).count()
    lifecycle.fail(found, reason=f"Marked as failed by {call.who.user}.")
    message = f"Campaign marked as failed. {unfinished} batch(es) completed."
    return {"ErrorText": "", "BatchesCompleted": unfinished, "Message": message}


def _stuck(call: Call) -> Campaign:
    """Being sent, with a batch whose worker has not been heard of."""
    found = _campaign(call)
    if found.state != State.SENDING:
        raise Refused(3, text="Campaign is not in Sending status.")
    if not _silent(found).exists():
        raise Refused(4, text="Campaign is not stuck: every batch in work has a worker.")
    return found


def _silent(found: Campaign) -> QuerySet[Batch]:
    return Batch.objects.silent(now()).filter(run__campaign=found)


# --- looking -----------------------------------------------------------------------------------------------------


@command("admin.campaign.details", access=Access.ADMIN, shape=Shape.TEXT, limit=ADMINISTRATORS, is_native=True)
def details(call: Call) -> dict[str, Any]:
    found = _campaign(call)
    row = campaign_rows.row(found, Related(Campaign.objects.filter(pk=found.pk)))
    counted = _queue(found)
    return {
        "Campaign": row,
        "QueueTable": {"Exists": counted["TotalRecipients"] > 0, "TableName": "", "Stats": counted},
        "Throughput": throughput(found, row["TotalSent"], now=now()),
        "Velocity": _velocity(found, "auto"),
        "BatchSummary": _batch_summary(found),
        "Health": _health(found),
    }


def _queue(found: Campaign) -> dict[str, int]:
    runs_of = CampaignRun.objects.filter(campaign=found).aggregate(
        planned=Sum("planned"), sent=Sum("sent"), failed=Sum("failed"), skipped=Sum("skipped"), doubt=Sum("in_doubt")
    )
    number = {name: value or 0 for name, value in runs_of.items()}
    total = number["planned"] - number["skipped"]
    return {
        "TotalRecipients": total,
        "Pending": total - number["sent"] - number["failed"] - number["doubt"],
        "Sending": number["doubt"],
        "Sent": number["sent"],
        "Failed": number["failed"],
    }


def _batch_summary(found: Campaign) -> dict[str, int]:
    states = Batch.objects.filter(run__campaign=found).order_by().values_list("state").annotate(Count("pk"))
    counted = dict(states)
    return {"Total": sum(counted.values())} | {name: counted.get(state, 0) for state, name in BATCH_STATES.items()}


def _health(found: Campaign) -> dict[str, Any]:
    silent = _silent(found).count()
    working = Batch.objects.filter(run__campaign=found, state=Batch.State.CLAIMED).exclude(worker="")
    return {
        "Status": "Stuck" if silent else "Healthy",
        "Note": f"{silent} batch(es) have no worker any more; they are taken back by themselves." if silent else "",
        "Issues": ["Workers were lost"] if silent else [],
        "Warnings": [found.status_reason] if found.status_reason else [],
        "WorkerTracking": {"Workers": working.values("worker").distinct().count()},
    }


@command("admin.campaign.batches", access=Access.ADMIN, shape=Shape.TEXT, limit=ADMINISTRATORS)
def batches(call: Call) -> dict[str, Any]:
    found = _campaign(call)
    rows = Batch.objects.filter(run__campaign=found).order_by("run_id", "number")
    zone = found.organization.timezone
    shown = [
        {
            "BatchID": batch.pk,
            "Status": BATCH_STATES[Batch.State(batch.state)],
            "WorkerID": batch.worker,
            "Attempts": batch.claims,
            "StartedAt": moment(batch.claimed_at, zone),
            "LastPingAt": moment(batch.settled_at, zone),
            "Settled": batch.settled,
            "StatusMessage": batch.last_error,
        }
        for batch in _page(rows, call)
    ]
    return {"Batches": shown, "TotalBatches": rows.count()}


@command("admin.campaign.queue", access=Access.ADMIN, shape=Shape.TEXT, limit=ADMINISTRATORS)
def queue(call: Call) -> dict[str, Any]:
    found = _campaign(call)
    rows = Recipient.objects.filter(run__campaign=found).order_by("pk")
    zone = found.organization.timezone
    shown = [
        {
            "QueueID": each.pk,
            "SubscriberID": each.subscription_id or 0,
            "EmailAddress": each.address,
            "Status": QUEUE_STATES[Recipient.State(each.state)],
            "StatusMessage": each.reply_text or each.skip_reason,
            "Attempts": each.attempts,
            "ProcessedAt": moment(each.settled_at, zone),
        }
        for each in _page(rows, call)
    ]
    return {"QueueItems": shown, "TotalQueueItems": rows.count()}


@command("admin.campaign.processes", access=Access.ADMIN, shape=Shape.TEXT, limit=ADMINISTRATORS)
def processes(call: Call) -> dict[str, Any]:
    """A worker that has a batch in its hands is a process here; its name begins with the machine's."""
    found = _campaign(call)
    rows = Batch.objects.filter(run__campaign=found, state=Batch.State.CLAIMED).exclude(worker="").order_by("pk")
    zone = found.organization.timezone
    shown = [
        {
            "ProcessID": each.worker,
            "Hostname": _host(each),
            "BatchID": each.pk,
            "StartedAt": moment(each.claimed_at, zone),
        }
        for each in _page(rows, call)
    ]
    hosts = [_host(each) for each in rows]
    counted = [{"Hostname": host, "ProcessCount": hosts.count(host)} for host in sorted(set(hosts))]
    return {"Processes": shown, "TotalProcesses": len(hosts), "ProcessCountByHostname": counted}


def _host(batch: Batch) -> str:
    return batch.worker.partition(":")[0]


def _page(rows: QuerySet[Any], call: Call) -> QuerySet[Any]:
    """50 rows unless asked for others, 500 at most, 0 for all; from the page that holds `RecordsFrom`, or from exactly
    there with `ExactOffset`."""
    given = call.parameters
    size = min(LARGEST_PAGE, given.whole("RecordsPerRequest", PAGE))
    first = given.whole("RecordsFrom")
    if not size:
        return rows[first:]
    start = first if given.flag("ExactOffset") else first - first % size
    return rows[start : start + size]


@command("admin.campaign.sending-velocity", access=Access.ADMIN, shape=Shape.TEXT, limit=ADMINISTRATORS)
def sending_velocity(call: Call) -> dict[str, Any]:
    interval = call.parameters.word("Interval", "auto").lower()
    if not (call.parameters.id("CampaignID") or call.parameters.id("campaign_id")):
        raise Refused(1, text=MISSING)
    if interval != "auto" and interval not in velocity.STRETCHES:
        raise Refused(2, text=f"Interval is one of auto, {', '.join(velocity.STRETCHES)}.")
    try:
        found = _campaign(call)
    except Refused as refusal:
        raise Refused(3, text=UNKNOWN) from refusal
    if vocabulary.status(found) not in ("Sending", "Sent"):
        raise Refused(4, text="Campaign is not in Sending or Sent status.")
    if not Recipient.objects.filter(run__campaign=found).exists():
        raise Refused(5, text=NO_QUEUE)
    return _velocity(found, interval)


def _velocity(found: Campaign, interval: str) -> dict[str, Any]:
    stretch = velocity.stretch_for(found) if interval == "auto" else interval
    seconds, zone = 60 * velocity.STRETCHES[stretch], found.organization.timezone
    stretches = velocity.velocity(found, stretch)
    sent = [each.sent for each in stretches]
    points = [
        {
            "TimeBucket": moment(each.at, zone),
            "EmailsSent": each.sent,
            "EmailsPerSecond": round(each.sent / seconds, 2),
        }
        for each in stretches
    ]
    summary = {"TotalSent": sum(sent), "Buckets": len(sent), "Peak": max(sent, default=0)}
    average = round(sum(sent) / (len(sent) * seconds), 2) if sent else 0
    return {"Interval": stretch, "DataPoints": points, "Summary": summary, "Velocity": {"EmailsPerSecond": average}}


# --- over all campaigns ------------------------------------------------------------------------------------------


@command("admin.campaigns.overview", access=Access.ADMIN, shape=Shape.TEXT, limit=ADMINISTRATORS)
def overview(call: Call) -> dict[str, Any]:
    rows = _administered(call)
    columns = ("state", "paused", "ready", "started_at", "schedule_type")
    found = [vocabulary.status(each) for each in rows.select_related(None).only(*columns).iterator()]
    totals = {name.replace(" ", ""): found.count(name) for name in vocabulary.STATUSES}
    timed = rows.filter(state=State.SCHEDULED, schedule_type__in=[ScheduleType.FUTURE, ScheduleType.RECURSIVE])
    moment_now = now()
    return {
        "StatusTotals": totals | {"Scheduled": timed.count()},
        "CurrentlySending": {"Count": totals["Sending"], "ReadyCount": totals["Ready"]},
        "Sent": _within(rows.filter(state=State.SENT), "finished_at", moment_now, -1),
        "Scheduled": _within(timed, "scheduled_at", moment_now, 1),
    }


def _within(rows: QuerySet[Campaign], column: str, at: Any, way: int) -> dict[str, int]:
    """In the last, or the next, day, week and month of thirty days."""
    names = ("Today", "Past7Days", "Past30Days") if way < 0 else ("Today", "Next7Days", "Next30Days")
    counted = {}
    for name, days in zip(names, (1, 7, 30), strict=True):
        ends = sorted([at, at + way * timedelta(days=days)])
        counted[name] = rows.filter(Q(**{f"{column}__gte": ends[0], f"{column}__lte": ends[1]})).count()
    return counted


@command("admin.campaigns.search", access=Access.ADMIN, shape=Shape.TEXT, limit=ADMINISTRATORS)
def search(call: Call) -> dict[str, Any]:
    """As Campaigns.Get, over every account the administrator reaches, with whose each campaign is."""
    given = call.parameters
    rows = campaign_filters.chosen(_administered(call), given)  # type: ignore[arg-type]
    rows = campaign_filters.within(rows, given, call.organization.timezone, names=("DateFrom", "DateTo"))
    page = list(_page(campaign_filters.ordered(rows, given).select_related("organization", "created_by"), call))
    statistics = given.flag("RetrieveStatistics")
    related = Related(Campaign.objects.filter(pk__in=[each.pk for each in page]), statistics=statistics)
    shown = [campaign_rows.row(each, related, statistics=statistics) | _owner(each) for each in page]
    return {"ErrorText": "", "Campaigns": shown, "TotalCampaigns": rows.count()}


def _owner(found: Campaign) -> dict[str, str]:
    user = found.created_by
    return {
        "UserFirstName": user.first_name if user else "",
        "UserLastName": user.last_name if user else "",
        "UserEmailAddress": user.email if user else "",
        "UserCompany": found.organization.name,
    }
