"""Segments: saved rules, who they hold for, and whether they could be counted."""

import pytest

from accounts.actors import SYSTEM
from audience import fields, segments
from audience.errors import InvalidRules, NotAllowed, NotStuck
from audience.models import Segment
from audience.selection import Part, select
from tests.conftest import acting
from tests.factories import MailingListFactory, SegmentFactory, SubscriberFactory, SubscriptionFactory

IN_ULM = {"field": "fields.town", "operator": "is", "value": "Ulm"}
LARGE = {"field": "fields.size", "operator": "is", "value": "L"}


@pytest.fixture
def news(organization):
    mailing_list = MailingListFactory(organization=organization, name="News")
    fields.create(organization, key="town", name="Town")
    fields.create(organization, key="size", name="Size", mailing_list=mailing_list)
    return mailing_list


def person(organization, town="Ulm", **rows):
    return SubscriberFactory(organization=organization, fields={"town": town})


def test_a_segment_without_lists_holds_people_of_the_organization(organization, news, bob):
    inside = person(organization)
    person(organization, town="Bonn")
    person(MailingListFactory().organization)

    segment = segments.create(organization, by=acting(bob), name="Ulm", rules=IN_ULM)

    assert list(segments.people(segment)) == [inside]


def test_a_segment_with_lists_looks_at_one_subscription_at_a_time(organization, news, bob):
    offers = MailingListFactory(organization=organization, name="Offers")
    fields.create(organization, key="size", name="Size", mailing_list=offers)
    both = {"match": "all", "rules": [LARGE, {"field": "status", "operator": "is", "value": "subscribed"}]}
    split, joined = person(organization), person(organization)
    SubscriptionFactory(mailing_list=news, subscriber=split, fields={"size": "L"}, status="bounced")
    SubscriptionFactory(mailing_list=offers, subscriber=split, fields={"size": "S"})
    SubscriptionFactory(mailing_list=offers, subscriber=joined, fields={"size": "L"})

    segment = segments.create(organization, by=acting(bob), name="Large", rules=both, mailing_lists=[news, offers])

    assert list(segments.people(segment)) == [joined]


def test_a_new_segment_is_counted_in_the_background(organization, news, bob, django_capture_on_commit_callbacks):
    person(organization)

    with django_capture_on_commit_callbacks(execute=True):
        segment = segments.create(organization, by=acting(bob), name="Ulm", rules=IN_ULM)
        assert segment.status == Segment.Status.PENDING

    segment.refresh_from_db()
    assert (segment.status, segment.user_count) == (Segment.Status.COMPLETED, 1)
    assert segment.last_calculated_at is not None


def test_rules_that_cannot_be_understood_are_refused_and_nothing_is_written(organization, news, bob):
    with pytest.raises(InvalidRules):
        segments.create(organization, by=acting(bob), name="Shoes", rules={"field": "shoes", "operator": "is"})

    assert not Segment.objects.exists()


def test_broken_rules_that_are_kept_select_nobody_and_say_so(organization, news):
    person(organization)

    segment = segments.create(
        organization, by=SYSTEM, name="Shoes", rules={"field": "shoes", "operator": "is"}, broken_rules_are_kept=True
    )

    segment.refresh_from_db()
    assert segment.status == Segment.Status.FAILED
    assert "shoes" in segment.status_reason
    assert list(segments.people(segment)) == []
    assert segments.sentence(segment).startswith("Nobody: ")


def test_a_segment_whose_field_is_gone_fails_at_the_next_count(organization, news, bob):
    segment = segments.create(organization, by=acting(bob), name="Ulm", rules=IN_ULM)
    organization.custom_fields.get(key="town").delete()

    segments.recalculate(segment)

    segment.refresh_from_db()
    assert (segment.status, segment.user_count) == (Segment.Status.FAILED, 0)
    assert "town" in segment.status_reason


@pytest.mark.parametrize("status", ["pending", "processing", "failed"])
def test_what_is_stuck_can_be_reset(organization, status):
    segment = SegmentFactory(organization=organization, status=status, status_reason="Why")

    segments.reset(segment)

    segment.refresh_from_db()
    assert (segment.status, segment.status_reason) == ("draft", "")


@pytest.mark.parametrize("status", ["draft", "completed"])
def test_what_is_not_stuck_is_left_alone(organization, status):
    segment = SegmentFactory(organization=organization, status=status)

    with pytest.raises(NotStuck):
        segments.reset(segment)


def test_people_count_once_however_many_lists_they_are_on(organization, news):
    offers = MailingListFactory(organization=organization)
    both = person(organization)
    for mailing_list in (news, offers):
        SubscriptionFactory(mailing_list=mailing_list, subscriber=both)
    SubscriptionFactory(mailing_list=offers)
    segment = SegmentFactory(organization=organization)
    segment.mailing_lists.set([news, offers])

    assert segments.recalculate(segment).user_count == 2


def test_editing_changes_rules_and_lists_together(organization, news, bob):
    segment = segments.create(organization, by=acting(bob), name="Everybody")
    row = SubscriptionFactory(mailing_list=news, fields={"size": "L"})
    SubscriptionFactory(mailing_list=news, fields={"size": "S"})

    segments.edit(segment, by=acting(bob), rules=LARGE, mailing_lists=[news], name="Large")

    assert list(segments.people(segment)) == [row.subscriber]
    assert segments.sentence(segment) == "People on News where Size is “L”."


def test_a_segment_says_in_english_who_is_in_it(organization, news, bob):
    everybody = segments.create(organization, by=acting(bob), name="All")
    in_ulm = segments.create(organization, by=acting(bob), name="Ulm", rules=IN_ULM)

    assert segments.sentence(everybody) == "Everybody in the organization."
    assert segments.sentence(in_ulm) == "People in the organization where Town is “Ulm”."


def test_who_may_not_write_writes_no_segment(organization, news, victor, charlie, bob):
    segment = segments.create(organization, by=acting(bob), name="All")

    for stranger in (victor, charlie):
        with pytest.raises(NotAllowed):
            segments.create(organization, by=acting(stranger), name="Mine")
        with pytest.raises(NotAllowed):
            segments.edit(segment, by=acting(stranger), name="Mine")
    with pytest.raises(NotAllowed):
        segments.create(organization, by=acting(bob), name="Theirs", mailing_lists=[MailingListFactory()])
    assert [each.name for each in Segment.objects.all()] == ["All"]


def test_a_segment_within_a_list_is_reached_through_that_list(organization, news, bob):
    offers = MailingListFactory(organization=organization)
    inside, outside = person(organization), person(organization, town="Bonn")
    way = SubscriptionFactory(mailing_list=news, subscriber=inside)
    SubscriptionFactory(mailing_list=offers, subscriber=inside)
    SubscriptionFactory(mailing_list=news, subscriber=outside)
    segment = segments.create(organization, by=acting(bob), name="Ulm", rules=IN_ULM)

    rows = select(organization, [Part(news.pk, segment.pk)], channel="email")

    assert [(row.pk, row.subscription_id) for row in rows] == [(inside.pk, way.pk)]


def test_an_excluded_segment_leaves_its_people_out(organization, news, bob):
    inside, outside = person(organization), person(organization, town="Bonn")
    for each in (inside, outside):
        SubscriptionFactory(mailing_list=news, subscriber=each)
    segment = segments.create(organization, by=acting(bob), name="Ulm", rules=IN_ULM)

    rows = select(organization, [Part(news.pk), Part(segment_id=segment.pk, excluded=True)], channel="email")

    assert list(rows) == [outside]
