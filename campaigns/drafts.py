"""Writing a campaign: create, change, copy; and changing the emails and segments that campaigns use."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from accounts.actors import Actor
from accounts.models import Organization
from accounts.permissions import Permission, may
from audience import segments
from audience.models import MailingList, Segment
from campaigns import completeness, lifecycle, recurring
from campaigns.approval import EMAIL_FIELDS
from campaigns.errors import Locked, NotAllowed, NotReady
from campaigns.models import EDITABLE, RUNNING, Campaign, CampaignAudience, ScheduleType, State, Variant
from content.models import Email
from tags import tagging
from tags.models import folded

# What nobody approves. What happens to links and whether the world may read it can be chosen until long after sending.
PLAIN = {"name", "edition", "tags", "tracks_conversions", "analytics_domains", "is_public"}
SEND_TIME = {"local_time", "expires_after_hours", "expires_at"}
COLUMNS = {
    *SEND_TIME,
    "edition",
    "frequency_cap_hours",
    "tracks_conversions",
    "analytics_domains",
    "is_public",
    "scheduled_at",
    "schedule_tz",
    "public_id",
}
LOOKED_AT = {
    *SEND_TIME,
    "channel",
    "email",
    "sms_body",
    "audience",
    "frequency_cap_hours",
    "scheduled_at",
    "schedule_tz",
    "recurrence",
}

# What a recurring campaign takes from `lifecycle.reschedule` alone, since its next occurrence hangs on it.
RECURRING = {"scheduled_at", "schedule_tz", "recurrence"}

# What other rooms keep for a campaign and a copy gets too: called with the campaign and its copy, in the transaction
# that makes it; each puts its function here when its app starts.
ALSO_COPIED: list[Callable[[Campaign, Campaign], None]] = []


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of an audience: a list, a segment, or a segment within a list."""

    mailing_list: MailingList | None = None
    segment: Segment | None = None
    excluded: bool = False


def create(
    organization: Organization,
    *,
    by: Actor,
    name: str,
    channel: str,
    email: Email | None = None,
    sms_body: str = "",
    audience: Sequence[Part] = (),
    tags: Iterable[str] = (),
    **columns: Any,
) -> Campaign:
    """T1: a new draft. `columns` are those of COLUMNS; frequency_cap_hours is the organization's unless given. Raises
    NotAllowed, NotReady.

    Who mints the public id can call this twice for one wish: the second time raises IntegrityError and makes nothing.
    """
    _require_may(by, Permission.CREATE, organization)
    _require_known(columns, COLUMNS)
    columns.setdefault("frequency_cap_hours", organization.frequency_cap_hours)
    campaign = Campaign(organization=organization, name=name, channel=channel, created_by=by.user, **columns)
    _require_own(organization, {"edition": campaign.edition, "email": email, "audience": audience})
    with transaction.atomic():
        _save(campaign)
        _save(Variant(campaign=campaign, email=email, sms_body=sms_body))
        set_audience(campaign, audience)
        if named := list(tags):
            set_tags(campaign, named, by=by)
        lifecycle.created(campaign, by=by)
    return campaign


def edit(campaign: Campaign, *, by: Actor, **changes: Any) -> Campaign:
    """T2/T7. `changes`: those of PLAIN (any time); channel (draft only); the others of LOOKED_AT (until sending begins,
    and between the instances of a recurring campaign). A time or a recurrence in a draft counts only once it is
    scheduled.

    What an approver looked at voids the approval; what is as it was changes nothing. Raises Locked, NotReady,
    NotAllowed.
    """
    _require_may(by, Permission.UPDATE, campaign.organization)
    _require_known(changes, PLAIN | LOOKED_AT)
    _require_own(campaign.organization, changes)
    with transaction.atomic():
        row = Campaign.objects.select_for_update(of=("self",)).select_related("organization").get(pk=campaign.pk)
        changed = {name: value for name, value in changes.items() if _differs(row, name, value)}
        _require_editable(row, changed)
        for name, value in changed.items():
            _SETTERS.get(name, _set_column)(row, name, value, by)
        if changed.keys() & LOOKED_AT:
            lifecycle.edited(row, by=by, reason=f"Changed {', '.join(sorted(changed))}.")
    return row


def copy(campaign: Campaign, *, by: Actor, name: str = "") -> Campaign:
    """T1: a new draft with the same variants, audience, cap, tags, settings, split test and auto-resend; nothing of the
    schedule or figures.

    Emails are duplicated, so that changing one campaign never changes what the other says.
    """
    _require_may(by, Permission.CREATE, campaign.organization)
    with transaction.atomic():
        twin = Campaign(
            organization=campaign.organization,
            edition=campaign.edition,
            name=(name or f"Copy of {campaign.name}")[:255],
            channel=campaign.channel,
            frequency_cap_hours=campaign.frequency_cap_hours,
            local_time=campaign.local_time,
            expires_after_hours=campaign.expires_after_hours,
            tracks_conversions=campaign.tracks_conversions,
            analytics_domains=campaign.analytics_domains,
            is_public=campaign.is_public,
            created_by=by.user,
        )
        _save(twin)
        for variant in campaign.variants.select_related("email"):
            variant.pk, variant.campaign = None, twin
            variant.email = duplicate_email(variant.email, by=by) if variant.email else None
            variant.save(force_insert=True)
        set_audience(twin, _parts(campaign))
        twin.tags.set(campaign.tags.all())
        for also in ALSO_COPIED:
            also(campaign, twin)
        lifecycle.created(twin, by=by, verb="copy", reason=f"Copy of {campaign.public_id}.")
    return twin


