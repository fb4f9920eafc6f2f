"""RulesJson and RulesJsonBundle: how they are read, whom they mean, and what is refused."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audience import fields
from audience.criteria import octeth
from audience.criteria.compiler import compile_tree, sentence
from audience.criteria.octeth import errors
from audience.criteria.scope import Scope
from audience.criteria.tree import EVERYONE, Condition, Group, Match, from_json, to_json
from audience.errors import InvalidRules
from audience.models import Subscriber, SubscriberTag, Subscription, Suppression, TaggedSubscription
from tests.factories import MailingListFactory, OrganizationFactory, SegmentFactory, SubscriberFactory

NOW = datetime(2026, 4, 10, 12, tzinfo=UTC)


def about(field_id, operator, value=None, **more):
    return {"type": "fields", "field_id": field_id, "operator": operator, "value": value, **more}


def mail(text):
    return about("EmailAddress", "contains", text)


A, B, C, D, E = (mail(letter) for letter in "abcde")
a, b, c, d, e = (Condition("email", "contains", letter) for letter in "abcde")


@pytest.fixture
def news(db):
    return MailingListFactory(organization=OrganizationFactory(timezone="Europe/Berlin"), name="News")


def parse(rules, mailing_list, operator="and", **more):
    return octeth.parse(json.dumps(rules), operator=operator, mailing_list=mailing_list, **more)


def every(*rules):
    return Group(Match.ALL, rules)


def one(*rules):
    return Group(Match.ANY, rules)


# --- connectors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "operator", "tree"),
    [
        ([[A, B], [C, D], [E]], "or", one(every(a, b), every(c, d), e)),
        ([[A, B], [C, D], [E]], "and", every(one(a, b), one(c, d), e)),
        ([[A, [B, C]], [D]], "or", one(every(a, one(b, c)), d)),
        ([[A, [B, C]], [D]], "and", every(one(a, every(b, c)), d)),
        ([A, B], "and", every(a, b)),
        ([A, B], "or", one(a, b)),
        ([A, [B, C]], "and", every(a, one(b, c))),
        ([[A]], "AND", every(a)),
        ([[A], [B]], "xor", one(a, b)),
        ([[A], [B]], None, one(a, b)),
        ([[], [A], []], "and", every(a)),
    ],
)
def test_what_joins_rules_changes_with_the_depth(news, rules, operator, tree):
    assert parse(rules, news, operator) == tree


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", errors.NotJson),
        ("[", errors.NotJson),
        ("{}", errors.NotJson),
        ("5", errors.NotJson),
        ('["x"]', errors.NotJson),
        ("[[[NaN]]]", errors.NotJson),
        ("[" * 100_000, errors.TooDeep),
        (json.dumps([[[[A]]]]), errors.TooDeep),
        ("[]", errors.NoRules),
        ("[[]]", errors.NoRules),
        ("[[{}]]", errors.NoRules),
        ('[[{"type": "shoes", "operator": "is"}]]', errors.UnknownType),
        ('[[{"typ": "fields", "operator": "is"}]]', errors.UnknownType),
        (json.dumps([A] * 201), errors.TooLarge),
        (" " * 1_000_001, errors.TooLarge),
    ],
)
def test_what_is_no_rules_json_says_in_which_way(news, text, error):
    with pytest.raises(error) as refused:
        octeth.parse(text, operator="and", mailing_list=news)

    assert type(refused.value) is error
    assert isinstance(refused.value, InvalidRules)


def test_a_list_that_is_no_text_is_read_too(news):
    assert octeth.parse([[A]], operator="and", mailing_list=news) == every(a)


@pytest.mark.parametrize("rules", [[], [[]], [[{}]]])
def test_no_rules_can_mean_the_whole_list(news, rules):
    assert parse(rules, news, no_rules_mean_everybody=True) == EVERYONE


def test_a_broken_rule_is_never_taken_for_no_rule(news):
    with pytest.raises(errors.UnknownType):
        parse([[{"typ": "fields", "value": "x"}]], news, no_rules_mean_everybody=True)


def test_keys_and_operators_are_read_in_any_case_of_letters(news):
    rules = [{"Type": "FIELDS", "Field_ID": "emailaddress", "OPERATOR": " Does_Not  CONTAIN ", "Value": "x"}]

    assert parse(rules, news) == every(Condition("email", "does_not_contain", "x"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([A, B]),
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(st.sampled_from(["type", "operator", "value", "field_id", "time_filter"]), below)
            | st.builds(
                lambda kind, operator, value: {"type": kind, "operator": operator, "value": value},
                st.sampled_from(["fields", "tags", "segments", "campaign-events", "suppressions", "journeys"]),
                st.sampled_from(["is", "opened", "exist", "has no tags", "belongs to", "not opened"]),
                below,
            )
        ),
        max_leaves=8,
    ),
    st.sampled_from(["and", "or"]),
)
def test_whatever_comes_is_a_tree_that_compiles_or_refused(news, rules, operator):
    try:
        tree = octeth.parse(rules, operator=operator, mailing_list=news)
    except errors.InvalidRulesJson:
        return
    assert from_json(to_json(tree)) == tree
    scope = Scope.of_rows(news.organization, (news.pk,))
    assert compile_tree(tree, scope)
    assert sentence(tree, scope)


# --- people ------------------------------------------------------------------------------------------------------

PEOPLE = {
    "ann": {"status": "subscribed", "subscribed_at": datetime(2026, 4, 10, 9, tzinfo=UTC), "ip_address": "10.0.0.1"},
    "bob": {"status": "unconfirmed", "subscribed_at": datetime(2026, 4, 8, 9, tzinfo=UTC)},
    "cid": {"status": "unsubscribed", "unsubscribed_at": NOW, "subscribed_at": datetime(2026, 3, 1, tzinfo=UTC)},
    "dee": {"status": "bounced", "subscribed_at": None},
    "eve": {"status": "complained", "subscribed_at": datetime(2026, 3, 1, tzinfo=UTC)},
}
TOWNS = {"ann": {"town": "Ulm", "age": 30}, "bob": {"town": "ulm 50%", "age": 9}, "cid": {"town": "Köln"}}
LIST_VALUES = {
    "ann": {"born": "2026-04-10", "colours": ["red", "blue"], "size": "S", "code": "9", "wakes": "07:00"},
    "bob": {"born": "2026-04-12", "colours": ["red"], "size": "M", "code": "10", "wakes": "09:30"},
    "cid": {"born": "2026-04-03", "code": "x", "news": True},
}


@pytest.fixture
def world(news):
    organization = news.organization
    made = [fields.create(organization, key="town", name="Town")]
    made += [fields.create(organization, key="age", name="Age", kind="number")]
    for key, kind, choices in (
        ("born", "date", ()),
        ("colours", "multi_choice", ("red", "green", "blue")),
        ("size", "choice", ("S", "M")),
        ("code", "text", ()),
        ("wakes", "time", ()),
        ("news", "boolean", ()),
    ):
        made += [fields.create(organization, key=key, kind=kind, choices=choices, mailing_list=news)]
    for name, about_row in PEOPLE.items():
        person = SubscriberFactory(
            organization=organization, email=f"{name}@example.com", fields=TOWNS.get(name, {}), created_at=NOW
        )
        Subscription.objects.create(mailing_list=news, subscriber=person, fields=LIST_VALUES.get(name, {}), **about_row)
    tags = [SubscriberTag.objects.create(mailing_list=news, name=name) for name in ("vip", "new", "old")]
    for name, carried in {"ann": tags[:2], "bob": tags[:1]}.items():
        for tag in carried:
            TaggedSubscription.objects.create(subscription=_row(news, name), tag=tag)
    Suppression.objects.create(kind="email", value="bob@example.com", organization=organization)
    Suppression.objects.create(kind="email", value="cid@example.com", organization=organization, mailing_list=news)
    Suppression.objects.create(kind="email", value="dee@example.com")
    news.numbers = {field.key: field.pk for field in made} | {tag.name: tag.pk for tag in tags}
    return news


def _row(mailing_list, name):
    return Subscription.objects.get(mailing_list=mailing_list, subscriber__email=f"{name}@example.com")


def found(tree, mailing_list):
    """First letters of the people on the list whom the tree means."""
    scope = Scope(
        organization=mailing_list.organization,
        mailing_lists=(mailing_list.pk,),
        person="subscriber__",
        row="",
        now=NOW,
    )
    rows = Subscription.objects.filter(compile_tree(from_json(to_json(tree)), scope), mailing_list=mailing_list)
    return "".join(sorted(email[0] for email in rows.values_list("subscriber__email", flat=True)))


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


# --- what people did ---------------------------------------------------------------------------------------------


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


# --- bundles -----------------------------------------------------------------------------------------------------

SAMPLE = """
{"operator": "or", "criteria": [
  {"list_id": %d, "operator": "and", "rules": [
    {"type": "fields", "field_id": "EmailAddress", "operator": "contains", "value": "user1"},
    {"type": "fields", "field_id": "EmailAddress", "operator": "contains", "value": ".net"}]},
  {"list_id": %d, "operator": "or", "rules": [
    {"type": "fields", "field_id": "EmailAddress", "operator": "contains", "value": "@test"},
    {"type": "fields", "field_id": "EmailAddress", "operator": "contains", "value": "@gmail"}]}]}
