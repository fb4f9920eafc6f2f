"""The calendar: a month or a week of what went out and what will, and the addresses calendar programs read it at."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.timezone import get_current_timezone_name, now

from accounts.admin.desk import Desk, actor, desk
from accounts.admin.pages import DeskForm, page, row_number, to
from accounts.models import Edition
from accounts.permissions import Permission
from campaigns import calendar, calendar_feeds, calendar_pages
from campaigns.admin.lookup import crumbs_of, explain
from campaigns.calendar import Entry, Kind
from campaigns.calendar_feeds import CalendarFeed
from campaigns.errors import CampaignError
from campaigns.models import Campaign, State
from campaigns.recurrence import WEEKDAYS

MONTH, WEEK = "month", "week"
IN_A_CELL = 4  # of a month; the week shows all
YEARS = 5  # how far one can leaf from today


@dataclass(frozen=True, kw_only=True)
class Item:
    """A line in a day's cell: one entry, or all occurrences of one campaign that day."""

    campaign: Campaign
    at: datetime  # local
    count: int
    last: datetime
    tone: str
    icon: str
    said: str


@dataclass(frozen=True, kw_only=True)
class Day:
    date: date
    is_today: bool
    is_outside: bool
    items: list[Item]
    more: int


@dataclass(frozen=True)
class Span:
    """The days shown, and where leafing leads."""

    view: str
    first: date
    last: date
    on: date
    back: date
    onward: date


def calendar_page(request: HttpRequest) -> HttpResponse:
    at = desk(request)
    if not at.may(Permission.READ):
        raise PermissionDenied
    editions = list(_editions(at))
    edition = next((each for each in editions if each.pk == row_number(request.GET.get("edition"))), None)
    zone = ZoneInfo(edition.timezone if edition else get_current_timezone_name())
    today = now().astimezone(zone).date()
    span = _span(request.GET.get("view", MONTH), _asked_day(request.GET.get("on", ""), today))
    days = _days(span, _entries(at, edition, span, zone), zone, today)
    return page(
        request,
        "admin/campaigns/campaign/calendar.html",
        title="Calendar",
        crumbs=crumbs_of(),
        span=span,
        weeks=[days[start : start + 7] for start in range(0, len(days), 7)],
        weekdays=WEEKDAYS,
        is_empty=not any(day.items for day in days),
        zone=zone.key,
        editions=editions,
        edition=edition,
        today=today,
        may_create=at.may(Permission.CREATE),
        links={name: _link(view, on, edition) for name, view, on in _ways(span, today)},
    )


def _entries(at: Desk, edition: Edition | None, span: Span, zone: ZoneInfo) -> list[Entry]:
    campaigns = Campaign.objects.visible_to(at.user)
    campaigns = campaigns.of(at.organization) if at.organization else campaigns
    campaigns = campaigns.filter(edition=edition) if edition else campaigns
    start, end = (_midnight(day, zone) for day in (span.first, span.last + timedelta(days=1)))
    return calendar.entries(campaigns, start, end)


def _editions(at: Desk) -> Iterable[Edition]:
    rows = Edition.objects.visible_to(at.user)
    return (rows.of(at.organization) if at.organization else rows).filter(is_archived=False)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _asked_day(text: str, today: date) -> date:
    try:
        asked = date.fromisoformat(text)
    except ValueError:
        return today
    return asked if abs(asked.year - today.year) <= YEARS else today


def _span(view: str, on: date) -> Span:
    if view == WEEK:
        first = on - timedelta(days=on.weekday())
        return Span(WEEK, first, first + timedelta(days=6), on, on - timedelta(days=7), on + timedelta(days=7))
    begin = on.replace(day=1)
    onward = (begin + timedelta(days=31)).replace(day=1)
    back = (begin - timedelta(days=1)).replace(day=1)
    end = onward - timedelta(days=1)
    first, last = begin - timedelta(days=begin.weekday()), end + timedelta(days=6 - end.weekday())
    return Span(MONTH, first, last, begin, back, onward)


def _ways(span: Span, today: date) -> list[tuple[str, str, date]]:
    other = today if span.on.replace(day=1) == today.replace(day=1) else span.on
    return [
        ("back", span.view, span.back),
        ("onward", span.view, span.onward),
        ("today", span.view, today),
        ("month", MONTH, span.on),
        ("week", WEEK, span.on if span.view == WEEK else other),
    ]


def _link(view: str, on: date, edition: Edition | None) -> str:
    asked: dict[str, Any] = {"view": view, "on": on.isoformat()} | ({"edition": edition.pk} if edition else {})
    return f"?{urlencode(asked)}"


