"""A campaign's delivery settings: what they are, and changing them until it begins."""

from collections.abc import Iterable
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts.actors import Actor
from accounts.models import Organization
from accounts.permissions import Permission, may
from audience.addresses import normalise_email
from audience.errors import InvalidAddress
from campaigns import lifecycle
from campaigns.errors import Locked, NotAllowed, NotReady
from campaigns.models import EDITABLE, TERMINAL, Campaign
from delivery.models import Dispatch, SeedList
from tracking.bounces.return_addresses import STAR

# Until when each may be changed: at any time, until the campaign is over, or until it begins (all others).
ALWAYS = {"mailing_list", "is_archived", "is_defined", "winner", "from_name", "from_email", "reply_to"}
UNTIL_OVER = {"speed"}
# What an approver looks at; the rest changes neither what people get nor who gets it.
LOOKED_AT = {"sender_email", "seed_lists", "tracks_opens", "tracks_clicks"}
MOST_SEEDS = 100


def of(campaign: Campaign) -> Dispatch:
    """The settings of the campaign; defaults, not saved, where nobody has said anything."""
    try:
        return campaign.dispatch
    except Dispatch.DoesNotExist:
        return Dispatch(campaign=campaign)


def settle(campaign: Campaign, *, by: Actor, **changes: Any) -> Dispatch:
    """Change these settings (columns of Dispatch; `seed_lists` a list of them). What is as it was changes nothing.

    Raises NotReady by setting, Locked, NotAllowed.
    """
    if not may(by.user, Permission.UPDATE, campaign.organization):
        raise NotAllowed(f"You may not update campaigns of {campaign.organization}.")
    with transaction.atomic():
        row = Campaign.objects.select_for_update(of=("self",)).select_related("organization").get(pk=campaign.pk)
        dispatch = of(row)
        changed = {name: value for name, value in changes.items() if _differs(dispatch, name, value)}
        if not changed:
            return dispatch
        _require_open(row, changed.keys())
        _write(dispatch, changed)
        if changed.keys() & LOOKED_AT:
            lifecycle.edited(row, by=by, reason="Changed the delivery settings.")
    return dispatch


def _differs(dispatch: Dispatch, name: str, value: Any) -> bool:
    if name == "seed_lists":
        return {each.pk for each in value} != {each.pk for each in seed_lists(dispatch)}
    if name == "mailing_list":
        return dispatch.mailing_list_id != (value.pk if value else None)
    return bool(getattr(dispatch, name) != value)


def _require_open(campaign: Campaign, changed: Iterable[str]) -> None:
    names = set(changed) - ALWAYS
    if campaign.state in TERMINAL and names:
        raise Locked(f"Delivery settings cannot be changed in state {campaign.state}.")
    if (campaign.is_started or campaign.state not in EDITABLE) and names - UNTIL_OVER:
        raise Locked(f"Of the delivery settings only the speed can be changed in state {campaign.state}.")


def _write(dispatch: Dispatch, changed: dict[str, Any]) -> None:
    lists = changed.pop("seed_lists", None)
    for name, value in changed.items():
        setattr(dispatch, name, value)
    if dispatch.sender_email:
        require_address("sender_email", dispatch.sender_email)
    if "speed" in changed:
        dispatch.sent_until = None  # what the old speed made wait need not
    columns = [*changed, *(["sent_until"] if "speed" in changed else [])]
    dispatch.save(update_fields=columns if dispatch.pk else None)  # the pace is counted beside this
    if lists is not None:
        if any(each.organization_id != dispatch.campaign.organization_id for each in lists):
            raise NotReady({"seed_lists": ["There is no such seed list."]})
        dispatch.seed_lists.set(lists)


def require_address(name: str, address: str) -> None:
    """Raises NotReady."""
    try:
        validate_email(address)
    except ValidationError as error:
        raise NotReady({name: [f"{address[:100]} is not an email address."]}) from error


def seed_lists(dispatch: Dispatch) -> list[SeedList]:
    return list(dispatch.seed_lists.order_by("pk")) if dispatch.pk else []


# --- with the campaign ---------------------------------------------------------------------------------------------


