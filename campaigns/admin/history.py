"""A campaign's history in sentences."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from accounts.actors import Surface
from campaigns.models import Campaign, CampaignEvent, State
from campaigns.recurring import MOST_COUNTED

SENTENCES: dict[str, tuple[str, str]] = {  # verb -> (icon, sentence after the name)
    "create": ("add", "created the campaign"),
    "copy": ("content_copy", "copied it from another campaign"),
    "edit": ("edit", "changed it"),
    "mark_ready": ("task_alt", "called the draft complete"),
    "approve": ("check_circle", "approved it"),
    "reject": ("undo", "sent it back"),
    "withdraw": ("undo", "withdrew it"),
    "unschedule": ("edit_note", "made it a draft again"),
    "reschedule": ("schedule", "changed the time"),
    "void_approval": ("gpp_maybe", "asked for approval again"),
    "start": ("play_arrow", "started it on time"),
    "hold": ("hourglass_top", "waits for the split test"),
    "ask": ("help", "asks somebody to choose"),
    "release": ("emoji_events", "went on with the winner"),
    "finish": ("done_all", "sent the last message"),
    "fail": ("error", "gave up"),
    "pause": ("pause", "paused it"),
    "suspend": ("pause_circle", "paused it by itself"),
    "resume": ("play_arrow", "resumed it"),
    "cancel": ("block", "cancelled it"),
    "retry_failed": ("refresh", "tried the failed recipients again"),
    "reopen": ("restart_alt", "reopened it as a draft"),
    "delete": ("delete", "deleted it"),
    "resolve_in_doubt": ("help", "decided about somebody in doubt"),
    "next_instance": ("event_repeat", "finished this instance"),
    "miss": ("event_busy", "left out what nobody could send in time"),
}
SHOWN = 100
MOST_NAMED = 3


@dataclass(frozen=True)
class Line:
    icon: str
    who: str
    did: str
    why: str
    through: str
    at: datetime


@dataclass(frozen=True)
class Told:
    """A line of any campaign's history, with the campaign."""

    campaign: Campaign
    line: Line


def told(events: QuerySet[CampaignEvent], count: int) -> list[Told]:
    """The latest lines of several campaigns."""
    rows = events.select_related("campaign", "by", "api_key").order_by("-pk")[:count]
    return [Told(event.campaign, _line(event)) for event in rows]


def lines(campaign: Campaign) -> list[Line]:
    """The latest lines first."""
    events = campaign.events.select_related("by", "api_key").order_by("-pk")[:SHOWN]
    return [_line(event) for event in events]


def _line(event: CampaignEvent) -> Line:
    icon, did = _sentence(event)
    who = event.by.get_full_name() or event.by.username if event.by else "Broadsheet"
    return Line(icon, who, did, event.reason, _through(event), event.at)


def _sentence(event: CampaignEvent) -> tuple[str, str]:
    match event.verb:
        case "submit" | "send_now" if event.to_state == State.PENDING_APPROVAL:
            return "front_hand", "submitted it for approval"
        case "submit":
            return "event_available", "scheduled it"
        case "send_now":
            return "bolt", "started sending it"
        case "freeze":
            return "groups", f"found {event.data.get('total_recipients', 0):,} people to send to"
        case "miss" if event.data.get("count"):
            return "event_busy", f"left out {_occurrences(event)}"
        case "release" if event.data.get("variant"):
            return "emoji_events", f"sent {event.data['variant']} to the rest"
        case "retry_failed" if event.data.get("recipients"):
            return "refresh", f"tried {event.data['recipients']:,} failed recipients again"
        case _:
            return SENTENCES.get(event.verb, ("circle", event.verb.replace("_", " ")))


def _occurrences(event: CampaignEvent) -> str:
    """Which ones, in the campaign's zone; more than a few are counted."""
    count, zone = event.data.get("count", 0), ZoneInfo(event.campaign.schedule_tz or "UTC")
    if count > MOST_NAMED:
        return f"{count:,} occurrences" if count < MOST_COUNTED else f"{MOST_COUNTED:,} occurrences or more"
    slots = [datetime.fromisoformat(slot).astimezone(zone) for slot in event.data.get("slots", [])]
    return f"the occurrence{'s' if count != 1 else ''} of {', '.join(f'{slot:%d %b, %H:%M}' for slot in slots)}"


def _through(event: CampaignEvent) -> str:
    """The door, where it was not this one."""
    if event.surface in {Surface.ADMIN, Surface.SYSTEM}:
        return ""
    key = f", key “{event.api_key.name}”" if event.api_key else ""
    return f"through the {event.get_surface_display()}{key}"
