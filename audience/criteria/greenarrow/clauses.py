"""Clauses that are no groups, of each type there is. What a clause denies is the exact opposite of what it asks."""

from collections.abc import Callable, Mapping
from typing import Any

from audience.addresses import shown
from audience.criteria.greenarrow import times
from audience.criteria.greenarrow.errors import InvalidRequest, NotFound, ValidationFailed
from audience.criteria.greenarrow.field_clauses import custom_field
from audience.criteria.greenarrow.place import Clause, Node, Place, number, several, spelled
from audience.criteria.tree import Condition, Group, Json, Match

Reader = Callable[[Place, Clause], Node]
STATUSES: Mapping[str, str] = {
    "active": "subscribed",
    "unsubscribed": "unsubscribed",
    "scomp": "complained",
    "bounced": "bounced",
    "deactivated": "unconfirmed",
}


def operator_of(clause: Clause, known: Mapping[str, Any], default: str | None = None) -> str:
    """Raises InvalidRequest."""
    operator = spelled(clause.get("operator", default))
    if operator not in known:
        raise InvalidRequest(f"{clause.get('type')} can be asked {', '.join(known)}, but not {shown(operator)}")
    return operator


def _text(clause: Clause) -> str:
    value = clause.get("value")
    if not isinstance(value, str | int | float) or isinstance(value, bool) or value == "":
        raise ValidationFailed(f"{clause.get('type')}: value cannot be blank")
    return str(value)


# --- who somebody is ---------------------------------------------------------------------------------------------

_ON_LIST: dict[str, tuple[str, str | None]] = {
    "is_in": ("is_not_empty", None),
    "is_not_in": ("is_empty", None),
    "is_active_in": ("is", "subscribed"),
    "is_not_active_in": ("is_not", "subscribed"),
}


def _in_mailing_list(place: Place, clause: Clause) -> Node:
    operator, value = _ON_LIST[operator_of(clause, _ON_LIST)]
    return Condition(f"list.{place.mailing_list(clause).public_id}", operator, value)


def _suppressed(place: Place, clause: Clause) -> Node:
    """Suppressions are not kept in lists of their own here: a clause means all of them."""
    operator = operator_of(clause, {"is_not_in": 0, "is_in": 1}, default="is_not_in")
    named = clause.get("suppression_list")
    if named not in (None, "", {}):
        raise NotFound(f"there is no suppression_list {shown(str(named))}; leave it out to mean every suppression")
    return Condition("suppressed", "is", operator == "is_in")


def _status(place: Place, clause: Clause) -> Node:
    operator = operator_of(clause, {"is": 0, "is_not": 1})
    wanted = [str(each).strip().lower() for each in several(clause)]
    unknown = [each for each in wanted if each not in STATUSES]
    if unknown:
        raise ValidationFailed(f"subscriber_status is one of {', '.join(STATUSES)}, and never {shown(unknown[0])}")
    values: list[Json] = [STATUSES[each] for each in wanted]
    if len(values) == 1:
        return Condition("status", operator, values[0])
    return Condition("status", "is_one_of" if operator == "is" else "is_none_of", values)


_PARTS = {each: each for each in ("contains", "does_not_contain", "starts_with", "ends_with", "is", "is_not")}


def _email_address(place: Place, clause: Clause) -> Node:
    operator, value = operator_of(clause, _PARTS), _text(clause)
    if not (value.isascii() and value.isprintable()):
        raise ValidationFailed("email_address: value must be printable ASCII")
    return Condition("email", operator, value)


def _domain(place: Place, clause: Clause) -> Node:
    operator = operator_of(clause, {"is_in": 0, "is_not_in": 1})
    domains: list[Json] = [str(each).strip().lower().removeprefix("@") for each in several(clause)]
    return Condition("email_domain", "is_one_of" if operator == "is_in" else "is_none_of", domains)


def _confirmed(place: Place, clause: Clause) -> Node:
    operator_of(clause, {"is": 0}, default="is")
    return Condition("confirmed_at", "is_not_empty" if boolean(clause.get("value")) else "is_empty")


def boolean(written: Any) -> bool:
    """As their clients write it. Raises ValidationFailed."""
    word = str(written).strip().lower()
    if word in ("true", "1", "t", "yes", "on", "false", "0", "f", "no", "off"):
        return word in ("true", "1", "t", "yes", "on")
    raise ValidationFailed(f"{shown(str(written))} is neither true nor false")


