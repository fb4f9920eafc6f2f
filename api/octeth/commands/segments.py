"""Segments of a list (Octeth's Segment.* and Segments.*)."""

import json
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from api.octeth import echoes
from api.octeth.errors import Refused, Shape
from api.octeth.lists import mailing_list
from api.octeth.models import Echo
from api.octeth.ordering import ordered
from api.octeth.parameters import values
from api.octeth.registry import Call, command
from audience import segments
from audience.criteria.octeth import parse, parse_columns
from audience.criteria.octeth.errors import NoRules
from audience.criteria.tree import to_json
from audience.errors import InvalidRules
from audience.models import MailingList, Segment
from campaigns import drafts, removals
from campaigns.errors import CampaignError, Locked

REQUIRED = {"SubscriberListID": 1, "SegmentName": 2, "SegmentOperator": 3}
COLUMNS = ("SegmentRuleField", "SegmentRuleOperator", "SegmentRuleFilter")
ORDERS = {"segmentname": "name", "segmentid": "pk", "subscribercount": "user_count"}
RULES_REFUSED = 12


def _segments(call: Call) -> QuerySet[Segment]:
    return call.who.own(Segment.objects.filter(is_ad_hoc=False).prefetch_related("mailing_lists"))


@command("segment.create", permission="Segment.Create", shape=Shape.LIST_TEXTS, writes=True)
def create(call: Call) -> dict[str, Any]:
    given = call.parameters
    call.require(*REQUIRED, codes=REQUIRED)
    found = mailing_list(call, "SubscriberListID", unknown=4)
    operator = _operator(call)
    made = segments.create(
        call.organization,
        by=call.by,
        name=" ".join(given.text("SegmentName").split())[:255],
        mailing_lists=[found],
        **(_rules(call, found, operator) or {}),
    )
    _remember(call, made, operator)
    return {"ErrorText": "", "SegmentID": made.pk}


def _operator(call: Call) -> str:
    word = call.parameters.word("SegmentOperator").lower()
    if word and word not in ("and", "or"):
        raise Refused(5, text="SegmentOperator is and or or")
    return word


def _rules(call: Call, found: MailingList, operator: str) -> dict[str, Any] | None:
    """The tree and what it was written as; None where the request says nothing of rules."""
    given = call.parameters
    try:
        if given.given("RulesJson"):
            text = given.as_json_text("RulesJson")
            tree = parse(text, operator=operator or "and", mailing_list=found)
        elif given.given(COLUMNS[0]):
            columns = [[str(each) for each in _column(call, name)] for name in COLUMNS]
            tree = parse_columns(*columns, operator=operator or "and", mailing_list=found)
            text = json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in zip(*columns, strict=True)])
        else:
            return None
    except NoRules:
        return {"rules": {}}
    except InvalidRules as refusal:
        raise Refused(RULES_REFUSED, text=str(refusal)) from refusal
    return {"rules": to_json(tree), "written_in": Segment.Language.OCTETH, "written_as": text}


def _column(call: Call, name: str) -> list[Any]:
    tree = call.parameters.tree(name)
    return list(values(tree)) if isinstance(tree, list | dict) else call.parameters.words(name)


def _remember(call: Call, segment: Segment, operator: str) -> None:
    given = call.parameters
    kept = {name: given.text(name) for name in ("Randomness", "RandomnessAudienceSize") if given.given(name)}
    kept |= {"SegmentOperator": operator} if operator else {}
    echoes.remember(call.organization, Echo.Kind.SEGMENT, segment.pk, kept)


