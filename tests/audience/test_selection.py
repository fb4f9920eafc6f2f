"""Who a message may go to."""

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings

from audience.models import Subscriber, Suppression
from audience.selection import SKIP_REASONS, Part, at_most, excluded, select
from audience.verdicts import verdict
from tests.audience.worlds import expected, left_out, made, worlds
from tests.examples import examples
from tests.factories import (
    MailingListFactory,
    OrganizationFactory,
    SegmentFactory,
    SubscriberFactory,
    SubscriptionFactory,
)

pytestmark = pytest.mark.django_db


def reasons(organization, *parts, channel="email"):
    return {str(row): row.skip_reason for row in select(organization, parts, channel=channel)}


@given(worlds())
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_selection_says_what_the_slow_and_obvious_way_says(world):
    with made(world) as (organization, lists, segments):
        parts = parts_of(world, lists, segments)

        rows = list(select(organization, parts, channel=world.channel))

        answers = expected(world)
        assert {row.pk: row.skip_reason for row in rows} == {pk: reason for pk, (reason, _) in answers.items()}
        assert len(rows) == len(answers)
        assert all(row.subscription_id in answers[row.pk][1] for row in rows)
        assert all(row.address == ((row.email or "") if world.channel == "email" else row.phone) for row in rows)


@given(worlds())
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_said_of_one_person_is_what_is_said_of_all(world):
    with made(world) as (organization, lists, segments):
        parts = parts_of(world, lists, segments)
        answers, out = expected(world), left_out(world)

        verdicts = [verdict(organization, parts, person.row, channel=world.channel) for person in world.people]

        for person, said in zip(world.people, verdicts, strict=True):
            assert said.in_audience == (person.row.pk in answers)
            assert bool(said.included_by and said.excluded_by) == (person.row.pk in out)
            if said.in_audience:
                reason, ways = answers[person.row.pk]
                assert said.skip_reason == reason
                assert (said.subscription and said.subscription.pk) in ways
                assert (said.suppression is not None) == (reason == "suppressed")
        assert {row.pk for row in excluded(organization, parts)} == out
        assert at_most(organization, parts) >= len(answers)


def parts_of(world, lists, segments):
    """The world's choices as a selection takes them."""
    return [
        Part(
            mailing_list_id=None if choice.mailing_list is None else lists[choice.mailing_list].pk,
            segment_id=None if choice.segment is None else segments[choice.segment].pk,
            excluded=choice.excluded,
        )
        for choice in world.choices
    ]


def test_a_person_on_two_lists_is_selected_once_through_the_list_that_stands_first(organization):
    first, second = MailingListFactory.create_batch(2, organization=organization)
    person = SubscriberFactory(organization=organization)
    SubscriptionFactory(mailing_list=second, subscriber=person)
    way = SubscriptionFactory(mailing_list=first, subscriber=person)

    row = select(organization, [Part(first.pk), Part(second.pk)], channel="email").get()

    assert row.subscription_id == way.pk
    assert (row.address, row.skip_reason) == (person.email, "")


def test_a_person_is_mailable_through_any_list_they_are_still_subscribed_to(organization):
    first, second = MailingListFactory.create_batch(2, organization=organization)
    person = SubscriberFactory(organization=organization)
    SubscriptionFactory(mailing_list=first, subscriber=person, status="unconfirmed")
    way = SubscriptionFactory(mailing_list=second, subscriber=person)

    row = select(organization, [Part(first.pk), Part(second.pk)], channel="email").get()

    assert (row.subscription_id, row.skip_reason) == (way.pk, "")


def test_excluded_people_are_not_in_the_audience_at_all(organization):
    readers, staff = MailingListFactory.create_batch(2, organization=organization)
    kept = SubscriptionFactory(mailing_list=readers)
    left_out = SubscriptionFactory(mailing_list=readers)
    SubscriptionFactory(
        mailing_list=staff, subscriber=left_out.subscriber, status="unsubscribed", unsubscribed_at="2026-01-01T00:00Z"
    )

    rows = select(organization, [Part(readers.pk), Part(staff.pk, excluded=True)], channel="email")

    assert [row.pk for row in rows] == [kept.subscriber_id]


