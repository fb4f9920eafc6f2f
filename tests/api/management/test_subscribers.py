"""`subscribers/`: people, over REST."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audience import suppressions
from audience.models import CustomField, Erasure, Subscriber
from tests.api.management.conftest import ROOT
from tests.factories import MailingListFactory, SubscriberFactory, SubscriptionFactory

URL = f"{ROOT}subscribers/"


@pytest.fixture
def body(organization):
    CustomField.objects.create(organization=organization, key="age", name="Age", kind="number")
    return {"organization_id": organization.public_id, "email": "Ann@Example.com", "fields": {"age": "41"}}


@pytest.fixture
def ann(organization):
    return SubscriberFactory(organization=organization, email="ann@example.com", fields={"town": "Ulm"})


def address(person):
    return f"{URL}{person.public_id}/"


def test_somebody_is_added_on_no_list(api, body):
    answer = api.post(URL, body)

    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["email"], shown["phone"], shown["fields"]) == ("ann@example.com", "", {"age": 41})
    assert shown["subscriptions"] == []
    assert api.get(f"{URL}{shown['id']}/").json() == shown


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nonsense"}, "email"),
        ({"email": ""}, "email"),
        ({"email": None, "phone": "123"}, "phone"),
        ({"fields": {"age": "old"}}, "fields"),
        ({"fields": {"height": 1}}, "fields"),
        ({"fields": {"age": "\x00"}}, "fields"),
        ({"fields": []}, "fields"),
        ({"email": "a\x00b@example.com"}, "email"),
    ],
)
def test_what_does_not_fit_is_refused_and_nobody_is_added(api, body, changes, field):
    answer = api.post(URL, body | changes)

    assert answer.status_code == 400, answer.json()
    assert list(answer.json()) == [field]
    assert not Subscriber.objects.exists()


def test_one_address_is_one_person(api, body, ann):
    answer = api.post(URL, body)

    assert answer.json() == {"email": [f"ann@example.com is known already. {ann.public_id}"]}


def test_adding_with_one_idempotency_key_adds_once(api, body):
    first, again = (api.post(URL, body, HTTP_IDEMPOTENCY_KEY="ann") for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()


def test_what_is_given_is_changed_and_the_rest_stays(api, organization, ann):
    CustomField.objects.create(organization=organization, key="town", name="Town")
    CustomField.objects.create(organization=organization, key="plan", name="Plan")

    answer = api.patch(address(ann), {"phone": "+45 20 12 34 56", "fields": {"town": None, "plan": "plus"}})

    assert answer.status_code == 200
    ann.refresh_from_db()
    assert (ann.email, ann.phone, ann.fields) == ("ann@example.com", "+4520123456", {"plan": "plus"})


@pytest.mark.parametrize(
    "changes", [{"email": ""}, {"email": "bob@example.com"}, {"email": "x"}, {"fields": {"no": 1}}]
)
def test_a_change_that_cannot_be_changes_nothing(api, organization, ann, changes):
    SubscriberFactory(organization=organization, email="bob@example.com")

    answer = api.patch(address(ann), changes)

    assert answer.status_code == 400
    ann.refresh_from_db()
    assert (ann.email, ann.fields) == ("ann@example.com", {"town": "Ulm"})


def test_deleting_erases_the_person_and_keeps_them_out(api, organization, ann):
    suppressions.suppress(organization=organization, kind="email", value="ann@example.com")

    answer = api.delete(address(ann))

    assert answer.status_code == 204
    assert not Subscriber.objects.exists()
    assert Erasure.objects.get().keep_out


def test_everything_that_is_held_can_be_exported(api, ann):
    SubscriptionFactory(mailing_list__organization=ann.organization, subscriber=ann)

    held = api.get(f"{address(ann)}export/").json()

    assert held["person"]["email"] == "ann@example.com"
    assert len(held["subscriptions"]) == 1


def test_who_may_only_read_exports_and_changes_nobody(viewer_api, ann):
    assert viewer_api.get(address(ann)).status_code == 200
    assert viewer_api.get(f"{address(ann)}export/").status_code == 403
    assert viewer_api.patch(address(ann), {"phone": "+4520123456"}).status_code == 403


def test_people_are_found(api, organization, ann):
    bob = SubscriberFactory(organization=organization, email="bob@sea.example", phone="+4520123456")
    weekly, daily = MailingListFactory.create_batch(2, organization=organization)
    SubscriptionFactory(mailing_list=weekly, subscriber=ann, status="bounced")
    SubscriptionFactory(mailing_list=daily, subscriber=ann)
    SubscriptionFactory(mailing_list=weekly, subscriber=bob)

    def found(**query):
        return {row["email"] for row in api.get(URL, query).json()["results"]}

    assert found(email=" ANN@example.com ") == {"ann@example.com"}
    assert found(phone="+45 20 12 34 56") == {"bob@sea.example"}
    assert found(mailing_list_id=weekly.public_id) == {"ann@example.com", "bob@sea.example"}
    assert found(mailing_list_id=weekly.public_id, status="subscribed") == {"bob@sea.example"}
    assert found(status="bounced") == {"ann@example.com"}
    assert found(search="SEA") == found(search="2012") == {"bob@sea.example"}
    assert found(email="nonsense") == found(created_after="2999-01-01") == set()
    assert found(mailing_list_id=MailingListFactory().public_id) == set()
    assert api.get(URL, {"status": "gone"}).status_code == 400


def test_a_foreign_list_finds_nobody(api, ann):
    foreign = SubscriptionFactory()

    answer = api.get(URL, {"mailing_list_id": foreign.mailing_list.public_id})

    assert answer.json()["results"] == []


def test_a_page_of_people_with_lists_takes_the_same_queries(api, organization, django_assert_num_queries):
    weekly = MailingListFactory(organization=organization)
    SubscriptionFactory(mailing_list=weekly)
    api.get(URL)
    with CaptureQueriesContext(connection) as few:
        api.get(URL)
    SubscriptionFactory.create_batch(10, mailing_list=weekly)

    with django_assert_num_queries(len(few)):
        api.get(URL)
