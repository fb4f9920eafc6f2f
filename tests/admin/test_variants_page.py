"""The page of a campaign's variants: adding, moving, weighing them, and planning their test."""

from decimal import Decimal

import pytest
from django.urls import reverse

from campaigns import drafts
from campaigns.models import State, Variant
from campaigns.variants import seen
from delivery.models import InboxMessage
from splittests.models import SplitTest
from tests.factories import EmailFactory, campaign_in, draft_campaign, staff
from tests.splittests.test_course import planned

pytestmark = pytest.mark.django_db
PLAN = {
    "share_percent": "10",
    "metric": "clicked",
    "wait": "4",
    "wait_unit": "hours",
    "least_people": "100",
    "least_difference": "5",
    "certainty": "95",
    "when_unclear": "ask",
}


def address(campaign, name="variants"):
    return reverse(f"admin:campaigns_campaign_{name}", args=[campaign.pk])


def typed(campaign, **changes):
    weights = {f"weight_{place}": each.weight for place, each in enumerate(campaign.variants.order_by("position"))}
    return {"mode": "all", "seen": seen(campaign), "how": "subject", **PLAN, **weights, **changes}


def says(campaign):
    return [(each.name, each.email.subject, each.weight) for each in campaign.variants.order_by("position")]


def test_a_copy_with_another_subject_has_an_email_of_its_own(organization, bob, login):
    campaign = draft_campaign(organization)
    first = campaign.variants.get().email

    login(bob).post(address(campaign), typed(campaign, act="add", subject="Good evening"))

    assert says(campaign) == [("A", "Good morning", 100), ("B", "Good evening", 100)]
    second = campaign.variants.get(name="B").email
    assert (second.html, second.title, second.created_by) == (first.html, f"{first.title} – B", bob)
    assert second.pk != first.pk


def test_a_copy_to_be_rewritten_is_opened_for_writing(organization, bob, login):
    campaign = draft_campaign(organization)

    answer = login(bob).post(address(campaign), typed(campaign, act="add", how="content"))

    second = campaign.variants.get(name="B").email
    assert answer.url == f"{reverse('admin:content_email_change', args=[second.pk])}?campaign={campaign.pk}"


def test_another_email_that_is_there_is_used_itself(organization, bob, login):
    campaign, other = draft_campaign(organization), EmailFactory(organization=organization, subject="Loud")

    login(bob).post(address(campaign), typed(campaign, act="add", how="existing", email=other.pk))

    assert campaign.variants.get(name="B").email == other


def test_texts_are_written_on_the_page(organization, bob, login):
    campaign = draft_campaign(organization, channel="sms")
    client = login(bob)

    client.post(address(campaign), typed(campaign, text_0="One", act="add", sms_body="Two"))
    client.post(address(campaign), typed(campaign, text_0="One", text_1="Three"))

    assert list(campaign.variants.order_by("position").values_list("sms_body", flat=True)) == ["One", "Three"]
    assert "Unique opens" not in client.get(address(campaign)).content.decode()


def test_a_campaign_that_goes_by_sms_instead_can_still_be_written(organization, bob, login):
    campaign = drafts.edit(planned(organization=organization), by=staff(organization), channel="sms")

    answer = login(bob).post(address(campaign), typed(campaign, text_0="One", text_1="Two"))

    assert answer.status_code == 302
    assert list(campaign.variants.order_by("position").values_list("sms_body", flat=True)) == ["One", "Two"]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        ("up-2", ["Good morning 0", "Good morning 2", "Good morning 1"]),
        ("down-0", ["Good morning 1", "Good morning 0", "Good morning 2"]),
        ("remove-0", ["Good morning 1", "Good morning 2"]),
        ("", ["Good morning 0", "Good morning 1", "Good morning 2"]),
    ],
)
def test_variants_move_and_go(organization, bob, login, act, expected):
    campaign = planned(organization=organization, variants=3)
    for number, variant in enumerate(campaign.variants.order_by("position")):
        variant.email.subject = f"Good morning {number}"
        variant.email.save()

    login(bob).post(address(campaign), typed(campaign, mode="test", weight_0="7", act=act))

    found = says(campaign)
    assert [subject for _, subject, _ in found] == expected
    assert [name for name, _, _ in found] == ["A", "B", "C"][: len(found)]
    assert {weight for _, subject, weight in found if subject == "Good morning 0"} <= {7}


@pytest.mark.parametrize("act", ["up-0", "down-2", "remove-9", "up-x", "remove-99999999", "fly-1"])
def test_what_cannot_be_moved_changes_nothing(organization, bob, login, act):
    campaign = planned(organization=organization, variants=3)
    before = says(campaign)

    login(bob).post(address(campaign), typed(campaign, mode="test", act=act))

    assert says(campaign) == before