"""


@pytest.fixture
def two(news):
    """Two lists with people on one, the other, or both."""
    other = MailingListFactory(organization=news.organization)
    for email, lists in {
        "user1@a.net": [news, other],
        "user1@a.com": [news],
        "user2@a.net": [news],
        "user1@test.net": [news, other],
        "b@gmail.com": [other],
        "c@test.org": [other],
        "d@gmail.com": [news],
        "e@x.org": [other],
    }.items():
        person = SubscriberFactory(organization=news.organization, email=email)
        for mailing_list in lists:
            Subscription.objects.create(mailing_list=mailing_list, subscriber=person)
    return news, other


def people(bundle, organization):
    condition = compile_tree(from_json(to_json(bundle.tree)), Scope.of_people(organization))
    emails = Subscriber.objects.filter(condition, organization=organization).values_list("email", flat=True)
    return sorted(emails)


def test_the_printed_bundle_means_the_union_of_its_lists_each_person_once(two):
    first, second = two

    bundle = octeth.parse_bundle(SAMPLE % (first.pk, second.pk), organization=first.organization)

    assert people(bundle, first.organization) == ["b@gmail.com", "c@test.org", "user1@a.net", "user1@test.net"]
    assert bundle.mailing_lists == (first.pk, second.pk)
    assert [group.on for group in bundle.tree.rules] == [first.public_id, second.public_id]


def test_a_bundle_joined_by_and_means_who_fulfils_every_criterion(two):
    first, second = two
    text = (SAMPLE % (first.pk, second.pk)).replace('"or", "criteria"', '"and", "criteria"')

    bundle = octeth.parse_bundle(text, organization=first.organization)

    assert people(bundle, first.organization) == ["user1@test.net"]


def test_a_criterion_without_rules_means_its_list(two):
    first, second = two
    for rules in ([], [[]], [[{}]]):
        bundle = octeth.parse_bundle(
            {"operator": "or", "criteria": [{"list_id": str(second.pk), "operator": "and", "rules": rules}]},
            organization=first.organization,
        )

        assert len(people(bundle, first.organization)) == 5


def test_rules_of_a_bundle_may_be_grouped_and_look_at_the_row_of_their_list(two):
    first, _ = two
    Subscription.objects.filter(mailing_list=first).update(status="unsubscribed", unsubscribed_at=NOW)
    status = about("SubscriptionStatus", "is", "Subscribed")
    rules = [[mail("user1"), mail("gmail")], [status]]

    bundle = octeth.parse_bundle(
        {"Operator": "OR", "Criteria": [{"List_ID": each.pk, "operator": "and", "rules": rules} for each in two]},
        organization=first.organization,
    )

    assert people(bundle, first.organization) == ["b@gmail.com", "user1@a.net", "user1@test.net"]


@pytest.mark.parametrize(
    ("bundle", "error"),
    [
        ("{", errors.NotJson),
        ("[]", errors.NotJson),
        ({"operator": "or", "criteria": 5}, errors.NotJson),
        ({"operator": "or", "criteria": ["x"]}, errors.NotJson),
        ({"operator": "or"}, errors.NoRules),
        ({"operator": "or", "criteria": []}, errors.NoRules),
        ({"operator": "or", "criteria": [{"operator": "and", "rules": []}]}, errors.InvalidList),
        ({"operator": "or", "criteria": [{"list_id": "x", "operator": "and", "rules": []}]}, errors.InvalidList),
        ({"operator": "or", "criteria": [{"list_id": 0, "operator": "and", "rules": []}]}, errors.InvalidList),
        ({"operator": "or", "criteria": [{"list_id": 99999999, "operator": "and", "rules": []}]}, errors.UnknownList),
        ({"criteria": [{"list_id": "LIST", "rules": []}, {"list_id": "LIST", "rules": []}]}, errors.InvalidRulesJson),
        ({"criteria": [{"list_id": "LIST", "operator": "and"}]}, errors.NotJson),
        ({"criteria": [{"list_id": "LIST", "operator": "nor", "rules": [A, B]}]}, errors.InvalidRulesJson),
        ({"criteria": [{"list_id": "LIST", "operator": "or", "rules": [[[[A]]]]}]}, errors.TooDeep),
        ({"criteria": [{"list_id": "LIST", "operator": "or", "rules": [{"type": "x"}]}]}, errors.UnknownType),
    ],
)
def test_a_bundle_that_is_not_understood_is_refused(news, bundle, error):
    text = bundle if isinstance(bundle, str) else json.dumps(bundle).replace('"LIST"', str(news.pk))

    with pytest.raises(error) as refused:
        octeth.parse_bundle(text, organization=news.organization)

    assert type(refused.value) is error


def test_a_bundle_of_many_lists_costs_what_one_of_two_costs(news, django_assert_max_num_queries):
    lists = [news, *MailingListFactory.create_batch(29, organization=news.organization)]
    fields.create(news.organization, key="town")
    rules = [about("town", "is", "Ulm"), mail("a")]
    criteria = [{"list_id": each.pk, "operator": "and", "rules": rules} for each in lists]

    with django_assert_max_num_queries(4):
        bundle = octeth.parse_bundle({"operator": "or", "criteria": criteria}, organization=news.organization)

    assert len(bundle.mailing_lists) == 30


def test_a_bundle_names_only_lists_of_its_organization(news):
    bundle = {"criteria": [{"list_id": MailingListFactory().pk, "operator": "or", "rules": []}]}

    with pytest.raises(errors.UnknownList):
        octeth.parse_bundle(bundle, organization=news.organization)


# --- older forms -------------------------------------------------------------------------------------------------


def test_columns_of_a_form_are_rules_side_by_side(world):
    columns = ["EmailAddress", f"CustomField{world.numbers['town']}"], ["Contains", "Is"], ["example", "Ulm"]

    for operator, expected in (("and", "a"), ("or", "abcde")):
        assert found(octeth.parse_columns(*columns, operator=operator, mailing_list=world), world) == expected


def test_columns_of_different_lengths_are_refused(news):
    with pytest.raises(errors.NotJson):
        octeth.parse_columns(["EmailAddress"], ["is", "is"], ["x"], operator="and", mailing_list=news)
    with pytest.raises(errors.NoRules):
        octeth.parse_columns([], [], [], operator="and", mailing_list=news)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("[[EmailAddress]||[Contains]||[a]]", every(a)),
        ("[[EmailAddress]||[Contains]||[a]],,,[[EmailAddress]||[contains]||[b]]", every(a, b)),
        (
            "[[EmailAddress]||[Contains]||[a]],,,[[EmailAddress]||[contains]||[b]],::,[[EmailAddress]||[contains]||[c]]",
            every(one(a, b), c),
        ),
        ("[[EmailAddress]||[is]||[[x]]]", every(Condition("email", "is", "[x]"))),
    ],
)
def test_rules_in_one_text_are_read(news, text, tree):
    assert octeth.parse_text(text, operator="and", mailing_list=news) == tree


@pytest.mark.parametrize(
    "text", ["", "EmailAddress", "[[EmailAddress]||[is]]", "[[a]||[is]||[b]],,,", "[[a]||[is]||[b]"]
)
def test_another_text_is_refused(news, text):
    with pytest.raises(errors.NotJson):
        octeth.parse_text(text, operator="and", mailing_list=news)


def test_rules_are_written_as_the_text_that_is_read(news):
    text = octeth.written_as_text([("EmailAddress", "Contains", "a"), ("EmailAddress", "Contains", "b")])

    assert octeth.parse_text(text, operator="or", mailing_list=news) == one(a, b)
