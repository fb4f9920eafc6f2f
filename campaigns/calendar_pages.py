"""The calendar of an organization for calendar programs, at an address that is a secret.

/calendar/<token>.ics     what went out within 30 days, and what goes out within 90
"""

import hashlib
from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from campaigns import calendar, calendar_feeds, icalendar
from campaigns.calendar import Entry, Kind
from campaigns.models import Campaign, ScheduleType, State

BEFORE, AHEAD = timedelta(days=30), timedelta(days=90)
SECONDS = 900


def address(token: str) -> str:
    """Where a calendar program reads the feed with this token."""
    return settings.BASE_URL + reverse("calendar_feed", args=[token])


@require_safe
def calendar_feed(request: HttpRequest, token: str) -> HttpResponse:
    """Whatever is wrong with the address, nobody learns what."""
    feed = calendar_feeds.find(token)
    if feed is None:
        raise Http404
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    found = calendar.entries(Campaign.objects.of(feed.organization), today - BEFORE, today + AHEAD)
    content = icalendar.write(f"{feed.organization}: campaigns", (_event(each) for each in _told(found)))
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8", headers={"ETag": etag})
    response = get_conditional_response(request, etag=etag, response=response) or response
    response["Cache-Control"] = f"private, max-age={SECONDS}"
    response["Content-Disposition"] = 'inline; filename="campaigns.ics"'
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _told(found: list[Entry]) -> list[Entry]:
    """What was missed is no event: nothing happens then."""
    return [entry for entry in found if entry.kind != Kind.MISSED]


def _event(entry: Entry) -> icalendar.Event:
    campaign = entry.campaign
    return icalendar.Event(
        uid=entry.uid,
        at=entry.at,
        changed_at=campaign.modified_at,
        summary=campaign.name,
        description=_described(entry),
        url=settings.BASE_URL + reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
        category=campaign.get_channel_display(),
        is_tentative=entry.is_tentative,
    )


def _described(entry: Entry) -> str:
    campaign = entry.campaign
    lines = [f"{campaign.get_channel_display()} campaign, {_stands(entry)}."]
    if campaign.schedule_type == ScheduleType.RECURSIVE:
        lines.append("It goes out again and again.")
    return "\n".join(lines)


def _stands(entry: Entry) -> str:
    if entry.run:
        return "it went out" if entry.run.finished_at else "it is being sent"
    if entry.campaign.state == State.PENDING_APPROVAL:
        return "waiting for an approver"
    return "paused" if entry.campaign.paused else "scheduled"
