import csv

import pytest

from audience import recalculation
from tests.factories import MailingListFactory, SegmentFactory, SubscriberFactory, SubscriptionFactory


def test_a_segment_without_lists_means_everybody_in_its_organization(organization):
    SubscriberFactory.create_batch(3, organization=organization)
    SubscriberFactory()
    segment = SegmentFactory(organization=organization)

    recalculation.recalculate(segment)

    segment.refresh_from_db()
    assert (segment.status, segment.user_count) == ("completed", 3)
    assert segment.last_calculated_at is not None


def test_people_count_once_however_many_lists_they_are_on(organization):
    first, second = MailingListFactory.create_batch(2, organization=organization)
    person = SubscriptionFactory(mailing_list=first).subscriber
    SubscriptionFactory(mailing_list=second, subscriber=person)
    SubscriptionFactory(mailing_list=second)
    segment = SegmentFactory(organization=organization)
    segment.mailing_lists.set([first, second])

    assert recalculation.recalculate(segment).user_count == 2


def test_rules_that_cannot_be_understood_fail_with_the_reason_and_keep_the_count(organization):
    segment = SegmentFactory(organization=organization, rules={"nonsense": True}, user_count=7)

    recalculation.recalculate(segment)

    segment.refresh_from_db()
    assert (segment.status, segment.user_count) == ("failed", 7)
    assert segment.status_reason


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
def test_what_is_stuck_can_be_reset(organization, status):
    segment = SegmentFactory(organization=organization, status=status, status_reason="Why")

    recalculation.reset(segment)

    segment.refresh_from_db()
    assert (segment.status, segment.status_reason) == ("draft", "")


@pytest.mark.parametrize("status", ["draft", "completed"])
def test_what_is_not_stuck_is_left_alone(organization, status):
    segment = SegmentFactory(organization=organization, status=status)

    with pytest.raises(recalculation.NotStuck):
        recalculation.reset(segment)


def test_people_are_exported_with_their_fields(organization):
    organization.custom_fields.create(key="first_name", name="First name")
    organization.custom_fields.create(key="visits", name="Visits", kind="number")
    SubscriberFactory(organization=organization, email="a@example.com", fields={"first_name": 'Åsa, "Å"', "visits": -3})
    SubscriberFactory(organization=organization, email=None, phone="+4930123456", fields={"first_name": "=1+1"})
    segment = SegmentFactory(organization=organization)

    heading, *rows = csv.reader("".join(recalculation.as_csv(segment)).lstrip("\ufeff").splitlines())

    assert heading == ["id", "email", "phone", "first_name", "visits"]
    assert [row[1:] for row in rows] == [
        ["a@example.com", "", 'Åsa, "Å"', "-3"],
        ["", "+4930123456", "'=1+1", ""],
    ]
