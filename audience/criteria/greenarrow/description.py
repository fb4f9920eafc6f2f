"""A definition in GreenArrow's words: `All of the following criteria ... (Status is Active)`."""

from collections.abc import Mapping
from typing import Any

LONGEST = 2000
_STATUSES = {
    "active": "Active",
    "unsubscribed": "Unsubscribed",
    "scomp": "Spam Complaint",
    "bounced": "Bounced",
    "deactivated": "Deactivated",
}
_NAMES = {
    "subscriber_status": "Status",
    "in_mailing_list": "Subscriber",
    "not_in_suppression_list": "Subscriber",
    "email_address": "Email Address",
    "domain": "Domain",
    "confirmed": "Confirmed",
    "email_format": "Email Format",
    "subscribe_ip": "Subscribe IP",
    "random_sample": "Random Sample",
    "campaign_activity": "Subscriber",
}
_DATES = {
    "subscribe_time": "Date Subscribed",
    "confirm_time": "Date Confirmed",
    "bounce_time": "Date Bounced",
    "unsub_time": "Date Unsubscribed",
    "scomp_time": "Date of Spam Complaint",
    "created_at": "Date Created",
}


def describe(definition: Any) -> str:
    """One sentence for a definition that `parse` takes; each clause in parentheses, groups inside theirs."""
    if isinstance(definition, list):
        definition = {"type": "all", "clauses": definition}
    clauses = definition.get("clauses", ()) if _is_group(definition) else (definition,)
    parts = [f"({_clause(clause)})" for clause in clauses]
    said = " ".join([f"{_which(definition)} of the following criteria ...", *parts])
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 4]} ..."


def _is_group(clause: Any) -> bool:
    return isinstance(clause, Mapping) and str(clause.get("type")).lower() in ("all", "any")


def _which(group: Mapping[str, Any]) -> str:
    return "Any" if str(group.get("type")).lower() == "any" else "All"


def _clause(clause: Mapping[str, Any]) -> str:
    if _is_group(clause):
        return describe(clause)
    words = [_subject(clause), _operator(clause), _value(clause)]
    return " ".join(word for word in words if word)


def _subject(clause: Mapping[str, Any]) -> str:
    kind = str(clause.get("type"))
    if kind == "subscriber_date":
        return _DATES.get(str(clause.get("field")), "Date")
    if kind == "custom_field":
        return _called(clause.get("custom_field"), "Custom Field")
    return _NAMES.get(kind, kind)


def _operator(clause: Mapping[str, Any]) -> str:
    default = "is_not_in" if clause.get("type") == "not_in_suppression_list" else "is"
    if clause.get("type") == "random_sample":
        return "of"
    return str(clause.get("operator", default)).lower().replace("_", " ")


def _value(clause: Mapping[str, Any]) -> str:
    kind = clause.get("type")
    if kind == "in_mailing_list":
        return _called(clause.get("mailing_list", {"id": clause.get("mailing_list_id")}), "Mailing List")
    if kind == "not_in_suppression_list":
        return _called(clause.get("suppression_list"), "any Suppression List")
    if kind == "campaign_activity":
        return " ".join([_campaign(clause), _span(clause)]).strip()
    if kind == "random_sample":
        return f"{clause.get('value')} percent"
    return _compared(clause)


def _compared(clause: Mapping[str, Any]) -> str:
    if "start" in clause or "end" in clause:
        return f"{clause.get('start')} and {clause.get('end')}"
    if "amount" in clause:
        return _span(clause)
    given = clause.get("values", clause.get("value", ""))
    values = given if isinstance(given, list) else [given]
    named = [str(each) for each in values if each is not None]
    if clause.get("type") == "subscriber_status":
        named = [_STATUSES.get(each.lower(), each) for each in named]
    return ", ".join(named)


def _campaign(clause: Mapping[str, Any]) -> str:
    campaign = clause.get("campaign")
    return "any Campaign" if not isinstance(campaign, Mapping) else _called(campaign, "Campaign")


def _span(clause: Mapping[str, Any]) -> str:
    return f"{clause['amount']} {clause.get('unit', 'days')}" if "amount" in clause else ""


def _called(named: Any, what: str) -> str:
    """By its name, else by its id."""
    if not isinstance(named, Mapping):
        return what
    return str(named["name"]) if named.get("name") else f"{what} {named.get('id')}"
