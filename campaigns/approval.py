"""Who must approve, and what exactly they approved."""

import difflib
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.models import ApiKey, Organization, Role, User
from accounts.permissions import is_trusted
from audience.models import MailingList, Segment
from campaigns import recurring
from campaigns.models import Campaign, CampaignRevision, ScheduleType, State, Variant
from campaigns.recurrence import Recurrence
from campaigns.recurrence_words import sentence

EMAIL_FIELDS = (
    *("merge_language", "subject", "preheader", "from_name", "from_email", "reply_to"),
    *("html", "text", "body_format"),
)

# What other rooms know of a campaign that an approver looks at, as JSON by name, and nothing where there is nothing;
# each puts its function here when its app starts.
ALSO_LOOKED_AT: list[Callable[[Campaign], dict[str, dict[str, Any]]]] = []
OWN = {"channel", "variants", "audience", "frequency_cap_hours", "schedule"}


def is_required(organization: Organization, submitter: User | None) -> bool:
    """Whether a campaign this person submits has to wait for an approver."""
    if organization.approval == Organization.Approval.ALWAYS:
        return True
    if organization.approval == Organization.Approval.NEVER:
        return False
    return not is_trusted(submitter, organization)


def is_missing(campaign: Campaign, answerable: User | None) -> bool:
    """Whether an approver has to look before this can go out, if `answerable` is who asks for it to go out."""
    return is_required(campaign.organization, answerable) and not is_covered(campaign)


def is_covered(campaign: Campaign) -> bool:
    """Whether somebody approved the campaign as it is now; its time counts only where the organization says so."""
    if not campaign.approved_revision:
        return False
    if campaign.approved_revision == revision(campaign):
        return True
    if campaign.organization.approval_covers_schedule:
        return False
    approved = campaign.revisions.filter(digest=campaign.approved_revision).first()
    return approved is not None and _but_schedule(approved.looked_at) == _but_schedule(looked_at(campaign))


def keeps_to_its_times(campaign: Campaign, sender: User | None) -> bool:
    """Whether this person may not send a recurring campaign in between, since an approver agreed to its times."""
    recurs = campaign.state == State.SCHEDULED and campaign.schedule_type == ScheduleType.RECURSIVE
    organization = campaign.organization
    return recurs and organization.approval_covers_schedule and is_required(organization, sender)


def approvers(organization: Organization) -> QuerySet[User]:
    """People who may approve here."""
    return User.objects.filter(
        is_active=True,
        memberships__organization=organization,
        memberships__role__in=[Role.APPROVER, Role.ADMIN],
    )


def approvers_of(campaign: Campaign) -> QuerySet[User]:
    """People who may approve this campaign: with four eyes, never who submitted it."""
    people = approvers(campaign.organization)
    if not campaign.organization.four_eyes or campaign.submitted_by_id is None:
        return people
    return people.exclude(pk=campaign.submitted_by_id)


def is_own(campaign: Campaign, user: User | None, key: ApiKey | None = None) -> bool:
    """Whether the four-eyes rule keeps this person from approving; it holds for superusers too.

    A key acts in another's name, but whoever issued it has seen it: with it they would approve their own campaign.
    """
    people = {user.pk if user else None, key.issued_by_id if key else None} - {None}
    return campaign.organization.four_eyes and campaign.submitted_by_id in people


# --- revisions ---------------------------------------------------------------------------------------------------


def revision(campaign: Campaign) -> str:
    """A SHA-256 (hex) over content, audience and schedule: equal exactly when nothing an approver looks at changed."""
    return _digest(looked_at(campaign))


def remember(campaign: Campaign) -> str:
    """Keep what is shown to an approver now, and give its revision."""
    shown = looked_at(campaign)
    kept, _ = CampaignRevision.objects.update_or_create(
        campaign=campaign, digest=_digest(shown), defaults={"looked_at": shown, "shown_at": now()}
    )
    return kept.digest


def looked_at(campaign: Campaign) -> dict[str, Any]:
    """What an approval is about, as JSON: channel, variants (position, weight, email, sms_body), audience, schedule.

    The frequency cap and further times only where there are some, so that what was approved before stays approved.
    """
    cap = {"frequency_cap_hours": campaign.frequency_cap_hours} if campaign.frequency_cap_hours else {}
    also = {name: value for look in ALSO_LOOKED_AT for name, value in look(campaign).items()}
    return {
        **cap,
        **_send_time(campaign),
        **also,
        "channel": str(campaign.channel),
        "variants": [_content(each) for each in campaign.variants.select_related("email").order_by("position")],
        "audience": _audience(campaign),
        "schedule": _schedule(campaign),
    }


def _schedule(campaign: Campaign) -> dict[str, Any]:
    """Of a recurring campaign what is approved is its recurrence; which occurrence comes next changes nothing."""
    shown: dict[str, Any] = {"type": str(campaign.schedule_type), "at": None, "tz": campaign.schedule_tz}
    if campaign.schedule_type != ScheduleType.RECURSIVE:
        return shown | {"at": _utc(campaign.scheduled_at)}
    kept = recurring.of(campaign)
    return shown | {"recurrence": kept.data if kept else None}


