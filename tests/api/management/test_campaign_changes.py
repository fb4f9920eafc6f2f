"""Changing a campaign."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from campaigns import drafts
from tests.api.management.conftest import ROOT
from tests.factories import (
    EditionFactory,
    SegmentFactory,
    draft_campaign,
)


@pytest.fixture
def segment(organization):
    return SegmentFactory(organization=organization)


def address(campaign):
    return f"{ROOT}campaigns/{campaign.public_id}/"


def test_a_patch_changes_what_it_names_and_nothing_else(walked, api):
    campaign = walked("draft")
    before = api.get(address(campaign)).json()

    after = api.patch(address(campaign), {"name": "Evening"}).json()

    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"name", "modified"}
    assert after["name"] == "Evening"


def test_the_frequency_cap_is_set_changed_and_taken_away(walked, api):
    campaign = walked("draft")

    answers = [
        api.patch(address(campaign), {"frequency_cap_hours": hours}).json()["frequency_cap_hours"]
        for hours in (24, 48, None)
    ]

    assert answers == [24, 48, None]


@pytest.mark.parametrize("hours", [0, -1, 8785, "soon"])
def test_an_impossible_frequency_cap_is_refused(api, organization, hours):
    campaign = draft_campaign(organization, frequency_cap_hours=6)

    response = api.patch(address(campaign), {"frequency_cap_hours": hours})

    assert response.status_code == 400
    assert "frequency_cap_hours" in str(response.json())
    campaign.refresh_from_db()
    assert campaign.frequency_cap_hours == 6


def test_organization_and_edition_stay(walked, api, organization, charlie):
    edition = EditionFactory(organization=organization)
    campaign = walked("draft")
    elsewhere = charlie.memberships.get().organization

    response = api.patch(address(campaign), {"organization_id": elsewhere.public_id, "edition_id": edition.public_id})

    assert response.status_code == 200
    assert response.json()["organization_id"] == organization.public_id
    assert response.json()["edition_id"] is None


@pytest.mark.parametrize("given", ["edi_" + "0" * 20, "nonsense", 7])
def test_an_edition_nobody_has_is_refused(walked, api, given):
    response = api.patch(address(walked("draft")), {"edition_id": given})

    assert response.status_code == 400
    assert list(response.json()) == ["edition_id"]


def test_an_edition_of_another_organization_is_refused(walked, api):
    foreign = EditionFactory()

    response = api.patch(address(walked("draft")), {"edition_id": foreign.public_id})

    assert response.json() == {"edition_id": [f'Invalid pk "{foreign.public_id}" - object does not exist.']}


def test_a_new_segment_takes_the_place_of_the_old_one_only(walked, api, organization, segment):
    campaign = walked("draft")
    excluded = SegmentFactory(organization=organization)
    (part,) = campaign.audience.all()
    parts = [
        drafts.Part(segment=segment),
        drafts.Part(mailing_list=part.mailing_list),
        drafts.Part(segment=excluded, excluded=True),
    ]
    drafts.set_audience(campaign, parts)
    new = SegmentFactory(organization=organization)

    shown = api.patch(address(campaign), {"segment_id": new.public_id}).json()

    assert shown["segment_id"] == new.public_id
    assert [(p["mailing_list_id"], p["segment_id"], p["excluded"]) for p in shown["audience"]] == [
        (None, new.public_id, False),
        (part.mailing_list.public_id, None, False),
        (None, excluded.public_id, True),
    ]


def test_a_segment_can_be_taken_out(api, organization, segment):
    campaign = draft_campaign(organization, audience=[drafts.Part(segment=segment)])

    shown = api.patch(address(campaign), {"segment_id": None}).json()

    assert shown["segment_id"] is None
    assert shown["audience"] == []


def test_an_audience_that_is_given_replaces_the_whole(walked, api, segment):
    campaign = walked("draft")
    part = {"mailing_list_id": None, "segment_id": segment.public_id, "excluded": False}

    shown = api.patch(address(campaign), {"audience": [part]}).json()

    assert shown["audience"] == [part]


def test_tags_are_replaced(api, organization):
    campaign = draft_campaign(organization, tags=["old", "both"])

    shown = api.patch(address(campaign), {"tags": ["both", "new"]}).json()

    assert sorted(shown["tags"]) == ["both", "new"]


def test_the_channel_cannot_change_while_an_email_is_named(walked, api):
    campaign = walked("draft")

    refused = api.patch(address(campaign), {"channel": "sms"})
    done = api.patch(address(campaign), {"channel": "sms", "email_message_id": None, "sms_body": "Good morning"})

    assert refused.status_code == 400
    assert list(refused.json()) == ["email_message_id"]
    assert done.status_code == 200
    assert (done.json()["channel"], done.json()["email_message_id"]) == ("sms", None)


def test_a_scheduled_campaign_may_not_become_incomplete(walked, api):
    campaign = walked("scheduled")

    response = api.patch(address(campaign), {"email_message_id": None})

    assert response.status_code == 400
    assert response.json() == {"email_message_id": ["This field is required to send an email campaign."]}
    campaign.refresh_from_db()
    assert campaign.state == "scheduled"


def test_a_time_in_a_draft_counts_only_once_it_is_scheduled(walked, api):
    campaign = walked("draft")

    response = api.patch(address(campaign), {"scheduled_at": "2001-01-01T00:00:00Z"})

    assert response.status_code == 200
    assert response.json()["status"] == "draft"


def test_a_scheduled_campaign_can_be_given_another_time(walked, api):
    campaign = walked("scheduled")
    later = (now() + timedelta(days=3)).replace(microsecond=0)

    response = api.patch(address(campaign), {"scheduled_at": later.isoformat()})

    assert response.status_code == 200
    campaign.refresh_from_db()
    assert (campaign.state, campaign.scheduled_at) == ("scheduled", later)


def test_a_scheduled_campaign_is_not_moved_into_the_past(walked, api):
    campaign = walked("scheduled")

    response = api.patch(address(campaign), {"scheduled_at": "2001-01-01T00:00:00Z"})

    assert response.status_code == 400
    assert response.json() == {"scheduled_at": ["Scheduled time must be in the future."]}


def test_a_scheduled_campaign_does_not_lose_its_time(walked, api):
    campaign = walked("scheduled")

    response = api.patch(address(campaign), {"scheduled_at": None})

    assert response.status_code == 400
    assert list(response.json()) == ["scheduled_at"]


def test_conversions_and_the_archive_are_chosen_also_after_sending(walked, api, organization, settings):
    settings.BASE_URL = "https://mail.news.example"
    draft, sent = draft_campaign(organization, tracks_conversions=True), walked("sent")

    before = api.get(address(draft)).json()
    after = api.patch(
        address(sent), {"is_public": True, "tracks_conversions": True, "analytics_domains": "shop.example"}
    )
    refused = api.patch(address(sent), {"analytics_domains": "https://shop.example/"})

    assert (before["tracks_conversions"], before["is_public"], before["archive_url"]) == (True, False, None)
    assert after.status_code == 200
    shown = api.get(address(sent)).json()
    assert (shown["is_public"], shown["tracks_conversions"]) == (True, True)
    assert (before["analytics_domains"], shown["analytics_domains"]) == ("", "shop.example")
    assert (refused.status_code, list(refused.json())) == (400, ["analytics_domains"])
    assert shown["archive_url"] == f"https://mail.news.example/archive/{organization.slug}/{sent.public_id}/"


def test_a_setting_that_is_neither_on_nor_off_is_refused(walked, api):
    campaign = walked("draft")

    answer = api.patch(address(campaign), {"is_public": "perhaps"})

    assert answer.status_code == 400
    assert api.get(address(campaign)).json()["is_public"] is False
