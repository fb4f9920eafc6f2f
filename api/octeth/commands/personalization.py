"""The tags an author can write (Personalization.GetTags, Email.PersonalizationTags), and conversions."""

from typing import Any

from api.octeth.errors import Refused, Shape
from api.octeth.lists import lists
from api.octeth.registry import Call, command
from audience.fields import catalogue, of_list
from content.merge.octeth_tags import PersonalizationTag, tags

CATEGORIES = {
    "subscriber": ("Subscriber", ("Subscriber",)),
    "link": ("Link", ("ListLinks", "CampaignLinks", "OptLinks")),
    "user": ("User", ("User",)),
}
SCOPES = {
    "subscriber": ("Subscriber",),
    "campaignlinks": ("CampaignLinks",),
    "optlinks": ("OptLinks",),
    "listlinks": ("ListLinks",),
    "alllinks": ("ListLinks", "CampaignLinks", "OptLinks"),
    "user": ("User",),
}


@command("personalization.gettags", shape=Shape.LIST)
def get_tags(call: Call) -> dict[str, Any]:
    given = call.parameters
    missing = [code for name, code in (("SubscriberListID", 1), ("Categories", 2)) if not given.words(name)]
    if missing:
        raise Refused(*missing)
    known = _tags(call, "SubscriberListID", 3)
    wanted = [CATEGORIES[word.lower()] for word in given.words("Categories") if word.lower() in CATEGORIES]
    if not wanted:
        raise Refused(2)
    shown = {
        name: [
            {"Tag": each.tag, "Label": each.label, "Description": each.description}
            for each in known
            if each.category in groups
        ]
        for name, groups in wanted
    }
    return {"ErrorText": "", "Tags": shown}


@command("email.personalizationtags", shape=Shape.LIST, old=Shape.NAMED)
def email_tags(call: Call) -> dict[str, Any]:
    given = call.parameters
    scopes = [word.lower() for word in given.words("Scope") if word.lower() in SCOPES]
    if not scopes:
        raise Refused(1, names=["scope"])
    if "subscriber" in scopes and not given.word("ListID"):
        raise Refused(2, names=["listid"])
    known = _tags(call, "ListID", 2)
    groups = {group for scope in scopes for group in SCOPES[scope]}
    return {
        "PersonalizationTags": [
            {"Tag": each.tag, "Description": each.label, "Category": each.category}
            for each in known
            if each.category in groups
        ]
    }


def _tags(call: Call, name: str, code: int) -> list[PersonalizationTag]:
    """With the fields of the list; without one, with every field of the organization."""
    if not call.parameters.word(name):
        return tags(catalogue(call.organization))
    found = lists(call).filter(pk=call.parameters.whole(name)).first()
    if found is None:
        raise Refused(code, names=[name.lower()])
    return tags((field.pk, field.key, field.name) for field in of_list(found).values())
