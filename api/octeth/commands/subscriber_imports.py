"""Subscribers.Import, the old one in two steps and the new one in one call; both go the way every import goes.

The number of an import is that of our import. Few rows are imported while the client waits, many in the background.
"""

from collections.abc import Mapping
from typing import Any

from django.core.files.base import ContentFile
from django.db.models import QuerySet

from api.octeth.errors import Refused, Shape
from api.octeth.lists import lists, mailing_list
from api.octeth.parameters import as_id, values
from api.octeth.registry import Call, Limit, command
from api.octeth.rows import moment
from audience import fields as custom_fields
from audience import imports
from audience.errors import ImportRefused, InvalidAddress
from audience.import_preview import FIRST_ROWS, preview
from audience.models import Import, MailingList

LIMIT = Limit(100, 60)
FEW = 50  # rows imported while the client waits
LONGEST_DATA = 25 * 1024 * 1024
EMAIL = "emailaddress"
STATUSES = {
    Import.Status.CONVERTING: "Pending",
    Import.Status.DRAFT: "Pending",
    Import.Status.QUEUED: "Pending",
    Import.Status.RUNNING: "Processing",
    Import.Status.COMPLETED: "Completed",
    Import.Status.CANCELLED: "Cancelled",
    Import.Status.FAILED: "Failed",
}


@command("subscribers.import", permission="Subscribers.Import", shape=Shape.LIST_TEXT, limit=LIMIT)
def import_people(call: Call) -> Any:
    """What was sent tells which of the two is meant."""
    if call.parameters.given("ImportFrom"):
        return post(call)
    step = call.parameters.word("ImportStep")
    if step == "2":
        return _second_step(call)
    if step not in ("", "1"):
        raise Refused(3, text="ImportStep is 1 or 2")
    return _first_step(call)


# --- in two steps ----------------------------------------------------------------------------------------------------


def _first_step(call: Call) -> dict[str, Any]:
    given = call.parameters
    kind = given.word("ImportType", "Copy").lower()
    if kind == "mysql":
        raise Refused(17, text="Other databases are not read; send the rows themselves")
    if kind not in ("copy", "file"):
        raise Refused(1, text="ImportType is Copy or File")
    data = given.text("ImportData") or _uploaded(call)
    if not data.strip():
        raise Refused(2, text="ImportData is missing")
    found = mailing_list(call, "ListID", missing=4, unknown=4)
    draft = _draft(call, found, data, given.word("ImportFileName", "import.csv"), code=5)
    first = preview(draft).columns
    fields = [{f"FIELD{column.number + 1}": (column.samples or [""])[0]} for column in first]
    return {"ErrorText": "", "ImportID": draft.pk, "ImportFields": fields}


def _uploaded(call: Call) -> str:
    file = next(iter(call.parameters.files.values()), None)
    if file is None:
        return ""
    if (file.size or 0) > LONGEST_DATA:
        raise Refused(18, text="The file is too large")
    return str(file.read().decode("utf-8", "replace"))


def _draft(call: Call, found: MailingList, data: str, name: str, *, code: int, **settings: Any) -> Import:
    if len(data) > LONGEST_DATA:
        raise Refused(18, text="The data is too large")
    file = ContentFile(data.encode(), name=name)
    try:
        return imports.create(found, file, by=call.by, file_name=name[-255:], has_header=False, **settings)
    except (ImportRefused, InvalidAddress) as refusal:
        raise Refused(code, text=str(refusal)) from refusal


def _second_step(call: Call) -> dict[str, Any]:
    draft = _imports(call).filter(pk=call.parameters.whole("ImportID")).first()
    if draft is None:
        raise Refused(3, text="There is no such import")
    if draft.status != Import.Status.DRAFT:
        raise Refused(6, text="The import has been done already")
    mapping = _mapping(call, draft.mailing_list, call.parameters.tree("MappedFields"))
    few = len(preview(draft).rows) < FIRST_ROWS
    done = _started(call, draft, mapping, wait=few)
    return {"ErrorText": "", **_counts(done)}


def _imports(call: Call) -> QuerySet[Import]:
    return call.who.own(Import.objects.select_related("mailing_list__organization"))


def _mapping(call: Call, found: MailingList, tree: Any) -> dict[str, str]:
    """Column number -> what we call it. Columns are named `FIELD1`, or come in their order; targets are `EmailAddress`,
    the number of a field, or `CustomField` with its number."""
    known = {field.pk: key for key, field in custom_fields.of_list(found).items()}
    pairs = _pairs(tree)
    mapping = {column: _target(target, known) for column, target in pairs}
    emails = [target for target in mapping.values() if target == "email"]
    if len(emails) > 1:
        raise Refused(7, text="More than one column is mapped to the email address")
    if not emails:
        raise Refused(8, text="No column is mapped to the email address")
    return {column: target for column, target in mapping.items() if target}