def test_somebody_elses_list_or_segment_reaches_nobody(organization):
    foreign = SubscriptionFactory()
    segment = SegmentFactory(organization=foreign.mailing_list.organization)

    rows = select(organization, [Part(foreign.mailing_list_id), Part(segment_id=segment.pk)], channel="email")

    assert list(rows) == []


def test_a_suppressed_domain_covers_what_is_below_it(organization):
    mailing_list = MailingListFactory(organization=organization)
    for email in ("ann@example.com", "bob@mail.example.com", "cid@badexample.com", "dee@com.example"):
        SubscriptionFactory(mailing_list=mailing_list, subscriber__email=email)
    Suppression.objects.create(organization=organization, kind="domain", value="example.com")

    assert reasons(organization, Part(mailing_list.pk)) == {
        "ann@example.com": "suppressed",
        "bob@mail.example.com": "suppressed",
        "cid@badexample.com": "",
        "dee@com.example": "",
    }


def test_another_organizations_suppression_does_not_count(organization):
    reader = SubscriptionFactory(mailing_list__organization=organization)
    Suppression.objects.create(organization=OrganizationFactory(), kind="email", value=reader.subscriber.email)

    assert reasons(organization, Part(reader.mailing_list_id)) == {reader.subscriber.email: ""}


def test_rules_that_cannot_be_understood_include_nobody_and_exclude_everybody(organization):
    reader = SubscriptionFactory(mailing_list__organization=organization)
    segment = SegmentFactory(organization=organization, rules={"operator": "no such thing"})
    everybody = Part(reader.mailing_list_id)

    assert reasons(organization, Part(segment_id=segment.pk)) == {}
    assert reasons(organization, everybody, Part(segment_id=segment.pk)) == {reader.subscriber.email: ""}
    assert reasons(organization, everybody, Part(segment_id=segment.pk, excluded=True)) == {}


@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize("parts", [[], [Part()], [Part(excluded=True)], [Part(999), Part(segment_id=999)]])
def test_a_selection_of_nobody_can_still_be_written_as_sql(organization, channel, parts):
    sql, parameters = select(organization, parts, channel=channel).values("pk", "skip_reason").query.sql_with_params()

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        assert cursor.fetchall() == []


def test_a_selection_can_be_filtered_counted_and_grouped(organization, django_assert_num_queries):
    mailing_list = MailingListFactory(organization=organization)
    SubscriptionFactory.create_batch(3, mailing_list=mailing_list)
    SubscriptionFactory(mailing_list=mailing_list, status="bounced")
    people = select(organization, [Part(mailing_list.pk)], channel="email")

    with django_assert_num_queries(3):
        assert people.filter(skip_reason="").count() == 3
        assert people.exclude(skip_reason="").count() == 1
        assert len(people) == 4


def test_rows_are_inserted_from_a_selection_by_one_statement(organization):
    mailing_list = MailingListFactory(organization=organization)
    SubscriptionFactory.create_batch(3, mailing_list=mailing_list)
    people = select(organization, [Part(mailing_list.pk)], channel="email").values(
        "pk", "subscription_id", "address", "skip_reason"
    )
    sql, parameters = people.query.sql_with_params()

    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE chosen (pk bigint, way bigint, address varchar, reason varchar)")
        cursor.execute(f"INSERT INTO chosen {sql}", parameters)
        cursor.execute("SELECT count(*) FROM chosen WHERE reason = ''")
        assert cursor.fetchone() == (3,)
        cursor.execute("DROP TABLE chosen")


def test_every_status_that_keeps_a_message_back_is_a_skip_reason(organization):
    mailing_list = MailingListFactory(organization=organization)
    statuses = ["unconfirmed", "unsubscribed", "bounced", "complained"]
    for status in statuses:
        SubscriptionFactory(mailing_list=mailing_list, status=status, unsubscribed_at="2026-01-01T00:00Z")

    found = reasons(organization, Part(mailing_list.pk))

    assert sorted(found.values()) == sorted(statuses)
    assert set(found.values()) <= set(SKIP_REASONS)
    assert Subscriber.objects.of(organization).count() == len(statuses)
