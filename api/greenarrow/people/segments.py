"""`segments` and `segmentation_criterias`: people chosen by rules, as stored or made for one campaign."""

import json
from typing import Any

from django.db.models import QuerySet

from accounts.permissions import Permission
from api.greenarrow import pages, times
from api.greenarrow.campaigns import rows, writing
from api.greenarrow.envelope import Answer
from api.greenarrow.errors import NotFound
from api.greenarrow.reading import Given
from api.greenarrow.routing import Call, route
from audience import segments
from audience.criteria import greenarrow
from audience.models import MailingList, Segment
from campaigns import drafts, removals

WRAPPERS = ("segment", "segmentation_criteria")
DEFINITIONS = ("definition", "criteria", "segmentation_criteria_ad_hoc")
OF_LIST = "mailing_lists/{list}/segments"
PER_PAGE = 2000


@route("GET", "segmentation_criterias", "mailing_lists/{list}/segmentation_criterias")
def criterias(call: Call) -> Answer:
    """All segments of the organization, or of a list, those made for one campaign included."""
    call.require(Permission.READ)
    found = _rows(call)
    if "list" in call.path:
        found = found.filter(mailing_lists=rows.the_list(call))
    return pages.all_or_paged(found, call.params, criteria)


@route("GET", "segments", OF_LIST)
def index(call: Call) -> Answer:
    """Stored segments; `name` and `name_contains` choose among them."""
    call.require(Permission.READ)
    found = _rows(call).filter(is_ad_hoc=False)
    if "list" in call.path:
        found = found.filter(mailing_lists=rows.the_list(call))
    if name := call.params.get("name"):
        found = found.filter(name__iexact=name)
    if part := call.params.get("name_contains"):
        found = found.filter(name__icontains=part)
    return pages.paged(found, call.params, shape, usual=PER_PAGE, most=PER_PAGE)


@route("GET", "segments/{segment}", f"{OF_LIST}/{{segment}}")
def show(call: Call) -> dict[str, Any]:
    """One segment, with its definition."""
    call.require(Permission.READ)
    return whole(_named(call))


@route("POST", OF_LIST)
def create(call: Call) -> dict[str, Any]:
    """A new segment over this list."""
    mailing_list, given = rows.the_list(call), call.given(*WRAPPERS)
    name, definition = _name(given, is_new=True), _definition(given)
    given.require_valid()
    made = writing.ad_hoc(call, definition or [], mailing_list, name=str(name), is_ad_hoc=False)
    return whole(made)


@route("PUT", "segments/{segment}", f"{OF_LIST}/{{segment}}")
def update(call: Call) -> dict[str, Any]:
    """Change what is given. Campaigns that address it hear of it."""
    segment, given = _named(call), call.given(*WRAPPERS)
    name, definition = _name(given, is_new=False), _definition(given)
    given.require_valid()
    changes: dict[str, Any] = {"name": name} if name is not None else {}
    if definition is not None:
        changes |= writing.rules(call, definition, list(segment.mailing_lists.all()))
    return whole(drafts.edit_segment(segment, by=call.by, **changes))


@route("DELETE", "segments/{segment}", f"{OF_LIST}/{{segment}}")
def delete(call: Call) -> None:
    """Refused while a campaign that is not over addresses it."""
    removals.delete_segment(_named(call), by=call.by)


def _rows(call: Call) -> QuerySet[Segment]:
    return (
        Segment.objects.of(call.organization)
        .select_related("organization")
        .prefetch_related("mailing_lists")
        .order_by("pk")
    )


def _named(call: Call) -> Segment:
    found = _rows(call)
    if "list" in call.path:
        found = found.filter(mailing_lists=rows.the_list(call))
    segment = found.filter(pk=call.id("segment")).first()
    if segment is None:
        raise NotFound("segment not found")
    return segment


def _name(given: Given, *, is_new: bool) -> str | None:
    name = given.text("name", longest=255, one_line=True)
    if (is_new or "name" in given) and not (name or "").strip():
        given.problem("name", "cannot be blank")
    return name


def _definition(given: Given) -> Any:
    return next((given.raw(key) for key in DEFINITIONS if given.raw(key) is not None), None)


def criteria(segment: Segment) -> dict[str, Any]:
    """As the older address has it. What the database is asked is nobody's business: the rules are shown in words."""
    return {
        "id": segment.pk,
        "name": None if segment.is_ad_hoc else segment.name,
        "mailing_list_id": _list_id(segment),
        "criteria_sql": f"-- {segments.sentence(segment)}",
        "criteria_json": json.dumps(_grouped(definition_of(segment))),
        "created_at": times.shown(segment.created_at),
        "updated_at": times.shown(segment.modified_at),
    }


def shape(segment: Segment) -> dict[str, Any]:
    written = definition_of(segment)
    said = segments.sentence(segment) if written is None else greenarrow.describe(written)
    return {
        "id": segment.pk,
        "mailing_list_id": _list_id(segment),
        "name": None if segment.is_ad_hoc else segment.name,
        "description": said,
    }


def whole(segment: Segment) -> dict[str, Any]:
    """`definition` is null for rules that were written in another language."""
    return {**shape(segment), "definition": definition_of(segment)}


def definition_of(segment: Segment) -> Any:
    """As a client wrote it; without rules, everybody who is active. None for rules of another language."""
    if segment.written_in == Segment.Language.GREENARROW:
        return json.loads(segment.written_as)
    return None if segment.rules else []


def _grouped(definition: Any) -> Any:
    return {"type": "all", "clauses": definition} if isinstance(definition, list) else definition


def _list_id(segment: Segment) -> int | None:
    lists: list[MailingList] = list(segment.mailing_lists.all())
    return lists[0].pk if lists else None
