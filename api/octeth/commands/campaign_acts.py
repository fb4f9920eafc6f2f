"""What is done to a campaign as a whole: create, copy, pause, resume, cancel, approve, delete."""

from typing import Any

from accounts.permissions import Permission
from api.octeth import statuses
from api.octeth.campaigns import UNKNOWN, campaign, campaigns, in_a_fitting_state
from api.octeth.errors import NOT_PERMITTED, Refused, Shape
from api.octeth.registry import Access, Call, command
from campaigns import archive, drafts, lifecycle
from campaigns.models import RUNNING, Campaign, Channel, State
from splittests import course
from tags.models import Tag

LONGEST_NAME = 250
NO_SOURCE = "Invalid source campaign"


@command("campaign.create", permission="Campaign.Create", shape=Shape.LIST, old=Shape.SCALAR, writes=True)
def create(call: Call) -> dict[str, Any]:
    name = " ".join(call.parameters.text("CampaignName").split())[:LONGEST_NAME]
    if not name:
        raise Refused(1)
    made = drafts.create(call.organization, by=call.by, name=name, channel=Channel.EMAIL)
    return {"CampaignID": made.pk}


@command("campaign.copy", permission="Campaign.Create", shape=Shape.LIST_TEXTS, writes=True)
def copy(call: Call) -> dict[str, Any]:
    source = campaigns(call).filter(pk=call.parameters.whole("CampaignID")).first()
    if source is None:
        raise Refused(1, text=NO_SOURCE)
    return {"NewCampaignID": drafts.copy(source, by=call.by, name=source.name).pk}


@command("campaign.pause", permission="Campaign.Update", writes=True)
def pause(call: Call) -> dict[str, Any]:
    found = campaign(call, lock=True)
    if found.paused:
        raise Refused(3)
    with in_a_fitting_state():
        lifecycle.pause(found, by=call.by)
    return {}


@command("campaign.resume", permission="Campaign.Update", writes=True)
def resume(call: Call) -> dict[str, Any]:
    """Of a split test that waits it ends the wait: the winner is decided now."""
    found = campaign(call, lock=True)
    with in_a_fitting_state():
        if found.state == State.HOLDING and not found.paused:
            course.decide_now(course.of(found), by=call.by)
        else:
            lifecycle.resume(found, by=call.by)
    return {}


@command("campaign.cancel", permission="Campaign.Update", shape=Shape.LIST, old=Shape.SCALAR, writes=True)
def cancel(call: Call) -> dict[str, Any]:
    """Never refused for the campaign's state: what is over or a draft already stays as it is."""
    statuses.cancel(campaign(call, lock=True), by=call.by)
    return {}


@command("campaign.approve", access=Access.EITHER, writes=True)
def approve(call: Call) -> dict[str, Any]:
    found = campaign(call, lock=True)
    if Permission.APPROVE not in call.who.permissions:
        raise Refused(NOT_PERMITTED, text="Not enough privileges")
    if found.paused or found.state not in (State.DRAFT, State.PENDING_APPROVAL, State.SCHEDULED):
        raise Refused(UNKNOWN)
    with in_a_fitting_state(otherwise=UNKNOWN):
        statuses.approve(found, by=call.by)
    return {}


@command("campaigns.delete", permission="Campaign.Delete", shape=Shape.LIST, old=Shape.NAMED, writes=True)
def delete(call: Call) -> dict[str, Any]:
    """Campaigns that are not the caller's are passed over; what is being sent is stopped first."""
    wanted = call.parameters.ids("Campaigns")
    if not wanted:
        raise Refused(1, names=["campaigns"])
    rows = campaigns(call).select_for_update(of=("self",)).filter(pk__in=wanted).order_by("pk")
    for found in rows:
        _delete(found, call)
    return {"ErrorText": ""}


def _delete(found: Campaign, call: Call) -> None:
    if found.state in RUNNING:
        found = lifecycle.cancel(found, by=call.by, reason="Deleted.")
    lifecycle.delete(found, by=call.by)


@command("campaigns.archive.geturl", permission="Campaigns.Get")
def archive_url(call: Call) -> dict[str, Any]:
    """`TemplateURL` is not followed: pages of the archive have one look, and no page of others is fetched."""
    if not call.parameters.word("TagID"):
        raise Refused(1)
    tag = call.who.own(Tag.objects.filter(pk=call.parameters.whole("TagID"))).first()
    if tag is None:
        raise Refused(2)
    return {"URL": archive.url_of_tag(tag)}
