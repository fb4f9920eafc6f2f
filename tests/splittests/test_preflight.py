"""What is wrong with variants and their test is said before anything has left."""

from decimal import Decimal

import pytest

from campaigns import completeness, lifecycle
from campaigns.errors import NotReady
from campaigns.models import Variant
from delivery import dispatches
from splittests import planning, preflight
from splittests.models import SplitTest
from tests.factories import draft_campaign, staff
from tests.splittests.test_course import planned

pytestmark = pytest.mark.django_db


def differing(**settings):
    campaign = planned(**settings)
    for variant in campaign.variants.all():
        variant.email.subject = f"Subject {variant.name}"
        variant.email.save()
    return campaign


def codes(campaign):
    return {(each.code, each.blocks) for each in preflight.findings(campaign)}


def test_a_test_that_can_decide_something_is_left_in_peace():
    assert codes(differing()) == set()
    assert codes(draft_campaign()) == set()


def test_what_is_worth_a_look_is_said_and_keeps_nothing():
    campaign = planned(variants=3, least_people=100)
    Variant.objects.filter(campaign=campaign, name="C").update(weight=0)

    assert codes(campaign) == {("same_variants", False), ("no_weight", False), ("small_sample", False)}
    told = {each.code: each.message for each in preflight.findings(campaign)}
    assert "Variants B and C say exactly the same" in " ".join(m.message for m in preflight.findings(campaign))
    assert "With 50 % a variant is tried on 0 people at most" in told["small_sample"]
    assert completeness.problems(campaign) == {}


def test_a_test_of_one_variant_tries_nothing():
    campaign = draft_campaign()
    planning.plan(campaign, by=staff(campaign.organization))

    assert codes(campaign) == {("one_variant", False)}


@pytest.mark.parametrize("metric", ["opened", "opens", "click_to_open_rate"])
def test_no_sms_is_opened(metric):
    campaign = draft_campaign(channel="sms")
    Variant.objects.create(campaign=campaign, position=1, name="B", sms_body="Good evening")
    planning.plan(campaign, by=staff(campaign.organization), metric=metric, least_people=0)

    assert codes(campaign) == {("no_opens", True)}
    with pytest.raises(NotReady, match="SMS was opened"):
        lifecycle.send_now(campaign, by=staff(campaign.organization))


def test_without_conversions_none_can_win():
    campaign = differing(metric="revenue_cents")
    assert codes(campaign) == set()

    campaign.tracks_conversions = False
    assert codes(campaign) == {("no_conversions", True)}


def test_what_is_not_tracked_decides_little():
    campaign = differing(metric="click_to_open_rate")
    dispatches.settle(campaign, by=staff(campaign.organization), tracks_opens=False, tracks_clicks=False)

    assert codes(campaign) == {("opens_untracked", False), ("clicks_untracked", False)}


def test_findings_say_which_variant_they_are_about():
    campaign = differing()
    second = campaign.variants.get(name="B").email
    second.html = "<p>Nothing more.</p>"
    second.save()

    assert completeness.problems(campaign)["email"] == [
        "B: The HTML has no unsubscribe link: use {{ unsubscribe_url }} as the address of a link."
    ]


def test_a_plan_that_is_as_it_was_changes_nothing():
    campaign = planned()
    events = campaign.events.count()

    planning.plan(campaign, by=staff(campaign.organization), share_percent="50", wait=4)

    assert campaign.events.count() == events


def test_another_test_in_place_of_the_one_there_is_has_a_number_of_its_own():
    campaign = planned(wait=9)
    before = SplitTest.objects.get().pk

    test = planning.replan(campaign, by=staff(campaign.organization), metric="clicked", **planning.AS_THEY_STAND)

    assert SplitTest.objects.get() == test
    assert (test.pk != before, test.wait, test.certainty) == (True, 4, Decimal(0))
