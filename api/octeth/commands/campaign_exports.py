"""Campaigns.Export: a table of campaigns as CSV. It is asked for once, and can be fetched for a day."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils.timezone import now

from api.octeth import campaign_filters, campaign_rows
from api.octeth.campaign_rows import Related
from api.octeth.errors import Refused, Shape
from api.octeth.models import CampaignExport
from api.octeth.parameters import Parameters
from api.octeth.registry import Call, Limit, command
from api.octeth.rows import moment
from audience.csv_files import written
from campaigns.models import Campaign, Variant

LIMIT = Limit(100, 60)
LIFETIME = timedelta(days=1)
OTHERS = ("EmailSubject", "RecipientLists", "RecipientSegments")
FILTERS = (
    *("CampaignStatus", "ScheduleType", "SearchKeyword", "CampaignIDs", "Date_From", "Date_To", "Tags"),
    *("Include_AutoResend", "OrderField", "OrderType"),
)


@command(
    "campaigns.export.post",
    permission="Campaigns.Get",
    shape=Shape.ERRORS,
    is_native=True,
    limit=LIMIT,
    routes=(("POST", "campaigns.export"),),
)
def ask(call: Call) -> dict[str, Any]:
    given = call.parameters
    if given.word("ExportFormat", "csv").lower() != "csv":
        raise Refused(1, text="ExportFormat is csv")
    if not given.words("FieldsToExport"):
        raise Refused(2, text="FieldsToExport is empty")
    fields = _fields(given.words("FieldsToExport"))
    kept = {name: given.original(name) for name in FILTERS if given.given(name)}
    rows = _chosen(call, Parameters(kept)).count()
    made = CampaignExport.objects.create(
        organization=call.organization, created_by=call.who.user, fields=fields, filters=kept, rows=rows
    )
    CampaignExport.objects.filter(created_at__lt=now() - LIFETIME).delete()
    return {"JobID": str(made.pk), "ExportID": str(made.pk), "EstimatedRows": rows}


def _fields(words: list[str]) -> list[str]:
    known = {name.lower(): name for name in (*_columns(), *OTHERS)}
    unknown = [word for word in words if word.lower() not in known]
    if unknown:
        raise Refused(3, text=f"There is no field {unknown[0][:80]}")
    return [known[word.lower()] for word in words]


def _columns() -> list[str]:
    """Every key of a row that is one value."""
    empty = campaign_rows.row(Campaign(organization_id=0), Related(Campaign.objects.none()), zone="UTC")
    return [name for name, value in empty.items() if not isinstance(value, list | dict)]


def _chosen(call: Call, given: Parameters) -> Any:
    rows = campaign_filters.chosen(call.who.own(Campaign.objects.kept().select_related("organization")), given)  # type: ignore[arg-type]
    return campaign_filters.within(rows, given, call.organization.timezone, names=("Date_From", "Date_To"))


@command(
    "campaigns.export.get",
    permission="Campaigns.Get",
    shape=Shape.ERRORS,
    is_native=True,
    limit=LIMIT,
    routes=(("GET", "campaigns.export"),),
)
def fetch(call: Call) -> dict[str, Any] | HttpResponseBase:
    made = _asked(call)
    if call.parameters.flag("Download"):
        return _streamed(call, made)
    return {
        "JobID": str(made.pk),
        "Status": "Completed",
        "Progress": 100,
        "RowCount": made.rows,
        "DownloadURL": f"{settings.BASE_URL}/api/v1/campaigns.export?JobID={made.pk}&Download=1",
        "DownloadSize": 0,
        "ExpiresAt": moment(made.created_at + LIFETIME, call.organization.timezone),
    }


def _asked(call: Call) -> CampaignExport:
    given = call.parameters
    name = "JobID" if given.word("JobID") else "ExportID"
    if not given.word(name):
        raise Refused(1, text="Missing JobID parameter")
    if given.id(name) is None:
        raise Refused(2, text="JobID is not a number")
    made = call.who.own(CampaignExport.objects.filter(pk=given.whole(name))).first()
    if made is None:
        raise Refused(3, text="Export not found", status=404)
    if made.created_at < now() - LIFETIME:
        raise Refused(4, text="The export has expired; ask for it again", status=410)
    return made


def _streamed(call: Call, made: CampaignExport) -> HttpResponseBase:
    answer = StreamingHttpResponse(written(_lines(call, made)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="campaigns-{made.pk}.csv"'
    return answer


def _lines(call: Call, made: CampaignExport) -> Iterator[Iterable[object]]:
    rows = campaign_filters.ordered(_chosen(call, Parameters(made.filters)), Parameters(made.filters))
    related = Related(rows)
    subjects = _subjects(rows) if "EmailSubject" in made.fields else {}
    yield made.fields
    for each in rows.iterator(chunk_size=1000):
        row = campaign_rows.row(each, related) | {"EmailSubject": subjects.get(each.pk, "")}
        yield [_cell(row[name]) for name in made.fields]


def _subjects(rows: Any) -> dict[int, str]:
    said = Variant.objects.filter(campaign__in=rows.order_by().values("pk"), email__isnull=False)
    return dict(said.order_by("-position").values_list("campaign_id", "email__subject"))


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(str(each.get("Name") or each.get("SegmentName", "")) for each in value)
    return value
