"""What a campaign would do, and what became of it."""

import pytest

from audience.models import Suppression
from campaigns import lifecycle
from delivery.freeze import freeze
from tests.api.management.conftest import ROOT
from tests.factories import SubscriptionFactory, draft_campaign, staff


def address(campaign, what):
    return f"{ROOT}campaigns/{campaign.public_id}/{what}/"


# --- estimate ----------------------------------------------------------------------------------------------------


def test_an_estimate_counts_who_would_get_it_and_what_keeps_the_others_out(api, organization):
    campaign = draft_campaign(organization, people=3)
    mailing_list = campaign.audience.get().mailing_list
    SubscriptionFactory(mailing_list=mailing_list, status="bounced")
    suppressed = SubscriptionFactory(mailing_list=mailing_list).subscriber
    Suppression.objects.create(organization=organization, kind="email", value=suppressed.email)

    response = api.get(address(campaign, "estimate"))

    assert response.status_code == 200
    assert response.json() == {
        "user_count": 5,
        "total_recipients": 3,
        "skipped": {"bounced": 1, "suppressed": 1},
    }


def test_without_an_audience_nobody_would_get_it(api, organization):
    campaign = draft_campaign(organization, audience=[])

    assert api.get(address(campaign, "estimate")).json() == {"user_count": 0, "total_recipients": 0, "skipped": {}}


def test_an_estimate_asks_for_the_channels_address(api, organization):
    campaign = draft_campaign(organization, channel="sms", people=2)

    assert api.get(address(campaign, "estimate")).json()["skipped"] == {"no_address": 2}


# --- recipients --------------------------------------------------------------------------------------------------


@pytest.fixture
def frozen(organization):
    campaign = draft_campaign(organization, people=3)
    SubscriptionFactory(mailing_list=campaign.audience.get().mailing_list, status="bounced")
    lifecycle.send_now(campaign, by=staff(organization, "manager"))
    freeze(campaign)
    return campaign


def test_recipients_are_listed_with_what_became_of_them(api, frozen):
    run = frozen.runs.get()
    first = run.recipients.first()
    run.recipients.filter(pk=first.pk).update(state="failed", reply_code=550, reply_text="No such user", attempts=1)

    body = api.get(address(frozen, "recipients"), {"page_size": 2}).json()

    assert (body["count"], len(body["results"])) == (4, 2)
    assert body["results"][0] == {
        "subscriber_id": first.subscriber.public_id,
        "address": first.address,
        "state": "failed",
        "skip_reason": "",
        "attempts": 1,
        "reply_code": 550,
        "reply_text": "No such user",
        "settled": None,
        "run": 1,
        "variant": "A",
    }


def test_recipients_by_state_and_address(api, frozen):
    (skipped,) = api.get(address(frozen, "recipients"), {"state": "skipped"}).json()["results"]

    assert skipped["skip_reason"] == "bounced"
    (found,) = api.get(address(frozen, "recipients"), {"search": skipped["address"].upper()}).json()["results"]
    assert found == skipped
    assert api.get(address(frozen, "recipients"), {"state": "lost"}).status_code == 400


def test_a_draft_has_no_recipients_yet(api, organization):
    body = api.get(address(draft_campaign(organization), "recipients")).json()

    assert body == {"count": 0, "next": None, "previous": None, "results": []}


def test_a_page_of_recipients_costs_the_same_however_long_it_is(api, frozen, django_assert_max_num_queries):
    api.get(address(frozen, "recipients"))

    with django_assert_max_num_queries(6):
        api.get(address(frozen, "recipients"))


def test_totals_stand_on_the_campaign(api, frozen):
    frozen.runs.update(sent=2, failed=1)

    shown = api.get(f"{ROOT}campaigns/{frozen.public_id}/").json()

    assert (shown["user_count"], shown["total_recipients"]) == (4, 3)
    assert (shown["sent_count"], shown["failed_count"]) == (2, 1)
