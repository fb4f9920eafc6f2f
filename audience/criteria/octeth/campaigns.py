"""Rules of the types `campaign-events` and `sms-events`: what somebody did with campaigns."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from audience.addresses import shown
from audience.criteria.octeth.operators import plain
from audience.criteria.octeth.place import Node, Place, number
from audience.criteria.tree import Condition, Json
from audience.errors import Unanswerable

_DEEDS = {
    "opened": "opened",
    "clicked": "clicked",
    "unsubscribed": "unsubscribed",
    "complained": "complained",
    "bounced": "bounced",
    "delivered": "delivered",
    "queued recipients": "queued",
    "failed": "failed",
}
_WITHOUT_TIME_AND_COUNT = {"delivered", "queued", "failed"}
_DAYS_BACK = {"in last x days": "in_last", "not in last x days": "not_in_last"}
_RANGES = {"between": "between", "not between": "not_between"}
_BESIDE = {"after": "after", "before": "before"}
_WHOLE_DAYS = "A time filter counts whole days, at least one."
_COUNTS = {"at least": "at_least", "at most": "at_most", "exactly": "exactly"}


def reader(first_word: str) -> Callable[[Place, Mapping[str, Any]], Node]:
    """For `campaign` or `sms`."""

    def read(place: Place, rule: Mapping[str, Any]) -> Node:
        operator = plain(rule.get("operator"))
        positive = operator.removeprefix("not ")
        if positive not in _DEEDS:
            raise Unanswerable(f"There is no event {shown(operator)} of campaigns.")
        what = _DEEDS[positive]
        return Condition(f"{first_word}.{what}", "did" if positive == operator else "did_not", _asked(what, rule))

    return read


def _asked(what: str, rule: Mapping[str, Any]) -> dict[str, Json]:
    asked: dict[str, Json] = {}
    campaigns = _campaigns(rule.get("value"))
    if campaigns:
        asked["campaigns"] = list(campaigns)
    email = rule.get("email-id", rule.get("email_id"))
    if email not in (None, ""):
        asked["email"] = _required(email, "email-id is the number of an email.")
    if what not in _WITHOUT_TIME_AND_COUNT:
        if rule.get("time_filter") not in (None, "", [], {}):
            asked["within"] = _within(rule["time_filter"])
        if rule.get("aggregation") not in (None, "", [], {}):
            asked["count"] = _count(rule["aggregation"])
    return asked


def _campaigns(value: Any) -> list[int]:
    """One number, several, or those of `"3, 5"`; none means any campaign."""
    if value in ("", None):
        return []
    several = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    return [_required(each, "Campaigns are named by their numbers.") for each in several]


def _required(written: object, problem: str) -> int:
    found = number(written)
    if found is None:
        raise Unanswerable(problem)
    return found


def _within(given: Any) -> dict[str, Json]:
    if not isinstance(given, Mapping):
        raise Unanswerable("A time filter has a type and a value.")
    kind, value = plain(given.get("type")), given.get("value")
    if kind in _DAYS_BACK:
        return {"type": _DAYS_BACK[kind], "amount": _days(value), "unit": "days"}
    if kind in _RANGES:
        first, last = _both_days(value)
        return {"type": _RANGES[kind], "from": first, "to": last}
    if kind in _BESIDE:
        return {"type": _BESIDE[kind], "day": _day(value)}
    raise Unanswerable(f"There is no time filter {shown(kind)}.")


def _days(written: object) -> int:
    days = _required(written, _WHOLE_DAYS)
    if days < 1:
        raise Unanswerable(_WHOLE_DAYS)
    return days


def _both_days(value: object) -> tuple[str, str]:
    if not isinstance(value, Mapping):
        raise Unanswerable("A time filter between two days has a start and an end.")
    first, last = _day(value.get("start")), _day(value.get("end"))
    if first > last:
        raise Unanswerable("A time filter between two days ends on its first day or later.")
    return first, last


def _day(written: object) -> str:
    """As it is, if it is a day there is, written `2026-03-31`."""
    try:
        if isinstance(written, str) and date.fromisoformat(written).isoformat() == written:
            return written
    except ValueError:
        pass
    raise Unanswerable(f"{shown(str(written))} is not a day; write it like 2026-03-31.")


def _count(given: Any) -> dict[str, Json]:
    kind = plain(given.get("operator")) if isinstance(given, Mapping) else ""
    if kind not in _COUNTS:
        raise Unanswerable("An aggregation is at_least, at_most or exactly, with a count.")
    return {_COUNTS[kind]: _required(given.get("count"), "An aggregation counts with a whole number.")}
