"""Choosing a recurrence in the admin, what the campaign's page shows of it, and the calendar."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils.timezone import now

from campaigns import calendar_feeds, lifecycle, recurring, schedules, tasks
from campaigns.models import Campaign, State
from campaigns.recurrence import Recurrence, from_cron
from delivery.freeze import freeze
from tests.conftest import acting
from tests.factories import EditionFactory, OrganizationFactory, draft_campaign, staff

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
CHOSEN = {
    "when": "again",
    "recurring-days": "week",
    "recurring-weekdays": ["1", "4"],
    "recurring-times": "9:00, 17:00",
    "recurring-instances": "12",
}


@pytest.fixture
def clock(db):
    with time_machine.travel(MONDAY - timedelta(hours=1), tick=False) as travelled:
        yield travelled


def to(name, *args):
    return reverse(f"admin:campaigns_campaign_{name}", args=args)


def weekly(organization, by, cron="0 9 * * 1,4", name="Weekly"):
    campaign = draft_campaign(organization, name=name)
    return lifecycle.submit(campaign, by=acting(by), schedule=schedules.recurring(from_cron(cron), "UTC", after=now()))


# --- choosing ----------------------------------------------------------------------------------------------------


def test_the_dialog_schedules_again_and_again(organization, bob, login, clock):
    campaign, browser = draft_campaign(organization), login(bob)
    asked = browser.get(to("transition", campaign.pk, "submit")).content.decode()
    assert "Again and again" in asked

    browser.post(to("transition", campaign.pk, "submit"), CHOSEN)

    campaign.refresh_from_db()
    assert (campaign.state, campaign.scheduled_at) == (State.SCHEDULED, MONDAY)
    assert recurring.of(campaign) == Recurrence(days_of_week=(1, 4), hours=(9, 17), minutes=(0,), max_instances=12)
    again = browser.get(to("transition", campaign.pk, "reschedule")).content.decode()
    assert 'value="09:00, 17:00"' in again


def test_the_preview_says_the_sentence_and_the_next_dates(organization, bob, login, clock):
    campaign = draft_campaign(organization)

    shown = login(bob).post(to("recurrence", campaign.pk), CHOSEN).content.decode()

    assert "Every Monday and Thursday at 09:00 and 17:00, UTC, 12 times" in shown
    assert shown.count("<li") == 5
    assert "Mon 2 Mar 2026, 09:00" in shown
    assert "Mon 9 Mar 2026, 09:00" in shown
    assert campaign.events.count() == 1


PROBLEMS = [
    ({"recurring-weekdays": []}, "Tick a day of the week."),
    ({"recurring-days": "month"}, "Tick a day of the month."),
    ({"recurring-times": "9:00, 17:30"}, "these mean 09:30 as well"),
    ({"recurring-times": "nine"}, "Write times such as 09:00"),
    ({"recurring-times": "24:00"}, "none of the hours"),
    ({"recurring-instances": "0"}, "greater than or equal to 1"),
    (
        {"recurring-days": "month", "recurring-month_days": ["31"], "recurring-months": ["2"]},
        "no such day in these months",
    ),
]


def test_what_makes_no_sense_is_said_while_one_types(organization, bob, login, clock):
    campaign, browser = draft_campaign(organization), login(bob)

    for change, problem in PROBLEMS:
        assert problem in browser.post(to("recurrence", campaign.pk), CHOSEN | change).content.decode()
    answer = browser.post(to("transition", campaign.pk, "submit"), CHOSEN | PROBLEMS[0][0])
    assert (answer.status_code, PROBLEMS[0][1] in answer.content.decode()) == (422, True)

    assert Campaign.objects.get(pk=campaign.pk).state == State.DRAFT


# --- the campaign's page ------------------------------------------------------------------------------------------


def test_the_page_shows_what_recurs_what_comes_and_each_instance(organization, bob, login, clock):
    campaign, browser = weekly(organization, bob), login(bob)
    clock.move_to(MONDAY)
    tasks.start_due()
    freeze(Campaign.objects.get(pk=campaign.pk))
    campaign.runs.update(sent=3)
    campaign.runs.get().recipients.update(state="sent")
    lifecycle.finish(Campaign.objects.get(pk=campaign.pk))

    page = browser.get(to("change", campaign.pk)).content.decode()
    every = browser.get(to("instances", campaign.pk)).content.decode()

    for shown in (page, every):
        assert "Every Monday and Thursday at 09:00, UTC" in shown
        assert "Mon 2 Mar 2026, 09:00" in shown
    assert "Thu 5 Mar 2026, 09:00" in page
    assert "It goes out next" in page
    assert to("edit", campaign.pk) in page  # between two instances it can be changed
    assert browser.get(to("edit", campaign.pk)).status_code == 200
    assert f"{to('recipients', campaign.pk)}?run=1" in page
    of_first = browser.get(to("recipients", campaign.pk), {"run": 1}).content.decode()
    assert "instance 1" in of_first
    assert "@example.com" in of_first
    assert "@example.com" not in browser.get(to("recipients", campaign.pk), {"run": 2}).content.decode()


# --- the calendar -------------------------------------------------------------------------------------------------


def test_the_calendar_shows_a_month_or_a_week_and_leads_to_campaigns(organization, bob, login, clock):
    campaign, browser = weekly(organization, bob), login(bob)
    weekly(organization, bob, "0 * * * *", name="Hourly")
    elsewhere = OrganizationFactory()
    weekly(elsewhere, staff(elsewhere, "manager").user, name="Elsewhere")

    month = browser.get(to("calendar")).content.decode()
    week = browser.get(to("calendar"), {"view": "week", "on": "2026-03-11"}).content.decode()

    assert "March 2026" in month
    assert month.count(to("change", campaign.pk)) == 10  # with the first days of April
    assert "00:00–23:00" in month
    assert 'aria-current="date"' in month
    assert "9 Mar to 15 Mar 2026" in week
    assert week.count(to("change", campaign.pk)) == 2
    assert "Elsewhere" not in month + week


def test_the_calendar_is_read_in_the_zone_of_the_edition(organization, bob, login, clock):
    edition = EditionFactory(organization=organization, timezone="Asia/Tokyo", name="Tokyo")
    campaign = draft_campaign(organization, edition=edition, name="Late")
    draft_campaign(organization, name="Other")
    lifecycle.submit(campaign, by=acting(bob), schedule=lifecycle.at(MONDAY.replace(hour=20), "UTC"))

    shown = login(bob).get(to("calendar"), {"edition": edition.pk, "view": "week"}).content.decode()

    assert "the zone of Tokyo" in shown
    assert '05:00</span> <span class="bs-cal__name">Late' in shown


@pytest.mark.parametrize("on", ["nonsense", "9999-12-31", "0001-01-01", ""])
def test_a_day_that_is_none_is_today(organization, bob, login, clock, on):
    assert "March 2026" in login(bob).get(to("calendar"), {"on": on}).content.decode()


def test_an_empty_month_says_what_to_do(organization, bob, login, clock):
    assert "Write a campaign" in login(bob).get(to("calendar")).content.decode()


def test_an_address_is_shown_once_listed_and_revoked(organization, bob, dora, login, clock):
    browser = login(bob)
    made = browser.post(to("calendar_feeds"), {"name": "Bob’s telephone"}).content.decode()
    assert "/calendar/" in made
    listed = browser.get(to("calendar_feeds")).content.decode()
    assert "Bob’s telephone" in listed
    assert ".ics" not in listed
    feed = organization.calendar_feeds.get()
    assert "Bob’s telephone" not in login(dora).get(to("calendar_feeds")).content.decode()
    assert login(dora).post(to("calendar_revoke", feed.pk)).status_code == 404
    assert browser.get(to("calendar_revoke", feed.pk)).status_code == 405

    browser.post(to("calendar_revoke", feed.pk))

    feed.refresh_from_db()
    assert feed.revoked_at
    assert calendar_feeds.find("x") is None
