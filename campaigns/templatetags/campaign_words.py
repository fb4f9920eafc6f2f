"""How a campaign's state is called and coloured wherever people see it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import get_current_timezone_name, now

from campaigns.models import RUNNING, Campaign, State

register = template.Library()

TONES = {
    State.DRAFT: "",
    State.PENDING_APPROVAL: "amber",
    State.SCHEDULED: "blue",
    State.CALCULATING: "blue",
    State.SENDING: "blue",
    State.HOLDING: "violet",
    State.SENT: "green",
    State.FAILED: "red",
    State.CANCELLED: "",
}


@register.filter
def coming(moment: datetime) -> str:
    """When something that is due happens: whoever does it comes by every few seconds."""
    return "any moment now" if moment <= now() else str(naturaltime(moment))


@register.filter
def state_label(campaign: Campaign) -> str:
    if campaign.paused:
        return "Paused" if campaign.state in RUNNING else f"Paused ({campaign.get_state_display().lower()})"
    if campaign.state == State.DRAFT and campaign.ready:
        return "Draft, ready"
    return campaign.get_state_display()


@register.filter
def state_tone(campaign: Campaign) -> str:
    return "amber" if campaign.paused else TONES[State(campaign.state)]


@register.filter
def state_badge(campaign: Campaign) -> SafeString:
    """A pill with the state's name; it pulses while something is happening."""
    live = " bs-badge--live" if campaign.state in RUNNING and not campaign.paused else ""
    tone = state_tone(campaign)
    return format_html(
        '<span class="bs-badge{}{}">{}</span>', f" bs-badge--{tone}" if tone else "", live, state_label(campaign)
    )


@register.filter
def channel_icon(campaign: Campaign) -> SafeString:
    icon, name = ("sms", "SMS") if campaign.channel == "sms" else ("mail", "Email")
    return format_html('<span class="bs-icon" role="img" aria-label="{}" title="{}">{}</span>', name, name, icon)


@register.filter
def in_zone(moment: datetime, zone: str) -> str:
    return date_format(moment.astimezone(ZoneInfo(zone)), "D j M Y, H:i")


@register.filter
def zone_name(zone: str) -> str:
    """`America/New_York` as one reads it."""
    return zone.replace("_", " ") or "everybody"


@register.filter
def in_zone_of(moment: datetime, campaign: Campaign) -> str:
    """A time as people of the campaign's edition read it; the zone is named where it is not the reader's."""
    zone = campaign.schedule_tz or (campaign.edition.timezone if campaign.edition else campaign.organization.timezone)
    told = in_zone(moment, zone)
    return told if zone == get_current_timezone_name() else f"{told} ({zone})"
