"""Campaigns on a terminal: as tables for people, as JSON for programs."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from accounts.models import User
from campaigns import completeness, lifecycle, recurring
from campaigns.models import Campaign, CampaignEvent, ScheduleType, State
from campaigns.notices import one_line
from campaigns.recurrence_words import sentence
from stats.figures import DEFINITIONS, Definition, Figures
from stats.figures import as_data as by_name
from stats.report_rows import Report

STYLES = {
    State.PENDING_APPROVAL: "yellow",
    State.SCHEDULED: "cyan",
    State.CALCULATING: "blue",
    State.SENDING: "blue",
    State.SENT: "green",
    State.FAILED: "red",
}


def as_data(campaign: Campaign) -> dict[str, Any]:
    """What a program is told of a campaign; times are ISO 8601 in UTC."""
    return {
        "id": campaign.public_id,
        "pk": campaign.pk,
        "name": campaign.name,
        "organization": campaign.organization.slug,
        "channel": campaign.channel,
        "state": campaign.state,
        "paused": campaign.paused,
        "reason": campaign.status_reason,
        "schedule_type": campaign.schedule_type,
        "scheduled_at": _iso(campaign.scheduled_at),
        "recurrence": recurrence_text(campaign),
        "started_at": _iso(campaign.started_at),
        "finished_at": _iso(campaign.finished_at),
        "total_recipients": campaign.total_recipients,
        "tags": [tag.name for tag in campaign.tags.all()],
    }


def recurrence_text(campaign: Campaign) -> str | None:
    """When it recurs, as a sentence; None where it does not."""
    if campaign.schedule_type != ScheduleType.RECURSIVE or (kept := recurring.of(campaign)) is None:
        return None
    return sentence(kept, campaign.schedule_tz)


def details(campaign: Campaign, user: User) -> dict[str, Any]:
    """One campaign with its audience, what keeps it from going out, what this person can do, and its history."""
    events = campaign.events.select_related("by")
    return {
        **as_data(campaign),
        "audience": [str(part) for part in campaign.audience.select_related("mailing_list", "segment")],
        "frequency_cap_hours": campaign.frequency_cap_hours,
        "tracks_conversions": campaign.tracks_conversions,
        "analytics_domains": campaign.analytics_domains,
        "is_public": campaign.is_public,
        "submitted_by": campaign.submitted_by and campaign.submitted_by.get_username(),
        "approved_by": campaign.approved_by and campaign.approved_by.get_username(),
        "problems": completeness.problems(campaign) if campaign.state == State.DRAFT else {},
        "allowed": lifecycle.allowed(campaign, user),
        "history": [_event(event) for event in events],
    }


def report_data(campaign: Campaign, report: Report) -> dict[str, Any]:
    return {
        "id": campaign.public_id,
        "name": campaign.name,
        "figures": by_name(report.figures),
        "raw": {name: value for name, value in by_name(report.raw).items() if DEFINITIONS[name].by_programs},
        "links": [asdict(link) for link in report.links],
        "skip_reasons": report.skip_reasons,
    }


# --- tables ------------------------------------------------------------------------------------------------------


def list_table(campaigns: Iterable[Campaign]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("Id", "Name", "Channel", "State", "When", "Organization", "Tags"):
        table.add_column(heading, no_wrap=heading in {"Id", "When"}, overflow="fold")
    table.add_column("Recipients", justify="right")
    for campaign in campaigns:
        table.add_row(
            campaign.public_id,
            one_line(campaign.name),
            campaign.channel,
            state_text(campaign),
            _short(when(campaign)),
            campaign.organization.slug,
            ", ".join(one_line(tag.name) for tag in campaign.tags.all()),
            f"{campaign.total_recipients:,}",
        )
    return table


def when(campaign: Campaign) -> datetime | None:
    """When it goes out; of what is not to go out any more, when it first did."""
    if campaign.state in (State.SCHEDULED, State.PENDING_APPROVAL) and campaign.scheduled_at:
        return campaign.scheduled_at
    return campaign.started_at or campaign.scheduled_at


def details_table(shown: dict[str, Any], campaign: Campaign) -> Table:
    table = Table(box=None, show_header=False, title=one_line(shown["name"]), title_justify="left")
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    rows: dict[str, Any] = {
        "Id": f"{shown['id']} ({shown['pk']})",
        "Organization": shown["organization"],
        "State": state_text(campaign),
        "Reason": shown["reason"],
        "Audience": ", ".join(shown["audience"]),
        "Frequency cap": f"{hours} hours" if (hours := shown["frequency_cap_hours"]) else "",
        "Tags": ", ".join(shown["tags"]),
        "Goes out": _short(campaign.scheduled_at),
        "Started": _short(campaign.started_at),
        "Finished": _short(campaign.finished_at),
        "Submitted by": shown["submitted_by"],
        "Approved by": shown["approved_by"],
        "To do": "\n".join(f"{field}: {text}" for field, texts in shown["problems"].items() for text in texts),
        "You can": ", ".join(shown["allowed"]).replace("_", "-"),
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, value if isinstance(value, Text) else _lines(value))
    return table


def history_table(shown: dict[str, Any]) -> Table:
    table = Table("When", "Who", "What", "State", "Why", box=box.SIMPLE_HEAD)
    for event in shown["history"]:
        state = event["to"] if event["to"] == event["from"] else " → ".join(filter(None, [event["from"], event["to"]]))
        table.add_row(event["at"][:19], one_line(event["by"]), event["verb"], state, one_line(event["reason"], 500))
    return table


def report_table(report: Report) -> Table:
    """Figures of people; beside those that programs can make too, with every hit."""
    table = Table("Figure", "People", "Every hit", box=box.SIMPLE_HEAD)
    table.columns[1].justify = table.columns[2].justify = "right"
    for definition in DEFINITIONS.values():
        raw = _figure(report.raw, definition) if definition.by_programs else ""
        table.add_row(definition.label, _figure(report.figures, definition), raw)
    return table


def _figure(figures: Figures, definition: Definition) -> str:
    value = getattr(figures, definition.name)
    if definition.name == "revenue_cents":
        return f"{value / 100:,.2f}"
    return f"{value:.2%}" if definition.is_rate else f"{value:,}"


def links_table(report: Report) -> Table:
    table = Table("Link", "Clicks", "People", "Every hit", box=box.SIMPLE_HEAD)
    for link in report.links:
        table.add_row(one_line(link.url, 500), f"{link.clicks:,}", f"{link.clicked:,}", f"{link.raw_clicks:,}")
    return table


def state_text(campaign: Campaign) -> Text:
    paused = " (paused)" if campaign.paused else ""
    return Text(f"{campaign.state}{paused}", style=STYLES.get(State(campaign.state), ""))


def _event(event: CampaignEvent) -> dict[str, Any]:
    return {
        "at": _iso(event.at),
        "by": event.by.get_username() if event.by else "Broadsheet",
        "surface": event.surface,
        "verb": event.verb,
        "from": event.from_state,
        "to": event.to_state,
        "paused": event.paused,
        "reason": event.reason,
    }


def _lines(text: str) -> str:
    return "\n".join(one_line(line, 500) for line in text.splitlines())


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _short(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
