"""Whom each rule of RulesJson means."""

from copy import copy

import pytest

from audience import fields
from audience.criteria.tree import Condition
from tests.audience.octeth_worlds import about, every, found, list_in_berlin, parse, populated
from tests.factories import MailingListFactory, SegmentFactory


@pytest.fixture
def news(db):
    return list_in_berlin()


@pytest.fixture
def world(db, five_people):
    return copy(five_people)


@pytest.fixture(scope="module")
def five_people(shared_db):
    with shared_db():
        return populated(list_in_berlin())


EMAIL, STATUS = "EmailAddress", "SubscriptionStatus"


@pytest.mark.parametrize(
    ("field_id", "operator", "value", "expected"),
    [
        (EMAIL, "is", "ANN@example.com", "a"),
        ("email", "is not", "ann@example.com", "bcde"),
        (EMAIL, "begins with", "an", "a"),
        (EMAIL, "ends with", "", "abcde"),
        (EMAIL, "contains", "%", ""),
        ("{town}", "is", "ULM", "a"),
        ("CustomField{town}", "equals to", "ulm", "a"),
        ("TOWN", "contains", "ulm", "ab"),
        ("town", "contains", "50%", "b"),
        ("town", "is not", "Ulm", "bcde"),
        ("town", "does not contain", "ulm", "cde"),
        ("town", "begins with", "kö", "c"),
        ("town", "is set", None, "abc"),
        ("town", "is not_empty", None, "abc"),
        ("town", "is empty", None, "de"),
        ("town", "is", "", "de"),
        ("town", "is not", "", "abc"),
        ("town", "does not contain", "", "de"),
        ("town", "between", ["a", "l"], "c"),
        ("town", "not between", "a,l", "abde"),
        ("age", "is", "9.0", "b"),
        ("age", "is not", 9, "acde"),
        ("age", "is smaller than", 30, "b"),
        ("age", "is less than or equal to", "30", "ab"),
        ("age", "is greater than", 9, "a"),
        ("age", "is_greater_than-or_equal to", 9, "ab"),
        ("age", "between", {"start": 9, "end": 29}, "b"),
        ("age", "not between", "9, 29", "acde"),
        ("age", "is", "many", ""),
        ("age", "is not", "many", ""),
        ("code", "is less than", "10", "a"),
        ("code", "is greater than", "9", "bc"),
        ("born", "is", "2026-04-10", "a"),
        ("born", "is not", "2026-04-10", "bcde"),
        ("born", "is before", "2026-04-10", "c"),
        ("born", "after", "2026-04-10", "b"),
        ("born", "is greater than or equal to", "2026-04-10", "ab"),
        ("born", "in the last X days", 7, "ac"),
        ("born", "in the last x days", "6", "a"),
        ("born", "not in the last X days", 7, "bde"),
        ("born", "in the next X days", 2, "b"),
        ("born", "not in the next X days", 2, "acde"),
        ("born", "is exactly X days ago", 7, "c"),
        ("born", "is exactly X days from now", 2, "b"),
        ("born", "is exactly X days ago", 0, "a"),
        ("born", "between", {"start": "2026-04-03", "end": "2026-04-10"}, "ac"),
        ("born", "not between", ["2026-04-03", "2026-04-10"], "bde"),
        ("born", "in the last X days", "soon", ""),
        ("born", "not in the last X days", -1, ""),
        ("born", "between", "2026-04-03", ""),
        ("colours", "is", "red", "ab"),
        ("colours", "contains", "Blue", "a"),
        ("colours", "is not", "blue", "bcde"),
        ("colours", "is not set", None, "cde"),
        ("size", "is", "s", "a"),
        ("size", "is not", "S", "bcde"),
        ("size", "contains", "m", "b"),
        ("wakes", "is less than or equal to", "07:00", "a"),
        ("wakes", "is greater than", "07:00", "b"),
        ("news", "is", "yes", "c"),
        ("news", "is not", 1, "abde"),
        ("news", "contains", "y", ""),
        (STATUS, "is", "Subscribed", "ad"),
        (STATUS, "is not", "subscribed", "bce"),
        (STATUS, "is", "Opt-In Pending", "b"),
        (STATUS, "is", "Unsubscribed", "ce"),
        (STATUS, "is", "Opt-Out Pending", ""),
        (STATUS, "is not", "Opt-Out Pending", "abcde"),
        (STATUS, "contains", "pending", "b"),
        (STATUS, "is not", "Sleeping", ""),
        (STATUS, "is less than", "Subscribed", ""),
        ("BounceType", "is", "Hard", "d"),
        ("BounceType", "is not", "Hard", "abce"),
        ("BounceType", "is", "Not Bounced", "abce"),
        ("SubscriptionDate", "is", "2026-04-10", "a"),
        ("SubscriptionDate", "in the last X days", 3, "ab"),
        ("SubscriptionDate", "not in the last X days", 3, "cde"),
        ("SubscriptionDate", "is exactly X days ago", 2, "b"),
        ("SubscriptionDate", "is not set", None, "d"),
        ("SubscriptionDate", "is less than", "2026-04-08", "ce"),
        ("UnsubscriptionDate", "is set", None, "c"),
        ("OptInDate", "is set", None, ""),
        ("SubscriptionIP", "is", "10.0.0.1", "a"),
        ("SubscriptionIP", "is", "10.0.0", ""),
        ("SubscriberID", "is greater than", 0, "abcde"),
        ("shoes", "is not", "x", ""),
        ("99999999", "is not", "x", ""),
        ("CustomField99999999", "is not set", None, ""),
        ("town", "sounds like", "x", ""),
        ("town", None, "x", ""),
        (None, "is", "x", ""),
    ],
)
def test_rules_about_fields(world, field_id, operator, value, expected):
    named = field_id.format(**world.numbers) if field_id else field_id

    assert found(parse([about(named, operator, value)], world), world) == expected


