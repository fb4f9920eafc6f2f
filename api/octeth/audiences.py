"""Whom a campaign addresses, as clients write it: `ListID:SegmentID` pairs, or a RulesJsonBundle."""

from collections.abc import Iterable
from typing import Any

from api.octeth.parameters import as_id
from api.octeth.registry import Call
from audience import segments
from audience.criteria.octeth import parse_bundle
from audience.criteria.tree import Condition, Group, Match, to_json
from audience.errors import InvalidRules
from audience.models import MailingList, Segment
from campaigns import drafts
from campaigns.drafts import Part
from campaigns.models import Campaign

EXCLUDED_NAMES = ("Exclude_RecipientListsAndSegments", "ExcludeRecipientListsAndSegments")
NOBODY = to_json(Group(Match.ALL, (Condition("nobody", "because", "The RulesJsonBundle cannot be read."),)))


def write(call: Call, campaign: Campaign) -> None:
    """What the request says of it replaces what was; a bundle stands above the pairs."""
    given = call.parameters
    if given.given("RulesJsonBundle"):
        _write_bundle(call, campaign, given.as_json_text("RulesJsonBundle"))
        return
    included = _pairs(call, "RecipientListsAndSegments")
    excluded = next((found for name in EXCLUDED_NAMES if (found := _pairs(call, name))), [])
    clears = bool(included) and any(name in given for name in EXCLUDED_NAMES)
    if included or excluded:
        parts = included or _kept(campaign, excluded=False)
        others = [_turned(part) for part in excluded] or ([] if clears else _kept(campaign, excluded=True))
        drafts.edit(campaign, by=call.by, audience=_once([*parts, *others]))


def _pairs(call: Call, name: str) -> list[Part]:
    """The parts that are the caller's. A segment that is not there stands for nobody, not for its whole list."""
    numbers = [_pair(word) for word in call.parameters.words(name)]
    lists = call.who.own(MailingList.objects.all()).in_bulk([found for found, _ in numbers])
    chosen = call.who.own(Segment.objects.all()).in_bulk([found for _, found in numbers if found])
    return [
        Part(mailing_list=lists[list_id], segment=chosen.get(segment_id))
        for list_id, segment_id in numbers
        if list_id in lists and (not segment_id or segment_id in chosen)
    ]


def _pair(word: str) -> tuple[int, int]:
    """`5:3`, `5:0` and `5`."""
    list_id, _, segment_id = word.partition(":")
    return as_id(list_id) or 0, as_id(segment_id) or 0


def _kept(campaign: Campaign, *, excluded: bool) -> list[Part]:
    rows = campaign.audience.filter(excluded=excluded).select_related("mailing_list", "segment")
    return [Part(mailing_list=row.mailing_list, segment=row.segment, excluded=excluded) for row in rows]


def _turned(part: Part) -> Part:
    return Part(mailing_list=part.mailing_list, segment=part.segment, excluded=True)


def _once(parts: Iterable[Part]) -> list[Part]:
    """Who is both included and excluded is excluded: the including part goes."""
    found = list(parts)
    out = {(part.mailing_list, part.segment) for part in found if part.excluded}
    return list(dict.fromkeys(part for part in found if part.excluded or (part.mailing_list, part.segment) not in out))


# --- a bundle ----------------------------------------------------------------------------------------------------


def _write_bundle(call: Call, campaign: Campaign, text: str) -> None:
    """As a segment of this campaign alone. A bundle that cannot be read is kept as it is written, and means nobody."""
    columns = _read(call, text) | {"written_in": Segment.Language.OCTETH, "written_as": text}
    segment = bundle_of(campaign)
    if segment is not None and segment.written_as == text:
        return
    if segment is None:
        segment = segments.create(
            call.organization,
            by=call.by,
            name=f"Rules of {campaign.name}"[:255],
            is_ad_hoc=True,
            broken_rules_are_kept=True,
            **columns,
        )
        drafts.edit(campaign, by=call.by, audience=[Part(segment=segment)])
    else:
        drafts.edit_segment(segment, by=call.by, **columns)


def bundle_of(campaign: Campaign) -> Segment | None:
    """The segment that holds the campaign's RulesJsonBundle."""
    rows = Segment.objects.filter(campaign_audiences__campaign=campaign, is_ad_hoc=True)
    return rows.filter(written_in=Segment.Language.OCTETH).first()


def _read(call: Call, text: str) -> dict[str, Any]:
    try:
        bundle = parse_bundle(text, organization=call.organization)
    except InvalidRules:
        return {"rules": NOBODY, "mailing_lists": []}
    lists = MailingList.objects.of(call.organization).in_bulk(bundle.mailing_lists)
    return {"rules": to_json(bundle.tree), "mailing_lists": [lists[pk] for pk in bundle.mailing_lists]}
