"""The first page: marketers, approvers and administrators each see their own work."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import (
    EditionFactory,
    EmailFactory,
    MailingListFactory,
    SubscriptionFactory,
    campaign_in,
    draft_campaign,
    staff,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(login):
    """The page as somebody sees it: its context and its text."""

    def opened(user):
        answer = login(user).get(reverse("admin:index"))
        assert answer.status_code == 200
        return answer.context, answer.content.decode()

    return opened


def test_a_marketer_sees_drafts_what_waits_what_is_sending_and_results(organization, bob, home):
    for state in ("draft", "pending_approval", "scheduled", "sending", "sent"):
        campaign_in(state, organization, name=f"The {state} one", people=2)

    context, page = home(bob)

    assert [campaign.name for campaign in context["drafts"]] == ["The draft one"]
    assert [campaign.name for campaign in context["pending"]] == ["The pending_approval one"]
    assert [campaign.name for campaign in context["scheduled"]] == ["The scheduled one"]
    assert [campaign.name for campaign, _ in context["sending"]] == ["The sending one"]
    assert [campaign.name for campaign in context["recent"]] == ["The sent one"]
    assert "Approve…" not in page


def test_a_new_organization_is_taught_the_first_steps(organization, bob, home):
    context, page = home(bob)

    assert [step["done"] for step in context["steps"]] == [False, False, False, False]
    assert "Four steps to your first campaign" in page


def test_steps_that_are_done_are_ticked_and_leave_once_something_was_sent(organization, bob, home):
    SubscriptionFactory(mailing_list=MailingListFactory(organization=organization))
    EmailFactory(organization=organization)
    ticked = [step["done"] for step in home(bob)[0]["steps"]]
    campaign_in("sent", organization)

    assert ticked == [True, True, True, False]
    assert home(bob)[0]["steps"] == []


def test_an_approver_sees_the_queue_with_content_time_and_who_asked(organization, erin, home):
    campaign = campaign_in("pending_approval", organization, name="Letter")

    context, page = home(erin)

    assert [card.campaign for card in context["queue"]] == [campaign]
    assert "Approve…" in page
    assert "Reject…" in page
    assert str(campaign.submitted_by) in page
    assert reverse("admin:campaigns_campaign_preview", args=[campaign.pk]) in page
    assert reverse("admin:campaigns_campaign_estimate", args=[campaign.pk]) in page


def test_an_empty_queue_says_what_will_come(organization, erin, home):
    assert "Nothing waits for approval" in home(erin)[1]


def test_an_approver_sees_what_was_decided(organization, erin, login, home):
    campaign = campaign_in("pending_approval", organization, name="Letter")
    address = reverse("admin:campaigns_campaign_transition", args=[campaign.pk, "reject"])
    login(erin).post(address, {"reason": "The date is wrong."})

    assert "The date is wrong." in home(erin)[1]


def test_what_one_submitted_oneself_is_for_others_to_decide(organization, alice, home, login):
    organization.approval = "always"
    organization.save()
    campaign = draft_campaign(organization)
    login(alice).post(reverse("admin:campaigns_campaign_transition", args=[campaign.pk, "submit"]), {"when": "now"})

    context, page = home(alice)

    assert [card.may_decide for card in context["queue"]] == [False]
    assert "somebody else decides" in page


def test_changes_since_the_last_look_are_shown(organization, erin, login, home):
    campaign = campaign_in("pending_approval", organization)
    address = reverse("admin:campaigns_campaign_transition", args=[campaign.pk, "reject"])
    login(erin).post(address, {"reason": "The subject is dull."})
    author = staff(organization, "manager", trusted=False)
    edit = reverse("admin:content_email_change", args=[campaign.variants.get().email_id])
    form = login(author.user).get(edit).context["form"]
    values = {name: form[name].value() or "" for name in form.fields}
    login(author.user).post(edit, values | {"subject": "A better subject"})
    submit = reverse("admin:campaigns_campaign_transition", args=[campaign.pk, "submit"])
    login(author.user).post(submit, {"when": "now"})

    context, page = home(erin)

    assert "Subject" in {change.what for change in context["queue"][0].changes}
    assert "A better subject" in page


def test_an_administrator_sees_members_and_what_to_put_right(organization, alice, home):
    context, page = home(alice)

    assert context["members"]["Administrator"] == 1
    assert "Only one person can approve campaigns" in page
    assert "postal address" in page


def test_nothing_to_put_right_is_not_mentioned(organization, alice, erin, home):
    organization.postal_address = "1 Post Street"
    organization.save()
    EditionFactory(organization=organization, from_email="post@news.example")

    assert home(alice)[0]["warnings"] == []


def test_somebody_without_an_organization_is_told_so(db, home):
    from tests.factories import UserFactory

    assert "not a member of any organization" in home(UserFactory())[1]


@pytest.mark.parametrize("role", ["bob", "erin", "alice"])
def test_the_number_of_queries_does_not_grow_with_the_campaigns(organization, request, login, role):
    browser = login(request.getfixturevalue(role))

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(reverse("admin:index")).status_code == 200
        return len(captured)

    for state in ("draft", "scheduled", "sending", "sent"):
        campaign_in(state, organization, people=1)
    few = queries()
    for state in ("draft", "scheduled", "sending", "sent", "sent", "draft"):
        campaign_in(state, organization, people=1)

    assert queries() <= few
    assert few <= 42  # one of them asks which split tests wait for a choice
