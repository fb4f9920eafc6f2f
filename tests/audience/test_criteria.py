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
from audience.criteria.vocabulary import OF_PERSON, OF_ROW, Vocabulary
from audience.errors import InvalidRules
from audience.models import Subscriber
from tests.factories import MailingListFactory, SubscriberFactory

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


def test_a_vocabulary_lists_what_rules_can_be_about(organization, mailing_list):
    available = {subject.name: subject.operators for subject in Vocabulary(Scope.of_people(organization)).available()}

    assert set(available) == {
        *OF_PERSON,
        *OF_ROW,
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
