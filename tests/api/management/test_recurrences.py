"""Scheduling again and again over REST, the runs that come of it, and what goes out when."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from campaigns import tasks
from campaigns.models import Campaign
from delivery.freeze import freeze
from tests.api.management.conftest import ROOT
from tests.factories import draft_campaign

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
WEEKLY = {"days_of_week": [4, 1], "hours": [9], "minutes": [0], "timezone": "Europe/Berlin"}


@pytest.fixture
def clock():
    with time_machine.travel(MONDAY - timedelta(hours=1), tick=False) as travelled:
        yield travelled


def address(campaign, act=""):
    return f"{ROOT}campaigns/{campaign.public_id}/{act}"


def test_a_recurrence_is_scheduled_shown_and_gone_through(api, organization, clock):
    campaign = draft_campaign(organization)
    assert api.get(address(campaign)).json()["recurrence"] is None

    answer = api.post(address(campaign, "schedule/"), {"recurrence": WEEKLY | {"max_instances": 3}})

    assert answer.status_code == 200, answer.json()
    assert answer.json()["status"] == "scheduled"
    assert answer.json()["recurrence"] == {
        "days_of_week": [1, 4],
        "days_of_month": [],
        "months": [],
        "hours": [9],
        "minutes": [0],
        "max_instances": 3,
        "timezone": "Europe/Berlin",
        "sentence": "Every Monday and Thursday at 09:00, Europe/Berlin, 3 times",
        "cron": "0 9 * * 1,4",
    }
    times = ["2026-03-02T08:00:00Z", "2026-03-05T08:00:00Z", "2026-03-09T08:00:00Z"]
    assert api.get(address(campaign, "occurrences/")).json() == {"occurrences": times}
    assert api.get(address(campaign, "occurrences/?count=1")).json() == {"occurrences": times[:1]}
    assert api.get(address(campaign, "occurrences/?count=0")).status_code == 400

    clock.move_to(MONDAY)
    tasks.start_due()
    freeze(Campaign.objects.get(pk=campaign.pk))
    (run,) = api.get(address(campaign, "runs/")).json()["results"]
    assert (run["number"], run["occurrence_at"], run["planned"], run["pending"]) == (1, times[0], 3, 3)

    for number, people in ((1, 3), (2, 0)):
        assert api.get(address(campaign, f"recipients/?run={number}")).json()["count"] == people

    kinds = [(row["at"], row["kind"]) for row in api.get(f"{ROOT}campaigns/calendar/").json()]
    assert kinds == [(times[0], "sent"), (times[1], "occurrence"), (times[2], "occurrence")]
    ahead = api.get(f"{ROOT}campaigns/calendar/?since=2026-03-03T00:00:00Z&until=2026-03-08T00:00:00Z").json()
    assert [row["at"] for row in ahead] == [times[1]]


def test_the_zone_is_the_editions_unless_it_is_given(api, organization, clock):
    organization.timezone = "America/New_York"
    organization.save()
    campaign = draft_campaign(organization)

    answer = api.post(address(campaign, "schedule/"), {"recurrence": {"hours": [9], "minutes": [30]}}).json()

    assert answer["recurrence"]["sentence"] == "Every day at 09:30, America/New York"
    assert answer["scheduled_at"] == "2026-03-02T09:30:00-05:00"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"recurrence": {"hours": [9]}}, "recurrence"),
        ({"recurrence": {"hours": [], "minutes": [0]}}, "recurrence"),
        ({"recurrence": {"hours": [24], "minutes": [0]}}, "recurrence"),
        ({"recurrence": WEEKLY | {"timezone": "Berlin"}}, "recurrence"),
        ({"recurrence": {"hours": [9], "minutes": [0], "days_of_month": [30], "months": [2]}}, "days_of_month"),
        ({"recurrence": WEEKLY, "scheduled_at": "2030-01-01T09:00:00Z"}, "recurrence"),
    ],
)
def test_what_makes_no_sense_changes_nothing(api, organization, body, field):
    campaign = draft_campaign(organization)

    answer = api.post(address(campaign, "schedule/"), body)

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert Campaign.objects.get(pk=campaign.pk).schedule_type == "none"


@pytest.mark.parametrize(
    "query",
    [
        "since=tomorrow",
        "since=0001-01-01T00:00:00Z",
        "since=9999-12-31T23:59:59Z",
        "until=2020-01-01T00:00:00Z",
        "until=2999-01-01T00:00:00Z",
    ],
)
def test_a_calendar_has_bounds(api, query):
    assert api.get(f"{ROOT}campaigns/calendar/?{query}").status_code == 400
