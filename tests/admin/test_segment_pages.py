"""Segments in the admin: what the rule builder is told, and what it may ask."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audience.errors import TooSlow
from audience.models import CustomField, Segment, SubscriberTag
from audience.segment_trials import Trial
from campaigns import drafts
from tests.factories import (
    MailingListFactory,
    SegmentFactory,
    SubscriberFactory,
    SubscriptionFactory,
    campaign_in,
    draft_campaign,
)

pytestmark = pytest.mark.django_db

ADD = "admin:audience_segment_add"
ANNA = {"field": "email", "operator": "starts_with", "value": "anna"}
BEN = {"field": "email", "operator": "starts_with", "value": "ben"}
NOTHING = {"field": "email", "operator": "is", "value": ""}


def every(*rules):
    return {"match": "all", "rules": list(rules)}


@pytest.fixture
def mailing_list(organization):
    return MailingListFactory(organization=organization, name="Daily")


@pytest.fixture
def anna(mailing_list):
    return SubscriptionFactory(mailing_list=mailing_list, subscriber__email="anna@example.com").subscriber


@pytest.fixture
def ben(mailing_list):
    return SubscriptionFactory(mailing_list=mailing_list, subscriber__email="ben@example.com").subscriber


@pytest.fixture
def ask(organization, bob, login):
    """`ask("count", rules)`: what the builder hears."""
    browser = login(bob)

    def asked(name, rules, **more):
        given = {"organization": organization.pk, "rules": rules if isinstance(rules, str) else json.dumps(rules)}
        return browser.post(reverse(f"admin:audience_segment_{name}"), given | more)

    return asked


# --- counting ----------------------------------------------------------------------------------------------------


def test_rules_are_said_and_counted_before_they_are_saved(mailing_list, anna, ben, ask):
    narrow = ask("count", every(ANNA), mailing_lists=[mailing_list.pk]).json()
    everybody = ask("count", {}, mailing_lists=[mailing_list.pk]).json()

    assert (narrow["people"], narrow["count"], everybody["people"]) == (1, "1 person", 2)
    assert narrow["sentence"] == "People on Daily where Email starts with “anna”."
    assert not Segment.objects.exists()


def test_each_rule_that_is_wrong_is_named_by_its_place(anna, ask):
    rules = every(ANNA, {"match": "any", "rules": [ANNA, NOTHING]}, {"field": "shoe_size", "operator": "is"})

    said = ask("count", rules).json()

    assert [problem["path"] for problem in said["problems"]] == [[1, 1], [2]]
    assert "Say what to compare it with" in said["problems"][0]["message"]
    assert "shoe_size" in said["problems"][1]["message"]
    assert said["note"] == "2 rules are not complete."


def test_a_group_without_rules_is_named_too(anna, ask):
    said = ask("count", every(ANNA, {"match": "any", "rules": []})).json()

    assert [problem["path"] for problem in said["problems"]] == [[1]]


@pytest.mark.parametrize("rules", ["{nonsense", "[1]", "7", '{"match": "some", "rules": []}', "[" * 3000])
def test_what_are_no_rules_is_said_and_counts_nobody(ask, rules):
    said = ask("count", rules).json()

    assert len(said["problems"]) == 1
    assert "people" not in said


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (every(ANNA, {"field": "email", "operator": "is", "value": "x@example.com"}), "Rule 2 alone holds for nobody"),
        (every(ANNA, BEN), "Each rule alone holds for somebody"),
        ({"match": "not", "rules": [ANNA, BEN]}, "hold for none of them"),
    ],
)
def test_nobody_is_explained(anna, ben, ask, rules, why):
    said = ask("count", rules).json()

    assert said["count"] == "Nobody"
    assert why in said["note"]


def test_an_empty_list_explains_itself(mailing_list, ask):
    assert ask("count", every(ANNA), mailing_lists=[mailing_list.pk]).json()["note"] == "Nobody is on these lists yet."


def test_a_count_that_takes_too_long_is_left_to_the_background(anna, ask, monkeypatch):
    def slow(*args, **kwargs):
        raise TooSlow("It takes too long.")

    monkeypatch.setattr("audience.segments.count", slow)

    said = ask("count", every(ANNA)).json()

    assert "background" in said["note"]
    assert said["sentence"] == "People in the organization where Email starts with “anna”."


def test_some_of_the_people_are_shown(anna, ben, ask):
    answer = ask("sample", every(ANNA))

    assert answer.context["people"] == [anna]
    assert "ben@example.com" not in answer.content.decode()


@pytest.mark.parametrize("name", ["count", "sample", "why"])
def test_people_of_strangers_are_not_asked_about(organization, charlie, login, name):
    given = {"organization": organization.pk, "rules": "{}", "who": "anna@example.com"}

    assert login(charlie).post(reverse(f"admin:audience_segment_{name}"), given).status_code == 403
    assert login(charlie).get(reverse(f"admin:audience_segment_{name}")).status_code == 405


def test_lists_of_strangers_do_not_count(ask, anna):
    other = SubscriptionFactory().mailing_list

    assert ask("count", {}, mailing_lists=[other.pk]).json()["people"] == 1  # as if none were chosen


# --- why ---------------------------------------------------------------------------------------------------------


def holds(step):
    return (step.holds, [holds(each) for each in step.parts])


def test_why_somebody_is_not_in_is_said_rule_by_rule(anna, ask):
    answer = ask("why", every(ANNA, {"match": "any", "rules": [BEN, ANNA]}, BEN), who="Anna@Example.com")

    assert answer.context["person"] == anna
    assert not answer.context["is_in"]
    (way,) = answer.context["ways"]
    assert holds(way.explained) == (False, [(True, []), (True, [(False, []), (True, [])]), (False, [])])
    assert "Email starts with “anna”" in answer.content.decode()


def test_why_looks_at_each_subscription_to_the_segments_lists(organization, mailing_list, anna, ask):
    other = MailingListFactory(organization=organization, name="Weekly")
    SubscriptionFactory(mailing_list=other, subscriber=anna, status="bounced")
    rules = every({"field": "status", "operator": "is", "value": "bounced"})

    answer = ask("why", rules, who="anna@example.com", mailing_lists=[mailing_list.pk, other.pk])

    assert answer.context["is_in"]
    assert [(str(way.row.mailing_list), way.explained.holds) for way in answer.context["ways"]] == [
        ("Daily", False),
        ("Weekly", True),
    ]


def test_why_agrees_with_the_count_for_somebody_on_none_of_the_lists(organization, mailing_list, ask):
    SubscriberFactory(organization=organization, email="clara@example.com")

    answer = ask("why", {}, who="clara@example.com", mailing_lists=[mailing_list.pk])

    assert not answer.context["is_in"]
    assert "On none of these lists" in answer.content.decode()


@pytest.mark.parametrize("who", ["", "nobody@example.com", "'; DROP TABLE", "<b>x</b>"])
def test_somebody_unknown_is_said_to_be(anna, ask, who):
    answer = ask("why", {}, who=who)

    assert answer.context["trouble"]
    assert "<b>" not in answer.content.decode()


# --- the form and the palette --------------------------------------------------------------------------------------


def names(palette):
    return {group["label"]: [subject["name"] for subject in group["subjects"]] for group in palette["groups"]}


def test_the_palette_offers_what_there_is_in_groups(organization, mailing_list, bob, login):
    CustomField.objects.create(organization=organization, key="town", name="Town")

    palette = login(bob).get(reverse(ADD)).context["palette"]

    offered = names(palette)
    assert "email" in offered["Person"]
    assert "status" in offered["Subscription"]
    assert offered["Custom fields"] == ["fields.town"]
    assert f"list.{mailing_list.public_id}" in offered["Lists"]
    assert "campaign.opened" in offered["Campaign activity"]
    assert "sms.clicked" in offered["SMS activity"]
    assert {name for group in palette["groups"] for each in group["subjects"] for name in each["operators"]} <= set(
        palette["operators"]
    )


def test_other_segments_can_be_named_but_not_the_one_that_is_changed(organization, bob, login):
    mine, other = SegmentFactory(organization=organization), SegmentFactory(organization=organization)
    SegmentFactory(organization=organization, is_ad_hoc=True)

    palette = login(bob).get(reverse("admin:audience_segment_change", args=[mine.pk])).context["palette"]

    assert names(palette)["Segments"] == [f"segment.{other.public_id}"]


def test_a_tag_is_chosen_among_those_there_are(organization, mailing_list, bob, login):
    SubscriberTag.objects.create(mailing_list=mailing_list, name="vip")
    SubscriberTag.objects.create(mailing_list=MailingListFactory(), name="theirs")

    palette = login(bob).get(reverse(ADD)).context["palette"]

    (tags,) = [each for group in palette["groups"] for each in group["subjects"] if each["name"] == "tags"]
    assert tags["choices"] == [["vip", "vip"]]


def test_every_comparison_that_is_offered_can_be_read_back(organization, mailing_list, bob, login):
    """What the builder would write for each field and comparison is understood."""
    fields = [("number", []), ("date", []), ("boolean", []), ("choice", ["a"]), ("time", []), ("multi_choice", ["a"])]
    for kind, choices in fields:
        CustomField.objects.create(organization=organization, key=f"k_{kind}", name=kind, kind=kind, choices=choices)
    SegmentFactory(organization=organization)
    SubscriberTag.objects.create(mailing_list=mailing_list, name="vip")
    palette = login(bob).get(reverse(ADD)).context["palette"]

    wrong = []
    for subject in (each for group in palette["groups"] for each in group["subjects"]):
        for operator in subject["operators"]:
            rule = {"field": subject["name"], "operator": operator}
            value = example(subject, palette["operators"][operator]["shape"])
            rule |= {} if value is None else {"value": value}
            wrong += [(rule, str(each)) for each in Trial(organization, every(rule)).problems]

    assert wrong == []


ONE = {"number": 3, "date": "2026-03-31", "moment": "2026-03-31", "time": "09:30", "boolean": True, "ip": "192.0.2.7"}


def example(subject, shape):
    """What the editors of `rules-values.js` write."""
    choices = [value for value, _ in subject["choices"]]
    one = choices[0] if choices else ONE.get(subject["kind"], "7")
    return {
        "none": None,
        "one": one,
        "many": [one],
        "range": {"from": one, "to": one},
        "span": {"amount": 30, "unit": "days"},
        "days": 3,
        "percent": {"percent": 10, "seed": "abc"},
        "activity": {"within": {"type": "in_last", "amount": 30, "unit": "days"}, "count": {"at_least": 2}}
        if subject["takes"]
        else {},
    }[shape]


def test_the_palette_knows_no_others_than_ones_own(organization, bob, login):
    theirs = SegmentFactory(), MailingListFactory(), campaign_in("draft")

    page = login(bob).get(reverse(ADD)).content.decode()

    assert not any(each.public_id in page for each in theirs)


def test_the_palette_takes_the_same_queries_however_much_there_is(organization, bob, login):
    browser = login(bob)

    def more():
        SegmentFactory(organization=organization)
        MailingListFactory(organization=organization)
        CustomField.objects.create(organization=organization, key=f"k{CustomField.objects.count()}", name="K")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            browser.get(reverse(ADD))
        return len(captured)

    more()
    few = queries()
    for _ in range(6):
        more()

    assert queries() <= few


def test_rules_the_builder_cannot_draw_come_with_their_sentence(organization, bob, login):
    rules = every({"match": "not", "rules": [ANNA]}, {"field": "shoe_size", "operator": "is", "value": 43})
    segment = SegmentFactory(organization=organization, rules=rules)

    palette = login(bob).get(reverse("admin:audience_segment_change", args=[segment.pk])).context["palette"]

    assert palette["said"]["0.0"] == "Email starts with “anna”"
    assert "shoe_size" in palette["said"]["1"]


@pytest.mark.parametrize("rules", [{}, every(ANNA), ANNA, every({"match": "not", "rules": [ANNA, BEN]})])
def test_rules_are_saved_as_they_were_written(organization, bob, login, rules):
    login(bob).post(reverse(ADD), {"name": "Readers", "rules": json.dumps(rules)})

    assert Segment.objects.get().rules == rules


def test_rules_that_are_wrong_are_refused_one_by_one_and_kept_in_the_form(organization, bob, login):
    rules = json.dumps(every(ANNA, NOTHING))

    answer = login(bob).post(reverse(ADD), {"name": "Readers", "rules": rules})

    assert answer.status_code == 422
    assert answer.context["form"].errors["rules"] == ["Rule 2: Email: Say what to compare it with."]
    assert answer.context["form"]["rules"].value() == rules
    assert not Segment.objects.exists()


def test_campaigns_are_found_by_their_name(organization, bob, login):
    found = campaign_in("draft", organization, name="Autumn letter")
    draft_campaign(organization, name="Winter")
    campaign_in("draft", name="Autumn of strangers")

    answer = login(bob).get(
        reverse("admin:audience_segment_campaigns"), {"q": "autumn", "organization": organization.pk}
    )

    assert [(each["id"], each["name"]) for each in answer.json()["campaigns"]] == [(found.public_id, "Autumn letter")]


def test_campaigns_of_strangers_are_not_found(organization, charlie, login):
    answer = login(charlie).get(reverse("admin:audience_segment_campaigns"), {"organization": organization.pk})

    assert answer.status_code == 403


def test_a_viewer_sees_the_rules_and_changes_nothing(organization, victor, login):
    segment = SegmentFactory(organization=organization)
    address, browser = reverse("admin:audience_segment_change", args=[segment.pk]), login(victor)

    assert 'data-rules="readonly"' in browser.get(address).content.decode()
    assert browser.post(address, {"name": "Mine", "rules": "{}"}).status_code == 403


def test_a_trial_counts_as_the_saved_segment_does(organization, mailing_list, anna, ben):
    from audience import segments

    segment = SegmentFactory(organization=organization, rules=every(ANNA))
    segment.mailing_lists.add(mailing_list)

    trial = Trial(organization, segment.rules, (mailing_list,))

    assert trial.sample() == list(segments.people(segment)) == [anna]
    assert trial.sentence == segments.sentence(segment)


def test_deleting_asks_with_numbers_and_with_who_asks_for_it(organization, bob, login):
    segment = SegmentFactory(organization=organization, user_count=1234)
    rule = {"field": f"segment.{segment.public_id}", "operator": "is", "value": True}
    SegmentFactory(organization=organization, name="Without them", rules=every({"match": "not", "rules": [rule]}))
    SegmentFactory(organization=organization, name="Unrelated", rules=every(ANNA))

    page = login(bob).get(reverse("admin:audience_segment_delete", args=[segment.pk])).content.decode()

    assert "1,234 people are in it" in page
    assert "“Without them”" in page
    assert "Unrelated" not in page


def test_segments_made_for_one_campaign_are_offered_to_nobody_else(organization, bob, login, mailing_list):
    SegmentFactory(organization=organization, name="Readers of the news")
    SegmentFactory(organization=organization, name="Hidden one", is_ad_hoc=True)
    browser = login(bob)

    for name in ("admin:audience_segment_changelist", "admin:campaigns_campaign_add"):
        page = browser.get(reverse(name)).content.decode()

        assert "Readers of the news" in page
        assert "Hidden one" not in page


def test_a_campaign_keeps_the_segment_that_was_made_for_it(organization, bob, login):
    own = SegmentFactory(organization=organization, name="Hidden one", is_ad_hoc=True)
    campaign = draft_campaign(organization, audience=[drafts.Part(segment=own)])

    page = login(bob).get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()

    assert "Hidden one" in page
