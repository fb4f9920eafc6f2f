"""Rules about people: the tree, its JSON, its SQL and its English."""

from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.db.models import Q
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audience import fields
from audience.criteria import vocabulary
from audience.criteria.compiler import compile_rules, compile_tree, sentence
from audience.criteria.operators import OPERATORS, operators_of
from audience.criteria.scope import Scope
from audience.criteria.tree import Condition, Group, Match, from_json, to_json
from audience.criteria.vocabulary import OF_PERSON, OF_ROW, Vocabulary
from audience.errors import InvalidRules
from audience.models import Subscriber, Subscription
from tests.factories import MailingListFactory, OrganizationFactory, SubscriberFactory

ZONE = "Pacific/Auckland"
DAYS = ["2026-03-01", "2026-03-02", "2026-04-05", "2026-04-06"]
MOMENTS = [
    datetime(2026, 3, 1, 10, 59, tzinfo=UTC),
    datetime(2026, 3, 1, 11, tzinfo=UTC),
    datetime(2026, 4, 5, 12, tzinfo=UTC),
]
TEXTS = ["Ulm", "ulm", "Köln", "KÖLN", "50%_\\", "m", "Ul"]
ORDERED = ("greater_than", "less_than", "at_least", "at_most")
NUMBERS = [-1, 0, 2, 2.5, 10]

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


# --- what rules mean, against a slow and obvious evaluator -------------------------------------------------------

FIELDS = [
    ("town", "text", False),
    ("age", "number", True),
    ("born", "date", False),
    ("vip", "boolean", True),
    ("size", "choice", True),
]
VALUES = {
    "text": st.sampled_from(TEXTS),
    "number": st.sampled_from(NUMBERS),
    "date": st.sampled_from(DAYS),
    "boolean": st.booleans(),
    "choice": st.sampled_from(["S", "M"]),
    "status": st.sampled_from(Subscription.Status.values),
    "email": st.sampled_from(["ann@example.com", "Ann", "example", ".com", "bob@x.org"]),
    "phone": st.sampled_from(["+4520000001", "+45", "1"]),
    "domain": st.sampled_from(["example.com", "x.org", "com"]),
}
NAMES = {
    **{f"fields.{key}": (kind, kind) for key, kind, _ in FIELDS},
    "email": ("address", "email"),
    "phone": ("address", "phone"),
    "email_domain": ("address", "domain"),
    "created_at": ("moment", "date"),
    "subscribed_at": ("moment", "date"),
    "status": ("choice", "status"),
    "list.0": ("choice", "status"),
    "list.1": ("choice", "status"),
}


@st.composite
def conditions(draw):
    name = draw(st.sampled_from(sorted(NAMES)))
    kind, values = NAMES[name]
    simple = [name for name in operators_of(kind) if OPERATORS[name].takes in ("value", "nothing")]
    simple = [name for name in simple if kind not in ("text", "address") or name not in ORDERED]
    operator = draw(st.sampled_from(simple))
    return Condition(name, operator, draw(VALUES[values]) if OPERATORS[operator].takes_value else None)


trees = st.recursive(
    conditions(),
    lambda node: st.builds(Group, st.sampled_from(Match), st.lists(node, min_size=1, max_size=3).map(tuple)),
    max_leaves=5,
).map(lambda node: node if isinstance(node, Group) else Group(Match.ALL, (node,)))


@st.composite
def people(draw):
    def some(on_list):
        chosen = [(key, kind) for key, kind, of_list in FIELDS if of_list == on_list]
        return {key: draw(VALUES[kind]) for key, kind in chosen if draw(st.booleans())}

    rows = {
        number: {"status": draw(VALUES["status"]), "fields": some(True), "at": draw(st.sampled_from([None, *MOMENTS]))}
        for number in (0, 1)
        if draw(st.booleans())
    }
    return {
        "phone": draw(st.sampled_from(["", "+4520000001"])),
        "fields": some(False),
        "rows": rows,
        "at": draw(st.sampled_from(MOMENTS)),
    }


worlds = st.tuples(st.lists(people(), max_size=4), trees)


def obvious(node, person, row):
    """Whether rules hold for a person; `row` is the number of the list looked at, or None for the whole person."""
    if isinstance(node, Group):
        results = [obvious(rule, person, row) for rule in node.rules]
        return {"all": all, "any": any, "not": lambda each: not any(each)}[node.match](results)
    opposite = OPERATORS[node.operator].negates
    if opposite:
        return not obvious(Condition(node.field, opposite, node.value), person, row)
    return any(_holds(node, value) for value in _values(node.field, person, row) if value is not None)


