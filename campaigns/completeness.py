"""Is a campaign complete: an audience, a content that can be sent, an organization that may send?"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from audience.fields import known_keys
from audience.models import Segment
from campaigns import merge_fields, schedules
from campaigns.models import Campaign, Channel, Variant
from content import preflight
from content.preflight import Finding

# What other rooms find in a campaign before it goes out; each puts its function here when its app starts.
ALSO_CHECKED: list[Callable[[Campaign], list[Finding]]] = []

# Asked whether a campaign addresses people whom no list or segment names; other rooms put their answers here, too.
ADDRESSED_OTHERWISE: list[Callable[[Campaign], bool]] = []


def problems(campaign: Campaign) -> dict[str, list[str]]:
    """What keeps the campaign from going out, by field: `audience`, `email`, `sms_body`, `organization`, and those of
    other rooms (`split_test`)."""
    found: dict[str, list[str]] = defaultdict(list)
    if not campaign.organization.is_active:
        found["organization"].append("This organization is not active, so it cannot send.")
    found |= schedules.problems(campaign, campaign.schedule_type)
    found["audience"] += _audience_problems(campaign)
    for finding in findings(campaign):
        if finding.blocks and finding.message not in found[finding.field]:
            found[finding.field].append(finding.message)
    return {field: messages for field, messages in found.items() if messages}


def findings(campaign: Campaign) -> list[Finding]:
    """What preflight says of every variant, and of all together: what blocks, and what is only worth a look."""
    of_variants = by_variant(campaign)
    told = [_named(variant, each, of_variants) for variant, found in of_variants for each in found]
    return [*told, *(finding for check in ALSO_CHECKED for finding in check(campaign))]


def by_variant(campaign: Campaign) -> list[tuple[Variant, list[Finding]]]:
    """What preflight says of each content by itself."""
    keys = known_keys(campaign.organization)
    variants = campaign.variants.select_related("email").order_by("position")
    return [(variant, _variant_findings(campaign, variant, keys)) for variant in variants]


def _named(variant: Variant, finding: Finding, among: list[tuple[Variant, list[Finding]]]) -> Finding:
    """Of several variants each finding says which one it is about, unless it is true of all."""
    if len(among) == 1 or all(finding in found for _, found in among):
        return finding
    return replace(finding, message=f"{variant.name}: {finding.message}")


def _variant_findings(campaign: Campaign, variant: Variant, keys: set[str]) -> list[Finding]:
    if campaign.channel == Channel.SMS:
        return preflight.check_sms(variant.sms_body, known_keys=keys)
    if variant.email is None:
        message = "This field is required to send an email campaign."
        return [Finding(code="no_email", field="email", message=message, blocks=True)]
    return preflight.check_email(variant.email, known_keys=keys, fields=merge_fields.of_email(variant.email))


def _audience_problems(campaign: Campaign) -> list[str]:
    parts = campaign.audience.select_related("segment")
    addressed = any(not part.excluded for part in parts) or any(ask(campaign) for ask in ADDRESSED_OTHERWISE)
    if not addressed:
        return ["Choose who gets this campaign."]
    failed = [part.segment for part in parts if part.segment and part.segment.status == Segment.Status.FAILED]
    return [f"The segment {segment} could not be evaluated: {segment.status_reason}" for segment in failed]
