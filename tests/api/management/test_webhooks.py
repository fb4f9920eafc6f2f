"""Webhooks over REST: made, changed, tested, rotated, replayed, and seen by who may manage them."""

import base64

import pytest
import time_machine
from standardwebhooks import Webhook

from tests.api.management.conftest import ROOT, client_of
from tests.conftest import acting
from tests.factories import EditionFactory, MembershipFactory, campaign_in
from webhooks import endpoints, signing
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.django_db
WEBHOOKS = f"{ROOT}webhooks/"
URL = "https://hooks.example/in"


@pytest.fixture
def webhook(organization, bob):
    return endpoints.create(organization, by=acting(bob), name="Shop", url=URL, events=["campaign.cancelled"])


def body(organization, **changes):
    return {
        "organization_id": organization.public_id,
        "name": "Shop",
        "url": URL,
        "events": ["message.clicked", "campaign.sent"],
        **changes,
    }


def of(webhook, act=""):
    return f"{WEBHOOKS}{webhook.public_id}/{act}"


def test_a_webhook_is_made_with_a_secret_of_ours(api, organization):
    answer = api.post(WEBHOOKS, body(organization))

    assert answer.status_code == 201
    made = answer.json()
    assert made["id"].startswith("whk_")
    assert (made["organization_id"], made["edition_id"]) == (organization.public_id, None)
    assert (made["is_active"], made["timeout_seconds"]) == (True, 10)
    assert made["events"] == ["campaign.sent", "message.clicked"]
    assert Webhook(made["secret"])
    assert made["secret"] not in Endpoint.objects.get().sealed_secret
    assert api.get(f"{WEBHOOKS}{made['id']}/").json() == made


def test_or_with_one_of_yours_and_an_edition(api, organization):
    edition = EditionFactory(organization=organization)

    made = api.post(
        WEBHOOKS, body(organization, secret="s3cret", edition_id=edition.public_id, is_active=False, timeout_seconds=3)
    ).json()

    assert (made["secret"], made["edition_id"]) == ("s3cret", edition.public_id)
    assert (made["is_active"], made["timeout_seconds"]) == (False, 3)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": "ftp://hooks.example/"}, "url"),
        ({"url": "http://169.254.169.254/latest/meta-data/"}, "url"),
        ({"url": ""}, "url"),
        ({"name": "two\nlines"}, "name"),
        ({"events": []}, "events"),
        ({"events": ["campaign.exploded"]}, "events"),
        ({"events": "campaign.sent"}, "events"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": 31}, "timeout_seconds"),
        ({"secret": "whsec_%%%"}, "secret"),
        ({"secret": "naïve"}, "secret"),
        ({"secret": "x" * 256}, "secret"),
        ({"edition_id": "edi_00000000000000000000"}, "edition_id"),
    ],
)
def test_what_does_not_do_is_refused_by_field(api, organization, webhook, changes, field):
    assert api.post(WEBHOOKS, body(organization, **changes)).json().keys() == {field}
    answer = api.patch(of(webhook), changes)

    assert answer.status_code == 400
    assert answer.json().keys() == {field}
    assert Endpoint.objects.count() == 1


def test_what_is_given_is_changed(api, webhook):
    answer = api.patch(of(webhook), {"name": "Store", "events": ["message.opened"], "is_active": False})

    assert answer.status_code == 200
    webhook.refresh_from_db()
    assert (webhook.name, webhook.events, webhook.is_active, webhook.url) == ("Store", ["message.opened"], False, URL)


def test_an_edition_of_another_organization_does_not_exist(api, organization, charlie):
    strange = EditionFactory(organization=charlie.memberships.get().organization)

    answer = api.post(WEBHOOKS, body(organization, edition_id=strange.public_id))

    assert answer.status_code == 400
    assert "does not exist" in answer.json()["edition_id"][0]


