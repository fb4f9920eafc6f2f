"""When messages go out, and once more to non-openers, on a terminal: what was asked for, and tables or JSON."""

from argparse import Namespace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.timezone import now
from rich import box
from rich.table import Table

from campaigns import drafts
from campaigns.errors import NotReady
from campaigns.models import LONGEST_LIFE_HOURS, Campaign
from campaigns.notices import one_line
from delivery import progress, zones
from delivery.progress import ZoneProgress
from splittests import resending
from splittests.models import AutoResend

# --- asking ------------------------------------------------------------------------------------------------------


def change(given: Namespace) -> None:
    """What was named on the command line; nothing where only the zones are asked for."""
    changes: dict[str, Any] = {}
    if given.local_time is not None:
        changes["local_time"] = given.local_time
    if given.expires_after is not None:
        if not 0 <= given.expires_after <= LONGEST_LIFE_HOURS:
            raise NotReady({"expires_after": [f"From 1 to {LONGEST_LIFE_HOURS} hours; 0 for no end."]})
        changes["expires_after_hours"] = given.expires_after or None
    if given.expires_at is not None:
        changes["expires_at"] = _moment(given)
    if changes:
        drafts.edit(given.campaign, by=given.by, **changes)
        given.campaign.refresh_from_db()


def _moment(given: Namespace) -> datetime | None:
    """None for `never`; a time without an offset is the organization's."""
    if given.expires_at == "never":
        return None
    try:
        moment = datetime.fromisoformat(given.expires_at)
    except ValueError as error:
        raise NotReady({"expires_at": ["Write a time such as 2030-03-01T09:00, or never."]}) from error
    zone = ZoneInfo(given.campaign.organization.timezone)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone).astimezone(UTC)


def plan(given: Namespace) -> None:
    """Plan or drop the auto-resend; nothing where it is only asked for."""
    if given.drop:
        resending.set_auto_resend(given.campaign, by=given.by, enabled=False)
    elif given.plan is not None:
        resending.set_auto_resend(given.campaign, by=given.by, **_settings(given.plan))


def _settings(pairs: list[str]) -> dict[str, str]:
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise NotReady({"plan": [f"Write {wrong[0]} as SETTING=VALUE."]})
    if "enabled" in (given := dict(pair.split("=", 1) for pair in pairs)):
        raise NotReady({"plan": ["Use --drop to switch it off."]})
    return given


# --- answering ---------------------------------------------------------------------------------------------------


def zones_of(campaign: Campaign) -> list[ZoneProgress]:
    """As the run is; before its audience is fixed, as it is planned, with at most so many people."""
    run = campaign.runs.filter(frozen_at__isnull=False).order_by("number").last()
    return progress.by_zone(run) if run else zones.planned(campaign, now())


def send_time_data(campaign: Campaign) -> dict[str, Any]:
    return {
        "id": campaign.public_id,
        "local_time": campaign.local_time,
        "expires_after_hours": campaign.expires_after_hours,
        "expires_at": _iso(campaign.expires_at),
        "zones": [_zone(row) for row in zones_of(campaign)],
    }


def _zone(row: ZoneProgress) -> dict[str, Any]:
    times = {"release_at": _iso(row.release_at), "begins_at": _iso(row.begins_at)}
    return {"zone": row.zone, "people": row.people, "done": row.done, "pending": row.pending, **times}


def zones_table(rows: list[ZoneProgress]) -> Table:
    table = Table("Zone", "Their time", "UTC", box=box.SIMPLE_HEAD)
    for heading in ("People", "Done", "Waiting"):
        table.add_column(heading, justify="right")
    for row in rows:
        when = row.begins_at or row.release_at
        there = f"{when.astimezone(ZoneInfo(row.zone)):%Y-%m-%d %H:%M}" if when and row.zone else "at once"
        counted = (f"{row.people:,}", f"{row.done:,}", f"{row.pending:,}")
        table.add_row(row.zone or "everybody", there, f"{when:%Y-%m-%d %H:%M}" if when else "", *counted)
    return table


def resend_data(campaign: Campaign) -> dict[str, Any] | None:
    """Times are ISO 8601 in UTC; None where none was ever planned."""
    row = AutoResend.objects.filter(campaign=campaign).select_related("campaign", "child").first()
    if row is None:
        return None
    found = resending.pair(campaign)
    return {
        **{name: getattr(row, name) for name in resending.SETTINGS},
        "goes_out_at": _iso(resending.goes_out_at(row)) if row.enabled else None,
        "resend": row.child and row.child.public_id,
        "problem": row.problem,
        "uplift": found.uplift if found else None,
    }


def resend_table(shown: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    rows = {
        "Once more": "yes" if shown["enabled"] else "no",
        "After": f"{shown['wait_days']} days",
        "Subject": one_line(shown["subject"], 500),
        "Preheader": one_line(shown["preheader"], 500),
        "Goes out": shown["goes_out_at"] or "",
        "Resend": shown["resend"] or "",
        "Not sent since": shown["problem"],
        "Uplift": f"{shown['uplift']:.1%}" if shown["uplift"] is not None else "",
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, value)
    return table


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