def copied(campaign: Campaign, twin: Campaign) -> None:
    """The same settings for a copy."""
    dispatch = Dispatch.objects.filter(campaign=campaign).first()
    if dispatch is None:
        return
    lists = seed_lists(dispatch)
    dispatch.pk, dispatch.campaign, dispatch.sent_until, dispatch.is_archived = None, twin, None, False
    dispatch.save(force_insert=True)
    dispatch.seed_lists.set(lists)


def looked_at(campaign: Campaign) -> dict[str, dict[str, Any]]:
    """What an approver looks at of it, as JSON: only what is not as usual."""
    dispatch = of(campaign)
    unusual: dict[str, Any] = {}
    if dispatch.sender_email:
        unusual["sender_email"] = dispatch.sender_email
    if not dispatch.tracks_opens:
        unusual["tracks_opens"] = "no"
    if not dispatch.tracks_clicks:
        unusual["tracks_clicks"] = "no"
    if lists := seed_lists(dispatch):
        unusual["seed_lists"] = ", ".join(each.name for each in lists)
    return {"delivery_settings": unusual} if unusual else {}


def facts(campaign: Campaign) -> list[tuple[str, str]]:
    """What is not as usual, in words: (what, how)."""
    dispatch = of(campaign)
    if not dispatch.pk:
        return []
    unusual = looked_at(campaign).get("delivery_settings", {})
    found = [("Speed", f"{dispatch.speed:,} messages an hour at most")] if dispatch.speed else []
    found += [("Sender", unusual["sender_email"])] if "sender_email" in unusual else []
    found += [("Copies to", unusual["seed_lists"])] if "seed_lists" in unusual else []
    untracked = [word for name, word in (("tracks_opens", "opens"), ("tracks_clicks", "clicks")) if name in unusual]
    return found + ([("Not tracked", " and ".join(untracked))] if untracked else [])


# --- seed lists ----------------------------------------------------------------------------------------------------


def save_seed_list(seeds: SeedList, *, by: Actor, **changes: Any) -> SeedList:
    """A new seed list, or one with changes: `name`, `addresses`. Raises NotReady, NotAllowed."""
    if not may(by.user, Permission.UPDATE, seeds.organization):
        raise NotAllowed(f"You may not change the seed lists of {seeds.organization}.")
    for name, value in changes.items():
        setattr(seeds, name, _addresses(value) if name == "addresses" else value)
    if not seeds.name.strip() or len(seeds.name) > 255:
        raise NotReady({"name": ["A seed list has a name of at most 255 characters."]})
    try:
        with transaction.atomic():
            seeds.save()
    except IntegrityError:
        raise NotReady({"name": ["There is a seed list of this name already."]}) from None
    return seeds


def delete_seed_list(seeds: SeedList, *, by: Actor) -> None:
    """Raises NotAllowed, and Locked while a campaign that has not begun would send to it."""
    if not may(by.user, Permission.DELETE, seeds.organization):
        raise NotAllowed(f"You may not delete the seed lists of {seeds.organization}.")
    users = Campaign.objects.kept().filter(dispatch__seed_lists=seeds, state__in=EDITABLE)
    if user := users.first():
        raise Locked(f"The campaign {user} would send to the seed list {seeds}.")
    seeds.delete()


def _addresses(written: Iterable[str]) -> list[str]:
    try:
        found = list(dict.fromkeys(normalise_email(str(each)) for each in written))
    except InvalidAddress as error:
        raise NotReady({"addresses": [str(error)]}) from error
    if len(found) > MOST_SEEDS:
        raise NotReady({"addresses": [f"A seed list has at most {MOST_SEEDS} addresses."]})
    return found


# --- what this installation sends through --------------------------------------------------------------------------


def bounce_address() -> str:
    """Where mails come back to, without the token that is another for each message; ours where none is set."""
    address: str = settings.BOUNCE_ADDRESS or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    local, _, domain = address.rpartition("@")
    return f"{local.replace(STAR, '').rstrip('+-=.') or 'bounces'}@{domain}"


def link_domain(organization: Organization) -> str:
    """The host that links in mails lead to."""
    return urlsplit(settings.BASE_URL).hostname or "localhost"
