"""RulesJson and its older forms: how they are read, and what is refused."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audience import fields
from audience.criteria import octeth
from audience.criteria.compiler import compile_tree, sentence
from audience.criteria.octeth import errors
from audience.criteria.scope import Scope
from audience.criteria.tree import EVERYONE, Condition, from_json, to_json
from audience.errors import InvalidRules
from tests.audience.octeth_worlds import (
    A,
    B,
    C,
    D,
    E,
    a,
    b,
    c,
    d,
    e,
    every,
    list_in_berlin,
    one,
    parse,
)
from tests.examples import examples


@pytest.fixture
def news(db):
    return list_in_berlin()


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
        ("[[[1e400]]]", errors.NotJson),
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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
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


# --- older forms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("operator", "joined"), [("and", every), ("or", one)])
def test_columns_of_a_form_are_rules_side_by_side(news, operator, joined):
    town = fields.create(news.organization, key="town", name="Town")
    columns = ["EmailAddress", f"CustomField{town.pk}"], ["Contains", "Is"], ["a", "Ulm"]

    tree = octeth.parse_columns(*columns, operator=operator, mailing_list=news)

    assert tree == joined(a, Condition("fields.town", "is", "Ulm"))


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
