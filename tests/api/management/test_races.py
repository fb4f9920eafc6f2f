"""Two programs at the same moment. SQLite lets one writer in at a time, so only PostgreSQL can show a race."""

from collections import defaultdict

import pytest

from campaigns import transitions
from campaigns.models import Campaign
from tests.api.management.conftest import ROOT, client_of
from tests.factories import draft_campaign
from tests.races import RACE, at_once

pytestmark = RACE


@pytest.fixture(autouse=True)
def nobody_reacts(monkeypatch):
    """The race is about the campaign; workers that start because of it would only be in the way."""
    monkeypatch.setattr(transitions, "_reactions", defaultdict(list))


def test_of_two_sends_one_starts_the_campaign_and_the_other_is_told(organization, bob, alice):
    campaign = draft_campaign(organization)
    address = f"{ROOT}campaigns/{campaign.public_id}/send/"
    clients = [client_of(bob, organization), client_of(alice, organization)]

    responses = at_once(*[lambda client=client: client.post(address) for client in clients])

    assert sorted(response.status_code for response in responses) == [200, 409]
    (refused,) = [response for response in responses if response.status_code == 409]
    assert refused.json() == {"detail": "Campaign cannot be sent in status calculating."}
    assert campaign.runs.count() == 1


def test_of_two_requests_with_one_idempotency_key_one_acts_and_both_get_its_answer(organization, bob):
    body = {
        "organization_id": organization.public_id,
        "edition_id": None,
        "segment_id": None,
        "name": "Morning",
        "channel": "email",
    }
    clients = [client_of(bob, organization)] * 4

    responses = at_once(
        *[
            lambda client=client: client.post(f"{ROOT}campaigns/", body, headers={"Idempotency-Key": "order-7"})
            for client in clients
        ]
    )

    assert {response.status_code for response in responses} == {201}
    assert len({response.json()["id"] for response in responses}) == 1
    assert Campaign.objects.count() == 1
