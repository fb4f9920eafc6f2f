"""The contents of a campaign that has several, dealt by weight: A, B, C..."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from accounts.actors import Actor
from accounts.permissions import Permission, may
from campaigns import drafts, lifecycle
from campaigns.errors import Locked, NotAllowed, NotReady
from campaigns.models import EDITABLE, Campaign, Channel, Variant
from content.models import Email

MOST = len(ascii_uppercase)
HEAVIEST = 10_000
ASIDE = 1_000
LONGEST_SMS = 1600


@dataclass(frozen=True, kw_only=True)
class Content:
    """One content: an email, or a text where the campaign goes by SMS. Shares are as weights are to each other.

    `variant` is the one of the campaign that goes on as this content; without any, whichever has the place does.
    `name`: a letter by the place, unless given.
    """

    email: Email | None = None
    sms_body: str = ""
    weight: int = 1
    name: str = ""
    variant: Variant | None = None


Change = Callable[[list[Content]], Sequence[Content]]


def contents(campaign: Campaign) -> list[Content]:
    """In their order. An email that is left from when the campaign went by email says nothing in an SMS."""
    rows = [_content(each) for each in campaign.variants.select_related("email").order_by("position")]
    return [replace(each, email=None) for each in rows] if campaign.channel == Channel.SMS else rows


def _content(variant: Variant) -> Content:
    """As it is, with its name where that is not just the letter of its place."""
    name = "" if variant.name == ascii_uppercase[variant.position % MOST] else variant.name
    values: dict[str, Any] = {"email": variant.email, "sms_body": variant.sms_body, "weight": variant.weight}
    return Content(**values, name=name, variant=variant)


def seen(campaign: Campaign) -> str:
    """What the contents are now, in a few letters: whoever changes them says what they were looking at."""
    told = [(each.email and each.email.pk, each.sms_body, each.weight) for each in contents(campaign)]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


# --- writing -----------------------------------------------------------------------------------------------------


def set_variants(campaign: Campaign, contents: Sequence[Content], *, by: Actor) -> Campaign:
    """T2/T7: exactly these, in this order. An approval is void. Raises NotReady, Locked, NotAllowed."""
    return _change(campaign, lambda _: contents, by=by)


def add(
    campaign: Campaign,
    *,
    by: Actor,
    email: Email | None = None,
    sms_body: str = "",
    subject: str = "",
    looking_at: str = "",
) -> Campaign:
    """One more: this email or text, or without either a copy of the first, with another subject if one is given. It
    gets the weight of the first.

    `looking_at`: what `seen` said to whoever asks for it. Raises NotReady, also where that is no longer so, Locked,
    NotAllowed.
    """

    def added(known: list[Content]) -> list[Content]:
        first = known[0] if known else Content()
        if email is None and not sms_body:
            return [*known, _copy(campaign, first, subject, ascii_uppercase[len(known) % MOST], by)]
        return [*known, Content(email=email, sms_body=sms_body, weight=first.weight)]

    return _change(campaign, added, by=by, looking_at=looking_at)


def remove(campaign: Campaign, place: int, *, by: Actor, looking_at: str = "") -> Campaign:
    """Without the content at this place (from 0). Its email stays among the emails."""

    def removed(known: list[Content]) -> list[Content]:
        _require_place(known, place)
        return known[:place] + known[place + 1 :]

    return _change(campaign, removed, by=by, looking_at=looking_at)


def move(campaign: Campaign, place: int, to: int, *, by: Actor, looking_at: str = "") -> Campaign:
    """The content at `place` to `to`; those in between make room, and A is whoever comes first."""

    def moved(known: list[Content]) -> list[Content]:
        if Campaign.objects.filter(pk=campaign.pk, started_at__isnull=False).exists():
            raise Locked("What has gone out keeps its variants where they are.")
        _require_place(known, place, to)
        rest = known[:place] + known[place + 1 :]
        return [*rest[:to], known[place], *rest[to:]]

    return _change(campaign, moved, by=by, looking_at=looking_at)


def weigh(
    campaign: Campaign, weights: Sequence[int], *, by: Actor, texts: Sequence[str] = (), looking_at: str = ""
) -> Campaign:
    """Other weights, and of a campaign by SMS other texts, in the order of the variants."""

    def weighed(known: list[Content]) -> list[Content]:
        if len(weights) != len(known):
            raise NotReady({"variants": [f"The campaign has {len(known)} variants, not {len(weights)}."]})
        found = [replace(each, weight=weight) for each, weight in zip(known, weights, strict=True)]
        bodies = texts if len(texts) == len(found) else [each.sms_body for each in found]
        return [replace(each, sms_body=body) for each, body in zip(found, bodies, strict=True)]

    return _change(campaign, weighed, by=by, looking_at=looking_at)


def _change(campaign: Campaign, change: Change, *, by: Actor, looking_at: str = "") -> Campaign:
    """What is as it was changes nothing, and leaves an approval as it is."""
    if not may(by.user, Permission.UPDATE, campaign.organization):
        raise NotAllowed(f"You may not update campaigns of {campaign.organization}.")
    with transaction.atomic():
        row = Campaign.objects.select_for_update(of=("self",)).select_related("organization").get(pk=campaign.pk)
        if row.deleted_at or row.state not in EDITABLE:
            raise Locked(f"Contents cannot be changed in state {row.state}; copy the campaign instead.")
        if looking_at and looking_at != seen(row):
            raise NotReady({"variants": ["Somebody else has changed the variants meanwhile; look again."]})
        known = contents(row)
        wanted = list(change(known))
        if row.is_started and len(wanted) < len(known):
            raise Locked("What has gone out keeps its variants; give one no weight instead.")
        if problems := _problems(row, wanted):
            raise NotReady({"variants": problems})
        if _told(row, wanted) != _told(row, known):
            _write(row, wanted)
            lifecycle.edited(row, by=by, reason="Changed variants.")
    return row


def _write(campaign: Campaign, contents: Sequence[Content]) -> None:
    """Who keeps the place, or is named, keeps the row, so that what points to a variant goes on doing so."""
    kept = _kept(campaign, contents)
    campaign.variants.exclude(pk__in=[each.pk for each in kept if each]).delete()
    campaign.variants.update(position=F("position") + ASIDE)  # no two may share a place, not even in between
    for position, (content, variant) in enumerate(zip(contents, kept, strict=True)):
        values = {"name": content.name or ascii_uppercase[position], "weight": content.weight, "position": position}
        values |= {"email": content.email, "sms_body": content.sms_body}
        if variant is None:
            Variant.objects.create(campaign=campaign, **values)
        else:
            Variant.objects.filter(pk=variant.pk).update(**values)


def _told(campaign: Campaign, contents: Sequence[Content]) -> list[tuple[Any, ...]]:
    """What the variants say of themselves, and which rows go on as them."""
    names = [each.name or ascii_uppercase[place] for place, each in enumerate(contents)]
    rows = zip(contents, names, _kept(campaign, contents), strict=True)
    return [(each.email, each.sms_body, each.weight, name, kept and kept.pk) for each, name, kept in rows]


def _kept(campaign: Campaign, contents: Sequence[Content]) -> list[Variant | None]:
    """For each content, the row that goes on as it."""
    named = {content.variant.pk for content in contents if content.variant}
    places = {each.position: each for each in campaign.variants.all() if each.pk not in named}
    return [content.variant or places.get(place) for place, content in enumerate(contents)]


def _require_place(known: Sequence[Content], *places: int) -> None:
    if not all(0 <= place < len(known) for place in places):
        raise NotReady({"variants": ["This campaign has no such variant."]})


def _copy(campaign: Campaign, first: Content, subject: str, name: str, by: Actor) -> Content:
    """The first content once more, with an email of its own, so that the one can be changed without the other."""
    if first.email is None:
        if campaign.channel == Channel.EMAIL:
            raise NotReady({"email": ["Choose or write the first email; then there is something to copy."]})
        return replace(first, name="", variant=None)
    twin = drafts.duplicate_email(first.email, by=by, title=f"{first.email.title[:250]} – {name}")
    if subject:
        twin.subject = subject
        try:
            twin.full_clean()
        except ValidationError as error:
            raise NotReady(error.message_dict) from error
        twin.save(update_fields=["subject"])
    return replace(first, email=twin, name="", variant=None)


def _problems(campaign: Campaign, contents: Sequence[Content]) -> list[str]:
    problems = []
    if not 1 <= len(contents) <= MOST:
        problems.append(f"A campaign has 1 to {MOST} variants, not {len(contents)}.")
    if any(not 0 <= content.weight <= HEAVIEST for content in contents) or not any(each.weight for each in contents):
        problems.append(f"Weights are numbers from 0 to {HEAVIEST:,}, and not all of them 0.")
    emails = [content.email for content in contents if content.email]
    if any(email.organization_id != campaign.organization_id for email in emails):
        problems.append(f"There is no such email in {campaign.organization}.")
    kept = [content.variant.pk for content in contents if content.variant]
    if len(set(kept)) < len(kept) or campaign.variants.filter(pk__in=kept).count() < len(kept):
        problems.append("A content that is to be kept is not this campaign's, or stands there twice.")
    if campaign.channel == Channel.SMS and emails:
        problems.append("A campaign by SMS has texts, no emails.")
    if any(len(content.sms_body) > LONGEST_SMS for content in contents):
        problems.append(f"A text has at most {LONGEST_SMS:,} characters.")
    return problems
