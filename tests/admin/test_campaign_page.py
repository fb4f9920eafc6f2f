"""A campaign's page: preview, test, history, and what is in doubt."""

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import lifecycle
from delivery.models import Dispatch, Recipient
from tests.factories import campaign_in, draft_campaign, staff
from tests.stats.populations import a_run

pytestmark = pytest.mark.django_db

STATES = [
    *("draft", "pending_approval", "scheduled", "calculating", "sending", "holding", "sent", "failed", "cancelled"),
]


def address(campaign, name="change", *more):
    return reverse(f"admin:campaigns_campaign_{name}", args=[campaign.pk, *more])


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("role", ["bob", "erin", "alice", "victor"])
def test_the_page_opens_in_every_state_for_every_role(walked, login, request, state, role):
    campaign = walked(state)

    answer = login(request.getfixturevalue(role)).get(address(campaign))

    assert answer.status_code == 200
    assert campaign.name in answer.content.decode()


def test_a_viewer_is_offered_nothing_to_do(walked, victor, login):
    answer = login(victor).get(address(walked("scheduled")))

    assert answer.context["primary"] is None
    assert answer.context["others"] == []
    assert "transitions/" not in answer.content.decode()


def test_what_is_missing_is_listed_on_a_draft(organization, bob, login):
    page = login(bob).get(address(draft_campaign(organization, audience=[]))).content.decode()

    assert "Finish the draft" in page
    assert "Choose who gets this campaign." in page


def test_history_is_told_in_sentences(walked, organization, bob, login):
    campaign = walked("scheduled")
    lifecycle.pause(campaign, by=staff(organization), reason="Wait for the figures.")

    answer = login(bob).get(address(campaign))

    did = [line.did for line in answer.context["history"]]
    assert did == ["paused it", "scheduled it", "created the campaign"]
    assert "Wait for the figures." in answer.content.decode()


def test_every_verb_of_the_table_has_a_sentence(organization):
    from campaigns.admin.history import SENTENCES
    from campaigns.transitions import TRANSITIONS

    assert set(TRANSITIONS) - {"submit", "send_now", "freeze"} <= set(SENTENCES)


def test_the_page_takes_as_many_queries_however_much_happened(organization, bob, login):
    campaign = campaign_in("scheduled", organization)
    browser, actor = login(bob), staff(organization)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            browser.get(address(campaign))
        return len(captured)

    queries()
    few = queries()
    for _ in range(5):
        lifecycle.pause(campaign, by=actor)
        lifecycle.resume(campaign, by=actor)

    assert queries() <= few
    assert few <= 45


def test_the_preview_is_somebody_of_the_audience(organization, bob, login):
    campaign = draft_campaign(organization, people=2)
    browser = login(bob)

    shown = browser.get(address(campaign, "preview"))
    body = browser.get(address(campaign, "preview_body"), {"person": shown.context["person"].pk}).content.decode()

    assert shown.context["person"] in shown.context["people"]
    assert shown.context["shown"].subject == "Good morning"
    assert "Hello reader" in body


def test_another_person_is_found_by_address(organization, bob, login):
    campaign = draft_campaign(organization, people=3)
    wanted = organization.subscribers.last()

    shown = login(bob).get(address(campaign, "preview"), {"q": wanted.email})

    assert shown.context["person"] == wanted


def test_nobody_previews_as_a_stranger(walked, organization, bob, login):
    strange = draft_campaign(people=1).organization.subscribers.get()

    shown = login(bob).get(address(walked("draft"), "preview"), {"person": strange.pk})

    assert shown.context["person"] is None


def test_a_broken_email_is_explained_in_place_of_the_preview(walked, bob, login):
    campaign = walked("draft")
    email = campaign.variants.get().email
    email.html = "{% if %}"
    email.save()

    page = login(bob).get(address(campaign, "preview")).content.decode()

    assert "The preview cannot be shown" in page


def test_an_sms_is_shown_with_its_parts(organization, bob, login):
    page = login(bob).get(address(draft_campaign(organization, channel="sms"), "preview")).content.decode()

    assert "Good morning" in page
    assert "1 message" in page


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        ("", "This field is required."),
        ("not an address", "not an address"),
        (",".join(f"a{n}@example.com" for n in range(11)), "at most 10 addresses"),
    ],
)
def test_a_test_that_cannot_be_sent_is_refused_with_the_reason(walked, bob, login, addresses, message):
    answer = login(bob).post(address(walked("draft"), "test"), {"addresses": addresses})

    assert answer.status_code == 200
    assert message in answer.content.decode()


def test_a_test_without_a_relay_says_so(walked, bob, login, settings):
    settings.SMTP_PORT = 1
    campaign = walked("draft")

    answer = login(bob).post(address(campaign, "test"), {"addresses": "me@example.com"})

    assert answer.context["form"].errors["addresses"]


def test_viewers_send_no_tests(walked, victor, login):
    assert login(victor).get(address(walked("draft"), "test")).status_code == 403


@pytest.fixture
def doubtful(organization):
    campaign = campaign_in("sending", organization, people=0)
    run = a_run(1, number=2, campaign=campaign)
    run.recipients.update(state="in_doubt")
    run.sent, run.in_doubt = 0, 1
    run.save()
    return run.recipients.get()


def test_somebody_in_doubt_is_taken_as_sent(doubtful, bob, login):
    campaign = doubtful.run.campaign
    resolve = address(campaign, "resolve", doubtful.pk)

    login(bob).post(resolve, {"decision": "close"})

    doubtful.refresh_from_db()
    doubtful.run.refresh_from_db()
    assert doubtful.state == Recipient.State.SENT
    assert (doubtful.run.sent, doubtful.run.in_doubt) == (1, 0)


def test_who_is_in_doubt_is_explained_and_offered_for_decision(doubtful, bob, victor, login):
    listed = address(doubtful.run.campaign, "recipients")

    marketers = login(bob).get(listed, {"state": "in_doubt"}).content.decode()
    viewers = login(victor).get(listed, {"state": "in_doubt"}).content.decode()

    assert "Send again" in marketers
    assert "nobody knows whether they arrived" in marketers
    assert "Send again" not in viewers


def test_viewers_and_strangers_decide_nothing(doubtful, victor, charlie, login):
    resolve = address(doubtful.run.campaign, "resolve", doubtful.pk)

    assert login(victor).post(resolve, {"decision": "close"}).status_code == 403
    assert login(charlie).post(resolve, {"decision": "close"}).status_code == 404
    assert login(victor).get(resolve).status_code == 405
    doubtful.refresh_from_db()
    assert doubtful.state == Recipient.State.IN_DOUBT


def test_a_decision_about_somebody_who_is_settled_is_refused(doubtful, bob, login):
    resolve = address(doubtful.run.campaign, "resolve", doubtful.pk)
    browser = login(bob)
    browser.post(resolve, {"decision": "close"})

    again = browser.post(resolve, {"decision": "close"})

    assert any("no longer in doubt" in str(message) for message in get_messages(again.wsgi_request))
    assert browser.post(resolve, {"decision": "guess"}).status_code == 404


def test_the_page_says_how_it_goes_out_where_that_is_not_as_usual(walked, alice, login):
    campaign = walked("draft")
    Dispatch.objects.create(campaign=campaign, speed=1200, tracks_opens=False)

    page = login(alice).get(address(campaign)).content.decode()

    assert "1,200 messages an hour at most" in page
    assert "<dt>Not tracked</dt><dd>opens</dd>" in page
