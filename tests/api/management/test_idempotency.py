"""`Idempotency-Key`: the same request acts once."""

from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from api.management import tasks
from api.management.models import RememberedAnswer
from campaigns.models import Campaign
from tests.api.management.conftest import ROOT, client_of
from tests.factories import EmailFactory, MailingListFactory, SubscriberFactory, draft_campaign

CAMPAIGNS = f"{ROOT}campaigns/"
SUBSCRIPTIONS = f"{ROOT}subscriptions/"
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


def test_what_nobody_asks_for_again_is_forgotten_too(api, body):
    api.post(CAMPAIGNS, body, headers=KEY)

    with time_machine.travel(now() + timedelta(hours=23)):
        assert tasks.forget_answers() == 0
    with time_machine.travel(now() + timedelta(hours=25)):
        assert tasks.forget_answers() == 1


def test_an_erased_person_is_in_no_answer_any_more(api, admin_api, organization):
    signup = {"mailing_list_id": MailingListFactory(organization=organization).public_id, "email": "ann@example.com"}
    other = api.post(SUBSCRIPTIONS, signup | {"email": "bo@example.com"}, headers={"Idempotency-Key": "order-8"})
    ann = api.post(SUBSCRIPTIONS, signup, headers=KEY).json()

    handed_out = admin_api.get(f"{ROOT}subscribers/{ann['subscriber_id']}/export/").json()
    erased = admin_api.delete(f"{ROOT}subscribers/{ann['subscriber_id']}/")
    again = api.post(SUBSCRIPTIONS, signup, headers=KEY)

    assert [each["answer"]["email"] for each in handed_out["answers"]] == ["ann@example.com"]
    assert (erased.status_code, again.status_code) == (204, 410)
    assert "has been erased since" in again.json()["detail"]
    assert [row.body for row in RememberedAnswer.objects.all() if "ann" in row.body] == []
    repeated = api.post(SUBSCRIPTIONS, signup | {"email": "bo@example.com"}, headers={"Idempotency-Key": "order-8"})
    assert repeated.json() == other.json()


def test_another_organizations_answers_stay(api, charlie, admin_api, organization):
    theirs = charlie.memberships.get().organization
    their_api = client_of(charlie, theirs)
    signup = {"mailing_list_id": MailingListFactory(organization=theirs).public_id, "email": "ann@example.com"}
    their_api.post(SUBSCRIPTIONS, signup, headers=KEY)
    ann = SubscriberFactory(organization=organization, email="ann@example.com")

    admin_api.delete(f"{ROOT}subscribers/{ann.public_id}/")

    assert their_api.post(SUBSCRIPTIONS, signup, headers=KEY).status_code == 201


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
