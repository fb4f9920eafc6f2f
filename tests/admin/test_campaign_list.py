"""The list of campaigns: found by state, words, tag and edition; figures in as many queries whatever its length."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns import lifecycle
from tests.factories import EditionFactory, EmailFactory, campaign_in, draft_campaign, staff

pytestmark = pytest.mark.django_db

LIST = "admin:campaigns_campaign_changelist"


@pytest.fixture
def shown(bob, login):
    """The names on the page that answers these parameters."""
    browser = login(bob)

    def names(**parameters):
        answer = browser.get(reverse(LIST), parameters)
        assert answer.status_code == 200
        return {campaign.name for campaign in answer.context["cl"].result_list}

    return names


def test_filters_narrow_by_state(organization, shown):
    for state in ("draft", "pending_approval", "scheduled", "sending", "sent", "failed", "cancelled"):
        campaign_in(state, organization, name=state, people=0)
    lifecycle.pause(campaign_in("scheduled", organization, name="held", people=0), by=staff(organization))

    assert shown(status="draft") == {"draft"}
    assert shown(status="scheduled") == {"scheduled"}
    assert shown(status="sending") == {"sending"}
    assert shown(status="paused") == {"held"}
    assert shown(status="nonsense") == shown()
    assert len(shown()) == 8


def test_a_deleted_campaign_is_gone(organization, shown):
    lifecycle.delete(draft_campaign(organization, name="Old", people=0), by=staff(organization))

    assert shown() == set()


def test_words_are_looked_for_in_name_subject_and_tag(organization, shown):
    draft_campaign(organization, name="October letter", people=0, tags=["season"])
    email = EmailFactory(organization=organization, subject="Night trains are back")
    draft_campaign(organization, name="Digest", people=0, email=email)

    assert shown(q="october") == {"October letter"}
    assert shown(q="trains") == {"Digest"}
    assert shown(q="season") == {"October letter"}
    assert shown(q="october trains") == set()


def test_a_campaign_with_two_fitting_tags_is_listed_once(organization, bob, login):
    draft_campaign(organization, name="Letter", people=0, tags=["season", "seasonal"])

    answer = login(bob).get(reverse(LIST), {"q": "season"})

    assert len(answer.context["cl"].result_list) == 1


def test_filters_narrow_by_tag_edition_and_channel(organization, shown):
    edition = EditionFactory(organization=organization)
    letter = draft_campaign(organization, name="Letter", people=0, tags=["season"], edition=edition)
    draft_campaign(organization, name="Text", people=0, channel="sms")

    assert shown(tag=letter.tags.get().pk) == {"Letter"}
    assert shown(edition=edition.pk) == {"Letter"}
    assert shown(channel="sms") == {"Text"}


def test_dates_narrow_the_list(organization, shown):
    draft_campaign(organization, name="Letter", people=0)

    today = timezone.localdate().isoformat()

    assert shown(created_at_from=today, created_at_to=today) == {"Letter"}
    assert shown(created_at_from="2000-01-01", created_at_to="2000-12-31") == set()
    assert shown(created_at_to="yesterday") == {"Letter"}
    assert shown(created_at__year="2000") == set()


def test_the_number_of_queries_does_not_grow_with_the_list(organization, bob, login):
    browser = login(bob)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(reverse(LIST)).status_code == 200
        return len(captured)

    for number in range(2):
        campaign_in("sent", organization, people=1, tags=[f"tag {number}", "all"])
    few = queries()
    for number in range(6):
        campaign_in("sent", organization, people=1, tags=[f"more {number}", "all"])
    many = queries()

    assert many <= few
    assert many <= 25


def test_the_pills_count_states(organization, bob, login):
    campaign_in("draft", organization, people=0)
    campaign_in("sent", organization, people=0)
    campaign_in("sent", organization, people=0)

    answer = login(bob).get(reverse(LIST))

    counts = {pill["label"]: pill["count"] for pill in answer.context["pills"]}
    assert counts == {"All": None, "Drafts": 1, "Sent": 2}


def test_an_empty_list_teaches_the_first_step(bob, login):
    page = login(bob).get(reverse(LIST)).content.decode()

    assert "No campaigns yet" in page
    assert reverse("admin:campaigns_campaign_add") in page


def test_nothing_found_is_said_differently(organization, bob, login):
    draft_campaign(organization, people=0)

    page = login(bob).get(reverse(LIST), {"q": "zebra"}).content.decode()

    assert "Nothing matches" in page
    assert "zebra" in page
