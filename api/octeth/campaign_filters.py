"""Which campaigns a listing asks for, and in what order. What makes no sense is passed over, never refused."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import DurationField, Exists, ExpressionWrapper, F, FloatField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, NullIf

from api.octeth import vocabulary
from api.octeth.ordering import folded
from api.octeth.parameters import Parameters, as_day
from campaigns.models import Campaign, CampaignTag, ScheduleType, Variant
from campaigns.querysets import CampaignQuerySet

TYPES = {
    "notscheduled": ScheduleType.NONE,
    "immediate": ScheduleType.IMMEDIATE,
    "future": ScheduleType.FUTURE,
    "recursive": ScheduleType.RECURSIVE,
}
ORDERS = {
    "campaignname": "name",
    "campaignid": "pk",
    "campaignstatus": "state",
    "createdatetime": "created_at",
    "lastactivitydatetime": "modified_at",
    "senddate": "scheduled_at",
    "sendtime": "scheduled_at",
    "schedule": "scheduled_at",
    "scheduletype": "schedule_type",
    "sendprocessstartedon": "started_at",
    "sendprocessfinishedon": "finished_at",
    "totalrecipients": "total_recipients",
    "totalsent": "sent_count",
    "totalfailed": "failed_count",
    "duration": "taken",
    "velocity": "sent_count",
    "sentrate": "sent_rate",
    "deliveryrate": "sent_rate",
    "failurerate": "failure_rate",
    "publishonrss": "is_public",
    "relowneruserid": "organization_id",
}
ALWAYS_DOWN = {"sort-by-status": "state", "sort-by-send-date": "scheduled_at"}


def chosen(rows: "CampaignQuerySet", given: Parameters) -> "CampaignQuerySet":
    """The campaigns that every filter of the request lets through."""
    rows = rows.filter(vocabulary.status_filter(given.word("CampaignStatus", "All")))
    if kinds := given.words("ScheduleType"):
        rows = rows.filter(schedule_type__in=[TYPES[each] for each in map(folded, kinds) if each in TYPES])
    if keyword := given.text("SearchKeyword").strip():
        said = Variant.objects.filter(campaign=OuterRef("pk"), email__subject__icontains=keyword)
        rows = rows.filter(Q(name__icontains=keyword) | Exists(said))
    if given.words("CampaignIDs"):
        rows = rows.filter(pk__in=given.ids("CampaignIDs"))
    if given.words("Tags"):
        rows = rows.filter(pk__in=CampaignTag.objects.filter(tag__in=given.ids("Tags")).values("content_object"))
    if not given.flag("Include_AutoResend"):
        rows = rows.filter(original=None)
    return rows


def within(rows: "CampaignQuerySet", given: Parameters, zone: str, *, names: tuple[str, str]) -> "CampaignQuerySet":
    """Sent, or to be sent, on these days of the account's calendar, both included; never scheduled: made then."""
    start, end = (_midnight(given.word(name), zone) for name in names)
    at = Coalesce("scheduled_at", "started_at", "created_at")
    if start:
        rows = rows.alias(at=at).filter(at__gte=start)
    if end:
        rows = rows.alias(at=at).filter(at__lt=end + timedelta(days=1))
    return rows


def ordered(rows: "CampaignQuerySet", given: Parameters) -> QuerySet[Campaign]:
    """By name, upwards, unless the request names another column that is known."""
    asked = given.word("OrderField").lower()
    if asked in ALWAYS_DOWN:
        return rows.order_by(F(ALWAYS_DOWN[asked]).desc(nulls_last=True), "-pk")
    column = ORDERS.get(folded(asked))
    if column is None:
        return rows.order_by("name", "pk")
    down = given.word("OrderType").upper() == "DESC"
    by = F(column).desc(nulls_last=True) if down else F(column).asc(nulls_first=True)
    return _annotated(rows, column).order_by(by, "-pk" if down else "pk")


def _annotated(rows: "CampaignQuerySet", column: str) -> "CampaignQuerySet":
    if column == "taken":
        return rows.annotate(taken=ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField()))
    if column in ("sent_count", "failed_count", "sent_rate", "failure_rate"):
        rows = rows.with_counts()
    if column in ("sent_rate", "failure_rate"):
        part = Cast("sent_count" if column == "sent_rate" else "failed_count", FloatField())
        return rows.annotate(**{column: part / NullIf("total_recipients", Value(0))})
    return rows


def _midnight(written: str, zone: str) -> datetime | None:
    found = as_day(written)
    return datetime.combine(found, time(), ZoneInfo(zone)) if found else None