# --- what stands in a day's cell --------------------------------------------------------------------------------


def _days(span: Span, entries: list[Entry], zone: ZoneInfo, today: date) -> list[Day]:
    by_day: dict[date, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_day[entry.at.astimezone(zone).date()].append(entry)
    length = (span.last - span.first).days + 1
    return [_day(span, span.first + timedelta(days=number), by_day, zone, today) for number in range(length)]


def _day(span: Span, day: date, by_day: dict[date, list[Entry]], zone: ZoneInfo, today: date) -> Day:
    items = _items(by_day.get(day, []), zone)
    shown = items if span.view == WEEK or len(items) <= IN_A_CELL else items[: IN_A_CELL - 1]
    outside = span.view == MONTH and day.month != span.on.month
    return Day(date=day, is_today=day == today, is_outside=outside, items=shown, more=len(items) - len(shown))


def _items(entries: list[Entry], zone: ZoneInfo) -> list[Item]:
    """One line for all that is the same of one campaign that day, such as its hourly occurrences."""
    alike: dict[Any, list[Entry]] = defaultdict(list)
    for entry in entries:
        alike[entry.campaign.pk, entry.kind, _tone(entry)].append(entry)
    return sorted((_item(group, zone) for group in alike.values()), key=lambda item: item.at)


def _item(group: list[Entry], zone: ZoneInfo) -> Item:
    first, last = group[0], group[-1]
    tone, icon, said = _tone(first)
    return Item(
        campaign=first.campaign,
        at=first.at.astimezone(zone),
        last=last.at.astimezone(zone),
        count=len(group),
        tone=tone,
        icon=icon,
        said=said,
    )


def _tone(entry: Entry) -> tuple[str, str, str]:
    """Colour, icon and words: colour alone says nothing to everybody."""
    campaign = entry.campaign
    if entry.kind == Kind.MISSED:
        return "red", "event_busy", "missed"
    if entry.run and not entry.run.finished_at:
        return "blue", "send", "being sent"
    if (
        entry.run
        and campaign.state in {State.FAILED, State.CANCELLED}
        and entry.run.finished_at == campaign.finished_at
    ):
        return "red", "error", "failed" if campaign.state == State.FAILED else "cancelled"
    if entry.run:
        return "green", "check", "went out"
    if campaign.state == State.PENDING_APPROVAL:
        return "amber", "fact_check", "waits for approval"
    if campaign.paused:
        return "amber", "pause", "paused"
    return (
        ("violet", "event_repeat", "recurring") if entry.kind == Kind.OCCURRENCE else ("blue", "schedule", "scheduled")
    )


# --- addresses for calendar programs ----------------------------------------------------------------------------


class FeedForm(DeskForm):
    name = forms.CharField(max_length=100, label="What reads it", help_text="For example “phone”, to know it by.")


def feeds_page(request: HttpRequest) -> HttpResponse:
    """What there is, and a new one on POST: its address is shown on the answer, and never again."""
    at = desk(request)
    if at.organization is None:
        messages.info(request, "Choose an organization first: each has a calendar of its own.")
        return redirect(to("campaigns_campaign_calendar"))
    form, address = FeedForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            _, token = calendar_feeds.issue(at.organization, name=form.cleaned_data["name"], by=actor(request))
            form, address = FeedForm(), calendar_pages.address(token)
        except CampaignError as refused:
            form.add_error("name", explain(refused))
    crumbs = [*crumbs_of(), ("Calendar", to("campaigns_campaign_calendar"))]
    template = "admin/campaigns/campaign/calendar_feeds.html"
    rows = _feeds(at)
    return page(request, template, title="Calendar programs", crumbs=crumbs, form=form, address=address, feeds=rows)


def revoke_feed(request: HttpRequest, pk: int) -> HttpResponse:
    feed = next((each for each in _feeds(desk(request)) if each.pk == pk), None)
    if feed is None:
        raise Http404
    calendar_feeds.revoke(feed, by=actor(request))
    messages.success(request, f"Nobody reads the calendar at the address “{feed.name}” any more.")
    return redirect(to("campaigns_campaign_calendar_feeds"))


def _feeds(at: Desk) -> list[CalendarFeed]:
    """One's own; administrators see those of everybody, to revoke them."""
    if at.organization is None:
        return []
    rows = (
        CalendarFeed.objects.of(at.organization).filter(revoked_at__isnull=True).select_related("user", "organization")
    )
    return list(rows if at.may(Permission.MANAGE_MEMBERS) else rows.filter(user=at.user))
