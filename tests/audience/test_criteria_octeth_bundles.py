"""RulesJsonBundle: rules over several lists at once."""

import json

import pytest

from audience import fields
from audience.criteria import octeth
from audience.criteria.compiler import compile_tree
from audience.criteria.octeth import errors
from audience.criteria.scope import Scope
from audience.criteria.tree import from_json, to_json
from audience.models import Subscriber, Subscription
from tests.audience.octeth_worlds import (
    NOW,
    A,
    B,
    about,
    list_in_berlin,
    mail,
)
from tests.factories import MailingListFactory, SubscriberFactory


@pytest.fixture
def news(db):
    return list_in_berlin()


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