def _send_time(campaign: Campaign) -> dict[str, Any]:
    """People's own time, and when messages expire; nothing where everybody gets it at once, whenever that is."""
    ends = {"expires_after_hours": campaign.expires_after_hours, "expires_at": _utc(campaign.expires_at)}
    chosen: dict[str, Any] = {"in_local_time": True} if campaign.local_time else {}
    chosen |= {name: value for name, value in ends.items() if value}
    return {"send_time": chosen} if chosen else {}


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _digest(shown: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def _but_schedule(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name != "schedule"}


def _content(variant: Variant) -> dict[str, Any]:
    email = {name: getattr(variant.email, name) for name in EMAIL_FIELDS} if variant.email else None
    if email and not email["body_format"]:
        del email["body_format"]  # so that what was approved before there were formats stays approved
    return {
        "position": variant.position,
        "name": variant.name,
        "weight": variant.weight,
        "email": email,
        "sms_body": variant.sms_body,
    }


def _audience(campaign: Campaign) -> list[dict[str, Any]]:
    parts = campaign.audience.select_related("segment").prefetch_related("segment__mailing_lists")
    shown = [
        {
            "mailing_list": part.mailing_list_id,
            "segment": part.segment_id,
            "excluded": part.excluded,
            "rules": part.segment.rules if part.segment else None,
            "mailing_lists": sorted(each.pk for each in part.segment.mailing_lists.all()) if part.segment else None,
        }
        for part in parts
    ]
    return sorted(shown, key=lambda part: (part["mailing_list"] or 0, part["segment"] or 0))


# --- what changed since somebody looked -------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One thing an approver should look at again: what it is, what it was, what it is now."""

    what: str
    before: str
    after: str

    @property
    def lines(self) -> list[str]:
        """A unified diff, for texts of many lines."""
        return list(difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), lineterm="", n=1))[2:]


def changes(campaign: Campaign) -> list[Change]:
    """How the campaign differs from what approvers were last shown differently; empty at a first look."""
    now_shown = looked_at(campaign)
    earlier = campaign.revisions.exclude(digest=_digest(now_shown)).last()
    if earlier is None:
        return []
    before, after = _flat(earlier.looked_at), _flat(now_shown)
    return [
        Change(what, before.get(what, ""), after.get(what, ""))
        for what in dict.fromkeys([*before, *after])
        if before.get(what, "") != after.get(what, "")
    ]


def _flat(shown: dict[str, Any]) -> dict[str, str]:
    """One readable line or text per thing looked at."""
    flat = {"Channel": shown["channel"]}
    for variant in shown["variants"]:
        prefix = f"Variant {variant['name']}: " if len(shown["variants"]) > 1 else ""
        flat |= {prefix + name: value for name, value in _flat_content(variant)}
    flat["Audience"] = "\n".join(_audience_lines(shown["audience"]))
    flat["Frequency cap"] = f"{hours} h" if (hours := shown.get("frequency_cap_hours")) else "none"
    flat["Schedule"] = _flat_schedule(shown["schedule"])
    return flat | dict(_flat_others(shown))


def _flat_schedule(shown: dict[str, Any]) -> str:
    if shown.get("recurrence"):
        return sentence(Recurrence.of(shown["recurrence"]), shown["tz"])
    return " ".join(shown[name] for name in ("type", "at", "tz") if shown[name])


def _flat_others(shown: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What other rooms had looked at, each with its settings line by line."""
    for name in shown.keys() - OWN:
        yield _words(name), "\n".join(f"{_words(key)}: {value}" for key, value in sorted(shown[name].items()))


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _flat_content(variant: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in (variant["email"] or {}).items():
        yield {"html": "HTML"}.get(name, _words(name)), value
    yield "SMS body", variant["sms_body"]
    yield "Weight", str(variant["weight"])


def _audience_lines(parts: list[dict[str, Any]]) -> list[str]:
    list_ids = {key for part in parts for key in [part["mailing_list"], *(part["mailing_lists"] or [])] if key}
    lists = {each.pk: str(each) for each in MailingList.objects.filter(pk__in=list_ids)}
    segments = {each.pk: str(each) for each in Segment.objects.filter(pk__in=[part["segment"] for part in parts])}
    return [_audience_line(part, lists, segments) for part in parts]


def _audience_line(part: dict[str, Any], lists: dict[int, str], segments: dict[int, str]) -> str:
    named = []
    if part["segment"]:
        scope = ", ".join(lists.get(key, "(deleted)") for key in part["mailing_lists"]) or "everybody"
        named.append(f"segment {segments.get(part['segment'], '(deleted)')} of {scope} {json.dumps(part['rules'])}")
    if part["mailing_list"]:
        named.append(f"list {lists.get(part['mailing_list'], '(deleted)')}")
    return ("without " if part["excluded"] else "") + " in ".join(named)