def _values(name, person, row):
    rows = person["rows"] if row is None else {row: person["rows"][row]}
    if name.startswith("list."):
        each = person["rows"].get(int(name[-1]))
        return [each and each["status"]]
    if name in ("fields.town", "fields.born"):
        return [person["fields"].get(name[7:])]
    if name.startswith("fields."):
        return [each["fields"].get(name[7:]) for each in rows.values()]
    if name in ("status", "subscribed_at"):
        return [each["status" if name == "status" else "at"] for each in rows.values()]
    email = person["email"]
    return [
        {
            "email": email,
            "email_domain": email and email.split("@")[1],
            "phone": person["phone"] or None,
            "created_at": person["at"],
        }[name]
    ]


def _holds(condition, have):
    want = condition.value
    if isinstance(have, datetime):
        have = have.astimezone(ZoneInfo(ZONE)).date().isoformat()
    if isinstance(have, str) and isinstance(want, str):
        have, want = have.lower(), want.lower()
    return {
        "is": lambda: have == want,
        "contains": lambda: want in have,
        "starts_with": lambda: have.startswith(want),
        "ends_with": lambda: have.endswith(want),
        "greater_than": lambda: have > want,
        "less_than": lambda: have < want,
        "at_least": lambda: have >= want,
        "at_most": lambda: have <= want,
        "before": lambda: have < want,
        "after": lambda: have > want,
        "is_not_empty": lambda: True,
    }[condition.operator]()


def made(persons, tree):
    """The world in the database: organization, its two lists, and the tree with the lists' real names."""
    organization = OrganizationFactory(timezone=ZONE)
    lists = MailingListFactory.create_batch(2, organization=organization)
    for key, kind, on_list in FIELDS:
        for mailing_list in lists if on_list else [None]:
            fields.create(
                organization,
                key=key,
                kind=kind,
                mailing_list=mailing_list,
                choices=["S", "M"] if kind == "choice" else [],
            )
    for number, person in enumerate(persons):
        person["email"] = ["ann@example.com", None, "bob@x.org", "cid@mail.example.com"][number]
        person["phone"] = person["phone"] or ("+4520000001" if person["email"] is None else "")
        one = SubscriberFactory(
            organization=organization,
            email=person["email"],
            phone=person["phone"],
            fields=person["fields"],
            created_at=person["at"],
        )
        person["pk"] = one.pk
        for at, row in person["rows"].items():
            row["pk"] = Subscription.objects.create(
                mailing_list=lists[at],
                subscriber=one,
                status=row["status"],
                fields=row["fields"],
                subscribed_at=row["at"],
                unsubscribed_at=row["at"] or MOMENTS[0],
            ).pk
    return organization, lists, _named(tree, lists)


def _named(node, lists):
    if isinstance(node, Group):
        return Group(node.match, tuple(_named(rule, lists) for rule in node.rules))
    name = f"list.{lists[int(node.field[-1])].public_id}" if node.field.startswith("list.") else node.field
    return Condition(name, node.operator, node.value)


@pytest.mark.django_db
@given(worlds)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_rules_hold_for_whom_the_slow_and_obvious_way_says(world):
    persons, tree = world
    with transaction.atomic():
        organization, lists, named = made(persons, tree)
        everyone, rows = Subscriber.objects.of(organization), Subscription.objects.of(organization)

        found = set(everyone.filter(compile_tree(named, Scope.of_people(organization))).values_list("pk", flat=True))
        behind = set(
            rows.filter(compile_tree(named, Scope.of_people_behind_rows(organization))).values_list("pk", flat=True)
        )
        on_rows = set(
            rows.filter(compile_tree(named, Scope.of_rows(organization, tuple(each.pk for each in lists)))).values_list(
                "pk", flat=True
            )
        )

        chosen = [person for person in persons if obvious(tree, person, None)]
        assert found == {person["pk"] for person in chosen}
        assert behind == {row["pk"] for person in chosen for row in person["rows"].values()}
        assert on_rows == {
            row["pk"] for person in persons for n, row in person["rows"].items() if obvious(tree, person, n)
        }
        assert sentence(named, Scope.of_people(organization))
        transaction.set_rollback(True)


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