@command("segment.update", permission="Segment.Update", shape=Shape.LIST_TEXTS, writes=True)
def update(call: Call) -> dict[str, Any]:
    given = call.parameters
    needed = {"SegmentID": 1, "SegmentName": 2}
    call.require(*needed, codes=needed)
    segment = _segments(call).filter(pk=given.whole("SegmentID")).first()
    if segment is None:
        raise Refused(4, text="Segment not found")
    operator = _operator(call)
    found = _list_of(call, segment)
    changes: dict[str, Any] = {"name": " ".join(given.text("SegmentName").split())[:255]}
    if found is not None:
        changes |= {"mailing_lists": [found]} | (_rules(call, found, operator) or {})
    try:
        drafts.edit_segment(segment, by=call.by, **changes)
    except CampaignError as refusal:
        raise Refused(4, text=str(refusal)) from refusal
    _remember(call, segment, operator)
    return {"ErrorText": ""}


def _list_of(call: Call, segment: Segment) -> MailingList | None:
    """Another list only if it is named by a number; else the first of its own."""
    if call.parameters.id("SubscriberListID") is None:
        return segment.mailing_lists.order_by("pk").first()
    return mailing_list(call, "SubscriberListID", unknown=6)


@command("segments.get", permission="Segments.Get", shape=Shape.LIST_TEXT, old=Shape.TEXT, aliases=("segment.get",))
def get_many(call: Call) -> dict[str, Any]:
    given = call.parameters
    if not given.word("SubscriberListID"):
        raise Refused(1, text="Subscriber list ID is missing")
    rows = _segments(call).filter(mailing_lists=given.whole("SubscriberListID"))
    if given.word("SegmentID"):
        rows = rows.filter(pk=given.whole("SegmentID"))
    page = list(ordered(rows, given, ORDERS, "name", way="DESC"))
    known = echoes.of(Echo.Kind.SEGMENT, [each.pk for each in page])
    totals = given.flag("IncludeTotals", default=True)
    shown = [_row(each, known.get(each.pk, {}), given.whole("SubscriberListID"), totals=totals) for each in page]
    return {"ErrorText": "", "TotalSegmentCount": len(shown), "Segments": shown}


def _row(segment: Segment, echo: Mapping[str, Any], list_id: int, *, totals: bool) -> dict[str, Any]:
    written = segment.written_as if segment.written_in == Segment.Language.OCTETH else ""
    return {
        "SegmentID": segment.pk,
        "RelListID": list_id,
        "RelOwnerUserID": segment.organization_id,
        "SegmentName": segment.name,
        "SegmentOperator": echo.get("SegmentOperator", "and"),
        "SegmentRules": "",
        "SegmentRulesJson": written,
        "Randomness": echo.get("Randomness", ""),
        "RandomnessAudienceSize": echo.get("RandomnessAudienceSize", ""),
        **({"SubscriberCount": segment.user_count} if totals else {}),
    }


@command("segments.delete", permission="Segments.Delete", shape=Shape.LIST_TEXTS, old=Shape.NAMED, writes=True)
def delete(call: Call) -> dict[str, Any]:
    """One that a campaign still has to ask is kept, and that refuses all."""
    wanted = call.parameters.ids("Segments")
    if not wanted:
        raise Refused(1, text="Segment ids are missing", names=["segments"])
    try:
        for segment in _segments(call).filter(pk__in=wanted):
            removals.delete_segment(segment, by=call.by)
    except Locked as refusal:
        raise Refused(2, text=str(refusal), names=["segments"]) from refusal
    return {"ErrorText": ""}


@command("segments.copy", permission="Segment.Create", shape=Shape.LIST_TEXTS, writes=True)
def copy(call: Call) -> dict[str, Any]:
    """Each is read again for the other list, whose fields may be others."""
    codes = {"SourceListID": 1, "TargetListID": 2}
    call.require(*codes, codes=codes)
    source = mailing_list(call, "SourceListID", unknown=4)
    target = mailing_list(call, "TargetListID", unknown=4)
    for segment in _segments(call).filter(mailing_lists=source):
        segments.create(
            call.organization,
            by=call.by,
            name=segment.name,
            rules=segment.rules,
            mailing_lists=[target],
            broken_rules_are_kept=True,
            written_in=segment.written_in,
            written_as=segment.written_as,
        )
    return {"ErrorText": ""}
