"""Moving a campaign from its page: asked on GET, done on POST, refused in words that say what to do."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from campaigns import approval
from campaigns.admin.verbs import VERBS
from campaigns.models import State
from tests.factories import EditionFactory, campaign_in

pytestmark = pytest.mark.django_db


def address(campaign, verb):
    return reverse("admin:campaigns_campaign_transition", args=[campaign.pk, verb])


def told(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def after(campaign):
    campaign.refresh_from_db()
    return campaign


@pytest.mark.parametrize("verb", list(VERBS))
@pytest.mark.parametrize("state", ["draft", "pending_approval", "scheduled", "sent"])
def test_a_get_changes_nothing(walked, alice, login, state, verb):
    campaign = walked(state)
    events = campaign.events.count()

    login(alice).get(address(campaign, verb))

    assert after(campaign).state == state
    assert campaign.events.count() == events


@pytest.mark.parametrize(
    ("state", "verb", "given", "expected"),
    [
        ("draft", "submit", {"when": "now"}, State.SCHEDULED),
        ("draft", "delete", {}, State.DRAFT),
        ("draft", "send_now", {}, State.CALCULATING),
        ("pending_approval", "approve", {"revision": approval.revision}, State.SCHEDULED),
        ("pending_approval", "reject", {"reason": "The date is wrong."}, State.DRAFT),
        ("pending_approval", "withdraw", {}, State.DRAFT),
        ("scheduled", "unschedule", {}, State.DRAFT),
        ("scheduled", "cancel", {"reason": ""}, State.CANCELLED),
        ("cancelled", "reopen", {}, State.DRAFT),
    ],
)
def test_a_post_acts_and_says_so(walked, alice, login, state, verb, given, expected):
    campaign = walked(state)

    values = {name: value(campaign) if callable(value) else value for name, value in given.items()}

    answer = login(alice).post(address(campaign, verb), values)

    assert answer.status_code == 302
    assert after(campaign).state == expected
    assert campaign.name in told(answer)
    assert campaign.events.last().by == alice
    assert campaign.events.last().surface == "admin"


def test_pause_and_resume_take_one_press(walked, bob, login):
    campaign, browser = walked("scheduled"), login(bob)

    browser.post(address(campaign, "pause"))
    paused = after(campaign).paused
    browser.post(address(campaign, "resume"))

    assert paused
    assert not after(campaign).paused


def test_without_a_token_nothing_is_done(walked, bob):
    campaign = walked("scheduled")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bob)

    answer = browser.post(address(campaign, "cancel"))

    assert answer.status_code == 403
    assert after(campaign).state == State.SCHEDULED


def test_a_stranger_finds_no_such_campaign(walked, charlie, login):
    campaign = walked("scheduled")

    answer = login(charlie).post(address(campaign, "cancel"), {"reason": ""})

    assert answer.status_code == 404
    assert after(campaign).state == State.SCHEDULED


@pytest.mark.parametrize("verb", ["cancel", "unschedule", "pause", "send_now", "delete"])
def test_a_viewer_may_not(walked, victor, login, verb):
    campaign = walked("scheduled")

    answer = login(victor).post(address(campaign, verb), {"reason": ""})

    assert "may not" in told(answer)
    assert after(campaign).state == State.SCHEDULED
    assert not campaign.paused


def test_a_marketer_may_not_approve(walked, bob, login):
    campaign = walked("pending_approval")

    answer = login(bob).post(address(campaign, "approve"), {"revision": approval.revision(campaign)})

    assert "may not approve" in told(answer)
    assert after(campaign).state == State.PENDING_APPROVAL


def test_a_rejection_without_a_reason_asks_for_one(walked, erin, login):
    campaign = walked("pending_approval")

    answer = login(erin).post(address(campaign, "reject"), {"reason": " "})

    assert answer.status_code == 422
    assert "Say why" in answer.content.decode()
    assert after(campaign).state == State.PENDING_APPROVAL


def test_an_approval_of_something_that_has_changed_meanwhile_is_refused(walked, erin, login):
    campaign = walked("pending_approval")
    looked_at = approval.revision(campaign)
    email = campaign.variants.get().email
    email.subject = "Something else"
    email.save()

    answer = login(erin).post(address(campaign, "approve"), {"reason": "", "revision": looked_at})

    assert "look again" in told(answer)
    assert after(campaign).state == State.PENDING_APPROVAL


def test_an_approval_that_does_not_say_what_was_looked_at_is_refused(walked, erin, login):
    campaign = walked("pending_approval")

    answer = login(erin).post(address(campaign, "approve"), {"reason": ""})

    assert "what was looked at" in told(answer)
    assert after(campaign).state == State.PENDING_APPROVAL


def test_the_confirmation_of_an_approval_carries_what_was_looked_at(walked, erin, login):
    campaign = walked("pending_approval")

    page = login(erin).get(address(campaign, "approve") + "?revision=abc").content.decode()

    assert 'name="revision" value="abc"' in page


def test_an_incomplete_draft_says_what_is_missing(organization, bob, login):
    campaign = campaign_in("draft", organization, audience=[])

    answer = login(bob).post(address(campaign, "submit"), {"when": "now"})

    assert "Choose who gets this campaign." in told(answer)
    assert after(campaign).state == State.DRAFT


def test_what_is_not_possible_any_more_is_explained(walked, bob, login):
    campaign = walked("sent")

    asked = login(bob).get(address(campaign, "cancel"))
    done = login(bob).post(address(campaign, "cancel"), {"reason": ""})

    assert "not possible" in told(asked)
    assert "cannot cancel in state sent" in told(done)


def test_an_unknown_verb_is_not_found(organization, alice, login):
    campaign = campaign_in("draft", organization, people=0)

    assert login(alice).post(address(campaign, "freeze")).status_code == 404


def test_a_time_is_read_in_the_zone_of_the_edition(organization, bob, login):
    edition = EditionFactory(organization=organization, timezone="Asia/Tokyo")
    campaign = campaign_in("draft", organization, edition=edition)
    tomorrow = (now() + timedelta(days=2)).strftime("%Y-%m-%d")

    login(bob).post(address(campaign, "submit"), {"when": "later", "at": f"{tomorrow}T09:00"})

    assert after(campaign).schedule_tz == "Asia/Tokyo"
    assert campaign.scheduled_at.strftime("%Y-%m-%d %H:%M") == f"{tomorrow} 00:00"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"when": "later", "at": ""}, "Choose a date and a time."),
        ({"when": "later", "at": "2020-01-01T09:00"}, "This time has passed"),
        ({"when": "later", "at": "soon"}, "Enter a valid date/time."),
    ],
)
def test_a_time_that_makes_no_sense_is_asked_for_again(walked, bob, login, given, message):
    campaign = walked("draft")

    answer = login(bob).post(address(campaign, "submit"), given)

    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert after(campaign).state == State.DRAFT


def test_a_submission_that_needs_approval_says_who_is_next(walked, dora, login):
    campaign = walked("draft")

    asked = login(dora).get(address(campaign, "submit")).content.decode()
    answer = login(dora).post(address(campaign, "submit"), {"when": "now"})

    assert "Submit for approval" in asked
    assert "waits for an approver" in told(answer)
    assert after(campaign).state == State.PENDING_APPROVAL


def test_a_dialog_is_only_the_body_of_the_page(walked, bob, login):
    campaign = walked("scheduled")

    page = login(bob).get(address(campaign, "cancel"), headers={"X-Dialog": "1"}).content.decode()

    assert page.lstrip().startswith('<div class="bs-dialog__body">')
    assert "csrfmiddlewaretoken" in page


def test_after_a_decision_the_approver_is_back_in_the_queue(walked, erin, login):
    campaign, queue = walked("pending_approval"), reverse("admin:campaigns_campaign_approvals")

    there = login(erin).post(address(campaign, "approve"), {"revision": approval.revision(campaign), "next": queue})

    assert there.url == queue


def test_nobody_is_sent_to_another_site(walked, erin, login):
    campaign = walked("pending_approval")

    there = login(erin).post(
        address(campaign, "approve"), {"revision": approval.revision(campaign), "next": "https://evil.example/"}
    )

    assert there.url == reverse("admin:campaigns_campaign_change", args=[campaign.pk])
