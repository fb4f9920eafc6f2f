"""Who must approve, and what exactly they approved."""

import hashlib
import json
from typing import Any

from django.db.models import QuerySet

from accounts.models import Organization, Role, User
from accounts.permissions import is_trusted
from campaigns.models import Campaign, Variant

EMAIL_FIELDS = ("merge_language", "subject", "preheader", "from_name", "from_email", "reply_to", "html", "text")


def is_required(organization: Organization, submitter: User | None) -> bool:
    """Whether a campaign this person submits has to wait for an approver."""
    if organization.approval == Organization.Approval.ALWAYS:
        return True
    if organization.approval == Organization.Approval.NEVER:
        return False
    return not is_trusted(submitter, organization)


def approvers(organization: Organization) -> QuerySet[User]:
    """People who may approve here."""
    return User.objects.filter(
        is_active=True,
        memberships__organization=organization,
        memberships__role__in=[Role.APPROVER, Role.ADMIN],
    )


def revision(campaign: Campaign) -> str:
    """A SHA-256 (hex) over content, audience and schedule: equal exactly when nothing an approver looks at changed."""
    looked_at: dict[str, Any] = {
        "channel": campaign.channel,
        "variants": [_content(variant) for variant in campaign.variants.select_related("email").order_by("position")],
        "audience": _audience(campaign),
    }
    if campaign.organization.approval_covers_schedule:
        looked_at["schedule"] = [
            campaign.schedule_type,
            campaign.scheduled_at and campaign.scheduled_at.isoformat(),
            campaign.schedule_tz,
        ]
    return hashlib.sha256(json.dumps(looked_at, sort_keys=True).encode()).hexdigest()


def _content(variant: Variant) -> list[Any]:
    email = [getattr(variant.email, name) for name in EMAIL_FIELDS] if variant.email else None
    return [variant.position, variant.weight, email, variant.sms_body]


def _audience(campaign: Campaign) -> list[Any]:
    parts = campaign.audience.select_related("segment").prefetch_related("segment__mailing_lists")
    return sorted(
        [
            part.mailing_list_id or 0,
            part.segment_id or 0,
            part.excluded,
            part.segment.rules if part.segment else None,
            sorted(each.pk for each in part.segment.mailing_lists.all()) if part.segment else None,
        ]
        for part in parts
    )