# --- emails and segments that campaigns use ----------------------------------------------------------------------


def duplicate_email(email: Email, *, by: Actor | None = None, title: str = "") -> Email:
    """A new email that says the same."""
    twin = Email.objects.get(pk=email.pk)
    twin.pk = None
    twin.public_id = Email._meta.get_field("public_id").get_default()
    twin.title, twin.created_at = title or twin.title, now()
    twin.created_by = by.user if by else twin.created_by
    twin.save(force_insert=True)
    return twin


def edit_email(email: Email, *, by: Actor, **changes: Any) -> Email:
    """Change an email and tell the campaigns that say it. Raises Locked while one of them is being sent, NotReady."""
    _require_may(by, Permission.UPDATE, email.organization)
    with transaction.atomic():
        before = Email.objects.select_for_update(of=("self",)).get(pk=email.pk)
        shown = any(getattr(before, name) != value for name, value in changes.items() if name in EMAIL_FIELDS)
        users = _locked_users(Q(variants__email=email)) if shown else []
        _require_idle(users, RUNNING, f"is sending the email {before}")
        _change(email, changes)
        _tell(users, by, f"The email {email} was changed.")
    return email


def edit_segment(
    segment: Segment, *, by: Actor, mailing_lists: Iterable[MailingList] | None = None, **changes: Any
) -> Segment:
    """Change a segment, have it counted again, and tell the campaigns that address it.

    Raises Locked while one of them counts it, NotReady, and what `audience.segments.edit` raises (InvalidRules).
    """
    _require_may(by, Permission.UPDATE, segment.organization)
    with transaction.atomic():
        before = Segment.objects.select_for_update(of=("self",)).get(pk=segment.pk)
        lists = None if mailing_lists is None else set(mailing_lists)
        other_lists = lists is not None and lists != set(before.mailing_lists.all())
        shown = other_lists or ("rules" in changes and changes["rules"] != before.rules)
        users = _locked_users(Q(audience__segment=segment)) if shown else []
        _require_idle(users, (State.CALCULATING,), f"is counting the segment {before}")
        _fill(segment, changes)
        _require_valid(segment)
        segments.edit(segment, by=by, mailing_lists=lists, **changes)
        _tell(users, by, f"The segment {segment} was changed.")
    return segment


def users_of(email: Email) -> QuerySet[Campaign]:
    """Campaigns that say what this email says."""
    return Campaign.objects.kept().filter(variants__email=email).distinct()


def _locked_users(uses: Q) -> list[Campaign]:
    """Locked in the order of their ids, so that two edits cannot wait for each other."""
    ids = Campaign.objects.kept().filter(uses).values("pk")
    return list(Campaign.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))


def _require_idle(users: Sequence[Campaign], busy: Sequence[State], what: str) -> None:
    for campaign in users:
        if campaign.state in busy:
            raise Locked(f"The campaign {campaign} {what}; copy it and change the copy.")


def _tell(users: Sequence[Campaign], by: Actor, reason: str) -> None:
    for campaign in users:
        if campaign.state in EDITABLE:
            lifecycle.edited(campaign, by=by, reason=reason)


def save_new(row: models.Model, values: Mapping[str, Any]) -> None:
    """Raises NotReady by field."""
    _change(row, values)


def _change(row: models.Model, changes: Mapping[str, Any]) -> None:
    _fill(row, changes)
    _require_valid(row)
    row.save()