def test_a_field_of_another_list_is_nobodys(world):
    other = MailingListFactory(organization=world.organization)
    elsewhere = fields.create(world.organization, key="shoe", kind="text", mailing_list=other)

    tree = parse([about(elsewhere.pk, "is not", "x")], world)

    assert tree.rules[0].field == "nobody"
    assert "no field" in tree.rules[0].value


def test_a_rule_without_a_value_is_nobodys(world):
    assert found(parse([{"type": "fields", "field_id": "town", "operator": "is not"}], world), world) == ""


def test_a_rule_that_cannot_be_answered_leaves_the_others_as_they_are(world):
    assert found(parse([[about("shoes", "is", "x")], [about(EMAIL, "begins with", "a")]], world, "or"), world) == "a"
    assert found(parse([[about("shoes", "is", "x")], [about(EMAIL, "begins with", "a")]], world, "and"), world) == ""


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("has this tag", "{vip}", "ab"),
        ("does not have this tag", "{vip}", "cde"),
        ("has any of these tags", "{vip},{new}", "ab"),
        ("has any of these tags", "{new}, 99999999", "a"),
        ("has all of these tags", "{vip},{new}", "a"),
        ("has all of these tags", "{vip},99999999", ""),
        ("does not have this tag", "99999999", ""),
        ("has this tag", "", ""),
        ("has no tags", "", "cde"),
        ("wears", "{vip}", ""),
    ],
)
def test_rules_about_tags(world, operator, value, expected):
    rule = {"type": "tags", "operator": operator, "value": value.format(**world.numbers)}

    assert found(parse([rule], world), world) == expected


def test_a_tag_may_be_named_by_a_number_that_is_no_text(world):
    rule = {"type": "tags", "operator": "has this tag", "value": world.numbers["new"]}

    assert found(parse([rule], world), world) == "a"


@pytest.mark.parametrize(("operator", "expected"), [("exist", "bcd"), ("not exist", "ae"), ("maybe", ""), ("", "")])
def test_rules_about_suppressions_look_at_every_scope(world, operator, expected):
    assert found(parse([{"type": "suppressions", "operator": operator}], world), world) == expected


def test_rules_about_segments(world):
    segment = SegmentFactory(
        organization=world.organization, rules={"field": "fields.town", "operator": "is", "value": "Ulm"}
    )
    elsewhere = SegmentFactory(organization=world.organization)
    elsewhere.mailing_lists.set([MailingListFactory(organization=world.organization)])

    def belongs(value, operator="belongs to"):
        return found(parse([{"type": "segments", "operator": operator, "value": value}], world), world)

    assert belongs(segment.pk) == "a"
    assert belongs(str(segment.pk), "does_not_belong_to") == "bcde"
    assert belongs(elsewhere.pk) == belongs(elsewhere.pk, "does not belong to") == ""
    assert belongs("S1") == belongs("S1", "does not belong to") == belongs(SegmentFactory().pk) == ""


def test_a_segment_whose_rules_break_later_holds_for_nobody_in_either_direction(world):
    segment = SegmentFactory(organization=world.organization)
    segment.mailing_lists.set([world])
    trees = [
        parse([{"type": "segments", "operator": operator, "value": segment.pk}], world)
        for operator in ("belongs to", "does not belong to")
    ]
    segment.rules = {"field": "fields.gone", "operator": "is", "value": "x"}
    segment.save()

    assert [found(tree, world) for tree in trees] == ["", ""]


@pytest.mark.parametrize(
    ("kind", "operator", "expected"),
    [
        ("journeys", "in journey", ""),
        ("journeys", "completed journey", ""),
        ("journeys", "not in journey", "abcde"),
        ("journeys", "opened", ""),
        ("journeys", "not bounced", "abcde"),
        ("journeys", "loves", ""),
        ("website-events", "happened", ""),
        ("website_events", "did happen", ""),
        ("website-events", "did not happen", "abcde"),
        ("website-events", "happened in the last X days", ""),
        ("website-events", "does not match regex", "abcde"),
        ("website-events", "is not set", "abcde"),
        ("website-events", "sees", ""),
    ],
)
def test_what_does_not_happen_here_happened_to_nobody(world, kind, operator, expected):
    assert (
        found(parse([{"type": kind, "event": "pageView", "operator": operator, "value": 1}], world), world) == expected
    )


