"""Rules about what people did with campaigns: their SQL, against a slow and obvious evaluator, and their English."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings

from audience import segments
from audience.criteria.compiler import compile_tree, sentence
from audience.criteria.scope import Scope
from audience.criteria.tree import Condition, Group, Match
from audience.errors import InvalidRules
from audience.models import Subscriber, Subscription
from campaigns.models import Campaign, CampaignRun
from delivery.models import Recipient
from stats.rules import DEEDS
from tests.examples import examples
from tests.factories import EmailFactory, SegmentFactory, SubscriberFactory
from tests.stats.engagements import DEEDS as ALL_DEEDS
from tests.stats.engagements import LINKS, NOW, holds, made, make_events, worlds
from tests.stats.populations import a_run

DAY = timedelta(days=1)
LONG_AGO = {"type": "not_in_last", "amount": 1, "unit": "weeks"}


@pytest.fixture(autouse=True)
def _one_moment():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.mark.django_db
@given(worlds)
@settings(
    max_examples=examples(200),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
def test_a_rule_holds_for_whom_the_slow_and_obvious_way_says(world):
    with made(world) as (organization, lists, rule):
        chosen = [person for person in world.people if holds(world.rule, person)]
        in_rows = {row.pk for person in chosen for row in person.subscriptions}

        assert people_where(organization, rule) == {person.row.pk for person in chosen}
        everywhere = tuple(each.pk for each in lists)
        for scope in (Scope.of_people_behind_rows(organization), Scope.of_rows(organization, everywhere)):
            rows = Subscription.objects.of(organization).filter(compiled(rule, scope))
            assert set(rows.values_list("pk", flat=True)) == in_rows
        assert said(rule, organization)


def people_where(organization, rule):
    people = Subscriber.objects.of(organization).filter(compiled(rule, Scope.of_people(organization)))
    return set(people.values_list("pk", flat=True))


def tree(rule):
    return Group(Match.ALL, (Condition(**rule),))


def compiled(rule, scope):
    return compile_tree(tree(rule), scope)


def said(rule, organization):
    return sentence(tree(rule), Scope.of_people(organization))


def rule(what, operator="did", **value):
    return {"field": f"campaign.{what}", "operator": operator, "value": value}


@pytest.fixture
def run(organization):
    """Three people who were sent one campaign: one opened it twice, one clicked without the pixel, one is silent."""
    run = a_run(people=3, name="Morning", organization=organization)
    opener, clicker, _silent = run.recipients.order_by("pk")
    make_events(opener, [("opened", NOW - DAY, ""), ("opened", NOW - 2 * DAY, "")])
    make_events(clicker, [("clicked", NOW - 3 * DAY, "https://example.com/a")])
    return run


def places(run, found):
    """Who it is, by their place in the run from 0."""
    order = list(run.recipients.order_by("pk").values_list("subscriber_id", flat=True))
    return sorted(order.index(pk) for pk in found)


def test_the_world_knows_every_deed():
    assert set(DEEDS) == set(ALL_DEEDS)


@pytest.mark.parametrize("what", sorted(DEEDS))
def test_campaigns_of_others_mean_nobody_in_both_directions(run, what):
    theirs = a_run(people=1).campaign
    for campaigns in ([theirs.pk], [theirs.public_id], [10**30], ["cmp_nowhere"], [-1]):
        assert people_where(run.campaign.organization, rule(what, campaigns=campaigns)) == set()
        assert people_where(run.campaign.organization, rule(what, "did_not", campaigns=campaigns)) == set()


def test_campaigns_of_others_mean_nobody_under_a_not_either(run):
    theirs = a_run(people=1).campaign
    rules = Group(Match.NOT, (Condition(**rule("opened", campaigns=[theirs.pk])),))
    scope = Scope.of_people(run.campaign.organization)

    assert not Subscriber.objects.of(run.campaign.organization).filter(compile_tree(rules, scope)).exists()


def test_campaigns_of_others_are_left_out_beside_ones_own(run):
    theirs = a_run(people=1).campaign
    both = [theirs.pk, run.campaign.pk]

    assert places(run, people_where(run.campaign.organization, rule("opened", campaigns=both))) == [0, 1]
    assert places(run, people_where(run.campaign.organization, rule("opened", "did_not", campaigns=both))) == [2]


def test_somebody_elses_email_means_nobody_in_both_directions(run):
    theirs = EmailFactory()
    for operator in ("did", "did_not"):
        assert people_where(run.campaign.organization, rule("opened", operator, email=theirs.pk)) == set()


def test_an_organization_without_campaigns_has_nobody_who_opened_and_everybody_who_did_not(organization):
    person = SubscriberFactory(organization=organization)

    for what in DEEDS:
        assert people_where(organization, rule(what)) == set()
        assert people_where(organization, rule(what, "did_not")) == {person.pk}


def test_what_others_people_did_is_not_asked(run):
    stranger = a_run(people=1)
    make_events(stranger.recipients.get(), [("opened", NOW, "")])

    assert places(run, people_where(run.campaign.organization, rule("opened"))) == [0, 1]


def test_events_are_counted_within_the_time_only(run):
    recent = {"type": "in_last", "amount": 36, "unit": "hours"}

    assert places(run, people_where(run.campaign.organization, rule("opened", count={"at_least": 2}))) == [0]
    assert people_where(run.campaign.organization, rule("opened", count={"at_least": 2}, within=recent)) == set()
    once = rule("opened", count={"exactly": 1}, within=recent)
    assert places(run, people_where(run.campaign.organization, once)) == [0]


def test_at_most_holds_for_people_who_never_did_and_for_people_never_written_to(run):
    organization = run.campaign.organization
    unwritten = SubscriberFactory(organization=organization)

    found = people_where(organization, rule("opened", count={"at_most": 1}))

    assert unwritten.pk in found
    assert places(run, found - {unwritten.pk}) == [1, 2]


def test_times_are_added_up_over_campaigns(run):
    opener = run.recipients.order_by("pk").first()
    again = CampaignRun.objects.create(campaign=Campaign.objects.create(organization=run.campaign.organization))
    make_events(
        Recipient.objects.create(run=again, subscriber=opener.subscriber, variant_id=opener.variant_id, state="sent"),
        [("opened", NOW, "")],
    )

    assert places(run, people_where(run.campaign.organization, rule("opened", count={"exactly": 3}))) == [0]
    assert places(run, people_where(run.campaign.organization, rule("sent", count={"at_least": 2}))) == [0]


def test_a_click_proves_an_open_and_counts_once(run):
    clicker = run.recipients.order_by("pk")[1]
    make_events(
        Recipient.objects.create(
            run=CampaignRun.objects.create(campaign=run.campaign, number=2),
            subscriber=clicker.subscriber,
            variant_id=clicker.variant_id,
            state="sent",
        ),
        [("clicked", NOW, ""), ("viewed", NOW, ""), ("clicked", NOW, "")],
    )

    for within in (None, {"type": "after", "day": "2026-01-01"}):
        found = people_where(run.campaign.organization, rule("opened", within=within, count={"exactly": 2}))
        assert places(run, found) == [0, 1]


def test_a_link_is_found_in_the_form_in_which_clicks_are_kept(run):
    make_events(run.recipients.order_by("pk")[2], [("clicked", NOW, "https://example.com/Gr%C3%B6%C3%9Fe")])

    link = rule("clicked", link=" https://example.com/Größe ")

    assert places(run, people_where(run.campaign.organization, link)) == [2]


def test_a_time_is_not_looked_at_where_a_state_has_none(run):
    old = {"type": "before", "day": "2020-01-01"}

    for what in ("queued", "delivered"):
        asked = rule(what, within=old, count={"at_least": 5})
        assert places(run, people_where(run.campaign.organization, asked)) == [0, 1, 2]
    assert people_where(run.campaign.organization, rule("sent", within=old)) == set()


def test_a_month_back_from_the_end_of_a_long_one_is_the_end_of_a_short_one(run):
    silent = run.recipients.order_by("pk")[2]
    make_events(silent, [("opened", datetime(2026, 2, 28, 12, tzinfo=UTC), "")])
    rules = rule("opened", within={"type": "in_last", "amount": 1, "unit": "months"})

    for moment, who in [(datetime(2026, 3, 31, 11, tzinfo=UTC), [2]), (datetime(2026, 3, 31, 13, tzinfo=UTC), [])]:
        with time_machine.travel(moment, tick=False):
            assert places(run, people_where(run.campaign.organization, rules)) == [0, 1, *who]


def test_what_was_done_with_a_deleted_campaign_stays_done(run):
    Campaign.objects.filter(pk=run.campaign.pk).update(deleted_at=NOW)

    for campaigns in ([], [run.campaign.pk]):
        found = people_where(run.campaign.organization, rule("opened", campaigns=campaigns))
        assert places(run, found) == [0, 1]


@pytest.mark.parametrize(
    "value",
    [
        "opened",
        [],
        5,
        {"campaign": [1]},
        {"campaigns": 17},
        {"campaigns": "17"},
        {"campaigns": [True]},
        {"campaigns": [1.5]},
        {"campaigns": [None]},
        {"campaigns": list(range(1, 502))},
        {"email": [1]},
        {"email": True},
        {"link": 5},
        {"link": "https://example.com/\x00"},
        {"within": "yesterday"},
        {"within": {}},
        {"within": {"type": "in_last"}},
        {"within": {"type": "in_last", "amount": 0, "unit": "days"}},
        {"within": {"type": "in_last", "amount": "3", "unit": "days"}},
        {"within": {"type": "in_last", "amount": True, "unit": "days"}},
        {"within": {"type": "in_last", "amount": 3, "unit": "years"}},
        {"within": {"type": "in_last", "amount": 100_000, "unit": "months"}},
        {"within": {"type": "in_last", "amount": 100_001, "unit": "days"}},
        {"within": {"type": "in_last", "amount": 3, "unit": "days", "day": "2026-01-01"}},
        {"within": {"type": "between", "from": "2026-01-02", "to": "2026-01-01"}},
        {"within": {"type": "between", "from": "2026-01-02"}},
        {"within": {"type": "between", "from": "2026-01-02", "to": "9999-12-31"}},
        {"within": {"type": "after", "day": "01/02/2026"}},
        {"within": {"type": "after", "day": 5}},
        {"within": {"type": "before", "day": "0000-01-01"}},
        {"within": {"type": "around", "day": "2026-01-01"}},
        {"count": 3},
        {"count": {"at_least": 1, "at_most": 2}},
        {"count": {"more_than": 1}},
        {"count": {"at_least": -1}},
        {"count": {"at_least": "3"}},
        {"count": {"at_least": 1.5}},
        {"count": {"at_least": 10**12}},
    ],
)
def test_a_value_that_makes_no_sense_is_refused(run, value):
    rules = {"field": "campaign.clicked", "operator": "did", "value": value}
    for read in (compile_tree, sentence):
        with pytest.raises(InvalidRules):
            read(tree(rules), Scope.of_people(run.campaign.organization))


@pytest.mark.parametrize(
    "rules",
    [
        {"field": "campaign.danced", "operator": "did"},
        {"field": "campaign.", "operator": "did"},
        {"field": "campaign", "operator": "did"},
        {"field": "campaign.opened", "operator": "is"},
        rule("opened", link="https://example.com/a"),
        rule("delivered", link="https://example.com/a"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(organization, rules):
    with pytest.raises(InvalidRules):
        compiled(rules, Scope.of_people(organization))


@pytest.mark.parametrize(
    ("rules", "english"),
    [
        (rule("opened"), "they opened any campaign"),
        ({"field": "sms.clicked", "operator": "did_not"}, "they did not click a link in any SMS campaign"),
        (rule("clicked", count={"at_least": 1}), "they clicked a link in any campaign at least once"),
        (
            rule("clicked", link=LINKS[0], within={"type": "between", "from": "2026-01-01", "to": "2026-01-31"}),
            "they clicked the link “https://example.com/a” in any campaign between 2026-01-01 and 2026-01-31",
        ),
        (
            rule("opened", "did_not", count={"at_most": 1200}, within=LONG_AGO),
            "they did not open any campaign at most 1,200 times before the last week",
        ),
        (rule("queued", within={"type": "before", "day": "2026-01-01"}), "they were queued for any campaign"),
        (rule("opened", campaigns=["cmp_nowhere"]), "nobody (what the rule names is not there)"),
    ],
)  # fmt: skip
def test_a_rule_can_be_said_in_english(organization, rules, english):
    assert said(rules, organization) == english


def test_the_english_names_a_few_campaigns_and_counts_the_others(organization):
    email = EmailFactory(organization=organization, title="Issue 7")
    made = [Campaign.objects.create(organization=organization, name=name) for name in "ABCDEF"]

    def about(number):
        return said(rule("opened", campaigns=[each.pk for each in made[:number]], email=email.pk), organization)

    assert about(1) == "they opened “A” with the email “Issue 7”"
    assert about(2) == "they opened “A” or “B” with the email “Issue 7”"
    assert about(6) == "they opened “A”, “B”, “C” or 3 other campaigns with the email “Issue 7”"


def test_a_segment_of_clickers_counts_them(run):
    segment = SegmentFactory(
        organization=run.campaign.organization, rules=rule("clicked", campaigns=[run.campaign.public_id])
    )

    segments.recalculate(segment)

    assert (segment.status, segment.user_count) == ("completed", 1)


def test_a_rule_asks_for_its_campaigns_once_however_many_it_names(organization):
    made = [Campaign.objects.create(organization=organization, name=str(n)) for n in range(20)]
    few, many = rule("opened", campaigns=[made[0].pk]), rule("opened", campaigns=[each.pk for each in made])

    with CaptureQueriesContext(connection) as for_few:
        compiled(few, Scope.of_people(organization))
    with CaptureQueriesContext(connection) as for_many:
        compiled(many, Scope.of_people(organization))

    assert len(for_few) == len(for_many) == 2
