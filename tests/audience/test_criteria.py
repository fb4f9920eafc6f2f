"""Rules about people: the tree, its JSON, its SQL and its English."""

from types import SimpleNamespace

import pytest
from django.db.models import Q
from hypothesis import given
from hypothesis import strategies as st

from audience import fields
from audience.criteria import vocabulary
from audience.criteria.compiler import compile_rules, sentence
from audience.criteria.scope import Scope
from audience.criteria.tree import Condition, Group, Match, from_json, to_json
from audience.criteria.values import Reader
from audience.criteria.vocabulary import OF_PERSON, OF_ROW, Vocabulary
from audience.errors import InvalidRules
from audience.models import CustomField, Subscriber
from tests.factories import MailingListFactory, SubscriberFactory, SubscriptionFactory

# --- trees as JSON -----------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
any_condition = st.builds(Condition, st.text(max_size=8), st.text(max_size=8), scalars)
any_tree = st.recursive(
    any_condition,
    lambda node: st.builds(Group, st.sampled_from(Match), st.lists(node, min_size=1, max_size=3).map(tuple)),
    max_leaves=8,
)


@given(any_tree)
def test_a_tree_survives_being_written_as_json(tree):
    tree = tree if isinstance(tree, Group) else Group(Match.ALL, (tree,))

    assert from_json(to_json(tree)) == tree


def test_no_rules_are_an_empty_object():
    assert to_json(Group()) == {}
    assert from_json({}) == Group()


@pytest.mark.parametrize(
    "rules",
    [
        None,
        [],
        "everybody",
        {"match": "all"},
        {"match": "all", "rules": []},
        {"match": "some", "rules": [{"field": "email", "operator": "is", "value": "x"}]},
        {"match": "all", "rules": {}},
        {"match": "all", "rules": [[]]},
        {"field": "email"},
        {"field": "email", "operator": "is", "value": "x", "or": "y"},
        {"field": "email", "operator": "is", "value": [[[[["x"]]]]]},
        {"field": "email", "operator": "is", "value": {1: "x"}},
        {"on": "", "match": "all", "rules": []},
        {"on": None, "match": "all", "rules": []},
        {"field": 5, "operator": "is"},
        {"field": "email", "operator": None},
    ],
)
def test_what_is_no_tree_is_refused(rules):
    with pytest.raises(InvalidRules):
        from_json(rules)


def test_trees_are_neither_too_deep_nor_too_large():
    condition = {"field": "email", "operator": "is", "value": "x"}
    deep = condition
    for _ in range(10):
        deep = {"match": "all", "rules": [deep]}

    for rules in (deep, {"match": "any", "rules": [condition] * 201}):
        with pytest.raises(InvalidRules):
            from_json(rules)


# --- single points -----------------------------------------------------------------------------------------------


@pytest.fixture
def mailing_list(organization):
    mailing_list = MailingListFactory(organization=organization, name="News")
    fields.create(organization, key="town", name="Town")
    fields.create(organization, key="age", name="Age", kind="number")
    fields.create(organization, key="vip", name="VIP", kind="boolean")
    fields.create(organization, key="size", name="Size", kind="choice", choices=["S", "M"], mailing_list=mailing_list)
    fields.create(organization, key="born", name="Born", kind="date")
    fields.create(organization, key="opens", name="Opens", kind="time")
    fields.create(organization, key="likes", name="Likes", kind="multi_choice", choices=["Tea", "Travel"])
    return mailing_list


def rule(field, operator, value=None):
    return {"field": field, "operator": operator, **({} if value is None else {"value": value})}


