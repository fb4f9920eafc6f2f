"""`manage.py campaign variants` and `split-test`, as a named user."""

import pytest
from django.core.management import CommandError

from campaigns.models import State
from splittests import course
from splittests.models import SplitTest, SplitTestRun
from tests.factories import EmailFactory, draft_campaign
from tests.operations.test_campaign_command import run, run_json
from tests.splittests.test_course import opened_by, planned, sent_to, started

pytestmark = pytest.mark.django_db


@pytest.fixture
def waits(organization, bob):
    """A campaign whose sample is out, where B is ahead and nothing is clear."""
    campaign = planned(organization=organization, when_unclear="ask")
    sent = started(campaign)
    sent_to(sent)
    course.hold(sent)
    opened_by(sent, 2, 3)
    return campaign


def test_variants_are_written_with_weights_and_shown(organization, bob):
    campaign = draft_campaign(organization)
    first, second = (EmailFactory(organization=organization, subject=each).public_id for each in ("Soft", "Loud"))

    written = run_json("variants", campaign.pk, "--email", first, f"{second}:3")

    assert [(each["name"], each["weight"], each["says"]) for each in written] == [("A", 1, "Soft"), ("B", 3, "Loud")]
    assert "Loud" in run("variants", campaign.pk)


@pytest.mark.parametrize("reference", ["eml_nothing", "{email}:many", "{email}:-1"])
def test_a_wrong_variant_changes_nothing(organization, bob, reference):
    campaign = draft_campaign(organization)
    before = list(campaign.variants.values())

    with pytest.raises(CommandError, match="email"):
        run("variants", campaign.pk, "--email", reference.format(email=campaign.variants.get().email.public_id))
    assert list(campaign.variants.values()) == before


def test_an_email_of_others_is_no_variant(organization, bob):
    campaign, other = draft_campaign(organization), EmailFactory()

    with pytest.raises(CommandError, match="There is no email"):
        run("variants", campaign.pk, "--email", other.public_id)


def test_a_test_is_planned_shown_and_dropped(organization, bob):
    campaign = draft_campaign(organization)
    assert "there is no split test" in run("split-test", campaign.pk)

    shown = run_json("split-test", campaign.pk, "--plan", "wait=6", "share_percent=12.5")

    assert (shown["phase"], shown["settings"]["wait"], shown["standings"]) == ("planned", "6", [])
    assert "12.5 %" in run("split-test", campaign.pk)
    assert run_json("split-test", campaign.pk, "--drop") is None
    assert not SplitTest.objects.exists()


@pytest.mark.parametrize(
    ("setting", "named"), [("wait=0", "wait"), ("wait", "plan"), ("luck=1", "luck"), ("wait=x", "wait")]
)
def test_a_wrong_setting_is_named(organization, bob, setting, named):
    with pytest.raises(CommandError, match=f"{named}: "):
        run("split-test", draft_campaign(organization).pk, "--plan", setting)
    assert not SplitTest.objects.exists()


def test_the_race_is_a_table(waits):
    printed = run("split-test", waits.pk)

    assert "waiting" in printed
    assert "40.0 %" in printed
    assert "60.0 %" in printed
    shown = run_json("split-test", waits.pk)
    assert [(each["variant"], each["amount"]) for each in shown["standings"]] == [("A", 2), ("B", 3)]


def test_somebody_chooses_with_a_reason(waits):
    with pytest.raises(CommandError, match="Say why"):
        run("split-test", waits.pk, "--choose", "A")
    with pytest.raises(CommandError, match="no such variant"):
        run("split-test", waits.pk, "--choose", "Z", "--reason", "It is last.")

    shown = run_json("split-test", waits.pk, "--choose", "a", "--reason", "B has a mistake.")

    assert (shown["phase"], shown["chosen"], shown["chosen_by"]) == ("decided", "A", "bob")
    assert "B has a mistake." in run("split-test", waits.pk)


def test_the_wait_is_ended_and_may_stay_open(waits):
    assert run_json("split-test", waits.pk, "--decide")["phase"] == "waiting"
    assert SplitTestRun.objects.get().verdict == "unclear"


def test_without_a_sample_there_is_nothing_to_decide(organization, bob):
    with pytest.raises(CommandError, match="not out yet"):
        run("split-test", planned(organization=organization).pk, "--decide")


def test_a_viewer_decides_nothing(waits, victor):
    with pytest.raises(CommandError, match="may not release"):
        run("split-test", waits.pk, "--decide", by="victor")
    waits.refresh_from_db()
    assert waits.state == State.HOLDING
