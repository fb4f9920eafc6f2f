"""Conditions written as expressions: what they mean, what is refused and where, and writing them back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience import fields
from audience.criteria import cel
from audience.criteria.compiler import compile_tree
from audience.criteria.scope import Scope
from audience.criteria.tree import Condition, Group, Match, to_json
from audience.errors import InvalidRules
from audience.models import Subscriber, SubscriberTag, Subscription, TaggedSubscription
from tests.factories import MailingListFactory, OrganizationFactory, SegmentFactory, SubscriberFactory


def only(field, operator, value=None):
    return Group(Match.ALL, (Condition(field, operator, value),))


def none_of(*rules):
    return Group(Match.NOT, rules)


ULM = Condition("fields.town", "is", "Ulm")
YOUNG = Condition("fields.age", "less_than", 30)
PHONED = Condition("phone", "is_not_empty")


@pytest.mark.parametrize(
    ("expression", "tree"),
    [
        ("", Group()),
        ("  \n", Group()),
        ('user.email == "ann@example.com"', only("email", "is", "ann@example.com")),
        ("user.email != 'ann@example.com'", only("email", "is_not", "ann@example.com")),
        ('"ann@example.com" == user.email', only("email", "is", "ann@example.com")),
        ('user.email.contains("example")', only("email", "contains", "example")),
        ('user.email.startsWith("ann")', only("email", "starts_with", "ann")),
        ('user.email.endsWith("@example.com")', only("email", "ends_with", "@example.com")),
        ('user.email in ["a@x.org", "b@x.org"]', only("email", "is_one_of", ["a@x.org", "b@x.org"])),
        ('user.status == "subscribed"', only("status", "is", "subscribed")),
        ('user.fields["town"] == "Ulm"', Group(Match.ALL, (ULM,))),
        ("user.fields.age >= 18", only("fields.age", "at_least", 18)),
        ("18 < user.fields.age", only("fields.age", "greater_than", 18)),
        ("user.fields.age > -2.5", only("fields.age", "greater_than", -2.5)),
        ("user.fields.vip", only("fields.vip", "is", True)),
        ("user.fields.vip == false", only("fields.vip", "is", False)),
        ("!user.fields.vip", none_of(Condition("fields.vip", "is", True))),
        ('"red" in user.fields.colours', only("fields.colours", "has_any_of", ["red"])),
        ('"vip" in user.tags', only("tags", "has_any_of", ["vip"])),
        ("has(user.phone)", Group(Match.ALL, (PHONED,))),
        ("user.phone == null", only("phone", "is_empty")),
        ('user.phone != ""', Group(Match.ALL, (PHONED,))),
        ('user.in_list("lst_x")', only("list.lst_x", "is_not_empty")),
        ('user.in_segment("seg_x")', only("segment.seg_x", "is", True)),
        ('user.opened("cmp_x")', only("campaign.opened", "did", {"campaigns": ["cmp_x"]})),
        ("user.clicked(17)", only("campaign.clicked", "did", {"campaigns": [17]})),
        ("user.opened()", only("campaign.opened", "did")),
        ('user.created > now - duration("720h")', only("created_at", "in_last", {"amount": 720, "unit": "hours"})),
        ('now - duration("90m") <= user.created', only("created_at", "in_last", {"amount": 90, "unit": "minutes"})),
        ('user.created < now - duration("7d")', only("created_at", "not_in_last", {"amount": 7, "unit": "days"})),
        ('user.created >= timestamp("2026-03-31T00:00:00Z")', only("created_at", "at_least", "2026-03-31T00:00:00Z")),
        ('user.created < "2026-03-31"', only("created_at", "before", "2026-03-31")),
        ('user.fields.born < timestamp("1990-01-01")', only("fields.born", "before", "1990-01-01")),
        ("true", only("everybody", "because", "true")),
        ('user.fields.town == "Ulm" && user.fields.age < 30', Group(Match.ALL, (ULM, YOUNG))),
        (
            'user.fields.town == "Ulm" && user.fields.age < 30 || has(user.phone)',
            Group(Match.ANY, (Group(Match.ALL, (ULM, YOUNG)), PHONED)),
        ),
        (
            'user.fields.town == "Ulm" && (user.fields.age < 30 || has(user.phone))',
            Group(Match.ALL, (ULM, Group(Match.ANY, (YOUNG, PHONED)))),
        ),
        ('!(user.fields.town == "Ulm" || user.fields.age < 30)', none_of(ULM, YOUNG)),
        ('!(user.fields.town == "Ulm" && user.fields.age < 30)', none_of(Group(Match.ALL, (ULM, YOUNG)))),
        ("!!has(user.phone)", none_of(none_of(PHONED))),
        (r'user.fields.town == "\u0055l\x6d"', Group(Match.ALL, (ULM,))),
        (r'user.fields.town == "a\"b\\c"', only("fields.town", "is", 'a"b\\c')),
    ],
)
def test_an_expression_is_read_as_the_tree_it_means(expression, tree):
    assert cel.parse(expression) == tree
    again = cel.written(tree)
    assert again is not None
    assert cel.parse(again) == tree


@pytest.mark.parametrize(
    ("expression", "position", "problem"),
    [
        ("user.email = 'x'", 12, "write == to compare"),
        ('user.email == "x', 15, "no end"),
        ("user.email", 1, "neither yes nor no"),
        ('user.email == "x" user', 19, "“user” stands"),
        ("user.email ==", 14, "the condition ends"),
        ("user.shoes == 5", 6, "no “shoes”"),
        ("shoes == 5", 1, "nothing called “shoes”"),
        ('user.email == "x" && (user.phone == "y"', 40, "expected )"),
        ('user.email.upper("x")', 12, "no “upper”"),
        ('user.email.contains("")', 12, "Say what"),
        ("user.email == 5", 12, "with a text"),
        ('user.status > "a"', 13, "equal or not"),
        ("user.email in []", 12, "empty"),
        ("user.email in user.tags", 12, "Write"),
        ('user.tags == "vip"', 11, "in user.tags"),
        ('user.created > now - duration("3 days")', 31, 'duration("720h")'),
        ('user.created > now - duration("90s")', 31, "duration"),
        ("user.created > now - 5", 20, "reckoned"),
        ('user.fields.born > now - duration("1h")', 18, "user.created"),
        ('user.created == now - duration("1h")', 14, "user.created > now"),
        ('user.created > timestamp("tomorrow")', 26, "timestamp"),
        ('user.created > timestamp("2026-02-30")', 26, "timestamp"),
        ('user.created > "soon"', 14, "timestamp"),
        ('user.fields["Town"] == "x"', 13, "not the key"),
        ("user.fields.age < 1e99", 19, "too large"),
        ("1 == 1", 3, "A field is compared"),
        ("user.email == user.phone", 12, "A field is compared"),
        ("user.opened(true)", 6, "takes one text"),
        ("user.bought()", 6, "takes one text"),
        (r'user.email == "\q"', 15, "no escape"),
        (r'user.email == "\u0000"', 15, "Null characters"),
        ('user.email == "x" & user.phone == "y"', 19, "write && for and"),
        ("user.fields.vip < true", 17, "equal or not"),
        ("has(5)", 1, "has(user.phone)"),
        ("(" * 40 + "true" + ")" * 40, 31, "nested"),
        ("!" * 5000 + "true", 32, "nested"),
        ("-" * 5000 + "5", 32, "nested"),
        ("[" * 5000, 31, "nested"),
        ("!(" * 11 + "true" + ")" * 11, 1, "10 deep"),
        (" || ".join(["true"] * 201), 1, "200 conditions"),
        ("x" * 10_001, 10_001, "10,000 characters"),
    ],
)
def test_what_is_no_condition_is_refused_with_the_place(expression, position, problem):
    with pytest.raises(cel.InvalidExpression) as refused:
        cel.parse(expression)

    assert problem in str(refused.value)
    assert str(refused.value).startswith(f"At character {position}: ")


# --- writing back ------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8)
numbers = st.integers(-(10**15), 10**15) | st.floats(-1e15, 1e15, allow_nan=False)
asked = st.one_of(
    st.builds(Condition, st.sampled_from(["email", "phone", "fields.town"]), st.sampled_from(["is", "is_not"]), texts),
    st.builds(Condition, st.sampled_from(["email", "fields.town"]), st.sampled_from(["contains", "ends_with"]), texts),
    st.builds(Condition, st.just("fields.age"), st.sampled_from(["is", "less_than", "at_most", "at_least"]), numbers),
    st.builds(Condition, st.just("fields.age"), st.just("is_one_of"), st.lists(numbers, min_size=1, max_size=3)),
    st.builds(Condition, st.just("fields.vip"), st.just("is"), st.booleans()),
    st.builds(Condition, st.sampled_from(["phone", "fields.town"]), st.sampled_from(["is_empty", "is_not_empty"])),
    st.builds(Condition, st.just("tags"), st.just("has_any_of"), texts.map(lambda text: [text])),
    st.builds(Condition, texts.map(lambda text: f"list.{text}"), st.just("is_not_empty")),
    st.builds(Condition, st.just("campaign.opened"), st.just("did"), texts.map(lambda text: {"campaigns": [text]})),
    st.builds(
        Condition,
        st.just("created_at"),
        st.sampled_from(["in_last", "not_in_last"]),
        st.builds(lambda n, unit: {"amount": n, "unit": unit}, st.integers(1, 50), st.sampled_from(["hours", "days"])),
    ),
    st.builds(
        Condition,
        st.just("created_at"),
        st.sampled_from(["before", "after", "at_most"]),
        st.dates().map(str),
    ),
)


def _joined(rules):
    both = st.lists(rules, min_size=2, max_size=3).map(tuple)
    denied = st.lists(rules, min_size=1, max_size=3).map(tuple)
    return st.builds(Group, st.sampled_from([Match.ALL, Match.ANY]), both) | st.builds(
        Group, st.just(Match.NOT), denied
    )


@given(st.recursive(asked, _joined, max_leaves=10))
def test_what_is_written_is_read_as_the_same(node):
    tree = node if isinstance(node, Group) else Group(Match.ALL, (node,))

    once = cel.parse(cel.written(tree))

    assert cel.parse(cel.written(once)) == once
    assert _plain(once) == _plain(tree)


def _plain(node):
    """Without what makes no difference: "not any of these" as a group in a group."""
    if isinstance(node, Condition):
        return node
    rules = tuple(map(_plain, node.rules))
    if node.match == Match.NOT and len(rules) == 1 and isinstance(rules[0], Group) and rules[0].match == Match.ANY:
        rules = rules[0].rules
    return Group(node.match, rules)


WORDS = ["user", ".", "email", "fields", "created", "tags", "opened", "in_list", "has", "now", "timestamp", "duration"]
WORDS += ['("', '")', "(", ")", "[", "]", "!", "-", "+", "&&", "||", "==", "!=", "<", ">=", ",", "in", "true", "null"]
WORDS += ['"x"', '"2026-01-01"', '"1h"', "5", "1.5", ' user.email == "x" ', " ", "\\", "'", '"']


@given(st.text(max_size=30) | st.lists(st.sampled_from(WORDS), max_size=25).map("".join))
def test_any_text_is_a_condition_or_refused(text):
    problem = ""
    try:
        tree = cel.parse(text)
        assert cel.parse(cel.written(tree)) == tree
    except InvalidRules as refused:
        problem = str(refused)
    assert not problem or problem.startswith("At character ")


@pytest.mark.parametrize(
    "condition",
    [
        Condition("sample", "percent", {"percent": 10}),
        Condition("fields.born", "in_last", {"amount": 7, "unit": "days"}),
        Condition("created_at", "in_last", {"amount": 7, "unit": "months"}),
        Condition("created_at", "before", "31.03.2026"),
        Condition("list.lst_x", "is", "subscribed"),
        Condition("suppressed", "is", True),
        Condition("campaign.opened", "did", {"count": {"at_least": 2}}),
        Condition("campaign.delivered", "did"),
        Condition("nobody", "because", "it is gone"),
        Condition("email", "is", ""),
        Condition("fields.age", "is", float("inf")),
        Condition("fields.a]b", "is", "x"),
        Group(Match.ALL, (ULM,), on="lst_x"),
    ],
)
def test_what_has_no_words_is_not_written(condition):
    assert cel.written(Group(Match.ALL, (ULM, condition))) is None


@pytest.mark.parametrize(
    ("condition", "expression"),
    [
        (Condition("email", "does_not_contain", "x"), '!(user.email.contains("x"))'),
        (Condition("status", "is_none_of", ["a", "b"]), '!(user.status in ["a", "b"])'),
        (Condition("fields.age", "between", {"from": 1, "to": 5}), "(user.fields.age >= 1 && user.fields.age <= 5)"),
        (Condition("tags", "has_all_of", ["a", "b"]), '("a" in user.tags && "b" in user.tags)'),
        (Condition("list.lst_x", "is_empty"), '!user.in_list("lst_x")'),
        (Condition("campaign.opened", "did_not", {"campaigns": [1, 2]}), "!(user.opened(1) || user.opened(2))"),
        (Group(Match.ALL, (), on="lst_x"), 'user.in_list("lst_x")'),
    ],
)
def test_rules_of_the_editor_are_written_where_they_can_be_said(condition, expression):
    assert cel.written(Group(Match.ALL, (condition,))) == expression
    assert cel.parse(expression)


# --- with people -------------------------------------------------------------------------------------------------


@pytest.fixture
def world(db):
    organization = OrganizationFactory(timezone="Europe/Berlin")
    mailing_list = MailingListFactory(organization=organization)
    fields.create(organization, key="town", name="Town")
    fields.create(organization, key="age", name="Age", kind="number")
    people = [
        ("ann@example.com", "+4520000001", {"town": "Ulm", "age": 30}, datetime(2026, 3, 30, 21, 59, tzinfo=UTC)),
        ("bob@example.com", "", {"town": "Köln", "age": 20}, datetime(2026, 3, 30, 22, tzinfo=UTC)),
        ("cid@x.org", "", {}, datetime(2026, 4, 1, tzinfo=UTC)),
    ]
    for email, phone, values, created_at in people:
        SubscriberFactory(organization=organization, email=email, phone=phone, fields=values, created_at=created_at)
    bob = Subscriber.objects.get(email="bob@example.com")
    row = Subscription.objects.create(mailing_list=mailing_list, subscriber=bob, status="bounced")
    tag = SubscriberTag.objects.create(mailing_list=mailing_list, name="vip")
    TaggedSubscription.objects.create(subscription=row, tag=tag)
    return organization, mailing_list


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", "abc"),
        ('user.fields.town == "ulm"', "a"),
        ('user.fields.town != "ulm"', "bc"),
        ("user.fields.age < 30", "b"),
        ("!(user.fields.age < 30)", "ac"),
        ("has(user.phone) || has(user.fields.town) && user.fields.age <= 20", "ab"),
        ('user.email.endsWith("@example.com") && !has(user.phone)', "b"),
        ('"VIP" in user.tags', "b"),
        ('user.status == "bounced"', "b"),
        ('user.in_list("LIST")', "b"),
        ('!user.in_list("LIST")', "ac"),
        ('user.created < timestamp("2026-03-31")', "a"),
        ('user.created >= timestamp("2026-03-30T22:00:00Z")', "bc"),
        ('user.created > now - duration("24h")', "c"),
        ('user.created < now - duration("24h")', "ab"),
        ("true", "abc"),
        ("false", ""),
        ("!false", "abc"),
        ("user.opened()", ""),
        ("!user.clicked()", "abc"),
    ],
)
def test_a_condition_selects_the_people_it_says(world, expression, expected):
    organization, mailing_list = world
    scope = Scope(organization=organization, now=datetime(2026, 4, 1, 6, tzinfo=UTC))

    tree = cel.parse(expression.replace("LIST", mailing_list.public_id), scope)

    found = Subscriber.objects.filter(compile_tree(tree, scope), organization=organization)
    assert "".join(sorted(person.email[0] for person in found)) == expected


@pytest.mark.parametrize(
    ("expression", "position"),
    [
        ('has(user.phone) && user.fields.shoes == "x"', 20),
        ('user.in_list("lst_of_somebody_else")', 6),
        ('user.fields.age.contains("3")', 17),
        ('user.fields.age == "many"', 1),
        ('user.status == "sleeping"', 1),
        ('user.fields.age in [5, "many"]', 1),
    ],
)
def test_what_the_organization_does_not_have_is_refused_with_the_place(world, expression, position):
    with pytest.raises(cel.InvalidExpression, match=f"^At character {position}: "):
        cel.parse(expression, Scope.of_people(world[0]))


def test_a_condition_names_only_what_is_of_its_organization(world):
    stranger = SegmentFactory()

    with pytest.raises(cel.InvalidExpression):
        cel.parse(f'user.in_segment("{stranger.public_id}")', Scope.of_people(world[0]))


def test_a_condition_is_kept_as_json(world):
    tree = cel.parse("user.opened(5) && user.fields.age in [1, 2.5]")

    assert to_json(tree)["rules"][1]["value"] == [1, 2.5]
