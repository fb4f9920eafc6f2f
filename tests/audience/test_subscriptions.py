"""People joining and leaving lists."""

import pytest
import time_machine
from django.utils.timezone import now

from audience import fields, suppressions
from audience.errors import InvalidAddress, InvalidFields
from audience.models import Subscriber, Subscription
from audience.subscriptions import subscribe, unsubscribe
from tests.factories import MailingListFactory, SubscriberFactory, SubscriptionFactory
from tests.races import at_once, race


@pytest.fixture
def mailing_list(organization):
    mailing_list = MailingListFactory(organization=organization)
    fields.create(organization, key="town")
    fields.create(organization, key="size", kind="number", mailing_list=mailing_list)
    return mailing_list


def test_a_new_person_is_made_and_put_on_the_list(mailing_list):
    row = subscribe(
        mailing_list,
        email="Ann@Example.com",
        phone="+45 20 12 34 56",
        fields={"town": "Ulm", "size": "42"},
        source="page",
        ip_address="192.0.2.1",
    )

    row.refresh_from_db()
    person = row.subscriber
    assert (person.email, person.phone, person.fields) == ("ann@example.com", "+4520123456", {"town": "Ulm"})
    assert (row.status, row.source, row.ip_address, row.fields) == ("subscribed", "page", "192.0.2.1", {"size": 42})
    assert row.subscribed_at is not None


def test_one_person_is_on_many_lists(mailing_list, organization):
    other = MailingListFactory(organization=organization)

    first = subscribe(mailing_list, email="ann@example.com", source="page")
    second = subscribe(other, email="ANN@example.com", source="page")

    assert first.subscriber == second.subscriber
    assert Subscriber.objects.count() == 1


def test_subscribing_again_updates_the_values_and_keeps_the_first_consent(mailing_list):
    first = subscribe(mailing_list, email="ann@example.com", fields={"town": "Ulm", "size": 1}, source="page")
    again = subscribe(mailing_list, email="ann@example.com", fields={"town": "", "size": 2}, source="api")

    again.refresh_from_db()
    assert again.pk == first.pk
    assert (again.source, again.fields, again.subscriber.fields) == ("page", {"size": 2}, {})
    assert again.subscribed_at == first.subscribed_at


@pytest.mark.parametrize("status", ["unsubscribed", "unconfirmed"])
def test_who_asks_again_comes_back_with_a_new_consent(mailing_list, status):
    with time_machine.travel("2026-01-01T12:00Z", tick=False):
        old = subscribe(mailing_list, email="ann@example.com", source="page", status=status)

    row = subscribe(mailing_list, email="ann@example.com", source="api", ip_address="192.0.2.9")

    row.refresh_from_db()
    assert row.pk == old.pk
    assert (row.status, row.source, row.ip_address) == ("subscribed", "api", "192.0.2.9")
    assert row.subscribed_at.year != 2026 or row.subscribed_at.month != 1
    assert row.unsubscribed_at is None


def test_a_subscribed_person_is_not_asked_to_confirm_again(mailing_list):
    subscribe(mailing_list, email="ann@example.com", source="page")

    row = subscribe(mailing_list, email="ann@example.com", source="page", status="unconfirmed")

    assert row.status == "subscribed"


def test_a_phone_number_alone_is_enough_and_is_not_doubled(mailing_list):
    first = subscribe(mailing_list, phone="+4520123456", source="page")
    again = subscribe(mailing_list, phone="+45 20 12 34 56", source="page")

    assert first.subscriber == again.subscriber
    assert again.subscriber.email is None


def test_a_known_phone_number_is_found_on_a_person_with_an_email(mailing_list):
    person = SubscriberFactory(organization=mailing_list.organization, phone="+4520123456")

    assert subscribe(mailing_list, phone="+4520123456", source="page").subscriber == person


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, InvalidAddress),
        ({"email": "ann"}, InvalidAddress),
        ({"email": "ann@example.com", "phone": "123"}, InvalidAddress),
        ({"email": "ann@example.com", "fields": {"size": "big"}}, InvalidFields),
        ({"email": "ann@example.com", "fields": {"shoes": "1"}}, InvalidFields),
        ({"email": "ann@example.com", "fields": {"town": "Ulm\r\nBcc: x@example.com"}}, InvalidFields),
    ],
)
def test_nothing_is_written_when_something_is_wrong(mailing_list, given, error):
    with pytest.raises(error):
        subscribe(mailing_list, source="page", **given)

    assert not Subscriber.objects.exists()


def test_unsubscribing_ends_the_subscription_and_keeps_where_it_came_from(mailing_list):
    row = subscribe(mailing_list, email="ann@example.com", source="page", ip_address="192.0.2.1")

    ended = unsubscribe(row.subscriber, mailing_lists=[mailing_list], source="one-click", ip_address="192.0.2.2")

    row.refresh_from_db()
    assert ended == 1
    assert (row.status, row.source, row.ip_address) == ("unsubscribed", "page", "192.0.2.1")
    assert (row.unsubscribe_source, row.unsubscribe_ip_address) == ("one-click", "192.0.2.2")
    assert row.unsubscribed_at <= now()


def test_unsubscribing_twice_changes_nothing_the_second_time(mailing_list):
    row = subscribe(mailing_list, email="ann@example.com", source="page")
    unsubscribe(row.subscriber, source="page")
    row.refresh_from_db()

    assert unsubscribe(row.subscriber, source="one-click") == 0
    assert Subscription.objects.get().unsubscribed_at == row.unsubscribed_at


def test_unsubscribing_ends_all_lists_or_only_those_named(mailing_list, organization):
    person = SubscriberFactory(organization=organization)
    rows = [SubscriptionFactory(mailing_list__organization=organization, subscriber=person) for _ in range(3)]

    assert unsubscribe(person, mailing_lists=[], source="page") == 0
    assert unsubscribe(person, mailing_lists=[rows[0].mailing_list], source="page") == 1
    assert unsubscribe(person, source="page") == 2


def test_a_complaint_outlasts_an_unsubscription_and_a_bounce_does_not(mailing_list):
    complained = subscribe(mailing_list, email="ann@example.com", source="page", status="complained")
    bounced = subscribe(mailing_list, email="bob@example.com", source="page", status="bounced")

    assert unsubscribe(complained.subscriber, source="page") == 0
    assert unsubscribe(bounced.subscriber, source="page") == 1


def test_subscribing_does_not_lift_a_suppression(mailing_list, organization):
    suppressions.suppress(organization=organization, kind="email", value="ann@example.com", reason="complained")

    subscribe(mailing_list, email="ann@example.com", source="page")

    assert suppressions.check(organization, "ann@example.com") is not None


@race
@pytest.mark.parametrize("address", [{"email": "ann@example.com"}, {"phone": "+4520123456"}])
def test_two_who_subscribe_one_address_at_once_make_one_person(address):
    mailing_list = MailingListFactory()

    at_once(*[lambda: subscribe(mailing_list, source="page", **address)] * 4)

    assert (Subscriber.objects.count(), Subscription.objects.count()) == (1, 1)
