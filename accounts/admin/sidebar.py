"""The sidebar: each role sees its own work first, and nothing it may not open."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from accounts.admin.desk import Desk, desk
from accounts.models import Role
from accounts.permissions import Permission
from campaigns.admin.approvals import waiting_campaigns

Item = tuple[str, str, str, Permission]  # title, icon, URL name within the admin, what it takes to see it

APPROVALS: Item = ("Approval queue", "fact_check", "campaigns_campaign_approvals", Permission.APPROVE)
HOME: Item = ("Home", "home", "index", Permission.READ)
CAMPAIGNS: tuple[Item, ...] = (
    ("Campaigns", "campaign", "campaigns_campaign_changelist", Permission.READ),
    ("Calendar", "calendar_month", "campaigns_campaign_calendar", Permission.READ),
    ("Emails", "mail", "content_email_changelist", Permission.READ),
    ("Templates", "dashboard_customize", "content_template_changelist", Permission.READ),
    ("Tags", "sell", "tags_tag_changelist", Permission.READ),
)
AUDIENCE: tuple[Item, ...] = (
    ("Lists", "groups", "audience_mailinglist_changelist", Permission.READ),
    ("Subscribers", "person", "audience_subscriber_changelist", Permission.READ),
    ("Segments", "filter_alt", "audience_segment_changelist", Permission.READ),
    ("Custom fields", "text_fields", "audience_customfield_changelist", Permission.UPDATE),
    ("Imports", "upload_file", "audience_import_changelist", Permission.UPDATE),
    ("Suppressions", "block", "audience_suppression_changelist", Permission.READ),
)
ORGANIZATION: tuple[Item, ...] = (
    ("Members", "badge", "accounts_membership_changelist", Permission.MANAGE_MEMBERS),
    ("API keys", "key", "accounts_apikey_changelist", Permission.MANAGE_MEMBERS),
    ("Editions", "newspaper", "accounts_edition_changelist", Permission.MANAGE_MEMBERS),
    ("Settings", "settings", "accounts_organization_settings", Permission.MANAGE_MEMBERS),
    ("Quiet hours", "bedtime", "delivery_quiethours_changelist", Permission.MANAGE_MEMBERS),
    ("Webhooks", "webhook", "webhooks_endpoint_changelist", Permission.UPDATE),
    ("Inbox", "inbox", "delivery_inboxmessage_changelist", Permission.UPDATE),
)
SYSTEM: tuple[Item, ...] = (
    ("Organizations", "domain", "accounts_organization_changelist", Permission.MANAGE_MEMBERS),
    ("Users", "manage_accounts", "accounts_user_changelist", Permission.MANAGE_MEMBERS),
    ("Recipients", "outgoing_mail", "delivery_recipient_changelist", Permission.MANAGE_MEMBERS),
    ("Batches", "stacks", "delivery_batch_changelist", Permission.MANAGE_MEMBERS),
    ("Events", "bolt", "stats_event_changelist", Permission.MANAGE_MEMBERS),
    ("Refused links", "link_off", "stats_refusal_changelist", Permission.MANAGE_MEMBERS),
    ("Unmatched reports", "unknown_document", "tracking_straymail_changelist", Permission.MANAGE_MEMBERS),
    ("Scheduled tasks", "schedule", "django_celery_beat_periodictask_changelist", Permission.MANAGE_MEMBERS),
)


def context(request: HttpRequest) -> dict[str, Any]:
    """What every admin page knows besides its own: who is at the desk."""
    return {"desk": desk(request)}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the sidebar, in the shape the theme draws."""
    at = desk(request)
    first = (APPROVALS, HOME) if at.role == Role.APPROVER else (HOME, APPROVALS)
    groups = [("", first), ("Campaigns", CAMPAIGNS), ("Audience", AUDIENCE), ("Organization", ORGANIZATION)]
    if at.user.is_superuser:
        groups.append(("System", SYSTEM))
    drawn = [_group(title, items, at, request) for title, items in groups]
    return [group for group in drawn if group["items"]]


def _group(title: str, items: tuple[Item, ...], at: Desk, request: HttpRequest) -> dict[str, Any]:
    links = [_link(item, request) for item in items if at.may(item[3])]
    return {"title": title, "separator": False, "items": [link for link in links if link]}


def _link(item: Item, request: HttpRequest) -> dict[str, Any] | None:
    title, icon, name, _ = item
    try:
        url = reverse(f"admin:{name}")
    except NoReverseMatch:
        return None
    link: dict[str, Any] = {"title": title, "icon": icon, "link": url, "active": _is_active(url)}
    if item is APPROVALS and (count := waiting_campaigns(desk(request)).count()):
        link["badge"] = str(count)
    return link


def _is_active(url: str) -> Callable[[HttpRequest], bool]:
    """The longest address wins: an approval is no campaign list."""

    def active(request: HttpRequest) -> bool:
        if url == reverse("admin:index"):
            return request.path == url
        others = ("/approvals/", "/settings/", "/calendar/")
        if any(each in request.path and not url.endswith(each) for each in others):
            return False
        return request.path.startswith(url)

    return active
