"""What goes out when, on a terminal."""

from argparse import Namespace
from datetime import timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.timezone import now
from rich import box
from rich.table import Table

from campaigns import calendar
from campaigns.calendar import Entry, Kind
from campaigns.models import Campaign, ScheduleType

AHEAD = {Kind.SCHEDULED, Kind.OCCURRENCE}


def upcoming(given: Namespace) -> list[Entry]:
    """Of one campaign or of all the person sees, in order of time."""
    campaigns = Campaign.objects.visible_to(given.user)
    if one := getattr(given, "campaign", None):
        campaigns = campaigns.filter(pk=one.pk)
    moment = now()
    found = calendar.entries(campaigns, moment, moment + timedelta(days=given.days))
    return list(islice((entry for entry in found if entry.kind in AHEAD), given.limit))


def entry_data(entry: Entry) -> dict[str, Any]:
    return {
        "at": entry.at.isoformat(),
        "campaign": entry.campaign.public_id,
        "name": entry.campaign.name,
        "kind": entry.kind.value,
        "tentative": entry.is_tentative,
    }


def upcoming_table(found: list[Entry]) -> Table:
    table = Table(box=box.SIMPLE)
    for heading in ("When", "Campaign", "Name", ""):
        table.add_column(heading)
    for entry in found:
        campaign = entry.campaign
        zone = campaign.schedule_tz or campaign.organization.timezone
        local = entry.at.astimezone(ZoneInfo(zone))
        table.add_row(f"{local:%a %d %b %Y, %H:%M} {zone}", campaign.public_id, campaign.name, _remark(entry))
    return table


def _remark(entry: Entry) -> str:
    recurs = "recurring" if entry.campaign.schedule_type == ScheduleType.RECURSIVE else ""
    waits = ("paused" if entry.campaign.paused else "awaiting approval") if entry.is_tentative else ""
    return ", ".join(each for each in (recurs, waits) if each)
