"""The calendar at a secret address: who reads it, for how long, and what it answers."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import Organization
from campaigns import calendar_feeds, calendar_pages, lifecycle, schedules
from campaigns.calendar_feeds import CalendarFeed
from campaigns.errors import NotAllowed, NotReady
from campaigns.recurrence import from_cron
from tests.campaigns.test_icalendar import read
from tests.conftest import acting
from tests.factories import OrganizationFactory, draft_campaign, staff


@pytest.fixture
def feed(organization, bob):
    return calendar_feeds.issue(organization, name="phone", by=acting(bob))


def path_of(token):
    return reverse("calendar_feed", args=[token])


def test_it_shows_the_organizations_campaigns_and_nobody_elses(organization, bob, feed):
    campaign = draft_campaign(organization, name="Weekly; with, signs")
    daily = schedules.recurring(from_cron("0 9 * * *", max_instances=3), "UTC", after=now())
    lifecycle.submit(campaign, by=acting(bob), schedule=daily)
    elsewhere = OrganizationFactory()
    lifecycle.submit(
        draft_campaign(elsewhere, name="Theirs"),
        by=staff(elsewhere, "manager"),
        schedule=lifecycle.at(now() + timedelta(days=1), "UTC"),
    )

    answer = Client().get(path_of(feed[1]))

    head, events = read(answer.content)
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert head["NAME"] == "Morning Post: campaigns"
    assert [event["SUMMARY"] for event in events] == ["Weekly; with, signs"] * 3
    assert len({event["UID"] for event in events}) == 3
    assert events[0]["URL"].endswith(reverse("admin:campaigns_campaign_change", args=[campaign.pk]))


def test_a_program_that_has_it_is_told_so_until_something_changes(organization, bob, feed):
    first = Client().get(path_of(feed[1]))
    assert first["Cache-Control"] == "private, max-age=900"

    known = {"headers": {"If-None-Match": first["ETag"]}}
    assert Client().get(path_of(feed[1]), **known).status_code == 304
    lifecycle.submit(
        draft_campaign(organization), by=acting(bob), schedule=lifecycle.at(now() + timedelta(days=1), "UTC")
    )
    assert Client().get(path_of(feed[1]), **known).status_code == 200
    assert Client().head(path_of(feed[1])).content == b""
    assert Client().post(path_of(feed[1])).status_code == 405


def test_the_token_is_kept_as_a_hash_and_its_use_is_noted(feed):
    row, token = feed

    assert token not in str(CalendarFeed.objects.values().get())
    Client().get(path_of(token))
    row.refresh_from_db()
    assert row.last_used_at is not None


@pytest.mark.parametrize(
    "gone",
    [
        lambda feed, bob: calendar_feeds.revoke(feed, by=acting(bob)),
        lambda feed, bob: bob.memberships.all().delete(),
        lambda feed, bob: type(bob).objects.filter(pk=bob.pk).update(is_active=False),
        lambda feed, bob: Organization.objects.update(is_active=False),
    ],
    ids=["revoked", "left", "inactive", "organization inactive"],
)
def test_nobody_reads_what_its_owner_may_not(feed, bob, gone):
    row, token = feed
    gone(row, bob)

    assert Client().get(path_of(token)).status_code == 404


def test_a_wrong_address_says_nothing(db):
    assert Client().get(path_of("x" * 43)).status_code == 404


def test_who_may_make_and_revoke_them(organization, bob, alice, dora, feed):
    stranger = staff(OrganizationFactory(), "admin")

    with pytest.raises(NotAllowed):
        calendar_feeds.issue(organization, name="x", by=stranger)
    for other in (stranger, acting(dora)):
        with pytest.raises(NotAllowed):
            calendar_feeds.revoke(feed[0], by=other)
    with pytest.raises(NotReady):
        calendar_feeds.issue(organization, name=" ", by=acting(bob))
    calendar_feeds.revoke(feed[0], by=acting(alice))
    assert calendar_feeds.find(feed[1]) is None


def test_the_address_is_absolute(settings):
    settings.BASE_URL = "https://news.example"

    assert calendar_pages.address("abc") == "https://news.example/calendar/abc.ics"
