"""Campaign tags (Octeth's Tags.* and Tag.*). They are other tags than those on subscribers."""

import re
from typing import Any

from api.octeth.errors import Refused, Shape
from api.octeth.registry import Call, command
from campaigns.models import Campaign, CampaignTag
from tags import tagging
from tags.models import Tag

ALLOWED = re.compile(r"[\w %\-]{1,100}\Z")
MISSING = {"TagID": 1, "Tag": 2}


@command("tags.get")
def tags_get(call: Call) -> dict[str, Any]:
    tags = call.who.own(Tag.objects.order_by("name", "pk"))
    rows = [{"TagID": tag.pk, "Tag": tag.name, "RelOwnerUserID": call.organization.pk} for tag in tags]
    return {"ErrorText": "", "TotalTagCount": len(rows), "Tags": rows}


@command("tag.create", writes=True)
def tag_create(call: Call) -> dict[str, Any]:
    if not call.parameters.text("Tag"):
        raise Refused(1)
    try:
        tag = tagging.create(call.organization, _name(call), by=call.by)
    except tagging.NameTaken as refusal:
        raise Refused(2) from refusal
    return {"ErrorText": "", "TagID": tag.pk}


@command("tag.update", shape=Shape.LIST, writes=True)
def tag_update(call: Call) -> dict[str, Any]:
    missing = [code for name, code in MISSING.items() if not call.parameters.text(name)]
    if missing:
        raise Refused(*missing)
    name, tag = _name(call), _tag(call)
    try:
        tagging.rename(tag, name, by=call.by)
    except tagging.NameTaken as refusal:
        raise Refused(3, extra={"ErrorText": str(refusal)}) from refusal
    return {"ErrorText": ""}


@command("tags.delete", shape=Shape.LIST, writes=True)
def tags_delete(call: Call) -> dict[str, Any]:
    if not call.parameters.words("Tags"):
        raise Refused(1)
    for tag in call.who.own(Tag.objects.filter(pk__in=call.parameters.ids("Tags"))):
        tagging.delete(tag, by=call.by)
    return {"ErrorText": ""}


@command("tag.assigntocampaigns", permission="Campaigns.Get", shape=Shape.LIST, writes=True)
def tag_assign(call: Call) -> dict[str, Any]:
    tag, campaigns = _tag_and_campaigns(call)
    tagging.require_may(call.by, call.organization)
    links = [CampaignTag(tag=tag, content_object=campaign) for campaign in campaigns]
    CampaignTag.objects.bulk_create(links, ignore_conflicts=True)
    return {"ErrorText": ""}


@command("tag.unassignfromcampaigns", permission="Campaigns.Get", shape=Shape.LIST, writes=True)
def tag_unassign(call: Call) -> dict[str, Any]:
    tag, campaigns = _tag_and_campaigns(call)
    tagging.require_may(call.by, call.organization)
    CampaignTag.objects.filter(tag=tag, content_object__in=campaigns).delete()
    return {"ErrorText": ""}


def _tag_and_campaigns(call: Call) -> tuple[Tag, list[Campaign]]:
    """The tag, and those of the campaigns that are the caller's; the others are passed over."""
    given = call.parameters
    missing = [code for name, code in (("TagID", 1), ("CampaignIDs", 2)) if not given.words(name)]
    if missing:
        raise Refused(*missing)
    campaigns = call.who.own(Campaign.objects.kept().filter(pk__in=given.ids("CampaignIDs")))
    return _tag(call), list(campaigns)


def _tag(call: Call) -> Tag:
    tag = call.who.own(Tag.objects.filter(pk=call.parameters.whole("TagID"))).first()
    if tag is None:
        raise Refused(1)
    return tag


def _name(call: Call) -> str:
    name = call.parameters.word("Tag")
    if not name:
        raise Refused(4)
    if not ALLOWED.match(name):
        raise Refused(3)
    return name
