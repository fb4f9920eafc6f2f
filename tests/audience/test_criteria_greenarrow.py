"""GreenArrow's segment definitions: whom they mean, what is refused and under which code, and their description."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audience import fields
from audience.criteria import greenarrow
from audience.criteria.compiler import compile_tree, sentence
from audience.criteria.greenarrow import errors
from audience.criteria.greenarrow.times import read_time
from audience.criteria.scope import Scope
from audience.criteria.tree import EVERYONE, Condition, Group, Match, from_json, to_json
from audience.errors import InvalidRules
from audience.models import CustomField, MailingList, Subscription, Suppression
from tests.examples import examples
from tests.factories import MailingListFactory, OrganizationFactory, SubscriberFactory

NOW = datetime(2026, 4, 10, 12, tzinfo=UTC)
PEOPLE = {
    "ann": {
        "status": "subscribed",
        "subscribed_at": datetime(2026, 4, 10, 9, tzinfo=UTC),
        "confirmed_at": NOW,
        "ip_address": "10.1.2.3",
        "fields": {"born": "2026-04-10", "colours": ["red", "blue"], "size": "S", "vip": True},
    },
    "bob": {
        "status": "unconfirmed",
        "subscribed_at": datetime(2026, 4, 8, 22, 30, tzinfo=UTC),  # the 9th in Berlin
        "ip_address": "192.168.0.9",
        "fields": {"born": "2026-04-12", "colours": ["red"], "size": "M", "vip": False},
    },
    "cid": {
        "status": "unsubscribed",
        "subscribed_at": datetime(2026, 3, 1, tzinfo=UTC),
        "unsubscribed_at": datetime(2026, 4, 1, tzinfo=UTC),
        "fields": {"born": "2026-04-03"},
    },
    "dee": {"status": "bounced", "subscribed_at": None},
    "eve": {"status": "complained", "subscribed_at": datetime(2026, 3, 1, tzinfo=UTC)},
}
PERSONAL = {"ann": {"town": "Ulm", "age": 30}, "bob": {"town": "ulm 50%", "age": 9}, "cid": {"town": "Köln"}}


@pytest.fixture
def news(db):
    return MailingListFactory(organization=OrganizationFactory(timezone="Europe/Berlin"), name="News")


@pytest.fixture
def world(db, five_people):
    return MailingList.objects.get(pk=five_people)


@pytest.fixture(scope="module")
def five_people(shared_db):
    """The five people on a list; bob and cid are on another one too."""
    with shared_db():
        return populated(MailingListFactory(organization=OrganizationFactory(timezone="Europe/Berlin"), name="News")).pk


def populated(news):
    organization = news.organization
    fields.create(organization, key="town", name="Home town")
    fields.create(organization, key="age", name="Age", kind="number")
    for key, kind, choices in (
        ("born", "date", ()),
        ("colours", "multi_choice", ("red", "green", "blue")),
        ("size", "choice", ("S", "M")),
        ("vip", "boolean", ()),
    ):
        fields.create(organization, key=key, kind=kind, choices=choices, mailing_list=news)
    other = MailingListFactory(organization=organization, name="Other")
    for name, row in PEOPLE.items():
        person = SubscriberFactory(
            organization=organization, email=f"{name}@{name[0]}.example", fields=PERSONAL.get(name, {}), created_at=NOW
        )
        Subscription.objects.create(mailing_list=news, subscriber=person, **row)
        if name in ("bob", "cid"):
            status = "subscribed" if name == "bob" else "bounced"
            Subscription.objects.create(mailing_list=other, subscriber=person, status=status)
    Suppression.objects.create(kind="email", value="bob@b.example", organization=organization)
    return news


def parse(definition, mailing_list):
    return greenarrow.parse(definition, organization=mailing_list.organization, mailing_lists=[mailing_list])


def found(definition, mailing_list):
    tree = from_json(to_json(parse(definition, mailing_list)))
    organization, pks = mailing_list.organization, (mailing_list.pk,)
    scope = Scope(organization=organization, mailing_lists=pks, person="subscriber__", row="", now=NOW)
    rows = Subscription.objects.filter(compile_tree(tree, scope), mailing_list=mailing_list)
    return "".join(sorted(email[0] for email in rows.values_list("subscriber__email", flat=True)))


def clause(kind, operator=None, **operands):
    return {"type": kind, **({"operator": operator} if operator else {}), **operands}


def field(name, operator, value=None, **operands):
    operands |= {} if value is None else {"value": value}
    return clause("custom_field", operator, custom_field={"name": name}, **operands)


def when(operator, value=None, *, of="subscribe_time", **operands):
    operands |= {} if value is None else {"value": value}
    return clause("subscriber_date", operator, field=of, **operands)


OTHER = {"mailing_list": {"name": "other"}}


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (clause("subscriber_status", "is", value="active"), "a"),
        (clause("subscriber_status", "Is Not", value="Active"), "bcde"),
        (clause("subscriber_status", "is", values=["scomp", "bounced"]), "de"),
        (clause("subscriber_status", "is_not", values=["scomp", "bounced"]), "abc"),
        (clause("subscriber_status", "is", value="deactivated"), "b"),
        (clause("email_address", "contains", value="NN@"), "a"),
        (clause("email_address", "does not contain", value="nn@"), "bcde"),
        (clause("email_address", "starts_with", value="an"), "a"),
        (clause("email_address", "ends_with", value="%"), ""),
        (clause("email_address", "is", value="ann@a.example"), "a"),
        (clause("email_address", "is_not", value="ann@a.example"), "bcde"),
        (clause("domain", "is_in", values=["A.example", "@b.example"]), "ab"),
        (clause("domain", "is_not_in", value="a.example\nb.example"), "cde"),
        (clause("domain", "is_in", value="a.example, c.example"), "ac"),
        (clause("in_mailing_list", "is_in", **OTHER), "bc"),
        (clause("in_mailing_list", "is not in", **OTHER), "ade"),
        (clause("in_mailing_list", "is_active_in", **OTHER), "b"),
        (clause("in_mailing_list", "is_not_active_in", **OTHER), "acde"),
        (clause("not_in_suppression_list"), "acde"),
        (clause("not_in_suppression_list", "is_in"), "b"),
        (clause("confirmed", "is", value="1"), "a"),
        (clause("confirmed", value=False), "bcde"),
        (clause("subscribe_ip", "is", value="10.1.2.3"), "a"),
        (clause("subscribe_ip", "in_network", value="10.0.0.0/8"), "a"),
        (clause("random_sample", "percent", value=100, seed="x"), "abcde"),
        (when("on", "2026-04-10"), "a"),
        (when("on", "2026-04-09"), "b"),
        (when("before", "2026-04-09"), "ce"),
        (when("after", "2026-04-09"), "a"),
        (when("after", "2026-04-08T22:00:00Z"), "ab"),
        (when("after", "2026-04-09 12:31AM CEST"), "a"),
        (when("between", start="2026-03-01", end="2026-04-09"), "bce"),
        (when("in_last", amount=1, unit="days"), "a"),
        (when("in_last", amount="2", unit="Days"), "ab"),
        (when("not_in_last", amount=2, unit="days"), "cde"),
        (when("in_last", amount=4, unit="hours"), "a"),
        (when("is_set"), "abce"),
        (when("is_not_set"), "d"),
        (when("is_set", of="confirm_time"), "a"),
        (when("on", "2026-04-01", of="unsub_time"), "c"),
        (when("on", "2026-04-10", of="created_at"), "abcde"),
        (when("is_set", of="bounce_time"), "d"),
        (when("is_not_set", of="scomp_time"), "abcd"),
        (when("in_last", amount=1, unit="months", of="bounce_time"), ""),
        (when("not_in_last", amount=1, unit="months", of="bounce_time"), "abcde"),
        (field("home TOWN", "is", "ulm"), "a"),
        (field("town", "is_not", "Ulm"), "bcde"),
        (field("Home town", "contains", "ULM"), "ab"),
        (field("Home town", "does_not_contain", "ulm"), "cde"),
        (field("Home town", "starts_with", "kö"), "c"),
        (field("Home town", "is_blank"), "de"),
        (field("Home town", "is not blank"), "abc"),
        (field("Age", "=", 9), "b"),
        (field("Age", "!=", "9"), "acde"),
        (field("Age", "<", 30), "b"),
        (field("Age", "<=", 30), "ab"),
        (field("Age", "greater_than", 9), "a"),
        (field("Age", "between", start=9, end=29), "b"),
        (field("born", "on", "2026-04-10"), "a"),
        (field("born", "is_not", "2026-04-10"), "bcde"),
        (field("born", "before", "2026-04-10"), "c"),
        (field("born", "in_last", amount=1, unit="weeks"), "ac"),
        (field("born", "not_in_last", amount=1, unit="weeks"), "bde"),
        (field("born", "in_next", amount=2, unit="days"), "b"),
        (field("born", "between", start="2026-04-03", end="2026-04-10"), "ac"),
        (field("born", "is_blank"), "de"),
        (field("size", "is", "s"), "a"),
        (field("size", "is_in", values=["S", "M"]), "ab"),
        (field("size", "is_not_in", values=["S"]), "bcde"),
        (field("size", "is_blank"), "cde"),
        (field("colours", "includes_any", values=["red", "green"]), "ab"),
        (field("colours", "includes_all", values=["red", "blue"]), "a"),
        (field("colours", "includes_none", values=["blue"]), "bcde"),
        (field("vip", "is", "true"), "a"),
        (field("vip", "is", False), "b"),
        (clause("campaign_activity", "opened", any=True), ""),
        (clause("campaign_activity", "did_not_click", any="true", amount=30, unit="days"), "abcde"),
        (clause("campaign_activity", "did_not_open", campaign={"id": 99999999}), ""),
    ],
)
def test_a_clause_means_the_people_it_says(world, leaf, expected):
    assert found([leaf], world) == expected


def test_clauses_all_hold_and_groups_join_them(world):
    active = clause("subscriber_status", "is", value="active")
    early = when("before", "2026-04-01")

    assert found([], world) == "abcde"
    assert found([active, early], world) == ""
    assert found({"type": "any", "clauses": [active, early]}, world) == "ace"
    assert found([{"type": "any", "clauses": [active, {"type": "ALL", "clauses": [early]}]}], world) == "ace"
    assert found(active, world) == "a"
    assert parse([], world) == EVERYONE


def test_a_segment_of_the_whole_organization_has_definitions_too(world):
    tree = greenarrow.parse([field("Home town", "is", "Ulm")], organization=world.organization)

    assert tree == Group(Match.ALL, (Condition("fields.town", "is", "Ulm"),))


def test_what_somebody_did_is_asked_with_its_window_and_its_link(news):
    asked = clause("campaign_activity", "clicked", campaign={"id": "5"}, link={"url": "https://a.org/x"})

    assert parse([asked | {"amount": 2, "unit": "weeks"}], news).rules == (
        Condition(
            "campaign.clicked",
            "did",
            {
                "campaigns": [5],
                "link": "https://a.org/x",
                "within": {"type": "in_last", "amount": 2, "unit": "weeks"},
            },
        ),
    )


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        (None, "invalid_request"),
        ("active", "invalid_request"),
        ({}, "invalid_request"),
        ([5], "invalid_request"),
        ([{}], "invalid_request"),
        ([{"type": 5}], "invalid_request"),
        ([clause("shoe_size", "is", value=5)], "invalid_request"),
        ([{"type": "any", "clauses": []}], "invalid_request"),
        ({"type": "all"}, "invalid_request"),
        ([clause("subscriber_status", "contains", value="active")], "invalid_request"),
        ([clause("subscriber_status", value="active")], "invalid_request"),
        ([clause("subscriber_status", "is", value="asleep")], "validation_failed"),
        ([clause("subscriber_status", "is")], "invalid_request"),
        ([clause("subscriber_status", "is", values=[["active"]])], "invalid_request"),
        ([clause("email_address", "is", value="jörg@a.org")], "validation_failed"),
        ([clause("email_address", "is", value="")], "validation_failed"),
        ([clause("email_format", "is", value="html")], "validation_failed"),
        ([clause("confirmed", "is", value="maybe")], "validation_failed"),
        ([clause("subscribe_ip", "in_network", value="10.0.0")], "validation_failed"),
        ([clause("random_sample", "percent", value=0)], "validation_failed"),
        ([clause("random_sample", "percent", value=101)], "validation_failed"),
        ([clause("in_mailing_list", "is_in")], "invalid_request"),
        ([clause("in_mailing_list", "is_in", mailing_list="Other")], "invalid_request"),
        ([clause("in_mailing_list", "is_in", mailing_list={"name": "Nope"})], "not_found"),
        ([clause("in_mailing_list", "is_in", mailing_list_id=99999999)], "not_found"),
        ([clause("in_mailing_list", "is_in", mailing_list={"name": "Twice"})], "multiple_records_found"),
        ([clause("not_in_suppression_list", suppression_list={"id": 5})], "not_found"),
        ([when("before", "2026-02-30")], "validation_failed"),
        ([when("before", "soon")], "validation_failed"),
        ([when("before", "9:30AM")], "validation_failed"),
        ([when("before")], "validation_failed"),
        ([when("before", "2026-02-03", of="birthday")], "invalid_request"),
        ([when("sometimes", "2026-02-03")], "invalid_request"),
        ([when("in_last", amount=0, unit="days")], "validation_failed"),
        ([when("in_last", amount=5, unit="moons")], "invalid_request"),
        ([when("between", start="2026-02-03", end="2026-02-01")], "validation_failed"),
        ([field("Nope", "is", "x")], "validation_failed"),
        ([clause("custom_field", "is", custom_field={"id": 99999999}, value="x")], "validation_failed"),
        ([clause("custom_field", "is", value="x")], "invalid_request"),
        ([field("Color", "is", "x")], "multiple_records_found"),
        ([field("Size", "sounds_like", "x")], "invalid_request"),
        ([field("Size", "is", "XXL")], "validation_failed"),
        ([field("Size", "is")], "validation_failed"),
        ([clause("campaign_activity", "opened")], "invalid_request"),
        ([clause("campaign_activity", "opened", any=False, campaign="x")], "invalid_request"),
        ([clause("campaign_activity", "opened", any=True, link="x")], "invalid_request"),
        ([clause("subscriber_status", "is", value="active")] * 201, "invalid_request"),
    ],
)
def test_what_is_wrong_is_said_under_its_code(news, definition, code):
    organization = news.organization
    MailingListFactory.create_batch(2, organization=organization, name="Twice")
    fields.create(organization, key="size", name="Size", kind="choice", choices=["S", "M"])
    for key in ("color", "colour"):
        fields.create(organization, key=key, name="Color")
    CustomField.objects.filter(key="color").update(key="first_color")

    with pytest.raises(errors.InvalidDefinition) as refused:
        parse(definition, news)

    assert (refused.value.code, bool(str(refused.value))) == (code, True)


def test_groups_are_at_most_ten_deep(news):
    nested = clause("subscriber_status", "is", value="active")
    for _ in range(9):
        nested = {"type": "all", "clauses": [nested]}
    assert parse(nested, news)

    with pytest.raises(errors.InvalidRequest, match="deep"):
        parse({"type": "all", "clauses": [nested]}, news)


def test_a_field_of_the_list_goes_before_one_of_the_organization(news):
    own = fields.create(news.organization, key="shoes", name="Shoe", mailing_list=news)
    fields.create(news.organization, key="boots", name="Shoe")
    fields.create(
        news.organization, key="slippers", name="Shoe", mailing_list=MailingListFactory(organization=news.organization)
    )

    assert parse([field("shoe", "is", "x")], news).rules == (Condition("fields.shoes", "is", "x"),)
    by_id = clause("custom_field", "is", custom_field={"id": str(own.pk)}, value="x")
    assert parse([by_id], news).rules == (Condition("fields.shoes", "is", "x"),)


def test_lists_of_another_organization_are_not_there(news):
    stranger = MailingListFactory(name="Stranger")

    for named in ({"id": stranger.pk}, {"name": "Stranger"}):
        with pytest.raises(errors.NotFound):
            parse([clause("in_mailing_list", "is_in", mailing_list=named)], news)


COMPLEMENTS = [
    (clause("subscriber_status", "is", value="active"), "is_not"),
    (clause("email_address", "contains", value="n"), "does_not_contain"),
    (clause("email_address", "is", value="ann@a.example"), "is_not"),
    (clause("domain", "is_in", values=["a.example"]), "is_not_in"),
    (clause("in_mailing_list", "is_in", **OTHER), "is_not_in"),
    (clause("in_mailing_list", "is_active_in", **OTHER), "is_not_active_in"),
    (clause("not_in_suppression_list", "is_in"), "is_not_in"),
    (when("in_last", amount=2, unit="days"), "not_in_last"),
    (when("in_last", amount=2, unit="days", of="bounce_time"), "not_in_last"),
    (when("is_set"), "is_not_set"),
    (field("town", "is", "Ulm"), "is_not"),
    (field("town", "contains", "u"), "does_not_contain"),
    (field("town", "is_blank"), "is_not_blank"),
    (field("age", "=", 9), "!="),
    (field("born", "in_last", amount=9, unit="days"), "not_in_last"),
    (field("size", "is_in", values=["S"]), "is_not_in"),
    (field("colours", "includes_any", values=["blue"]), "includes_none"),
    (clause("campaign_activity", "opened", any=True), "did_not_open"),
]


@pytest.mark.parametrize(("leaf", "negative"), COMPLEMENTS)
def test_what_a_clause_denies_is_the_opposite_of_what_it_asks(world, leaf, negative):
    holds, denied = found([leaf], world), found([{**leaf, "operator": negative}], world)

    assert sorted(holds + denied) == list("abcde")


# --- times -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (1364398875, datetime(2013, 3, 27, 15, 41, 15, tzinfo=UTC)),
        ("1364398875", datetime(2013, 3, 27, 15, 41, 15, tzinfo=UTC)),
        ("2013-03-27T10:41:15-05:00", datetime(2013, 3, 27, 15, 41, 15, tzinfo=UTC)),
        ("2013-03-27T15:41:15.25Z", datetime(2013, 3, 27, 15, 41, 15, tzinfo=UTC)),
        ("20130327T154115Z", datetime(2013, 3, 27, 15, 41, 15, tzinfo=UTC)),
        ("2015-01-22 11:10AM CST", datetime(2015, 1, 22, 17, 10, tzinfo=UTC)),
        ("2015-06-29 3:11PM", datetime(2015, 6, 29, 15, 11, tzinfo=ZoneInfo("Europe/Berlin"))),
        ("2018-05-01 3:7PM EDT", datetime(2018, 5, 1, 19, 7, tzinfo=UTC)),
        ("2018-05-01 3:45PM +03", datetime(2018, 5, 1, 15, 45, tzinfo=timezone(timedelta(hours=3)))),
        ("2018-05-01 12:00am utc", datetime(2018, 5, 1, tzinfo=UTC)),
        ("Now", NOW),
        ("2010-03-30", date(2010, 3, 30)),
        ("2010-3-3", date(2010, 3, 3)),
    ],
)
def test_times_are_read_as_their_clients_write_them(written, read):
    assert read_time(written, "Europe/Berlin", now=NOW) == read


@pytest.mark.parametrize(
    "written",
    [
        "2015-02-30 1:00PM",
        "2015-02-03 13:00PM",
        "2015-02-03 25:00",
        "2015-02-03 1:00 XYZ",
        "soon",
        "",
        None,
        True,
        [1],
        10**30,
        "20130327",
        "2015-02-03 1:00PM +99",
        "9" * 200,
    ],
)
def test_what_is_no_time_is_refused(written):
    with pytest.raises(errors.ValidationFailed):
        read_time(written, "Europe/Berlin", now=NOW)


@given(
    st.text(max_size=30) | st.from_regex(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2} [0-9]{1,2}:[0-9]{1,2}.{0,6}", fullmatch=True)
)
def test_any_text_is_a_time_or_refused(text):
    try:
        read = read_time(text, "Europe/Berlin", now=NOW)
    except errors.ValidationFailed:
        return
    assert isinstance(read, date)


# --- whatever comes ----------------------------------------------------------------------------------------------

operands = st.sampled_from(["value", "values", "start", "end", "amount", "unit", "field", "any", "seed", "campaign"])
leaves = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["days", "2026-01-01", "now"])
)
kinds = st.sampled_from(
    [
        "subscriber_status",
        "email_address",
        "domain",
        "subscriber_date",
        "confirmed",
        "custom_field",
        "random_sample",
        "campaign_activity",
        "subscribe_ip",
        "not_in_suppression_list",
        "in_mailing_list",
    ]
)
words = st.sampled_from(["is", "contains", "is_in", "before", "between", "in_last", "opened", "percent", "in_network"])
clauses = st.builds(
    lambda kind, operator, more: {**more, "type": kind, "operator": operator},
    kinds,
    words,
    st.dictionaries(
        operands, leaves | st.lists(leaves, max_size=2) | st.dictionaries(st.just("id"), leaves), max_size=4
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(
    st.recursive(
        clauses | leaves,
        lambda below: (
            st.lists(below, max_size=3)
            | st.builds(
                lambda kind, each: {"type": kind, "clauses": each}, st.sampled_from(["all", "any"]), st.lists(below)
            )
        ),
        max_leaves=6,
    )
)
def test_whatever_comes_is_a_tree_that_compiles_or_refused(news, definition):
    code = ""
    try:
        tree = parse(definition, news)
    except InvalidRules as refused:
        code = refused.code
    if code:
        assert code in ("invalid_request", "validation_failed", "not_found", "multiple_records_found")
        return
    scope = Scope.of_rows(news.organization, (news.pk,))
    assert compile_tree(from_json(to_json(tree)), scope)
    assert tree == EVERYONE or sentence(tree, scope)
    assert greenarrow.describe(definition)


# --- in their words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("definition", "description"),
    [
        ([], "All of the following criteria ..."),
        (
            {"type": "all", "clauses": [clause("subscriber_status", "is", value="active")]},
            "All of the following criteria ... (Status is Active)",
        ),
        (
            [clause("email_address", "does_not_contain", value="x"), when("in_last", amount=2, unit="days")],
            "All of the following criteria ... (Email Address does not contain x) (Date Subscribed in last 2 days)",
        ),
        (
            {
                "type": "any",
                "clauses": [
                    field("Age", "between", start=1, end=5),
                    {"type": "all", "clauses": [clause("in_mailing_list", "is_in", mailing_list={"id": 5})]},
                ],
            },
            "Any of the following criteria ... (Age between 1 and 5) "
            "(All of the following criteria ... (Subscriber is in Mailing List 5))",
        ),
        (
            [clause("campaign_activity", "opened", campaign={"id": 5}, amount=1, unit="weeks")],
            "All of the following criteria ... (Subscriber opened Campaign 5 1 weeks)",
        ),
        ([clause("random_sample", value=10)], "All of the following criteria ... (Random Sample of 10 percent)"),
        ([clause("domain", "is_in", values=["a", "b"])], "All of the following criteria ... (Domain is in a, b)"),
        (
            [clause("not_in_suppression_list")],
            "All of the following criteria ... (Subscriber is not in any Suppression List)",
        ),
    ],
)
def test_a_definition_is_described_in_their_words(definition, description):
    assert greenarrow.describe(definition) == description


def test_a_long_description_is_cut():
    described = greenarrow.describe([clause("domain", "is_in", values=["a" * 50] * 100)])

    assert len(described) <= 2000
    assert described.endswith(" ...")
