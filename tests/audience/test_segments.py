"""Segments: saved rules, who they hold for, and whether they could be counted."""

import pytest
from django.db import connection

from accounts.actors import SYSTEM
from audience import fields, segments
from audience.errors import InvalidRules, NotAllowed, NotStuck, TooSlow
from audience.models import Segment
from audience.selection import Part, select
from audience.time_limits import at_most
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


# --- rules that are not saved yet --------------------------------------------------------------------------------


def test_rules_are_counted_before_they_are_saved(organization, news):
    offers = MailingListFactory(organization=organization)
    inside = person(organization)
    SubscriptionFactory(mailing_list=news, subscriber=inside)
    SubscriptionFactory(mailing_list=offers, subscriber=person(organization))
    person(organization, town="Bonn")

    assert segments.count(IN_ULM, [], organization) == 2
    assert segments.count(IN_ULM, [news], organization) == 1
    assert segments.count({}, [news, offers], organization) == 2
    assert segments.sample(IN_ULM, [news], organization) == [inside]
    assert not Segment.objects.exists()


def test_rules_over_somebody_elses_list_are_refused(organization):
    with pytest.raises(InvalidRules):
        segments.count({}, [MailingListFactory()], organization)


def test_a_count_that_takes_too_long_is_given_up(organization, monkeypatch):
    slow = "SELECT pg_sleep(20)"
    if connection.vendor == "sqlite":
        slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    with pytest.raises(TooSlow, match="longer than"), at_most(0.05), connection.cursor() as cursor:
        cursor.execute(slow)

    assert segments.count({}, [], organization) == 0


def test_a_time_limit_ends_with_its_block(organization):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no setting that could stay")

    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        before = cursor.fetchone()
        with at_most(5):
            pass
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == before


def test_a_sample_is_drawn_by_lot_and_always_the_same(organization):
    everybody = SubscriberFactory.create_batch(60, organization=organization)

    drawn = segments.sample({}, [], organization, 20)

    assert drawn == segments.sample({}, [], organization, 20)
    assert len(set(drawn)) == 20
    assert set(drawn) != set(everybody[:20])
    assert set(segments.sample({}, [], organization, 100)) == set(everybody)


def test_a_sample_of_people_is_as_large_as_it_says_and_differs_by_seed(organization):
    SubscriberFactory.create_batch(300, organization=organization)

    def chosen(seed):
        rules = {"field": "sample", "operator": "percent", "value": {"percent": 50, "seed": seed}}
        segment = SegmentFactory(organization=organization, rules=rules)
        return set(segments.people(segment))

    spring, autumn = chosen("spring"), chosen("autumn")

    assert 100 < len(spring) < 200
    assert spring == chosen("spring")
    assert 40 < len(spring & autumn) < 120


def test_segments_made_for_one_campaign_are_not_listed(organization):
    named = SegmentFactory(organization=organization)
    SegmentFactory(organization=organization, is_ad_hoc=True)
    SegmentFactory()

    assert list(segments.listed(organization)) == [named]


# --- why somebody is in a segment or not -------------------------------------------------------------------------


def test_an_explanation_goes_rule_by_rule_and_list_by_list(organization, news, bob):
    offers = MailingListFactory(organization=organization, name="Offers")
    fields.create(organization, key="size", name="Size", mailing_list=offers)
    rules = {"match": "all", "rules": [IN_ULM, LARGE]}
    somebody = person(organization)
    small = SubscriptionFactory(mailing_list=news, subscriber=somebody, fields={"size": "S"})
    large = SubscriptionFactory(mailing_list=offers, subscriber=somebody, fields={"size": "L"})
    segment = segments.create(organization, by=acting(bob), name="Large", rules=rules, mailing_lists=[news, offers])

    explained = segments.explain_segment(segment, somebody)

    assert explained.is_in
    assert [(way.row, way.explained.holds) for way in explained.ways] == [(small, False), (large, True)]
    parts = explained.ways[0].explained.parts
    assert [(part.sentence, part.holds) for part in parts] == [("Town is “Ulm”", True), ("Size is “L”", False)]


def test_who_is_on_none_of_the_lists_is_not_in_the_segment(organization, news):
    explained = segments.explain({}, [news], organization, person(organization))

    assert not explained.is_in
    assert explained.ways == ()


