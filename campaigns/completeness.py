"""Is a campaign complete: an audience, a content that can be sent, an organization that may send?"""

from collections import defaultdict

from audience.fields import known_keys
from audience.models import Segment
from campaigns.models import Campaign, Channel, Variant
from content import preflight
from content.preflight import Finding


def problems(campaign: Campaign) -> dict[str, list[str]]:
    """What keeps the campaign from going out, by field: `audience`, `email`, `sms_body`, `organization`."""
    found: dict[str, list[str]] = defaultdict(list)
    if not campaign.organization.is_active:
        found["organization"].append("This organization is not active, so it cannot send.")
    found["audience"] += _audience_problems(campaign)
    for finding in findings(campaign):
        if finding.blocks:
            found[finding.field].append(finding.message)
    return {field: messages for field, messages in found.items() if messages}


def findings(campaign: Campaign) -> list[Finding]:
    """What preflight says of every variant: what blocks, and what is only worth a look."""
    keys = known_keys(campaign.organization)
    variants = campaign.variants.select_related("email")
    return [finding for variant in variants for finding in _variant_findings(campaign, variant, keys)]


def _variant_findings(campaign: Campaign, variant: Variant, keys: set[str]) -> list[Finding]:
    if campaign.channel == Channel.SMS:
        return preflight.check_sms(variant.sms_body, known_keys=keys)
    if variant.email is None:
        message = "This field is required to send an email campaign."
        return [Finding(code="no_email", field="email", message=message, blocks=True)]
    return preflight.check_email(variant.email, known_keys=keys)


def _audience_problems(campaign: Campaign) -> list[str]:
    parts = campaign.audience.select_related("segment")
    if not any(not part.excluded for part in parts):
        return ["Choose who gets this campaign."]
    failed = [part.segment for part in parts if part.segment and part.segment.status == Segment.Status.FAILED]
    return [f"The segment {segment} could not be evaluated: {segment.status_reason}" for segment in failed]
