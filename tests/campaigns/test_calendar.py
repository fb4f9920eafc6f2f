"""What goes out when: scheduled, recurring, gone out and missed, in a fixed number of queries."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from campaigns import calendar, lifecycle, schedules, tasks
from campaigns.models import Campaign, CampaignEvent
from campaigns.recurrence import from_cron
from delivery.freeze import freeze
from tests.factories import draft_campaign, staff

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock():
    with time_machine.travel(MONDAY - timedelta(hours=1), tick=False) as travelled:
        yield travelled


def daily(organization, name, most=0, *, by=None, cron="0 9 * * *"):
    campaign = draft_campaign(organization, name=name)
    schedule = schedules.recurring(from_cron(cron, max_instances=most), "UTC", after=MONDAY - timedelta(hours=1))
    return lifecycle.submit(campaign, by=by or staff(organization, "manager"), schedule=schedule)


def once(organization, name, at, *, by=None):
    campaign = draft_campaign(organization, name=name)
    return lifecycle.submit(campaign, by=by or staff(organization, "manager"), schedule=lifecycle.at(at, "UTC"))


def between(organization, start, end):
    found = calendar.entries(Campaign.objects.of(organization), start, end)
    return [(entry.at, entry.kind.value, entry.campaign.name, entry.is_tentative) for entry in found]


def test_a_week_shows_what_went_out_what_was_missed_and_what_will(organization, clock, django_assert_num_queries):
    untrusted = staff(organization, "manager", trusted=False)
    daily(organization, "Daily", 3)
    once(organization, "Once", MONDAY + DAY)
    once(organization, "Unseen", MONDAY + DAY, by=untrusted)
    gone = once(organization, "Gone", MONDAY + DAY)
    lifecycle.cancel(gone, by=staff(organization))
    draft_campaign(organization, name="Draft")
    paused = daily(organization, "Held", cron="0 10 4 * *")
    lifecycle.pause(paused, by=staff(organization))
    clock.move_to(MONDAY)
    tasks.start_due()
    CampaignEvent.objects.create(
        campaign=paused, verb="miss", to_state="scheduled", surface="system", data={"slots": [MONDAY.isoformat()]}
    )

    with django_assert_num_queries(4):
        found = between(organization, MONDAY - DAY, MONDAY + 7 * DAY)

    assert found == [
        (MONDAY, "sent", "Daily", False),
        (MONDAY, "missed", "Held", False),
        (MONDAY + DAY, "occurrence", "Daily", False),
        (MONDAY + DAY, "scheduled", "Once", False),
        (MONDAY + DAY, "scheduled", "Unseen", True),
        (MONDAY + 2 * DAY, "occurrence", "Daily", False),
        (MONDAY + 2 * DAY + timedelta(hours=1), "occurrence", "Held", True),
    ]


def test_a_limit_is_counted_from_the_next_occurrence_whatever_part_is_looked_at(organization, clock):
    daily(organization, "Ten", 10)

    assert [at for at, *_ in between(organization, MONDAY + 8 * DAY, MONDAY + 30 * DAY)] == [
        MONDAY + 8 * DAY,
        MONDAY + 9 * DAY,
    ]


def test_one_that_recurs_every_minute_does_not_fill_the_calendar(organization, clock):
    daily(organization, "Often", cron="* * * * *")

    assert len(between(organization, MONDAY, MONDAY + 30 * DAY)) == calendar.MOST_OF_ONE


def test_an_occurrence_keeps_its_uid_once_it_went_out_and_a_moved_campaign_keeps_its_own(organization, clock):
    campaign = daily(organization, "Daily")
    single = once(organization, "Once", MONDAY + DAY)

    def uids():
        found = calendar.entries(Campaign.objects.of(organization), MONDAY, MONDAY + 2 * DAY)
        return {(entry.campaign.name, entry.at.day): entry.uid for entry in found}

    before = uids()
    lifecycle.reschedule(single, by=staff(organization), schedule=lifecycle.at(MONDAY + timedelta(hours=5), "UTC"))
    clock.move_to(MONDAY)
    tasks.start_due()
    after = uids()

    assert after["Daily", 2] == before["Daily", 2] == f"{campaign.public_id}-20260302T090000Z"
    assert after["Once", 2] == before["Once", 3] == single.public_id


def test_what_went_out_and_is_scheduled_once_more_has_two_uids(organization, clock):
    campaign = daily(organization, "Daily")
    clock.move_to(MONDAY)
    tasks.start_due()
    Campaign.objects.filter(pk=campaign.pk).update(schedule_type="future", state="scheduled")

    found = calendar.entries(Campaign.objects.of(organization), MONDAY, MONDAY + 2 * DAY)

    assert [entry.uid for entry in found] == [f"{campaign.public_id}-20260302T090000Z", f"{campaign.public_id}-2"]


def test_the_next_times_of_one_campaign(organization, clock):
    campaign = daily(organization, "Daily", 2)
    single = once(organization, "Once", MONDAY + DAY)

    assert calendar.upcoming(campaign, 5) == [MONDAY, MONDAY + DAY]
    assert calendar.upcoming(single, 5) == [MONDAY + DAY]
    assert calendar.upcoming(draft_campaign(organization), 5) == []
    clock.move_to(MONDAY)
    tasks.start_due()
    freeze(Campaign.objects.get(pk=campaign.pk))
    assert calendar.upcoming(Campaign.objects.get(pk=campaign.pk), 5) == [MONDAY + DAY]
