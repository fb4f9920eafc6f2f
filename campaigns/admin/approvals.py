"""The approval queue: what waits for a decision, with everything needed to decide it."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format

from accounts.admin.desk import Desk, desk
from accounts.admin.pages import page
from accounts.permissions import Permission
from campaigns import approval
from campaigns.approval import Change
from campaigns.models import Campaign, ScheduleType, State, Variant
from campaigns.querysets import CampaignQuerySet

SHOWN = 20


@dataclass(frozen=True)
class Waiting:
    """One campaign of the queue; `revision` says exactly what was shown here."""

    campaign: Campaign
    revision: str
    changes: list[Change]
    may_decide: bool
    variants: list[Variant]


def waiting_campaigns(at: Desk) -> CampaignQuerySet:
    """What waits for approval where this person approves, the longest wait first."""
    rows = Campaign.objects.visible_to(at.user).kept().filter(state=State.PENDING_APPROVAL)
    if at.organization:
        rows = rows.of(at.organization)
    if not at.user.is_superuser:
        mine = [key for key in at.memberships if at.may(Permission.APPROVE, key)]
        rows = rows.filter(organization__in=mine)
    return rows.select_related("organization", "edition", "submitted_by").order_by("submitted_at", "pk")


def queue_of(at: Desk) -> list[Waiting]:
    """The cards of the queue. Each is shown whole, so only so many at a time."""
    return [_card(campaign, at) for campaign in waiting_campaigns(at).prefetch_related("campaign_tags__tag")[:SHOWN]]


def _card(campaign: Campaign, at: Desk) -> Waiting:
    return Waiting(
        campaign=campaign,
        revision=approval.revision(campaign),
        changes=worded(approval.changes(campaign)),
        may_decide=not approval.is_own(campaign, at.user),
        variants=list(campaign.variants.select_related("email")),
    )


def worded(changes: list[Change]) -> list[Change]:
    """Changes as people read them: times in their zone, without the words of the database."""
    told = [
        Change(each.what, _time(each.before), _time(each.after)) if each.what == "Schedule" else each
        for each in changes
    ]
    return [each for each in told if each.before != each.after]


def _time(schedule: str) -> str:
    """From `future 2026-11-22T01:19:40+00:00 Europe/Berlin`."""
    kind, *rest = schedule.split(" ")
    if kind == ScheduleType.IMMEDIATE:
        return "as soon as possible"
    if len(rest) != 2:
        return "not scheduled"
    moment, zone = datetime.fromisoformat(rest[0]), rest[1]
    return f"{date_format(moment.astimezone(ZoneInfo(zone)), 'D j M Y, H:i')} ({zone})"


def queue(request: HttpRequest) -> HttpResponse:
    """The page of the queue."""
    at = desk(request)
    if not at.may(Permission.APPROVE):
        raise PermissionDenied
    return page(request, "admin/campaigns/campaign/approvals.html", title="Approval queue", queue=queue_of(at))