def test_a_new_secret_signs_beside_the_old_one_for_a_day(api, webhook):
    old = endpoints.shown_secret(webhook)

    new = api.post(of(webhook, "rotate-secret/")).json()["secret"]

    webhook.refresh_from_db()
    assert endpoints.secrets_of(webhook) == [new, old]
    assert endpoints.secrets_of(webhook, webhook.old_secret_expires_at) == [new]
    headers = signing.headers(endpoints.secrets_of(webhook), "msg_1", 1, b"{}")
    assert len(headers["webhook-signature"].split(" ")) == 2


def test_a_secret_that_is_sent_takes_the_place_of_the_old_one(api, webhook):
    old = endpoints.shown_secret(webhook)

    assert api.patch(of(webhook), {"secret": "another one"}).json()["secret"] == "another one"
    assert api.patch(of(webhook), {"secret": "another one"}).status_code == 200  # and sent again changes nothing

    webhook.refresh_from_db()
    assert endpoints.secrets_of(webhook) == ["another one", old]


def test_lists_are_filtered_and_ordered(api, organization, webhook):
    edition = EditionFactory(organization=organization)
    other = api.post(WEBHOOKS, body(organization, name="Archive", edition_id=edition.public_id, is_active=False)).json()

    def ids(query=""):
        answer = api.get(WEBHOOKS + query)
        assert answer.status_code == 200
        return [row["id"] for row in answer.json()["results"]]

    assert ids("?ordering=name") == [other["id"], webhook.public_id]
    assert ids("?ordering=-name") == [webhook.public_id, other["id"]]
    assert ids("?is_active=true") == [webhook.public_id]
    assert ids(f"?edition_id={edition.public_id}") == [other["id"]]
    assert ids(f"?organization_id={organization.public_id}&page_size=1&page=2&ordering=created") == [other["id"]]
    assert ids("?organization_id=org_00000000000000000000") == []


def test_a_list_costs_the_same_queries_however_long(api, organization, django_assert_max_num_queries):
    for number in range(12):
        api.post(WEBHOOKS, body(organization, name=f"Shop {number}"))

    with django_assert_max_num_queries(8):
        assert api.get(WEBHOOKS).json()["count"] == 12


def test_who_may_not_manage_them_sees_no_secret(viewer_api, approver_api, untrusted_api, webhook):
    for api in (viewer_api, approver_api):
        assert api.get(WEBHOOKS).json()["results"] == []
        for address in (of(webhook), of(webhook, "deliveries/")):
            answer = api.get(address)
            assert answer.status_code == 403
            assert endpoints.shown_secret(webhook) not in answer.content.decode()
    assert untrusted_api.get(of(webhook)).json()["secret"] == endpoints.shown_secret(webhook)


def test_a_viewer_here_and_marketer_there_manages_those_there(db, organization, webhook, charlie, client):
    MembershipFactory(user=charlie, organization=organization, role="viewer")
    there = charlie.memberships.exclude(organization=organization).get().organization
    own = endpoints.create(there, by=acting(charlie), name="Own", url=URL, events=["campaign.sent"])
    client.force_login(charlie)

    assert [row["id"] for row in client.get(WEBHOOKS).json()["results"]] == [own.public_id]


def test_a_test_waits_to_be_sent_and_is_in_the_log(api, webhook):
    answer = api.post(of(webhook, "test/"))

    assert answer.status_code == 202
    (listed,) = api.get(of(webhook, "deliveries/")).json()["results"]
    assert listed == answer.json()
    assert (listed["event"], listed["state"], listed["tries"]) == ("webhook.test", "waiting", 0)
    assert listed["payload"]["id"] == listed["id"]


def test_nothing_is_tested_or_replayed_while_it_is_off(api, webhook):
    api.patch(of(webhook), {"is_active": False})

    for act, given in (("test/", {}), ("replay/", {"since": "2026-01-01T00:00:00Z"})):
        answer = api.post(of(webhook, act), given)
        assert answer.status_code == 409
        assert "switched off" in answer.json()["detail"]