def test_a_test_is_planned_and_dropped(organization, bob, login):
    campaign = planned(organization=organization)
    client = login(bob)

    client.post(address(campaign), typed(campaign, mode="test", share_percent="12.5", least_difference="7.5"))
    test = SplitTest.objects.get()
    assert (test.share_percent, test.least_difference, test.certainty) == (
        Decimal("12.5"),
        Decimal("0.075"),
        Decimal("0.95"),
    )
    assert (test.metric, test.when_unclear, test.least_people) == ("clicked", "ask", 100)
    assert 'value="12.5"' in client.get(address(campaign)).content.decode()

    client.post(address(campaign), typed(campaign, mode="all"))
    assert not SplitTest.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"share_percent": "0"}, "0.01"),
        ({"share_percent": "101"}, "100"),
        ({"share_percent": "1.234"}, "2 decimal"),
        ({"wait": "0"}, "greater than or equal to 1"),
        ({"wait": "x"}, "whole number"),
        ({"certainty": "101"}, "100"),
        ({"metric": "luck"}, "valid choice"),
        ({"weight_0": "-1"}, "greater than or equal to 0"),
        ({"weight_0": "0", "weight_1": "0"}, "not all of them 0"),
        ({"act": "add"}, "Write its subject."),
        ({"act": "add", "how": "existing"}, "Choose the email."),
        ({"seen": "something else"}, "Somebody else has changed"),
    ],
)
def test_what_makes_no_sense_is_said_and_changes_nothing(organization, bob, login, wrong, told):
    campaign = planned(organization=organization)
    before = says(campaign)

    answer = login(bob).post(address(campaign), typed(campaign, mode="test") | {"wait": "9"} | wrong)

    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert says(campaign) == before
    assert SplitTest.objects.get().wait == 4


def test_saving_what_is_as_it_was_keeps_an_approval(organization, bob, login):
    organization.approval = "always"
    organization.save()
    campaign = campaign_in("pending_approval", organization)

    login(bob).post(address(campaign), typed(campaign))

    campaign.refresh_from_db()
    assert campaign.state == State.PENDING_APPROVAL


def test_numbers_follow_what_is_typed_and_save_nothing(organization, bob, login):
    campaign = planned(organization=organization, people=20)
    client = login(bob)

    shown = client.post(address(campaign, "variant_numbers"), typed(campaign, mode="test", share_percent="50"))
    alone = client.post(address(campaign, "variant_numbers"), typed(campaign, weight_0="1", weight_1="3"))
    wrong = client.post(address(campaign, "variant_numbers"), typed(campaign, mode="test", wait="no"))

    text = " ".join(shown.content.decode().split())
    assert "Sample: 50 % of 20 = " in text
    assert "10 people</strong>, 5 a variant" in text
    assert "a variant is tried on 5 people at most" in text
    assert "Such a sample tells 3.0 % from" in text
    assert "(25.0 %)" in alone.content.decode()
    assert "makes no sense yet" in wrong.content.decode()
    assert SplitTest.objects.get().share_percent == 50
    assert "10 people</strong>, 5 a variant" in client.get(address(campaign, "estimate")).content.decode()


def test_what_was_sent_stays_as_it_was(organization, bob, login):
    campaign = campaign_in("sending", organization)

    assert login(bob).get(address(campaign)).status_code == 302


def test_who_may_not_write_sees_no_form(organization, victor, charlie, login):
    campaign = draft_campaign(organization, by=staff(organization))

    assert login(victor).get(address(campaign)).status_code == 403
    assert login(charlie).get(address(campaign)).status_code == 404
    assert login(charlie).post(address(campaign, "variant_numbers"), {}).status_code == 404


def test_every_variant_can_be_seen(organization, bob, login):
    campaign = planned(organization=organization)
    second = campaign.variants.get(name="B")
    second.email.subject = "Good evening"
    second.email.save()
    client = login(bob)

    first = client.get(address(campaign, "preview")).content.decode()
    other = client.get(address(campaign, "preview"), {"variant": second.pk}).content.decode()

    assert ("Good morning" in first, "Good evening" in first) == (True, False)
    assert "Good evening" in other
    assert f"variant={second.pk}" in other
    assert client.get(address(campaign, "preview_body"), {"variant": second.pk}).status_code == 200
    assert "Good morning" in client.get(address(campaign, "preview"), {"variant": "0"}).content.decode()


@pytest.mark.django_db(transaction=True)
def test_every_variant_can_be_tested_and_says_which_it_is(organization, bob, login):
    campaign = draft_campaign(organization, channel="sms")
    second = Variant.objects.create(campaign=campaign, position=1, name="B", sms_body="Good evening")
    client = login(bob)

    client.post(address(campaign, "test"), {"addresses": "+4930123456", "variants": [second.pk]})
    assert [bytes(each.raw).decode() for each in InboxMessage.objects.all()] == ["[Test B] Good evening"]

    everything = [each.pk for each in campaign.variants.all()]
    client.post(address(campaign, "test"), {"addresses": "+4930123456", "variants": everything})
    assert InboxMessage.objects.filter(raw=b"[Test A] Good morning").count() == 1
    assert InboxMessage.objects.count() == 3


def test_of_one_variant_nothing_is_chosen_for_a_test(organization, bob, login):
    shown = login(bob).get(address(draft_campaign(organization), "test")).content.decode()

    assert 'name="variants"' not in shown
