"""A campaign as clients read it: the row of a list, and the whole of it."""

from collections.abc import Sequence
from typing import Any

from api.greenarrow import times
from api.greenarrow.campaigns import statistics, winner
from api.greenarrow.vocabulary import DESCRIPTIONS, body_format, state
from campaigns import contents
from campaigns.models import Campaign, State, Variant
from delivery import dispatches
from delivery.models import Dispatch
from splittests.models import SplitTest

# There is one of each; `docs/api/greenarrow.md` says so.
ROUTE = {"virtual_mta_id": 0, "virtual_mta_name": "System Default Route", "virtual_mta_type": "default_route"}
BOUNCE_ID, URL_DOMAIN_ID = (1, 1), 1
NO_RULE = {"special_sending_rule_id": None, "special_sending_rule_name": None}


def row(campaign: Campaign) -> dict[str, Any]:
    """What a list shows of it: no statistics, and of the delivery settings only where it is."""
    said, dispatch = contents.written(campaign), dispatches.of(campaign)
    shown = {**_head(campaign, dispatch, said), **_first(said), "stats": None}
    if is_defined(campaign, dispatch, said):
        shown["dispatch"] = _times(campaign)
    return shown


def whole(campaign: Campaign, *, with_sendid: bool = False) -> dict[str, Any]:
    """All of it. Contents stand under both names that clients know."""
    said, dispatch = contents.written(campaign), dispatches.of(campaign)
    segment = _segment(campaign)
    listed = [content(each) for each in sorted(said, key=lambda variant: variant.pk)]
    shown = {
        **_head(campaign, dispatch, said),
        "x_campaign_id": str(campaign.pk),
        "segmentation_criteria_name": segment.name if segment and not segment.is_ad_hoc else None,
        **_first(said),
        "contents": listed,
        "campaign_contents": listed,
        **statistics.of_campaign(campaign, said),
        "automatic_winner_selection": winner.shown(campaign, said),
    }
    if is_defined(campaign, dispatch, said):
        shown["dispatch"] = delivery_settings(campaign, dispatch, said)
    if with_sendid:
        known_by = statistics.stat_id(campaign)
        shown["engine_sendid"] = f"a{known_by}" if known_by is not None else None
    return shown


def content(variant: Variant) -> dict[str, Any]:
    email = variant.email
    if email is None:
        return {"id": variant.pk, "name": variant.name, "subject": "", "format": "html", "html": "", "text": ""}
    return {
        "id": variant.pk,
        "name": variant.name,
        "subject": email.subject,
        "format": body_format(email.html, email.text, email.body_format),
        "html": email.html,
        "text": email.text,
    }


def delivery_settings(campaign: Campaign, dispatch: Dispatch, said: Sequence[Variant]) -> dict[str, Any]:
    """`dispatch`. The sender is that of the contents, where there are any."""
    lists = [{"id": each.pk, "name": each.name} for each in dispatches.seed_lists(dispatch)]
    first = lists[0] if lists else {"id": None, "name": None}
    bounces, domain = dispatches.bounce_address(), dispatches.link_domain(campaign.organization)
    return {
        **winner.settings_of(SplitTest.objects.filter(campaign=campaign).first(), dispatch),
        **_times(campaign),
        **sender(dispatch, said),
        "sender_email": dispatch.sender_email,
        "speed": dispatch.speed,
        "track_links": dispatch.tracks_clicks,
        "track_opens": dispatch.tracks_opens,
        "url_domain_id": URL_DOMAIN_ID,
        "url_domain_domain": domain,
        "url_domain_name": domain,
        **ROUTE,
        "bounce_email_id": "@".join(map(str, BOUNCE_ID)),
        "bounce_email_user_id": BOUNCE_ID[0],
        "bounce_email_domain_id": BOUNCE_ID[1],
        "bounce_email_email": bounces,
        "bounce_email_name": bounces,
        "seed_lists": lists,
        "seed_list_id": first["id"],
        "seed_list_name": first["name"],
        **NO_RULE,
    }


def sender(dispatch: Dispatch, said: Sequence[Variant]) -> dict[str, Any]:
    """What was never given is null, and what was given empty is empty."""
    email = said[0].email if said else None
    return {name: (getattr(email, name, "") or getattr(dispatch, name)) for name in contents.SENDER}


def is_defined(campaign: Campaign, dispatch: Dispatch, said: Sequence[Variant]) -> bool:
    """Whether there are delivery settings: said through this API, or given in another way."""
    given = campaign.state != State.DRAFT or campaign.scheduled_at is not None or campaign.paused
    return dispatch.is_defined or given or any(each.email and each.email.from_email for each in said)


def _times(campaign: Campaign) -> dict[str, Any]:
    word = state(campaign)
    return {
        "begins_at": times.shown(campaign.scheduled_at),
        "finished_at": times.shown(campaign.finished_at),
        "paused": campaign.paused,
        "started_at": times.shown(campaign.started_at),
        "state": word,
        "state_description": DESCRIPTIONS[word],
    }


def _head(campaign: Campaign, dispatch: Dispatch, said: Sequence[Variant]) -> dict[str, Any]:
    mailing_list, segment = home(campaign, dispatch), _segment(campaign)
    return {
        "id": campaign.pk,
        "name": campaign.name,
        "mailing_list_id": mailing_list.pk if mailing_list else None,
        "mailing_list_name": mailing_list.name if mailing_list else None,
        "organization_id": campaign.organization_id,
        "organization_name": campaign.organization.name,
        "segmentation_criteria_id": segment.pk if segment else None,
        "archived": dispatch.is_archived,
        "template": False,
        "content_determined": any(_says_something(each) for each in said),
        "created_at": times.shown(campaign.created_at),
        "updated_at": times.shown(campaign.modified_at),
    }


def _says_something(variant: Variant) -> bool:
    return variant.email is not None and bool(variant.email.subject or variant.email.html or variant.email.text)


def _first(said: Sequence[Variant]) -> dict[str, Any]:
    """The keys from before there were several contents: the one with the lowest id."""
    if not said:
        return {"content_subject": None, "email_format": None, "content_html": None, "content_text": None}
    first = content(min(said, key=lambda variant: variant.pk))
    return {
        "content_subject": first["subject"],
        "email_format": first["format"],
        "content_html": first["html"],
        "content_text": first["text"],
    }


def home(campaign: Campaign, dispatch: Dispatch) -> Any:
    """The list it belongs to here: the one it was made in, else the first it addresses."""
    if dispatch.mailing_list_id:
        return dispatch.mailing_list
    parts = [part for part in campaign.audience.all() if not part.excluded]
    named = [part.mailing_list for part in parts if part.mailing_list]
    if named:
        return named[0]
    return next((each for part in parts if part.segment for each in part.segment.mailing_lists.all()), None)


def _segment(campaign: Campaign) -> Any:
    return next((part.segment for part in campaign.audience.all() if part.segment and not part.excluded), None)