def _pairs(tree: Any) -> list[tuple[str, str]]:
    if isinstance(tree, Mapping) and all(str(name).startswith("field") for name in tree):
        numbers = [(as_id(str(name).removeprefix("field")) or 0, value) for name, value in tree.items()]
        return [(str(number - 1), str(value)) for number, value in numbers if number]
    return [(str(number), str(value)) for number, value in enumerate(values(tree))]


def _target(written: str, known: Mapping[int, str]) -> str:
    word = written.strip().lower()
    if word == EMAIL:
        return "email"
    number = as_id(word.removeprefix("customfield"))
    return known.get(number, "") if number is not None else ""


def _started(call: Call, draft: Import, mapping: dict[str, str], *, wait: bool) -> Import:
    """Whoever waits sees the counts."""
    try:
        imports.start(draft, by=call.by, in_background=not wait, mapping=mapping)
    except ImportRefused as refusal:
        raise Refused(5, text=str(refusal)) from refusal
    if wait:
        imports.run(draft.pk)
    draft.refresh_from_db()
    return draft


def _counts(done: Import) -> dict[str, int]:
    return {
        "TotalData": done.rows_total,
        "TotalImported": done.added,
        "TotalDuplicates": done.changed + done.unchanged,
        "TotalFailed": done.refused,
    }


# --- in one call -----------------------------------------------------------------------------------------------------


@command(
    "subscribers.import.post",
    permission="Subscribers.Import",
    shape=Shape.ERRORS,
    is_native=True,
    limit=LIMIT,
    routes=(("POST", "subscribers.import"),),
)
def post(call: Call) -> Any:
    """Only rows that are sent are imported: an address to fetch them from is refused, since a server inside could be
    meant by it."""
    given = call.parameters
    if not given.given("ImportFrom"):
        return import_people(call)
    found = _list(call)
    source = given.tree("ImportFrom")
    csv = source.get("csv") if isinstance(source, Mapping) else None
    if not isinstance(csv, Mapping):
        raise Refused(14, text="ImportFrom.CSV is missing")
    if csv.get("url"):
        raise Refused(18, text="ImportFrom.CSV.URL is not fetched; send the rows as Data")
    data = csv.get("data")
    if not isinstance(data, str) or not data.strip():
        raise Refused(14, text="ImportFrom.CSV.Data is missing")
    if not csv.get("mappedfields"):
        raise Refused(15, text="ImportFrom.CSV.MappedFields is missing")
    return _imported(call, found, data, csv)


def _list(call: Call) -> MailingList:
    if not call.parameters.word("ListID"):
        raise Refused(1, text="Missing ListID parameter")
    found = lists(call).filter(pk=call.parameters.whole("ListID")).first()
    if found is None:
        raise Refused(19, text="List not found", status=404)
    return found


def _imported(call: Call, found: MailingList, data: str, csv: Mapping[str, Any]) -> dict[str, Any]:
    conflict = Import.OnConflict.UPDATE if call.parameters.flag("UpdateDuplicates") else Import.OnConflict.SKIP
    settings: dict[str, Any] = {"on_conflict": conflict}
    if csv.get("fieldterminator"):
        settings["delimiter"] = str(csv["fieldterminator"]).replace("\\t", "\t")
    try:
        mapping = _mapping(call, found, csv["mappedfields"])
    except Refused as refusal:
        raise Refused(17, text=refusal.texts[0]) from refusal
    draft = _draft(call, found, data, "import.csv", code=17, **settings)
    few = data.count("\n") <= FEW
    _started(call, draft, mapping, wait=few)
    return {"ImportID": draft.pk, "ImportType": "sync" if few else "async"}


@command(
    "subscribers.import.get",
    permission="Subscribers.Import",
    shape=Shape.ERRORS,
    is_native=True,
    limit=LIMIT,
    routes=(("GET", "subscribers.import"),),
)
def get(call: Call) -> dict[str, Any]:
    found = _list(call)
    if not call.parameters.word("ImportID"):
        raise Refused(2, text="Missing ImportID parameter")
    done = _imports(call).filter(pk=call.parameters.whole("ImportID"), mailing_list=found).first()
    if done is None:
        raise Refused(4, text="Import not found", status=404)
    zone = found.organization.timezone
    return {
        "ImportJob": {
            "ImportID": done.pk,
            "ImportDate": moment(done.created_at, zone),
            "FinishedAt": moment(done.finished_at, zone),
            "ImportStatus": STATUSES[Import.Status(done.status)],
            "FailedData": done.status_reason,
            "TotalSubscribers": done.rows_total,
            "TotalImported": done.added,
            "TotalDuplicates": done.changed + done.unchanged,
            "TotalFailed": done.refused,
        }
    }
