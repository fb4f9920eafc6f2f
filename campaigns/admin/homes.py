"""The first page: each role sees its own work first."""

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest

from accounts.admin.desk import Desk, desk
from accounts.admin.pages import to
from accounts.models import Edition, Membership, Role
from accounts.permissions import Permission
from audience.models import MailingList, Subscription
from campaigns.admin import history
from campaigns.admin.approvals import queue_of
from campaigns.admin.list_page import attach_figures
from campaigns.admin.progress import Bar, bars_of
from campaigns.admin.split_tests import ASKS
from campaigns.models import RUNNING, TERMINAL, Campaign, CampaignEvent, State
from campaigns.querysets import CampaignQuerySet
from content.models import Email
from operations import health
from stats.admin.dashboard import last_days

SHOWN = 6


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The theme's dashboard callback: what `templates/admin/index.html` shows."""
    at = desk(request)
    shown: dict[str, Any] = {"role": at.role, "title": "Home", "crumbs": [("Home", "")]}
    if at.role == Role.APPROVER:
        shown |= {"queue": queue_of(at), "decided": _decided(at)}
    else:
        shown |= _work(at) | last_days(request, _campaigns(at))
    if at.role == Role.ADMIN:
        shown |= _administration(at)
    return context | shown


def _campaigns(at: Desk) -> CampaignQuerySet:
    rows = Campaign.objects.visible_to(at.user).kept()
    rows = rows.of(at.organization) if at.organization else rows
    return rows.select_related("organization", "edition", "created_by")


def _work(at: Desk) -> dict[str, Any]:
    """Drafts, what waits, what is scheduled, what is being sent, what it brought."""
    campaigns = _campaigns(at)
    sending = list(campaigns.filter(state__in=RUNNING).annotate(asks=ASKS).order_by("-asks", "-started_at")[:SHOWN])
    numbers = bars_of(sending)
    return {
        "drafts": campaigns.filter(state=State.DRAFT).order_by("-modified_at")[:SHOWN],
        "pending": campaigns.filter(state=State.PENDING_APPROVAL).order_by("submitted_at")[:SHOWN],
        "scheduled": campaigns.filter(state=State.SCHEDULED).order_by("scheduled_at")[:SHOWN],
        "asking": [campaign for campaign in sending if campaign.asks],  # type: ignore[attr-defined]  # annotated
        "sending": [(campaign, numbers.get(campaign.pk, Bar())) for campaign in sending],
        "recent": attach_figures(list(_finished(campaigns))),
        "may_create": at.may(Permission.CREATE),
        "steps": _first_steps(at, campaigns) if at.may(Permission.CREATE) else [],
    }


def _finished(campaigns: CampaignQuerySet) -> CampaignQuerySet:
    return campaigns.filter(state__in=TERMINAL, started_at__isnull=False).order_by("-started_at")[:SHOWN]


def _first_steps(at: Desk, campaigns: CampaignQuerySet) -> list[dict[str, Any]]:
    """What a new organization does first; empty once a campaign has been sent."""
    if at.organization is None or campaigns.filter(started_at__isnull=False).exists():
        return []
    organization = at.organization
    lists, emails = MailingList.objects.of(organization), Email.objects.of(organization)
    steps = [
        ("Make a list", "People subscribe to lists, and campaigns are sent to them.", "audience_mailinglist_add"),
        ("Import people", "Upload a CSV file; you see what it would change before it does.", "audience_import_add"),
        ("Write an email", "With merge fields, a preview, and a check before it goes out.", "content_email_add"),
        ("Create a campaign", "Choose the email and who gets it, then schedule it.", "campaigns_campaign_add"),
    ]
    done = [
        lists.exists(),
        Subscription.objects.filter(mailing_list__in=lists).exists(),
        emails.exists(),
        campaigns.exists(),
    ]
    return [
        {"title": title, "why": why, "url": to(name), "done": is_done}
        for (title, why, name), is_done in zip(steps, done, strict=True)
    ]


def _decided(at: Desk) -> list[history.Told]:
    """What became of the latest submissions."""
    events = CampaignEvent.objects.filter(campaign__in=_campaigns(at), verb__in=["approve", "reject", "withdraw"])
    return history.told(events, SHOWN)


def _administration(at: Desk) -> dict[str, Any]:
    events = CampaignEvent.objects.filter(campaign__in=_campaigns(at))
    return {
        "queue": queue_of(at)[:2],
        "members": _members(at),
        "events": history.told(events, 12),
        "warnings": _warnings(at),
        "health": health.checks(),
    }


def _members(at: Desk) -> dict[str, int]:
    rows = Membership.objects.visible_to(at.user)
    rows = rows.of(at.organization) if at.organization else rows
    counts = rows.aggregate(**{role.value: Count("pk", filter=Q(role=role, user__is_active=True)) for role in Role})
    return {Role(role).label: count for role, count in counts.items()}


def _warnings(at: Desk) -> list[dict[str, str]]:
    """What an administrator should put right before it hurts."""
    if at.organization is None:
        return []
    organization, found = at.organization, []
    approvers = Membership.objects.of(organization).filter(role__in=[Role.APPROVER, Role.ADMIN], user__is_active=True)
    if organization.approval != organization.Approval.NEVER and organization.four_eyes and approvers.count() < 2:
        text = "Only one person can approve campaigns. What they submit themselves nobody can approve."
        found.append({"text": text, "action": "Add an approver", "url": to("accounts_membership_add")})
    if not organization.postal_address:
        text = "There is no postal address for the footer of mails; many countries require one."
        url = to("accounts_organization_change", organization.pk)
        found.append({"text": text, "action": "Add it", "url": url})
    if not Edition.objects.of(organization).filter(from_email__gt="").exists():
        text = "No edition has a sender address, so each email needs its own."
        found.append({"text": text, "action": "Set one", "url": to("accounts_edition_changelist")})
    return found
