"""`Idempotency-Key`: the same request acts once."""

from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from api.management.models import RememberedAnswer
from campaigns.models import Campaign
from tests.api.management.conftest import ROOT
from tests.factories import EmailFactory, draft_campaign

CAMPAIGNS = f"{ROOT}campaigns/"
KEY = {"Idempotency-Key": "order-7"}


@pytest.fixture
def body(organization):
    return {
        "organization_id": organization.public_id,
        "edition_id": None,
        "segment_id": None,
        "name": "Morning",
        "channel": "email",
    }


def test_creating_twice_with_one_key_creates_once_and_answers_the_same(api, body):
    first = api.post(CAMPAIGNS, body, headers=KEY)
    second = api.post(CAMPAIGNS, body, headers=KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert Campaign.objects.count() == 1


def test_sending_twice_with_one_key_is_no_conflict(api, organization):
    address = f"{CAMPAIGNS}{draft_campaign(organization).public_id}/send/"

    first = api.post(address, headers=KEY)
    second = api.post(address, headers=KEY)
    third = api.post(address)

    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 409)
    assert second.json() == first.json()


def test_without_a_key_every_request_acts(api, body):
    api.post(CAMPAIGNS, body)
    api.post(CAMPAIGNS, body)

    assert Campaign.objects.count() == 2


def test_a_key_is_not_used_for_something_else(api, body):
    api.post(CAMPAIGNS, body, headers=KEY)

    response = api.post(CAMPAIGNS, body | {"name": "Evening"}, headers=KEY)

    assert response.status_code == 422
    assert "use a new one" in response.json()["detail"]
    assert Campaign.objects.count() == 1


def test_two_people_may_use_the_same_key(api, admin_api, body):
    api.post(CAMPAIGNS, body, headers=KEY)
    response = admin_api.post(CAMPAIGNS, body, headers=KEY)

    assert response.status_code == 201
    assert Campaign.objects.count() == 2


def test_what_was_refused_can_be_mended_and_tried_with_the_same_key(api, organization):
    campaign = draft_campaign(organization, email=None)
    address = f"{CAMPAIGNS}{campaign.public_id}/"
    refused = api.post(f"{address}send/", headers=KEY)

    api.patch(address, {"email_message_id": EmailFactory(organization=organization).public_id})
    done = api.post(f"{address}send/", headers=KEY)

    assert (refused.status_code, done.status_code) == (400, 200)


def test_a_key_is_remembered_for_a_day(api, body):
    api.post(CAMPAIGNS, body, headers=KEY)

    with time_machine.travel(now() + timedelta(hours=23, minutes=59)):
        assert api.post(CAMPAIGNS, body, headers=KEY).headers["Idempotency-Replayed"] == "true"
    with time_machine.travel(now() + timedelta(hours=24, minutes=1)):
        assert "Idempotency-Replayed" not in api.post(CAMPAIGNS, body, headers=KEY).headers

    assert Campaign.objects.count() == 2
    assert RememberedAnswer.objects.count() == 1


def test_a_key_has_its_limits(api, body):
    response = api.post(CAMPAIGNS, body, headers={"Idempotency-Key": "x" * 256})

    assert response.status_code == 400
    assert response.json() == {"Idempotency-Key": ["Ensure this header has no more than 255 characters."]}


def test_a_replay_asks_again_who_may(api, body, bob, organization):
    api.post(CAMPAIGNS, body, headers=KEY)
    bob.memberships.update(role="viewer")

    response = api.post(CAMPAIGNS, body, headers=KEY)

    assert response.headers["Idempotency-Replayed"] == "true"
    assert Campaign.objects.count() == 1