@pytest.mark.parametrize(
    "rules",
    [
        rule("shoes", "is", "42"),
        rule("fields.shoes", "is", "42"),
        rule("fields.", "is", "42"),
        rule("opened.cmp_x", "is", "42"),
        rule("list.lst_nowhere", "is", "subscribed"),
        rule("fields.age", "contains", "4"),
        rule("fields.vip", "greater_than", "4"),
        rule("fields.town", "is", ["Ulm"]),
        rule("fields.town", "sounds_like", "Ulm"),
        rule("fields.age", "is", "old"),
        rule("fields.age", "is"),
        rule("fields.town", "is", ""),
        rule("fields.town", "contains", "a\x00b"),
        rule("fields.vip", "is", "perhaps"),
        rule("fields.size", "is", "XXL"),
        rule("status", "is", "bored"),
        rule("created_at", "before", "soon"),
        rule("fields.town", "is_one_of", []),
        rule("fields.age", "between", [1, 2]),
        rule("fields.age", "between", {"from": 1}),
        rule("fields.age", "between", {"from": 5, "to": 1}),
        rule("fields.age", "between", {"from": "old", "to": "older"}),
        rule("created_at", "between", {"from": "2026-03-02", "to": "2026-03-01"}),
        rule("created_at", "in_last", 7),
        rule("created_at", "in_last", {"amount": 7, "unit": "moons"}),
        rule("created_at", "in_last", {"amount": 0, "unit": "days"}),
        rule("created_at", "in_last", {"amount": 1.5, "unit": "days"}),
        rule("created_at", "in_last", {"amount": True, "unit": "days"}),
        rule("created_at", "in_last", {"amount": 10_000_000, "unit": "months"}),
        rule("created_at", "in_next", {"amount": 10_000_000, "unit": "weeks"}),
        rule("created_at", "in_last", {"amount": 10**20, "unit": "minutes"}),
        rule("created_at", "days_ago", -1),
        rule("created_at", "days_ago", 5_000_000),
        rule("created_at", "is", "9999-12-31"),
        rule("created_at", "is", "2026-03-31T99:00"),
        rule("fields.born", "in_last", {"amount": 5, "unit": "minutes"}),
        rule("fields.opens", "is", "25:00"),
        rule("fields.opens", "greater_than", "09:00"),
        rule("fields.likes", "is", "Tea"),
        rule("fields.likes", "has_any_of", ["Coffee"]),
        rule("fields.likes", "has_any_of", []),
        rule("ip_address", "is", "localhost"),
        rule("ip_address", "is", "fe80::1%eth0"),
        rule("ip_address", "in_network", "10.0.0.0/99"),
        rule("bounce", "is", "elastic"),
        rule("subscription_id", "is", "first"),
        rule("tags", "has_any_of", [5, [6]]),
        rule("suppressed", "is", "perhaps"),
        rule("suppressed", "is", [True]),
        rule("suppressed", "is_empty"),
        rule("sample", "percent", 10),
        rule("sample", "percent", {"percent": 0}),
        rule("sample", "percent", {"percent": 101}),
        rule("sample", "percent", {"percent": "few"}),
        rule("sample", "percent", {"percent": 10, "seed": ["x"]}),
        rule("nobody", "because", " "),
        rule("nobody", "is", "x"),
        rule("everybody", "because"),
        rule("segment.seg_nowhere", "is", True),
        {"on": "lst_nowhere", "match": "all", "rules": []},
        {"match": "not", "rules": [rule("shoes", "is", "42")]},
    ],
)
def test_rules_that_make_no_sense_here_are_refused(organization, mailing_list, rules):
    for scope in (Scope.of_people(organization), Scope.of_rows(organization, (mailing_list.pk,))):
        with pytest.raises(InvalidRules):
            compile_rules(rules, scope)
        with pytest.raises(InvalidRules):
            sentence(from_json(rules), scope)


def test_a_list_of_another_organization_is_unknown_to_rules(organization):
    foreign = MailingListFactory()

    with pytest.raises(InvalidRules):
        compile_rules(rule(f"list.{foreign.public_id}", "is_not", "subscribed"), Scope.of_people(organization))


def test_a_field_of_a_list_is_unknown_where_other_lists_are_looked_at(organization, mailing_list):
    other = MailingListFactory(organization=organization)

    with pytest.raises(InvalidRules):
        compile_rules(rule("fields.size", "is", "S"), Scope.of_rows(organization, (other.pk,)))


def test_a_stored_value_of_another_type_counts_as_no_value(organization, mailing_list):
    person = SubscriberFactory(organization=organization, fields={"age": "ten", "town": 5, "vip": "yes"})
    scope = Scope.of_people(organization)

    def holds(*of):
        return Subscriber.objects.filter(compile_rules(rule(*of), scope), pk=person.pk).exists()

    assert not any(holds("fields.age", operator, 5) for operator in ("is", "greater_than", "less_than"))
    assert all(holds(f"fields.{key}", "is_empty") for key in ("age", "town", "vip"))


def test_the_number_of_queries_does_not_grow_with_the_rules(organization, mailing_list, django_assert_max_num_queries):
    many = [rule("fields.town", "is", "Ulm"), rule(f"list.{mailing_list.public_id}", "is", "subscribed")] * 50

    with django_assert_max_num_queries(2):
        compile_rules({"match": "any", "rules": many}, Scope.of_people(organization))