def _email_format(place: Place, clause: Clause) -> Node:
    raise ValidationFailed("email_format: lists here keep no format")


def _subscribe_ip(place: Place, clause: Clause) -> Node:
    operator = operator_of(clause, {"is": 0, "in_network": 1})
    return Condition("ip_address", operator, _text(clause))


def _random_sample(place: Place, clause: Clause) -> Node:
    operator_of(clause, {"percent": 0}, default="percent")
    seed = clause.get("seed", "")
    return Condition("sample", "percent", {"percent": clause.get("value"), "seed": "" if seed is None else seed})


# --- when --------------------------------------------------------------------------------------------------------

_MOMENTS = {
    "subscribe_time": "subscribed_at",
    "confirm_time": "confirmed_at",
    "unsub_time": "unsubscribed_at",
    "created_at": "created_at",
}
# The subscription does not keep these moments; the status and what was received tell them.
_ENDED_BY = {"bounce_time": ("bounced", "campaign.bounced"), "scomp_time": ("complained", "campaign.complained")}
_DATES = ("before", "after", "on", "between", "in_last", "not_in_last", "is_set", "is_not_set")


def _subscriber_date(place: Place, clause: Clause) -> Node:
    operator, field = operator_of(clause, dict.fromkeys(_DATES)), clause.get("field")
    zone, now = place.organization.timezone, place.vocabulary.scope.now
    if isinstance(field, str) and field in _MOMENTS:
        return times.asked(_MOMENTS[field], operator, clause, zone, now=now)
    if not isinstance(field, str) or field not in _ENDED_BY:
        raise InvalidRequest(f"field is one of {', '.join((*_MOMENTS, *_ENDED_BY))}")
    status, event = _ENDED_BY[field]
    ended = Condition("status", "is", status)
    if operator in ("is_set", "is_not_set"):
        return ended if operator == "is_set" else Condition("status", "is_not", status)
    window = times.within(operator.removeprefix("not_"), clause, zone, now=now)
    both = Group(Match.ALL, (ended, Condition(event, "did", {"within": window})))
    return Group(Match.NOT, (both,)) if operator == "not_in_last" else both


# --- what somebody did -------------------------------------------------------------------------------------------

_ACTIVITY = {
    "was_sent": ("sent", "did"),
    "was_not_sent": ("sent", "did_not"),
    "opened": ("opened", "did"),
    "did_not_open": ("opened", "did_not"),
    "clicked": ("clicked", "did"),
    "did_not_click": ("clicked", "did_not"),
    "bounced": ("bounced", "did"),
    "did_not_bounce": ("bounced", "did_not"),
}


def _campaign_activity(place: Place, clause: Clause) -> Node:
    what, operator = _ACTIVITY[operator_of(clause, _ACTIVITY)]
    asked: dict[str, Json] = {}
    if not ("any" in clause and boolean(clause["any"])):
        named = clause.get("campaign")
        campaign = number(named.get("id")) if isinstance(named, Mapping) else None
        if campaign is None:
            raise InvalidRequest("campaign_activity names a campaign by its id, or says any: true")
        asked["campaigns"] = [campaign]
    if clause.get("link") not in (None, "", {}):
        asked["link"] = _url(clause["link"])
    if clause.get("amount") is not None:
        asked["within"] = {"type": "in_last", **times.span(clause)}
    return Condition(f"campaign.{what}", operator, dict(asked))


def _url(link: Any) -> str:
    url = link.get("url") if isinstance(link, Mapping) else None
    if not isinstance(url, str) or not url:
        raise InvalidRequest("link is named by its url")
    return url


READERS: Mapping[str, Reader] = {
    "in_mailing_list": _in_mailing_list,
    "not_in_suppression_list": _suppressed,
    "subscriber_status": _status,
    "email_address": _email_address,
    "domain": _domain,
    "subscriber_date": _subscriber_date,
    "confirmed": _confirmed,
    "email_format": _email_format,
    "custom_field": custom_field,
    "campaign_activity": _campaign_activity,
    "subscribe_ip": _subscribe_ip,
    "random_sample": _random_sample,
}
