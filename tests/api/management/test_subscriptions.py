"""`subscriptions/` and `subscriber-tags/`: people on lists, over REST."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api.management.numbers import numbered_id
from audience import subscriber_tags
from audience.errors import InvalidTag
from audience.models import CustomField, SubscriberTag, Subscription
from tests.api.management.conftest import ROOT
from tests.factories import MailingListFactory, SubscriptionFactory

URL = f"{ROOT}subscriptions/"


@pytest.fixture
def weekly(organization):
    return MailingListFactory(organization=organization, name="Weekly")


@pytest.fixture
def row(weekly):
    return SubscriptionFactory(mailing_list=weekly, subscriber__email="ann@example.com")


def address(row, what=""):
    return f"{URL}{numbered_id('sbn', row.pk)}/{what}"


def test_somebody_is_subscribed_with_what_is_known_of_their_consent(api, organization, weekly, bob):
    CustomField.objects.create(organization=organization, mailing_list=weekly, key="size", name="Size")
    CustomField.objects.create(organization=organization, key="town", name="Town")
    given = {
        "mailing_list_id": weekly.public_id,
        "email": "Ann@Example.com",
        "fields": {"size": "XL", "town": "Ulm"},
        "tags": ["vip"],
        "source": "shop",
        "ip_address": "192.0.2.7",
        "consented_at": "2026-03-01T09:30:00Z",
        "wording": "Yes, send me the letter.",
    }

    answer = api.post(URL, given)

    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["email"], shown["status"], shown["source"]) == ("ann@example.com", "subscribed", "shop")
    assert (shown["fields"], shown["tags"]) == ({"size": "XL"}, ["vip"])
    row = Subscription.objects.get()
    assert row.subscriber.fields == {"town": "Ulm"}
    logged = row.subscriber.consent_events.get()
    assert (logged.ip_address, logged.wording, logged.by) == ("192.0.2.7", "Yes, send me the letter.", bob)


def test_subscribing_again_brings_up_to_date(api, weekly, row):
    answer = api.post(URL, {"mailing_list_id": weekly.public_id, "subscriber_id": row.subscriber.public_id})

    assert (answer.status_code, Subscription.objects.count()) == (200, 1)


def test_a_double_opt_in_list_asks_first(api, organization):
    asking = MailingListFactory(organization=organization, opt_in="double")

    answer = api.post(URL, {"mailing_list_id": asking.public_id, "email": "ann@example.com"})

    assert answer.json()["status"] == "unconfirmed"


@pytest.mark.parametrize("status", ["bounced", "complained"])
def test_who_bounced_or_complained_does_not_come_back_this_way(api, weekly, row, status):
    Subscription.objects.update(status=status)

    answer = api.post(
        URL, {"mailing_list_id": weekly.public_id, "email": "ann@example.com", "wording": "Yes", "tags": ["new"]}
    )

    assert answer.status_code == 409
    assert answer.json()["detail"]
    assert (Subscription.objects.get().status, SubscriberTag.objects.count()) == (status, 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nonsense"}, "email"),
        ({"email": ""}, "email"),
        ({"phone": "12", "email": ""}, "phone"),
        ({"fields": {"none": 1}}, "fields"),
        ({"tags": ["a\nb"]}, "tags"),
        ({"status": "gone"}, "status"),
        ({"ip_address": "nowhere"}, "ip_address"),
        ({"consented_at": "yesterday"}, "consented_at"),
        ({"subscriber_id": "sub_" + "0" * 20}, "subscriber_id"),
    ],
)
def test_what_does_not_fit_subscribes_nobody(api, weekly, changes, field):
    answer = api.post(URL, {"mailing_list_id": weekly.public_id, "email": "ann@example.com"} | changes)

    assert answer.status_code == 400, answer.json()
    assert list(answer.json()) == [field]
    assert not Subscription.objects.exists()


def test_unsubscribing_twice_is_unsubscribing_once(api, row):
    first = api.post(address(row, "unsubscribe/"), {"source": "phone call", "ip_address": "192.0.2.7"})
    again = api.post(address(row, "unsubscribe/"), {"source": "mail"})

    assert first.json()["status"] == "unsubscribed"
    assert first.json() == again.json()
    assert again.json()["unsubscribe_source"] == "phone call"


def test_a_status_is_never_written(api, row):
    answer = api.patch(address(row), {"status": "bounced"})

    assert (answer.status_code, answer.json()["status"]) == (200, "subscribed")


def test_the_fields_of_the_list_are_changed(api, organization, weekly, row):
    CustomField.objects.create(organization=organization, mailing_list=weekly, key="size", name="Size")

    answer = api.patch(address(row), {"fields": {"size": "XL"}})
    refused = api.patch(address(row), {"fields": {"town": "Ulm"}})

    assert answer.json()["fields"] == {"size": "XL"}
    assert (refused.status_code, list(refused.json())) == (400, ["fields"])


def test_tags_are_put_on_and_taken_off(api, row):
    put = api.post(address(row, "tags/"), {"tags": ["vip", "  new   reader ", "vip"]})
    taken = api.post(address(row, "remove-tags/"), {"tags": ["vip", "unknown"]})

    assert put.json()["tags"] == ["new reader", "vip"]
    assert taken.json()["tags"] == ["new reader"]
    assert SubscriberTag.objects.count() == 2


@pytest.mark.parametrize("tags", [[], [""], ["x" * 101], ["a\u2028b"], "vip", [None]])
def test_what_is_no_tag_is_refused(api, row, tags):
    answer = api.post(address(row, "tags/"), {"tags": tags})

    assert answer.status_code == 400
    assert not SubscriberTag.objects.exists()


def test_the_domain_refuses_tags_too(row):
    with pytest.raises(InvalidTag):
        subscriber_tags.add(row, ["fine", "a\nb"])

    assert not SubscriberTag.objects.exists()


def test_a_tag_is_deleted_from_everybody(api, organization, row):
    subscriber_tags.add(row, ["vip"])
    (tag,) = api.get(f"{ROOT}subscriber-tags/").json()["results"]

    answer = api.delete(f"{ROOT}subscriber-tags/{tag['id']}/")

    assert answer.status_code == 204
    assert api.get(address(row)).json()["tags"] == []


def test_subscriptions_are_found(api, weekly, row):
    other = SubscriptionFactory(mailing_list=weekly, subscriber__email="bob@example.com", status="unconfirmed")
    SubscriptionFactory()
    subscriber_tags.add(other, ["vip"])

    def found(**query):
        return {each["email"] for each in api.get(URL, query).json()["results"]}

    everybody = {"ann@example.com", "bob@example.com"}
    assert found() == found(mailing_list_id=weekly.public_id) == everybody
    assert found(status="unconfirmed") == found(tag="vip") == {"bob@example.com"}
    assert found(email="ANN@example.com") == found(subscriber_id=row.subscriber.public_id) == {"ann@example.com"}
    assert found(subscribed_after="2000-01-01") == everybody
    assert found(subscribed_before="2000-01-01") == found(unsubscribed_after="2000-01-01") == set()


def test_a_page_of_subscriptions_takes_the_same_queries(api, weekly, row, django_assert_num_queries):
    subscriber_tags.add(row, ["vip"])
    api.get(URL)
    with CaptureQueriesContext(connection) as few:
        api.get(URL)
    for each in SubscriptionFactory.create_batch(10, mailing_list=weekly):
        subscriber_tags.add(each, ["vip", "new"])

    with django_assert_num_queries(len(few)):
        api.get(URL)
    assert len(few) <= 4
