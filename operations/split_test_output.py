"""Variants and split tests on a terminal: what was asked for, and the race as a table or as JSON."""

from argparse import Namespace
from typing import Any

from rich import box
from rich.table import Table

from campaigns.errors import NotReady
from campaigns.models import Campaign
from campaigns.notices import one_line
from campaigns.variants import Content
from content.models import Email
from splittests import course, planning, words
from splittests.decisions import Metric
from splittests.standings import Race, Row

# --- asking ------------------------------------------------------------------------------------------------------


def contents(given: Namespace) -> list[Content]:
    """`eml_…` or `eml_…:3`, each an email that this person can see. Raises NotReady."""
    return [_content(reference, given) for reference in given.contents]


def _content(reference: str, given: Namespace) -> Content:
    public_id, _, weight = reference.partition(":")
    emails = Email.objects.visible_to(given.user).filter(organization=given.campaign.organization)
    email = emails.filter(public_id=public_id).first()
    if email is None:
        raise NotReady({"email": [f"There is no email {public_id} that {given.user} can see."]})
    if weight and not (weight.isdecimal() and len(weight) < 9):
        raise NotReady({"email": [f"{weight} is no weight; write {public_id}:2."]})
    return Content(email=email, weight=int(weight or 1))


def act(given: Namespace) -> None:
    """Plan, drop, decide or choose; nothing where only the race is asked for."""
    if given.plan is not None:
        planning.plan(given.campaign, by=given.by, **_settings(given.plan))
    elif given.drop:
        planning.drop(given.campaign, by=given.by)
    elif given.decide:
        course.decide_now(course.of(given.campaign), by=given.by)
    elif given.choose:
        row, variant = course.of(given.campaign), given.campaign.variants.filter(name=given.choose.upper()).first()
        if variant is None:
            raise NotReady({"variant": ["This campaign has no such variant."]})
        course.choose(row, variant, by=given.by, reason=given.reason)
    given.campaign.refresh_from_db()


def _settings(pairs: list[str]) -> dict[str, str]:
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise NotReady({"plan": [f"Write {wrong[0]} as SETTING=VALUE."]})
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


# --- answering ---------------------------------------------------------------------------------------------------


def variants_data(campaign: Campaign) -> list[dict[str, Any]]:
    rows = campaign.variants.select_related("email").order_by("position")
    return [
        {
            "name": each.name,
            "weight": each.weight,
            "email": each.email and each.email.public_id,
            "says": each.email.subject if each.email else each.sms_body,
        }
        for each in rows
    ]


def variants_table(shown: list[dict[str, Any]]) -> Table:
    table = Table("Variant", "Weight", "Email", "Says", box=box.SIMPLE_HEAD)
    for each in shown:
        table.add_row(each["name"], str(each["weight"]), each["email"] or "", one_line(each["says"], 100))
    return table


def race_data(race: Race | None) -> dict[str, Any] | None:
    """Times are ISO 8601 in UTC; None without a test."""
    if race is None:
        return None
    run = race.run
    return {
        "phase": str(race.phase),
        "settings": {name: str(getattr(race.test, name)) for name in planning.SETTINGS},
        "due_at": race.due_at and race.due_at.isoformat(),
        "standings": [_standing(row) for row in race.rows],
        "leader": race.leader and race.leader.name,
        "verdict": race.verdict,
        "reason": race.reason,
        "chosen": race.chosen and race.chosen.name,
        "chosen_by": run.chosen_by.get_username() if run and run.chosen_by else None,
    }


def race_tables(race: Race) -> list[Table]:
    return [_about(race), _standings(race)] if race.rows else [_about(race)]


def _standing(row: Row) -> dict[str, Any]:
    named = ("people", "amount", "rate", "low", "high", "chance")
    return {"variant": row.variant.name, **{name: getattr(row, name) for name in named}}


def _about(race: Race) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    rows = {
        "Split test": str(race.phase),
        "Decided by": race.test.get_metric_display(),
        "Sample": f"{race.test.share_percent.normalize():f} %",
        "Wait": f"{race.test.wait} {race.test.wait_unit}",
        "Decided at": f"{race.due_at:%Y-%m-%d %H:%M} UTC" if race.due_at else "",
        "Ahead": race.leader.name if race.leader and not race.chosen else "",
        "Chosen": race.chosen.name if race.chosen else "",
        "By": str(race.run.chosen_by or "") if race.run else "",
        "Why": one_line(race.reason, 500),
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, value)
    return table


def _standings(race: Race) -> Table:
    table = Table("Variant", "People", "Counted", "Each", "95 % between", "Best with", box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    metric = Metric(race.test.metric)
    for row in race.rows:
        between = f"{words.rate(metric, max(0.0, row.low))} to {words.rate(metric, row.high)}"
        counted = (f"{row.people:,}", f"{row.amount:,}", words.rate(metric, row.rate))
        table.add_row(row.variant.name, *counted, between, words.share(row.chance))
    return table
