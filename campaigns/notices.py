"""Mail to the people who work here: an approval is asked for, given or refused. Plain text, one mail a person."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from accounts.models import User
from accounts.texts import one_line as one_line
from campaigns import approval
from campaigns.models import Campaign, CampaignEvent, Channel, ScheduleType


def approval_asked(campaign: Campaign, approver: User) -> EmailMessage:
    """To one approver of a campaign that waits."""
    changed = [change.what for change in approval.changes(campaign)]
    asker = person(campaign.submitted_by) if campaign.submitted_by else "Broadsheet"
    lines = [
        f"{asker} asks for your approval of the campaign “{one_line(campaign.name)}” of {_organization(campaign)}.",
        "",
        *_summary(campaign),
        *([f"Changed since it was last submitted: {', '.join(changed)}"] if changed else []),
        "",
        "Look at it, and approve or reject it, here:",
        link(campaign),
        "",
        f"You get this mail because you approve campaigns of {_organization(campaign)}.",
    ]
    return mail(campaign, approver, f"Please approve: {one_line(campaign.name)}", lines)


def approval_decided(campaign: Campaign, decision: CampaignEvent, submitter: User) -> EmailMessage:
    """To who submitted it; `decision` is the event of approving or rejecting."""
    approved = decision.verb == "approve"
    outcome = "approved" if approved else "rejected"
    lines = [
        f"{person(decision.by)} {outcome} the campaign “{one_line(campaign.name)}” of {_organization(campaign)}.",
        *(["", "The reason given:", "", decision.reason] if decision.reason else []),
        "",
        *(_summary(campaign) if approved else ["It is a draft again: change it, then submit it once more."]),
        "",
        link(campaign),
    ]
    return mail(campaign, submitter, f"{outcome.capitalize()}: {one_line(campaign.name)}", lines)


def link(campaign: Campaign) -> str:
    return settings.BASE_URL + reverse("admin:campaigns_campaign_change", args=[campaign.pk])


def person(user: User | None) -> str:
    return one_line(user.get_full_name() or user.get_username()) if user else "Somebody"


def _organization(campaign: Campaign) -> str:
    return one_line(campaign.organization.name)


def _summary(campaign: Campaign) -> list[str]:
    email = next((each.email for each in campaign.variants.select_related("email") if each.email), None)
    about = f"Subject:   {one_line(email.subject)}" if email else ""
    audience = campaign.audience.select_related("mailing_list", "segment")
    return [
        f"Channel:   {Channel(campaign.channel).label}",
        *([about] if about else []),
        f"Audience:  {', '.join(one_line(str(part)) for part in audience)}",
        f"Goes out:  {_time(campaign)}",
    ]


def _time(campaign: Campaign) -> str:
    if campaign.schedule_type != ScheduleType.FUTURE or campaign.scheduled_at is None:
        return "as soon as it is approved"
    zone = campaign.schedule_tz or campaign.organization.timezone
    return f"{campaign.scheduled_at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"


def mail(campaign: Campaign, to: User, subject: str, lines: list[str], *, about: str = "approval") -> EmailMessage:
    """A notice about a campaign. `about`: what the Feedback-ID begins with."""
    headers = {
        "Feedback-ID": f"{about}:{campaign.public_id}:{campaign.organization.public_id}:broadsheet",
        "Auto-Submitted": "auto-generated",  # RFC 3834: no vacation replies
    }
    return EmailMessage(subject, "\n".join([*lines, ""]), to=[to.email], headers=headers)