# --- what people did -----------------------------------------------------------------------------------------------


def event(operator, value="", **more):
    return {"type": "campaign-events", "operator": operator, "value": value, **more}


@pytest.mark.parametrize(
    ("rule", "condition"),
    [
        (event("opened"), Condition("campaign.opened", "did", {})),
        (event("not_opened", []), Condition("campaign.opened", "did_not", {})),
        (event("clicked", 5), Condition("campaign.clicked", "did", {"campaigns": [5]})),
        (event("Clicked", "5, 7"), Condition("campaign.clicked", "did", {"campaigns": [5, 7]})),
        (event("bounced", ["5", 7]), Condition("campaign.bounced", "did", {"campaigns": [5, 7]})),
        (event("opened", 5, **{"email-id": "3"}), Condition("campaign.opened", "did", {"campaigns": [5], "email": 3})),
        (event("queued-recipients", 5), Condition("campaign.queued", "did", {"campaigns": [5]})),
        (event("not queued-recipients", 5), Condition("campaign.queued", "did_not", {"campaigns": [5]})),
        (event("delivered", 5, time_filter={"type": "x"}), Condition("campaign.delivered", "did", {"campaigns": [5]})),
        (event("failed", 5, aggregation={"operator": "x"}), Condition("campaign.failed", "did", {"campaigns": [5]})),
        (
            event("opened", time_filter={"type": "in_last_x_days", "value": "30"}),
            Condition("campaign.opened", "did", {"within": {"type": "in_last", "amount": 30, "unit": "days"}}),
        ),
        (
            event("opened", time_filter={"type": "not_in_last_x_days", "value": 30}),
            Condition("campaign.opened", "did", {"within": {"type": "not_in_last", "amount": 30, "unit": "days"}}),
        ),
        (
            event("opened", time_filter={"type": "between", "value": {"start": "2026-01-01", "end": "2026-01-31"}}),
            Condition(
                "campaign.opened", "did", {"within": {"type": "between", "from": "2026-01-01", "to": "2026-01-31"}}
            ),
        ),
        (
            event("opened", time_filter={"type": "after", "value": "2026-01-01"}),
            Condition("campaign.opened", "did", {"within": {"type": "after", "day": "2026-01-01"}}),
        ),
        (
            event("not complained", aggregation={"operator": "at_least", "count": "3"}),
            Condition("campaign.complained", "did_not", {"count": {"at_least": 3}}),
        ),
        (
            {**event("opened", 5), "type": "sms-events"},
            Condition("sms.opened", "did", {"campaigns": [5]}),
        ),
    ],
)
def test_rules_about_campaigns(news, rule, condition):
    assert parse([rule], news) == every(condition)


@pytest.mark.parametrize(
    "rule",
    [
        event("read"),
        event("opened", "abc"),
        event("opened", [5, None]),
        event("opened", {"id": 5}),
        event("opened", True),
        event("opened", -5),
        event("not opened", "abc"),
        event("opened", **{"email-id": "x"}),
        event("opened", time_filter="30"),
        event("opened", time_filter={"type": "sometimes", "value": 5}),
        event("opened", time_filter={"type": "in_last_x_days", "value": "soon"}),
        event("opened", time_filter={"type": "in_last_x_days", "value": 0}),
        event("not opened", time_filter={"type": "not_in_last_x_days", "value": "-5"}),
        event("opened", time_filter={"type": "in_last_x_days", "value": 10**6}),
        event("opened", time_filter={"type": "between", "value": {"start": "2026-02-30", "end": "2026-03-01"}}),
        event("opened", time_filter={"type": "not_between", "value": {"start": "2026-03-02", "end": "2026-03-01"}}),
        event("opened", time_filter={"type": "between", "value": {"start": "2026-03-02"}}),
        event("opened", time_filter={"type": "after", "value": "31.03.2026"}),
        event("opened", time_filter={"type": "before", "value": "20260331"}),
        event("opened", time_filter={"type": "after", "value": 20260331}),
        event("opened", time_filter={"type": "between", "value": "2026-01-01"}),
        event("not opened", time_filter={"type": "before", "value": None}),
        event("opened", aggregation={"operator": "about", "count": 5}),
        event("opened", aggregation={"operator": "at_least", "count": "x"}),
        event("opened", aggregation=[1]),
    ],
)
def test_a_rule_about_campaigns_that_is_not_understood_holds_for_nobody(news, rule):
    (condition,) = parse([rule], news).rules

    assert condition.field == "nobody"
    assert condition.value


def test_a_time_filter_that_is_not_understood_leaves_the_rules_beside_it_as_they_are(world):
    broken = event("opened", time_filter={"type": "in_last_x_days", "value": 0})

    assert found(parse([broken, event("not opened")], world, "or"), world) == "abcde"
    assert found(parse([broken, event("not opened")], world, "and"), world) == ""


def test_any_campaign_where_there_is_none_was_opened_by_nobody(world):
    assert found(parse([event("opened")], world), world) == ""
    assert found(parse([event("not opened")], world), world) == "abcde"
    assert found(parse([event("not opened", 99999999)], world), world) == ""
