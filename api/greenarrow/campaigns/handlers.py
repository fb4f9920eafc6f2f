"""The nine addresses of campaigns, with the ones by the id of their statistics and within their list."""

from typing import Any

from accounts.permissions import Permission
from api.greenarrow import pages, times
from api.greenarrow.campaigns import link_stats as links
from api.greenarrow.campaigns import rows, scheduling, shapes, templates, wanted, writing
from api.greenarrow.envelope import Answer
from api.greenarrow.errors import ValidationFailed
from api.greenarrow.routing import Call, route
from api.greenarrow.vocabulary import OVER, state
from campaigns import contents, lifecycle
from campaigns.models import Campaign, State
from delivery import dispatches, estimates

ONE = ("campaigns/{campaign}", "mailing_lists/{list}/campaigns/{campaign}")
BY_STAT = "campaigns/by_stat/{stat}"


def _acts(*endings: str) -> tuple[str, ...]:
    return tuple(f"{one}/{ending}" for ending in endings for one in (ONE[0], BY_STAT, ONE[1]))


@route("GET", "mailing_lists/{list}/campaigns")
def index(call: Call) -> Answer:
    """All campaigns of a list, by id; `state`, `started_at__start` and `started_at__end` choose among them."""
    call.require(Permission.READ)
    found = rows.filtered(call, rows.of_list(rows.of_organization(call), rows.the_list(call)))
    return pages.all_or_paged(found, call.params, shapes.row)


@route("GET", ONE[0], BY_STAT, ONE[1])
def show(call: Call) -> dict[str, Any]:
    """One campaign, with its contents, delivery settings and statistics."""
    call.require(Permission.READ)
    return _shown(call, rows.named(call))


@route("POST", "mailing_lists/{list}/campaigns")
def create(call: Call) -> dict[str, Any]:
    """A new campaign in this list, perhaps from a template; scheduled if it is complete and has a time."""
    mailing_list = rows.the_list(call)
    given = templates.started(call, mailing_list)
    place = wanted.Place(mailing_list, call.organization)
    return _shown(call, writing.create(call, mailing_list, wanted.read(given, place, is_new=True)))


@route("PUT", ONE[0], BY_STAT, ONE[1])
def update(call: Call) -> dict[str, Any]:
    """Change what is given; everything else stays."""
    campaign = rows.held(call)
    home = shapes.home(campaign, dispatches.of(campaign))
    place = wanted.Place(home, call.organization, contents.written(campaign))
    asked = wanted.read(call.given("campaign"), place, is_new=False)
    return _shown(call, writing.update(call, campaign, asked))


@route("POST", *_acts("pause"))
def pause(call: Call) -> dict[str, Any]:
    """Hold it where it is; pausing twice changes nothing."""
    campaign = _that_can_wait(call, "paused")
    scheduling.pause(call, campaign)
    return _shown(call, campaign)


@route("POST", *_acts("resume"))
def resume(call: Call) -> dict[str, Any]:
    """Go on; one whose time has passed starts."""
    campaign = _that_can_wait(call, "resumed")
    scheduling.resume(call, campaign)
    return _shown(call, campaign)


@route("DELETE", ONE[0], BY_STAT, ONE[1])
def delete(call: Call) -> None:
    """Hide a campaign that is not being sent; nothing is erased."""
    lifecycle.delete(rows.named(call), by=call.by)


@route("GET", *_acts("link_stats"))
def link_stats(call: Call) -> Answer:
    """The links that were sent, and how often they were clicked."""
    call.require(Permission.READ)
    page, campaign = pages.asked(call.params), rows.named(call)
    found = links.of_campaign(campaign, call.params)
    chosen, beside = page.of(found)
    return Answer({"all_unclicked_links_recorded": True, "links": list(chosen)}, beside)


@route("GET", *_acts("estimate_recipients"))
def estimate_recipients(call: Call) -> dict[str, Any]:
    """How many would get it now; counted in the background, and kept for eight hours."""
    call.require(Permission.READ)
    campaign = rows.named(call)
    if not any(not part.excluded for part in campaign.audience.all()):
        raise ValidationFailed("the segment of this campaign is not defined")
    if not shapes.is_defined(campaign, dispatches.of(campaign), contents.written(campaign)):
        raise ValidationFailed("the delivery settings of this campaign are not defined")
    found = estimates.wanted(campaign, anew="clear_cache" in call.params)
    if found is None:
        return {"estimate_is_ready": False, "estimate": None}
    return {
        "estimate_is_ready": True,
        "estimate": {
            "number_of_recipients": found.mailable,
            "number_of_recipients_suppressed": found.suppressed,
            "time_generated": times.shown(found.counted_at),
        },
    }


def _that_can_wait(call: Call, word: str) -> Campaign:
    call.require(Permission.UPDATE_STATE)  # also where there is nothing to do
    campaign = rows.held(call)
    if state(campaign) in OVER:
        raise ValidationFailed(f"a campaign cannot be {word} in state {state(campaign)}")
    if campaign.state == State.DRAFT and not shapes.is_defined(
        campaign, dispatches.of(campaign), contents.written(campaign)
    ):
        raise ValidationFailed("the delivery settings of this campaign are not defined")
    return campaign


def _shown(call: Call, campaign: Campaign) -> dict[str, Any]:
    with_sendid = call.params.get("include_engine_sendid", "") in ("1", "true")
    return shapes.whole(rows.again(call, campaign), with_sendid=with_sendid)
