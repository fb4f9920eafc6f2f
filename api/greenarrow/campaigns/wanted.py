"""What a client wants a campaign to be: the body of a create or an update, read and checked before anything changes.

Nothing is written here. A key that is missing leaves things as they are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from api.greenarrow.campaigns import dispatch_keys
from api.greenarrow.errors import ValidationFailed
from api.greenarrow.reading import Given
from api.greenarrow.vocabulary import FORMATS, content_name
from audience.models import MailingList, Segment
from campaigns.contents import Said
from campaigns.models import Variant

LONGEST_SUBJECT = 998
SEGMENT_KEYS = ("segmentation_criteria_id", "segmentation_criteria_ad_hoc", "segmentation_criteria_remote_sql")
FLAT = {"content_subject": "subject", "email_format": "format", "content_html": "html", "content_text": "text"}
UNSAID: Any = object()


@dataclass
class Wanted:
    """`contents`, `segment`, `dispatch`: None where nothing was said. `segment` is a Segment, an ad hoc definition
    (as `AdHoc`), or UNSAID; None takes the segment away."""

    name: str | None = None
    archived: bool | None = None
    contents: list[Said] | None = None
    segment: Any = UNSAID
    dispatch: "dispatch_keys.Settings | None" = None


@dataclass(frozen=True)
class AdHoc:
    """A segment for this one campaign."""

    definition: Any

    @property
    def written(self) -> str:
        return json.dumps(self.definition)


@dataclass
class Place:
    """Where it is read: the list, and the contents that the campaign has already."""

    mailing_list: MailingList | None
    organization: Any
    there: Sequence[Variant] = field(default_factory=list)


def read(given: Given, place: Place, *, is_new: bool) -> Wanted:
    """Raises ValidationFailed with all that is wrong, InvalidRequest, NotFound and MultipleRecordsFound."""
    wanted = Wanted(
        name=_name(given, is_new=is_new),
        archived=given.boolean("archived") if "archived" in given else None,
        contents=_contents(given, place),
        segment=_segment(given, place),
    )
    if given.raw("dispatch_attributes") is not None:
        if values := given.object("dispatch_attributes"):
            wanted.dispatch = dispatch_keys.read(given.below(values, "dispatch."), place.organization)
        else:
            wanted.dispatch = dispatch_keys.Settings()
    given.require_valid()
    return wanted


def _name(given: Given, *, is_new: bool) -> str | None:
    name = given.text("name", longest=255, one_line=True)
    if (is_new or "name" in given) and not (name or "").strip():
        given.problem("name", "cannot be blank")
    return name


# --- contents ------------------------------------------------------------------------------------------------------


def _contents(given: Given, place: Place) -> list[Said] | None:
    if given.raw("contents") is not None:
        return _whole_set(given, given.array("contents") or [], place)
    if given.raw("campaign_contents_attributes") is not None:
        return _nested(given, given.array("campaign_contents_attributes") or [], place)
    flat = {ours: given.raw(theirs) for theirs, ours in FLAT.items() if given.raw(theirs) is not None}
    if flat.keys() & {"subject", "html", "text"}:
        return _flat(given, flat, place)
    return None


def _flat(given: Given, flat: Mapping[str, Any], place: Place) -> list[Said]:
    """The keys from before there were several contents: they are about the first one."""
    first = min(place.there, key=lambda variant: variant.pk) if place.there else None
    one = _said(given, {**flat, **({"id": first.pk} if first else {})}, 0, place)
    rest = [_unchanged(each) for each in place.there if first is None or each.pk != first.pk]
    return _unique(given, [one, *rest])


def _whole_set(given: Given, rows: list[Any], place: Place) -> list[Said]:
    """Those with an id go on, those without are new, and the others are taken away."""
    said = [_said(given, row, position, place) for position, row in enumerate(rows)]
    return _unique(given, said)


def _nested(given: Given, rows: list[Any], place: Place) -> list[Said]:
    """As Rails has it: those that are not mentioned stay, `_destroy` takes one away."""
    for position, row in enumerate(rows):
        if not isinstance(row, dict):
            given.problem(f"campaign_contents_attributes[{position}]", "must be an object")
    flat = [_flattened(row) for row in rows]
    gone = {_id(row) for row in flat if str(row.get("_destroy", "")).lower() in ("true", "1")}
    changed = {_id(row): row for row in flat if _id(row) is not None}
    kept = [
        _said(given, changed[each.pk], position, place) if each.pk in changed else _unchanged(each)
        for position, each in enumerate(place.there)
        if each.pk not in gone
    ]
    new = [row for row in flat if _id(row) not in {each.pk for each in place.there} and _id(row) not in gone - {None}]
    return _unique(given, kept + [_said(given, row, len(kept) + number, place) for number, row in enumerate(new)])


def _flattened(row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        return {"": row}
    below = row.get("content_attributes")
    return {**row, **below} if isinstance(below, dict) else dict(row)


def _id(row: Mapping[str, Any]) -> int | None:
    return dispatch_keys.id_of(row.get("id"))


def _said(given: Given, row: Any, position: int, place: Place) -> Said:
    below = given.below(row if isinstance(row, dict) else {}, f"contents[{position}].")
    variant = None
    if not isinstance(row, dict):
        given.problem(f"contents[{position}]", "must be an object")
    elif row.get("id") not in (None, ""):
        variant = next((each for each in place.there if each.pk == _id(row)), None)
        if variant is None:
            below.problem("id", "is not a content of this campaign")
    before = _unchanged(variant) if variant else Said(name="")
    return Said(
        name=(below.text("name", longest=100, one_line=True) or before.name) if "name" in below else before.name,
        subject=_text(below, "subject", before.subject, longest=LONGEST_SUBJECT, one_line=True),
        html=_text(below, "html", before.html),
        text=_text(below, "text", before.text),
        body_format=_format(below, before),
        variant=variant,
    )


def _text(below: Given, name: str, before: str, **limits: Any) -> str:
    return (below.text(name, **limits) or "") if name in below else before


def _format(below: Given, before: Said) -> str:
    said = below.one_of("format", FORMATS) if "format" in below else before.body_format
    if said:
        return said
    html, text = bool(below.raw("html") or before.html), bool(below.raw("text") or before.text)
    return "both" if html and text else "text" if text else "html"


def _unchanged(variant: Variant) -> Said:
    email = variant.email
    if email is None:
        return Said(name=variant.name, variant=variant)
    bodies = {"subject": email.subject, "html": email.html, "text": email.text, "body_format": email.body_format}
    return Said(name=variant.name, variant=variant, **bodies)


def _unique(given: Given, said: list[Said]) -> list[Said]:
    """New contents without a name are called by their place, or as nothing else here is."""
    said = list(said)
    for position, each in enumerate(said):
        if not each.name and each.variant is None:
            taken = {other.name for other in said}
            free = (content_name(at) for at in (min(position, 25), *range(26)) if content_name(at) not in taken)
            said[position] = replace(each, name=next(free, content_name(25)))
    names = [each.name for each in said]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        given.problem("contents", f"has the name {doubled} twice")
    return said


# --- the segment ---------------------------------------------------------------------------------------------------


def _segment(given: Given, place: Place) -> Any:
    said = [key for key in SEGMENT_KEYS if given.raw(key) is not None]
    if len(said) > 1:
        given.problem(f"only one of {', '.join(SEGMENT_KEYS[:2])} and {SEGMENT_KEYS[2]}", "may be specified")
        return UNSAID
    if given.raw("segmentation_criteria_remote_sql") is not None:
        given.problem(
            "segmentation_criteria_remote_sql", "may only be used on remote lists, and this server has no remote lists"
        )
        return UNSAID
    if given.raw("segmentation_criteria_ad_hoc") is not None:
        return AdHoc(given.raw("segmentation_criteria_ad_hoc"))
    if "segmentation_criteria_id" not in given:
        return UNSAID
    pk = given.integer("segmentation_criteria_id")
    return None if pk is None else _stored(given, place, pk)


def _stored(given: Given, place: Place, pk: int) -> Segment | None:
    segment = Segment.objects.of(place.organization).filter(pk=pk).first()
    lists = {each.pk for each in segment.mailing_lists.all()} if segment else set()
    if segment is None or (place.mailing_list and lists and place.mailing_list.pk not in lists):
        given.problem("segmentation_criteria_id", "is not available on this mailing list")
        return None
    return segment


def moment_of(settings: "dispatch_keys.Settings", now: datetime, limit: int) -> datetime | None:
    """`begins_at`: what was a moment ago is now, and what is too long ago is refused. Raises ValidationFailed."""
    at = settings.begins_at
    if at is None or at >= now or limit < 0:
        return at
    if (now - at).total_seconds() > limit:
        raise ValidationFailed("begins_at is more than two hours in the past")
    return now
