"""`subscriber_imports`: files of people, which come inside the request."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpResponse

from accounts.permissions import Permission
from api.greenarrow import pages, times
from api.greenarrow.campaigns import rows
from api.greenarrow.envelope import Answer
from api.greenarrow.errors import InvalidRequest, NotFound, ValidationFailed
from api.greenarrow.people import fields
from api.greenarrow.reading import Given
from api.greenarrow.routing import Call, route
from api.greenarrow.vocabulary import SUBSCRIBER_STATUSES
from audience import import_rows, imports
from audience.models import Import, MailingList

Status = Import.Status
STATES = {
    Status.CONVERTING: "splitting",
    Status.DRAFT: "idle",
    Status.QUEUED: "scheduled",
    Status.RUNNING: "importing",
    Status.COMPLETED: "finished",
    Status.CANCELLED: "cancelled",
    Status.FAILED: "failed",
}
OVER = (Status.COMPLETED, Status.CANCELLED, Status.FAILED)
SCOPES = ("recent", "active", "finished", "all")
RECENT = timedelta(days=14)
LARGEST = 10 * 1024 * 1024
COLUMNS = {
    "email": "email",
    "status": import_rows.STATUS,
    "subscribe_time": import_rows.SUBSCRIBED_AT,
    "subscribe_ip": import_rows.IP_ADDRESS,
    "remove_time": import_rows.UNSUBSCRIBED_AT,
}
LEFT_OUT = ("confirmed", "email_format", "remove_ip")
CHARACTER_SETS = ("UTF-8", "ISO-8859-1")
OF_LIST = "mailing_lists/{list}/subscriber_imports"
ONE = ("subscriber_imports/{import}", f"{OF_LIST}/{{import}}")


def _acts(ending: str) -> tuple[str, ...]:
    return tuple(f"{one}/{ending}" for one in ONE)


@route("GET", "subscriber_imports", OF_LIST)
def index(call: Call) -> Answer:
    """What is under way first, then what is over, the latest first."""
    call.require(Permission.READ)
    scope = call.params.get("scope") or "recent"
    if scope not in SCOPES:
        raise InvalidRequest(f"scope must be one of {', '.join(SCOPES)}")
    found = _rows(call)
    if "list" in call.path:
        found = found.filter(mailing_list=rows.the_list(call))
    chosen = {
        "recent": ~Q(status__in=OVER) | Q(finished_at__gte=call.now - RECENT),
        "active": ~Q(status__in=OVER),
        "finished": Q(status__in=OVER),
        "all": Q(),
    }[scope]
    return pages.paged(found.filter(chosen), call.params, row)


@route("GET", *ONE)
def show(call: Call) -> dict[str, Any]:
    """One import, with how it was told to be done."""
    call.require(Permission.READ)
    return whole(_named(call))


@route("POST", OF_LIST)
def create(call: Call) -> dict[str, Any]:
    """Import a file that comes inside the request; it begins at once, in the background."""
    mailing_list, given = rows.the_list(call), call.given("subscriber_import")
    content, settings = _content(given), _settings(given, mailing_list)
    begins_at = given.moment("begins_at")
    if begins_at and begins_at > call.now + timedelta(minutes=1):
        given.problem("begins_at", "must be now: imports of the future are not available")
    given.require_valid()
    file = ContentFile(content, name="data.csv")
    draft = imports.create(mailing_list, file, by=call.by, file_name="data", **settings)
    imports.start(draft, by=call.by)
    return whole(_rows(call).get(pk=draft.pk))


@route("POST", *_acts("cancel"))
def cancel(call: Call) -> dict[str, Any]:
    """Stop it; who is on the list already stays."""
    found = _named(call)
    imports.cancel(found, by=call.by)
    return whole(_rows(call).get(pk=found.pk))


@route("POST", *_acts("pause"))
def pause(call: Call) -> None:
    """Refused: an import cannot wait."""
    raise ValidationFailed(f"a subscriber import cannot be paused in state {STATES[Status(_named(call).status)]}")


@route("POST", *_acts("unpause"))
def unpause(call: Call) -> None:
    """Refused: none is ever paused."""
    raise ValidationFailed(f"a subscriber import cannot be unpaused in state {STATES[Status(_named(call).status)]}")


@route("GET", *(f"{one}/logs/{{kind}}" for one in ONE))
def log(call: Call) -> HttpResponse:
    """`failed`: the rows that were refused as CSV, with why."""
    call.require(Permission.READ)
    found = _named(call)
    if call.path["kind"] != "failed" or not found.error_file:
        raise NotFound("there is no such log")
    with found.error_file.open("rb") as file:
        return HttpResponse(file.read(), content_type="text/csv; charset=utf-8")


def _rows(call: Call) -> QuerySet[Import]:
    is_over = Case(When(status__in=OVER, then=Value(1)), default=Value(0), output_field=IntegerField())
    found = Import.objects.of(call.organization).select_related("mailing_list").annotate(is_over=is_over)
    return found.order_by("is_over", "-finished_at", "pk")


def _named(call: Call) -> Import:
    found = _rows(call)
    if "list" in call.path:
        found = found.filter(mailing_list=rows.the_list(call))
    one = found.filter(pk=call.id("import")).first()
    if one is None:
        raise NotFound("subscriber import not found")
    return one


# --- reading -------------------------------------------------------------------------------------------------------


def _content(given: Given) -> bytes:
    source = given.below(given.object("file_source") or {}, "file_source.")
    kind = source.one_of("type", ("json", "upload_directory", "url"))
    if kind in ("upload_directory", "url"):
        source.problem("type", f"{kind} is not available; send the file as json")
    elif kind is None:
        source.problem("type", "cannot be blank")
    content = (source.text("content") or "").encode()  # whatever its character set was: it is JSON now
    if kind == "json" and not content:
        source.problem("content", "cannot be blank")
    if len(content) > LARGEST:
        source.problem("content", "may have 10 MB")
    return content


def _settings(given: Given, mailing_list: MailingList) -> dict[str, Any]:
    form = given.below(given.object("file_format") or {}, "file_format.")
    separator = form.text("csv_field_separator") or ","
    if separator not in (",", "\t", ";", "|"):
        form.problem("csv_field_separator", "must be a comma or a tab")
    if (form.text("csv_field_enclosure") or '"') != '"':
        form.problem("csv_field_enclosure", 'must be "')
    if (form.text("character_set") or "UTF-8").upper() not in CHARACTER_SETS:
        form.problem("character_set", "must be UTF-8 or ISO-8859-1")
    if (form.text("date_format") or "mdy") not in ("mdy", "dmy"):
        form.problem("date_format", "must be mdy or dmy")
    defaults = given.below(given.object("subscriber_defaults") or {}, "subscriber_defaults.")
    if defaults.one_of("status", tuple(SUBSCRIBER_STATUSES)) not in (None, "active"):
        defaults.problem("status", "must be active; give other states in a column of the file")
    if given.object("default_custom_fields"):
        given.problem("default_custom_fields", "are not available; put them into the file")
    has_headers = form.boolean("csv_has_headers") if "csv_has_headers" in form else True
    overwrites = bool(given.boolean("overwrite"))
    return {
        "encoding": "utf-8",
        "delimiter": separator,
        "has_header": has_headers is not False,
        "mapping": _mapping(given, mailing_list),
        "on_conflict": Import.OnConflict.UPDATE if overwrites else Import.OnConflict.SKIP,
        "consent_source": "greenarrow api",
    }


def _mapping(given: Given, mailing_list: MailingList) -> dict[str, str]:
    name = "column_mapping" if "column_mapping" in given else "mapping"
    columns = given.array(name) or []
    known = {each.name.replace("_", " ").casefold(): each.key for each in reversed(fields.of_list(mailing_list))}
    mapping: dict[str, str] = {}
    for at, column in enumerate(columns):
        if column in (None, "") or column in LEFT_OUT:
            continue
        target = COLUMNS.get(str(column)) or known.get(str(column).replace("_", " ").casefold())
        if target is None:
            given.problem(name, f"has the unknown column {str(column)[:100]}")
        else:
            mapping[str(at)] = target
    if "email" not in mapping.values():
        given.problem(name, "must have the column email")
    return mapping


# --- showing -------------------------------------------------------------------------------------------------------


def row(found: Import) -> dict[str, Any]:
    known = found.status != Status.QUEUED and found.rows_total
    return {
        "id": found.pk,
        "mailing_list_id": found.mailing_list_id,
        "mailing_list_name": found.mailing_list.name,
        "created_at": times.shown(found.created_at),
        "state": STATES[Status(found.status)],
        "begins_at": times.shown(found.started_at or found.created_at),
        "finished_at": times.shown(found.finished_at),
        "error_message": found.status_reason or None,
        "stats": {"number_of_records": found.rows_total if known else None, "records_imported": found.rows_done},
        "file_source": {"type": "json", "filename": "data"},
    }


def whole(found: Import) -> dict[str, Any]:
    shown = row(found)
    skipped = found.unchanged if found.on_conflict == Import.OnConflict.SKIP else 0
    shown["stats"] = {**shown["stats"], "subscribers": _subscribers(found, skipped)}
    return {
        **shown,
        "file_format": {
            "csv_has_headers": found.has_header,
            "character_set": found.encoding.upper(),
            "csv_field_separator": found.delimiter,
            "csv_field_enclosure": '"',
            "date_format": "mdy",
        },
        "subscriber_defaults": {"status": "active"},
        "overwrite": found.on_conflict == Import.OnConflict.UPDATE,
        "column_mapping": _columns(found),
        "default_custom_fields": {},
    }


def _subscribers(found: Import, skipped: int) -> Mapping[str, int]:
    others = ("skipped_active", "skipped_unsubscribed", "skipped_scomp", "skipped_bounced", "skipped_deactivated")
    return {
        "added": found.added,
        "updated": found.changed,
        "failed": found.refused,
        "skipped_overwrite": max(0, skipped - found.repeated),
        **dict.fromkeys(others, 0),
        "skipped_duplicate": found.repeated,
    }


def _columns(found: Import) -> list[str | None]:
    if not found.mapping:
        return []
    words = {ours: theirs for theirs, ours in COLUMNS.items()}
    last = max(int(number) for number in found.mapping)
    targets = [found.mapping.get(str(number)) for number in range(last + 1)]
    return [words.get(target, target) if target else None for target in targets]