def test_rules_read_as_english(organization, mailing_list):
    rules = {
        "match": "all",
        "rules": [
            rule("email", "ends_with", "@Example.com"),
            {"match": "any", "rules": [rule("fields.age", "at_least", "1800"), rule("fields.vip", "is", "yes")]},
            {"match": "not", "rules": [rule("fields.town", "is_empty"), rule("created_at", "after", "2026-03-31")]},
            rule(f"list.{mailing_list.public_id}", "is", "subscribed"),
        ],
    }

    assert sentence(from_json(rules), Scope.of_people(organization)) == (
        "Email ends with “@example.com” and (Age is at least 1,800 or VIP is yes) "
        "and not (Town is empty or Known since is after 2026-03-31) and Status on News is “Subscribed”"
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (rule("fields.town", "is_one_of", ["Ulm", "Bonn", "Köln"]), "Town is one of “Ulm”, “Bonn” or “Köln”"),
        (rule("fields.town", "does_not_start_with", "U"), "Town does not start with “U”"),
        (rule("fields.age", "between", {"from": 1000, "to": 2500.5}), "Age is between 1,000 and 2,500.5"),
        (rule("fields.born", "at_least", "2026-03-31"), "Born is on or after 2026-03-31"),
        (rule("created_at", "at_most", "31.03.2026"), "Known since is on or before 2026-03-31"),
        (rule("created_at", "after", "2026-03-31T12:30"), "Known since is after 2026-03-31T12:30"),
        (rule("created_at", "in_last", {"amount": 1, "unit": "weeks"}), "Known since is in the last 1 week"),
        (rule("created_at", "not_in_next", {"amount": 3, "unit": "months"}), "Known since is not in the next 3 months"),
        (rule("fields.born", "days_ago", 1), "Born is exactly 1 day ago"),
        (rule("fields.opens", "between", {"from": "22:00", "to": "6:00"}), "Opens is between 22:00 and 06:00"),
        (rule("fields.likes", "has_all_of", ["tea", "travel"]), "Likes has all of “Tea” and “Travel”"),
        (rule("tags", "has_none_of", ["New"]), "Tags has none of “New”"),
        (rule("ip_address", "in_network", "10.0.0.9/8"), "Subscription IP is in the network 10.0.0.0/8"),
        (rule("bounce", "is", "hard"), "Bounce is “Hard”"),
        (rule("suppressed", "is_not", True), "Suppressed is no"),
        (rule("sample", "percent", {"percent": 12.5, "seed": "spring"}), "in a random sample of 12.5% (spring)"),
        (rule("nobody", "because", "There are no journeys here."), "nobody (There are no journeys here)"),
        (rule("everybody", "because", "Nobody took part"), "everybody (Nobody took part)"),
    ],
)
def test_each_kind_of_rule_reads_as_english(organization, mailing_list, said, words):
    assert sentence(from_json(said), Scope.of_people(organization)) == words


def test_a_group_about_a_list_reads_as_english(organization, mailing_list):
    subscribed = {"on": mailing_list.public_id, "match": "all", "rules": [rule("status", "is", "subscribed")]}
    on_list = {"on": mailing_list.public_id, "match": "not", "rules": []}
    rules = {"match": "any", "rules": [subscribed, on_list]}

    said = sentence(from_json(rules), Scope.of_people(organization))

    assert said == "on News with (Subscription status is “Subscribed”) or on News"


def test_what_cannot_be_answered_selects_nobody_under_any_number_of_negations(organization, mailing_list):
    SubscriberFactory(organization=organization)
    nobody = rule("nobody", "because", "There are no journeys here")
    rules, anybody = nobody, rule("email", "is_not_empty")

    for _ in range(4):
        rules = {"match": "not", "rules": [rules]}
        assert not Subscriber.objects.filter(compile_rules(rules, Scope.of_people(organization))).exists()
    either = {"match": "any", "rules": [rules, anybody]}
    assert Subscriber.objects.filter(compile_rules(either, Scope.of_people(organization))).exists()


def test_a_group_about_a_list_looks_at_one_subscription(organization, mailing_list):
    other = MailingListFactory(organization=organization)
    person = SubscriberFactory(organization=organization)
    SubscriptionFactory(mailing_list=mailing_list, subscriber=person, status="bounced", fields={"size": "S"})
    SubscriptionFactory(mailing_list=other, subscriber=person)

    def holds(on, *rules):
        tree = {"on": on.public_id, "match": "all", "rules": list(rules)}
        return Subscriber.objects.filter(compile_rules(tree, Scope.of_people(organization))).exists()

    assert holds(mailing_list)
    assert holds(mailing_list, rule("status", "is", "bounced"), rule("fields.size", "is", "S"))
    assert not holds(mailing_list, rule("status", "is", "subscribed"))
    assert holds(other, rule("status", "is", "subscribed"))
    with pytest.raises(InvalidRules):
        holds(other, rule("fields.size", "is", "S"))