def test_the_log_is_filtered_and_paged(api, organization, webhook):
    campaign_in("cancelled", organization)
    for _ in range(3):
        api.post(of(webhook, "test/"))

    def found(query):
        return api.get(of(webhook, f"deliveries/{query}")).json()

    assert found("")["count"] == 4
    assert [row["event"] for row in found("?event=campaign.cancelled")["results"]] == ["campaign.cancelled"]
    assert found("?state=failed")["results"] == []
    first = found("?page_size=3")
    assert [row["event"] for row in api.get(first["next"]).json()["results"]] == ["campaign.cancelled"]
    assert api.get(of(webhook, "deliveries/?state=lost")).status_code == 400


def ended(webhook, state):
    """A test that became this."""
    delivery = endpoints.send_test(webhook, by=acting(webhook.organization.memberships.get(role="manager").user))
    ending = {"state": state, "tries": 10, "next_try_at": None, "finished_at": delivery.created_at}
    Delivery.objects.filter(pk=delivery.pk).update(**ending)
    return delivery


def test_one_is_replayed_whatever_became_of_it(api, webhook):
    for state in ("delivered", "failed"):
        delivery = ended(webhook, state)

        assert api.post(of(webhook, "replay/"), {"delivery_id": delivery.public_id}).json() == {"replayed": 1}
        assert api.post(of(webhook, "replay/"), {"delivery_id": delivery.public_id}).json() == {"replayed": 0}

        again = Delivery.objects.get(pk=delivery.pk)
        assert (again.state, again.tries, again.body) == ("waiting", 0, delivery.body)


def test_all_that_failed_since_then_is_replayed(api, webhook):
    delivered, failed, old = ended(webhook, "delivered"), ended(webhook, "failed"), ended(webhook, "failed")
    Delivery.objects.filter(pk=old.pk).update(created_at="2026-01-01T00:00:00Z")

    answer = api.post(of(webhook, "replay/"), {"since": "2026-02-01T00:00:00Z"})

    assert (answer.status_code, answer.json()) == (202, {"replayed": 1})
    states = dict(Delivery.objects.values_list("pk", "state"))
    assert states == {delivered.pk: "delivered", failed.pk: "waiting", old.pk: "failed"}


@pytest.mark.parametrize(
    "given", [{}, {"since": "yesterday"}, {"since": "2026-01-01T00:00:00Z", "delivery_id": "msg_x"}]
)
def test_a_replay_says_what(api, webhook, given):
    assert api.post(of(webhook, "replay/"), given).status_code == 400


def test_a_delivery_of_another_webhook_is_not_replayed(api, organization, bob, webhook):
    other = endpoints.create(organization, by=acting(bob), name="Other", url=URL, events=["campaign.sent"])
    delivery = ended(other, "failed")

    assert api.post(of(webhook, "replay/"), {"delivery_id": delivery.public_id}).status_code == 400
    assert Delivery.objects.get().state == "failed"


def test_deleting_takes_the_log_along(api, webhook):
    api.post(of(webhook, "test/"))

    assert api.delete(of(webhook)).status_code == 204
    assert not Endpoint.objects.exists()
    assert not Delivery.objects.exists()


def test_a_member_elsewhere_with_a_key_reaches_nothing_here(charlie, organization, webhook):
    MembershipFactory(user=charlie, organization=organization, role="admin")
    there = client_of(charlie, charlie.memberships.exclude(organization=organization).get().organization)

    assert there.get(of(webhook)).status_code == 404
    assert there.get(WEBHOOKS).json()["results"] == []


def test_a_secret_of_another_form_is_its_own_key(api, organization):
    secret = api.post(WEBHOOKS, body(organization, secret="plain words")).json()["secret"]
    headers = signing.headers([secret], "msg_1", 2_000_000_000, b"{}")

    with time_machine.travel(2_000_000_000):
        assert Webhook(base64.b64encode(b"plain words").decode()).verify(b"{}", headers) == {}