def _fill(row: models.Model, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        setattr(row, name, value)


def _require_valid(row: models.Model) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        raise NotReady(error.message_dict) from error


# --- parts of a campaign ----------------------------------------------------------------------------------------


def set_audience(campaign: Campaign, parts: Iterable[Part]) -> None:
    chosen = {(part.mailing_list, part.segment): part for part in parts}
    campaign.audience.all().delete()
    CampaignAudience.objects.bulk_create(
        CampaignAudience(campaign=campaign, mailing_list=p.mailing_list, segment=p.segment, excluded=p.excluded)
        for p in chosen.values()
    )


def set_tags(campaign: Campaign, names: Iterable[str], *, by: Actor) -> None:
    """Exactly these tags; new ones are made in the campaign's organization."""
    campaign.tags.set(tagging.named(campaign.organization, names, owner=by.user))


def _parts(campaign: Campaign) -> list[Part]:
    parts = campaign.audience.select_related("mailing_list", "segment")
    return [Part(mailing_list=p.mailing_list, segment=p.segment, excluded=p.excluded) for p in parts]


def _differs(campaign: Campaign, name: str, value: Any) -> bool:
    match name:
        case "tags":
            return {folded(each) for each in value} != {each.folded for each in campaign.tags.all()}
        case "audience":
            return set(value) != set(_parts(campaign))
        case "email" | "sms_body":
            variant = campaign.variants.first()
            return variant is None or getattr(variant, name) != value
        case "recurrence":
            return bool(recurring.of(campaign) != value)
        case _:
            return bool(getattr(campaign, name) != value)


def _set_column(campaign: Campaign, name: str, value: Any, by: Actor) -> None:
    setattr(campaign, name, value)
    _save(campaign, name)


def _set_time(campaign: Campaign, name: str, value: Any, by: Actor) -> None:
    campaign.scheduled_at = value
    if campaign.state == State.SCHEDULED:
        if value is None:
            raise NotReady({"scheduled_at": ["A scheduled campaign needs a time; unschedule it instead."]})
        campaign.schedule_type = ScheduleType.FUTURE
    _save(campaign, "scheduled_at", "schedule_type")


def _set_tags(campaign: Campaign, name: str, value: Any, by: Actor) -> None:
    set_tags(campaign, value, by=by)


def _set_audience(campaign: Campaign, name: str, value: Any, by: Actor) -> None:
    set_audience(campaign, value)


def _set_recurrence(campaign: Campaign, name: str, value: Any, by: Actor) -> None:
    recurring.keep(campaign, value)


def _set_content(campaign: Campaign, name: str, value: Any, by: Actor) -> None:
    variant = campaign.variants.first() or Variant(campaign=campaign)
    setattr(variant, name, value)
    _save(variant)


_SETTERS: dict[str, Callable[[Campaign, str, Any, Actor], None]] = {
    "tags": _set_tags,
    "audience": _set_audience,
    "email": _set_content,
    "sms_body": _set_content,
    "scheduled_at": _set_time,
    "recurrence": _set_recurrence,
}


def _save(row: models.Model, *columns: str) -> None:
    """Save what is valid; raises NotReady by field. With `columns`, look at and save only those."""
    rest = {field.name for field in row._meta.fields if columns and field.name not in columns}
    try:
        row.clean_fields(exclude=rest)
    except ValidationError as error:
        raise NotReady(error.message_dict) from error
    row.save(update_fields=[*columns, "modified_at"] if columns else None)


# --- guards ------------------------------------------------------------------------------------------------------


def _require_may(by: Actor, permission: Permission, organization: Organization) -> None:
    if not may(by.user, permission, organization):
        raise NotAllowed(f"You may not {permission.value} campaigns of {organization}.")


def _require_known(given: Mapping[str, Any], known: set[str]) -> None:
    if unknown := given.keys() - known:
        raise NotReady({name: ["This cannot be changed."] for name in sorted(unknown)})


def _require_editable(campaign: Campaign, changed: Mapping[str, Any]) -> None:
    if campaign.deleted_at:
        raise Locked("This campaign was deleted.")
    if changed.keys() & LOOKED_AT and campaign.state not in EDITABLE:
        raise Locked(f"Content and audience cannot be changed in state {campaign.state}; copy the campaign instead.")
    if "channel" in changed and (campaign.state != State.DRAFT or campaign.is_started):
        raise Locked("The channel can be changed only in a draft of which nothing has gone out.")
    if "audience" in changed and any(ask(campaign) for ask in completeness.ADDRESSED_OTHERWISE):
        raise Locked("It is a resend: its people are those who have not opened the first message. Copy it instead.")
    recurs = campaign.state == State.SCHEDULED and campaign.schedule_type == ScheduleType.RECURSIVE
    if recurs and (fixed := changed.keys() & RECURRING):
        raise NotReady({name: ["It recurs: choose another schedule instead."] for name in sorted(fixed)})


def _require_own(organization: Organization, given: Mapping[str, Any]) -> None:
    """Everything a campaign names belongs to its organization; somebody who is in two could mix them up."""
    problems: dict[str, list[str]] = {}
    for name in ("edition", "email"):
        row = given.get(name)
        if row is not None and row.organization_id != organization.pk:
            problems[name] = [f"There is no such {name} in {organization}."]
    if found := _audience_problems(organization, given.get("audience", ())):
        problems["audience"] = found
    if problems:
        raise NotReady(problems)


def _audience_problems(organization: Organization, parts: Sequence[Part]) -> list[str]:
    problems = []
    for part in parts:
        named = [row for row in (part.mailing_list, part.segment) if row is not None]
        if not named:
            problems.append("Name a list or a segment.")
        problems += [f"There is no {row} in {organization}." for row in named if row.organization_id != organization.pk]
    included, excluded = ({(p.mailing_list, p.segment) for p in parts if p.excluded is flag} for flag in (False, True))
    if included & excluded:
        problems.append("The same list or segment is both included and excluded.")
    return problems