def test_a_group_about_a_list_of_another_organization_is_refused(organization, mailing_list):
    foreign = MailingListFactory()

    with pytest.raises(InvalidRules):
        compile_rules({"on": foreign.public_id, "match": "all", "rules": []}, Scope.of_people(organization))


def test_rules_hold_no_more_values_than_a_statement_can_take():
    with pytest.raises(InvalidRules, match="5000 values"):
        from_json(rule("email_domain", "is_one_of", [f"d{number}.example" for number in range(5001)]))


def test_a_field_that_was_called_like_a_word_of_the_merge_language_can_still_be_asked(organization):
    CustomField.objects.create(organization=organization, key="range", name="Range")
    person = SubscriberFactory(organization=organization, fields={"range": "wide"})

    found = Subscriber.objects.filter(compile_rules(rule("fields.range", "is", "Wide"), Scope.of_people(organization)))

    assert list(found) == [person]


def test_equality_with_an_address_is_equality_with_its_column(organization):
    """So that it is looked up by an index, and a million people are not read one by one."""
    rules = {"match": "all", "rules": [rule("email", "is", "Ann@Example.com"), rule("status", "is", "subscribed")]}

    statement = str(Subscriber.objects.filter(compile_rules(rules, Scope.of_people(organization))).query)

    assert '"audience_subscriber"."email" = ann@example.com' in statement


def test_a_vocabulary_lists_what_rules_can_be_about(organization, mailing_list):
    available = {subject.name: subject.operators for subject in Vocabulary(Scope.of_people(organization)).available()}

    assert set(available) == {
        *OF_PERSON,
        *OF_ROW,
        *("fields.born", "fields.opens", "fields.likes"),
        *("fields.town", "fields.age", "fields.vip", "fields.size", f"list.{mailing_list.public_id}"),
    }
    assert available["fields.vip"] == ("is", "is_not", "is_empty", "is_not_empty")


def test_another_room_can_register_subjects_of_its_own(organization, monkeypatch):
    monkeypatch.setattr(vocabulary, "_resolvers", {})
    person = SubscriberFactory(organization=organization)
    SubscriberFactory(organization=organization)

    def resolver(rest, scope):
        return SimpleNamespace(
            name=f"known.{rest}",
            label="Known",
            operators=("as",),
            condition=lambda operator, value: Q(**{f"{scope.person}pk": int(rest)}),
            words=lambda operator, value: f"they are number {rest}",
        )

    vocabulary.register("known", resolver)
    rules = rule(f"known.{person.pk}", "as")

    assert Subscriber.objects.of(organization).get(compile_rules(rules, Scope.of_people(organization))) == person
    assert sentence(from_json(rules), Scope.of_people(organization)) == f"they are number {person.pk}"
    with pytest.raises(ValueError, match="taken"):
        vocabulary.register("email", resolver)


@pytest.mark.parametrize(
    ("town", "asked"),
    [
        ("ΟΔΟΣ", "οδος"),
        ("οδος", "ΟΔΟΣ"),
        ("Οδοσ", "οδος"),
        ("İstanbul", "istanbul"),
        ("istanbul", "İSTANBUL"),
        ("ÉÄ", "éä"),
    ],
)
def test_capitals_make_no_difference_in_any_script(organization, town, asked):
    fields.create(organization, key="town")
    person = SubscriberFactory(organization=organization, fields={"town": town})
    asks = {"is": asked, "is_one_of": ["x", asked], "contains": asked[1:], "starts_with": asked, "ends_with": asked[1:]}

    for operator, value in asks.items():
        rules = {"field": "fields.town", "operator": operator, "value": value}
        found = Subscriber.objects.filter(compile_rules(rules, Scope.of_people(organization)))
        assert list(found) == [person], operator


@pytest.mark.parametrize("operator", ["before", "is", "after"])
def test_a_day_at_the_end_of_the_calendar_is_refused_in_words(operator):
    with pytest.raises(InvalidRules, match="Joined: this lies beyond the calendar, which ends with the year 9999"):
        Reader(label="Joined", kind="moment").read(operator, "9999-12-31")
