"""One rule of Octeth, of each type there is."""

from collections.abc import Callable, Mapping
from typing import Any

from audience.addresses import shown
from audience.criteria.octeth import campaigns, fields
from audience.criteria.octeth.operators import plain
from audience.criteria.octeth.place import Node, Place, everybody, nobody, number
from audience.criteria.tree import Condition
from audience.errors import Unanswerable


def read(place: Place, rule: Mapping[str, Any]) -> Node:
    """What the rule asks, or why it holds for nobody. `rule` has its keys in small letters."""
    reader = READERS.get(type_of(rule))
    if reader is None:
        return nobody(f"There is no type of rule called {shown(str(rule.get('type')))}.")
    try:
        return place.checked(reader(place, rule))
    except Unanswerable as why:
        return nobody(str(why))


def type_of(rule: Mapping[str, Any]) -> str:
    return str(rule.get("type", "")).strip().lower().replace("_", "-")


def is_known(rule: Mapping[str, Any]) -> bool:
    return type_of(rule) in READERS


# --- segments, tags, suppressions --------------------------------------------------------------------------------


def _segments(place: Place, rule: Mapping[str, Any]) -> Node:
    segment = place.segment(rule.get("value"))
    match plain(rule.get("operator")):
        case "belongs to":
            return Condition(f"segment.{segment.public_id}", "is", True)
        case "does not belong to":
            return Condition(f"segment.{segment.public_id}", "is", False)
        case other:
            raise Unanswerable(f"{shown(other)} cannot be asked of a segment.")


_TAGS = {
    "has this tag": "has_any_of",
    "has any of these tags": "has_any_of",
    "has all of these tags": "has_all_of",
    "does not have this tag": "has_none_of",
}


def _tags(place: Place, rule: Mapping[str, Any]) -> Node:
    """A tag that is gone is carried by nobody: of any of several it is left out, elsewhere it ends the rule."""
    operator = plain(rule.get("operator"))
    if operator == "has no tags":
        return Condition("tags", "is_empty")
    if operator not in _TAGS:
        raise Unanswerable(f"{shown(operator)} cannot be asked of tags.")
    wanted = _numbers(rule.get("value"))
    known = [place.tags[pk] for pk in wanted if pk in place.tags]
    if not known or (len(known) < len(wanted) and _TAGS[operator] != "has_any_of"):
        raise Unanswerable(f"Not all of the tags {shown(str(rule.get('value')))} are there.")
    return Condition("tags", _TAGS[operator], list(known))


def _numbers(value: Any) -> list[int | None]:
    several = value if isinstance(value, list) else str(value).split(",")
    return list(dict.fromkeys(number(each) for each in several))


def _suppressions(place: Place, rule: Mapping[str, Any]) -> Node:
    match plain(rule.get("operator")):
        case "exist":
            return Condition("suppressed", "is", True)
        case "not exist":
            return Condition("suppressed", "is", False)
        case other:
            raise Unanswerable(f"{shown(other)} cannot be asked of suppressions.")


# --- what is not built here --------------------------------------------------------------------------------------


def _never(what: str, positive: set[str], negative: set[str]) -> Callable[[Place, Mapping[str, Any]], Node]:
    """Rules about what happens to nobody here: their opposites hold for everybody."""

    def reader(place: Place, rule: Mapping[str, Any]) -> Node:
        operator = plain(rule.get("operator"))
        if operator in positive:
            return nobody(f"There are no {what} here.")
        if operator in negative:
            return everybody(f"There are no {what} here.")
        raise Unanswerable(f"{shown(operator)} cannot be asked of {what}.")

    return reader


_JOURNEYS = _never(
    "journeys",
    {"in journey", "completed journey", "opened", "clicked", "unsubscribed", "complained", "bounced"},
    {"not in journey", "not opened", "not clicked", "not complained", "not bounced"},
)
_WEBSITE = _never(
    "website events",
    {"happened", "happened in the last x days", "equals", "contains", "matches regex"}
    | {"greater than", "less than", "is set"},
    {"did not happen", "did not happen in the last x days", "does not equal", "does not contain"}
    | {"does not match regex", "is not set"},
)
READERS: dict[str, Callable[[Place, Mapping[str, Any]], Node]] = {
    "fields": fields.read,
    "segments": _segments,
    "tags": _tags,
    "journeys": _JOURNEYS,
    "suppressions": _suppressions,
    "website-events": _WEBSITE,
    "campaign-events": campaigns.reader("campaign"),
    "sms-events": campaigns.reader("sms"),
}
