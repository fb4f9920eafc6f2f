"""Writing a campaign: create, change, copy; and changing an email that campaigns use."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.actors import Actor
from accounts.models import Organization
from accounts.permissions import Permission, may
from audience.models import MailingList, Segment
from campaigns import lifecycle
from campaigns.errors import Locked, NotAllowed, NotReady
from campaigns.models import EDITABLE, RUNNING, Campaign, CampaignAudience, State, Variant
from content.models import Email

PLAIN = {"name", "edition"}  # what nobody approves
LOOKED_AT = {"channel", "email", "sms_body", "audience", "scheduled_at"}


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
    """T1: a new draft. `columns` are plain columns such as `edition`. Raises NotAllowed."""
    _require_may(by, Permission.CREATE, organization)
    with transaction.atomic():
        campaign = Campaign.objects.create(
            organization=organization, name=name, channel=channel, created_by=by.user, **columns
        )
        Variant.objects.create(campaign=campaign, email=email, sms_body=sms_body)
        set_audience(campaign, audience)
        set_tags(campaign, tags, by=by)
        lifecycle.created(campaign, by=by)
    return campaign


def edit(campaign: Campaign, *, by: Actor, **changes: Any) -> Campaign:
    """T2/T7. `changes`: name, edition, tags (any time); channel (draft only), email, sms_body, audience, scheduled_at
    (until sending begins). What an approver looked at voids the approval. Raises Locked, NotReady, NotAllowed."""
    _require_may(by, Permission.UPDATE, campaign.organization)
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(of=("self",)).select_related("organization").get(pk=campaign.pk)
        changed = {name: value for name, value in changes.items() if _differs(campaign, name, value)}
        _require_editable(campaign, changed)
        for name, value in changed.items():
            _SETTERS.get(name, _set_column)(campaign, name, value, by)
        if changed.keys() & LOOKED_AT:
            lifecycle.edited(campaign, by=by, reason=f"Changed {', '.join(sorted(changed))}.")
    return campaign


def copy(campaign: Campaign, *, by: Actor, name: str = "") -> Campaign:
    """T1: a new draft with the same content and audience; emails are duplicated, so that each can be changed alone."""
    _require_may(by, Permission.CREATE, campaign.organization)
    with transaction.atomic():
        twin = Campaign.objects.create(
            organization=campaign.organization,
            edition=campaign.edition,
            name=(name or f"Copy of {campaign.name}")[:255],
            channel=campaign.channel,
            created_by=by.user,
        )
        for variant in campaign.variants.select_related("email"):
            variant.pk, variant.campaign = None, twin
            variant.email = duplicate_email(variant.email) if variant.email else None
            variant.save(force_insert=True)
        set_audience(
            twin, [Part(mailing_list=p.mailing_list, segment=p.segment, excluded=p.excluded) for p in _parts(campaign)]
        )
        set_tags(twin, [tag.name for tag in campaign.tags.all()], by=by)
        lifecycle.created(twin, by=by, verb="copy", reason=f"Copy of {campaign.public_id}.")
    return twin


def duplicate_email(email: Email) -> Email:
    twin = Email.objects.get(pk=email.pk)
    twin.pk = None
    twin.public_id = Email._meta.get_field("public_id").get_default()
    twin.save(force_insert=True)
    return twin


def edit_email(email: Email, *, by: Actor, **changes: Any) -> Email:
    """Change an email and tell the campaigns that use it. Raises Locked while one of them is being sent."""
    _require_may(by, Permission.UPDATE, email.organization)
    with transaction.atomic():
        if sending := users_of(email).filter(state__in=RUNNING).first():
            raise Locked(f"The campaign {sending} is sending this email; copy it instead.")
        for name, value in changes.items():
            setattr(email, name, value)
        email.save()
        for campaign in users_of(email).filter(state__in=EDITABLE):
            lifecycle.edited(campaign, by=by, reason=f"The email {email} was changed.")
    return email


def users_of(email: Email) -> QuerySet[Campaign]:
    """Campaigns that say what this email says."""
    return Campaign.objects.kept().filter(variants__email=email).distinct()


def set_audience(campaign: Campaign, parts: Sequence[Part]) -> None:
    campaign.audience.all().delete()
    CampaignAudience.objects.bulk_create(
        CampaignAudience(campaign=campaign, mailing_list=p.mailing_list, segment=p.segment, excluded=p.excluded)
        for p in dict.fromkeys(parts)
    )


def set_tags(campaign: Campaign, names: Iterable[str], *, by: Actor) -> None:
    """Exactly these tags; new ones are made in the campaign's organization."""
    campaign.tags.set(list(names), tag_kwargs={"organization": campaign.organization})


def _parts(campaign: Campaign) -> QuerySet[CampaignAudience]:
    return campaign.audience.select_related("mailing_list", "segment")


def _require_may(by: Actor, permission: Permission, organization: Organization) -> None:
    if not may(by.user, permission, organization):
        raise NotAllowed(f"You may not {permission.value} campaigns of {organization}.")


def _require_editable(campaign: Campaign, changed: Mapping[str, Any]) -> None:
    if changed.keys() & LOOKED_AT and (campaign.state not in EDITABLE or campaign.is_started):
        raise Locked(f"Content and audience cannot be changed in state {campaign.state}; copy the campaign instead.")
    if "channel" in changed and campaign.state != State.DRAFT:
        raise Locked("The channel can be changed only in a draft.")
    unknown = changed.keys() - LOOKED_AT - PLAIN - {"tags"}
    if unknown:
        raise NotReady({name: ["This cannot be changed."] for name in sorted(unknown)})


def _differs(campaign: Campaign, name: str, value: Any) -> bool:
    match name:
        case "tags":
            return set(value) != {tag.name for tag in campaign.tags.all()}
        case "audience":
            return set(value) != {
                Part(mailing_list=p.mailing_list, segment=p.segment, excluded=p.excluded) for p in _parts(campaign)
            }
        case "email" | "sms_body":
            variant = campaign.variants.first()
            return variant is None or getattr(variant, name) != value
        case _:
            return bool(getattr(campaign, name, object()) != value)


def _set_column(campaign: Campaign, name: str, value: Any, by: Actor) -> None:
    setattr(campaign, name, value)
    campaign.save(update_fields=[name, "modified_at"])


def _set_tags(campaign: Campaign, name: str, value: Any, by: Actor) -> None:
    set_tags(campaign, value, by=by)


def _set_audience(campaign: Campaign, name: str, value: Any, by: Actor) -> None:
    set_audience(campaign, value)


def _set_content(campaign: Campaign, name: str, value: Any, by: Actor) -> None:
    variant = campaign.variants.first() or Variant(campaign=campaign)
    setattr(variant, name, value)
    variant.save()


_SETTERS = {"tags": _set_tags, "audience": _set_audience, "email": _set_content, "sms_body": _set_content}