def test_somebody_elses_people_are_in_no_segment(organization, news):
    stranger = SubscriberFactory()

    assert not segments.explain({}, [], organization, stranger).is_in


def test_an_explanation_asks_the_database_once_for_each_rule(organization, news, django_assert_max_num_queries):
    rules = {"match": "any", "rules": [IN_ULM, LARGE, {"field": "email", "operator": "contains", "value": "x"}]}
    somebody = person(organization)

    with django_assert_max_num_queries(6):
        segments.explain(rules, [], organization, somebody)


# --- segments in rules -------------------------------------------------------------------------------------------


def in_segment(segment, operator="is"):
    return {"field": f"segment.{segment.public_id}", "operator": operator, "value": True}


def test_rules_can_ask_for_another_segment(organization, news, bob):
    inside, outside = person(organization), person(organization, town="Bonn")
    SubscriptionFactory(mailing_list=news, subscriber=inside)
    ulm = segments.create(organization, by=acting(bob), name="Ulm", rules=IN_ULM, mailing_lists=[news])

    within = segments.create(organization, by=acting(bob), name="Same", rules=in_segment(ulm))
    without = segments.create(organization, by=acting(bob), name="Others", rules=in_segment(ulm, "is_not"))

    assert list(segments.people(within)) == [inside]
    assert list(segments.people(without)) == [outside]
    assert segments.sentence(within) == "People in the organization where in the segment “Ulm”."


def test_segments_that_ask_for_each_other_hold_nobody_and_say_so(organization, news, bob):
    somebody = person(organization)
    first = segments.create(organization, by=acting(bob), name="First", rules=IN_ULM)
    second = segments.create(organization, by=acting(bob), name="Second", rules=in_segment(first))
    segments.edit(first, by=acting(bob), rules={"match": "not", "rules": [in_segment(second)]})

    for segment in (first, second):
        segment.refresh_from_db()
        assert not segments.people(segment).exists()
        assert not segments.explain_segment(segment, somebody).is_in
    assert "nobody (First is asked for by its own rules)" in segments.sentence(first) or "Second" in (
        segments.sentence(first)
    )


def test_a_segment_that_asks_for_itself_holds_nobody(organization, news, bob):
    person(organization)
    segment = segments.create(organization, by=acting(bob), name="Snake", rules=IN_ULM)

    for operator in ("is", "is_not"):
        segments.edit(segment, by=acting(bob), rules=in_segment(segment, operator))
        assert not segments.people(segment).exists()
        assert "nobody (Snake is asked for by its own rules)" in segments.sentence(segment)


def test_segments_are_followed_five_deep(organization, news, bob):
    somebody = person(organization)
    chain = [segments.create(organization, by=acting(bob), name="0", rules=IN_ULM)]
    for number in range(1, 7):
        chain.append(segments.create(organization, by=acting(bob), name=str(number), rules=in_segment(chain[-1])))

    assert list(segments.people(chain[5])) == [somebody]
    assert list(segments.people(chain[6])) == []


def test_a_broken_segment_in_rules_selects_nobody_either_way(organization, news):
    person(organization)
    broken = SegmentFactory(organization=organization, rules={"field": "fields.gone", "operator": "is_empty"})

    for operator in ("is", "is_not"):
        assert segments.count(in_segment(broken, operator), [], organization) == 0
        negated = {"match": "not", "rules": [in_segment(broken, operator)]}
        assert segments.count(negated, [], organization) == 0


def test_a_segment_of_another_organization_is_unknown_to_rules(organization, news):
    with pytest.raises(InvalidRules):
        segments.count(in_segment(SegmentFactory()), [], organization)


def test_segments_that_name_segments_make_no_statement_without_end(organization, news, bob):
    crowded = segments.create(
        organization, by=acting(bob), name="Crowded", rules={"match": "any", "rules": [IN_ULM] * 200}
    )

    with pytest.raises(InvalidRules, match="1000 conditions"):
        segments.count(
            {"match": "any", "rules": [in_segment(crowded)] * 10 + [{"field": "email", "operator": "is_empty"}] * 150},
            [],
            organization,
        )
