"""One person's page in the admin: what happened, what keeps them out, and what can be done about it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from audience import lifting, subscriptions
from audience.admin.person_history import history
from audience.models import ConsentEvent, Erasure, Subscriber, SubscriberTag, Suppression, TaggedSubscription
from delivery.models import Recipient
from stats.models import Event
from tests.conftest import acting
from tests.factories import MailingListFactory, SubscriptionFactory, draft_campaign
from tests.stats.populations import a_run

pytestmark = pytest.mark.django_db

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
def mailing_list(organization):
    return MailingListFactory(organization=organization, name="Daily")


@pytest.fixture
def anna(mailing_list):
    return SubscriptionFactory(mailing_list=mailing_list, subscriber__email="anna@example.com").subscriber


def address(person, name="change"):
    return reverse(f"admin:audience_subscriber_{name}", args=[person.pk])


def told(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def sent_to(person, *, at=NINE, **recipient):
    """A campaign's run with this person in it."""
    run = a_run(0, campaign=draft_campaign(person.organization, people=0, name="Morning"))
    values = {"state": "sent", "settled_at": at, "address": person.email, **recipient}
    return Recipient.objects.create(run=run, subscriber=person, variant=run.campaign.variants.first(), **values)


def an_event(recipient, kind="opened", *, at=NINE, **about):
    return Event.objects.create(run=recipient.run, recipient=recipient, kind=kind, at=at, **about)


# --- what happened -------------------------------------------------------------------------------------------------


def test_the_page_tells_what_happened_the_latest_first(organization, mailing_list, anna, bob, login):
    subscriptions.unsubscribe(anna, source="page", wording="Unsubscribe from Daily")
    got = sent_to(anna)
    missed = sent_to(anna, state="skipped", skip_reason="suppressed", at=NINE + timedelta(days=1))
    an_event(got, "clicked", at=NINE + timedelta(hours=1), url="https://example.com/", user_agent="Firefox")

    answer = login(bob).get(address(anna))

    lines = [(each.did, each.what) for each in answer.context["history"].entries]
    assert lines.index(("Unsubscribed", "Daily")) < lines.index(("Did not get", "Morning"))
    assert lines[-3:] == [("Did not get", "Morning"), ("Clicked in", "Morning"), ("Got", "Morning")]
    page = answer.content.decode()
    for fact in ("on the suppression list", "https://example.com/", "Firefox", "Unsubscribe from Daily"):
        assert fact in page
    assert missed.run.campaign.name in page


@pytest.mark.parametrize(
    ("show", "said"), [("campaigns", {"Got"}), ("hits", {"Opened"}), ("consent", {"Unsubscribed"})]
)
def test_one_kind_of_lines_can_be_looked_at_alone(anna, show, said):
    subscriptions.unsubscribe(anna, source="page")
    an_event(sent_to(anna))

    assert {each.did for each in history(anna, show=show).entries} == said


def test_what_was_suppressed_and_lifted_is_told_on_the_line_of_time(organization, anna, bob, login):
    for reason in ("complained", "manual"):
        Suppression.objects.create(organization=organization, kind="email", value=anna.email, reason=reason)
        if reason == "complained":
            lifting.lift(Suppression.objects.all(), by=acting(bob), why="Pressed the wrong button")

    found = history(anna, show="consent").entries

    assert [each.did for each in found] == ["Was suppressed:", "A suppression was lifted:", "Was suppressed:"]
    assert (found[1].quote, found[1].facts) == ("Pressed the wrong button", ("for every list", f"by {bob}"))
    assert "Pressed the wrong button" in login(bob).get(address(anna)).content.decode()


def test_pages_hold_every_line_once_also_where_many_share_a_moment(anna, mailing_list):
    anna.created_at = NINE
    anna.save()
    for number in range(5):
        recipient = sent_to(anna, at=NINE + timedelta(minutes=number // 3))
        an_event(recipient, at=NINE)
        an_event(recipient, "clicked", at=NINE + timedelta(minutes=number // 3))
        ConsentEvent.objects.create(subscriber=anna, list_name="Daily", kind="confirmed", at=NINE)
    whole = [each.key for each in history(anna, count=100).entries]

    paged, before = [], ""
    while True:
        page = history(anna, before=before, count=3)
        paged += [each.key for each in page.entries]
        before = page.following
        if not before:
            break

    assert paged == whole == sorted(whole, reverse=True)
    assert len(whole) == 21


@pytest.mark.parametrize(
    "before", ["nonsense", "2026-01-05T09:00:00~0~1", "2026-01-05T09:00:00+00:00~9~1", "~~", "x~1~1"]
)
def test_a_place_nobody_was_given_is_the_first_page(anna, bob, login, before):
    answer = login(bob).get(address(anna), {"before": before, "show": "x"})

    assert answer.status_code == 200
    assert answer.context["history"] == history(anna)


def test_the_page_takes_no_query_a_line(organization, anna, bob, login):
    browser = login(bob)

    def more():
        row = SubscriptionFactory(mailing_list=MailingListFactory(organization=organization), subscriber=anna)
        tag = SubscriberTag.objects.create(mailing_list=row.mailing_list, name="vip")
        TaggedSubscription.objects.create(subscription=row, tag=tag)
        subscriptions.unsubscribe(anna, source="page", mailing_lists=[row.mailing_list])
        an_event(sent_to(anna))
        held = {"organization": organization, "mailing_list": row.mailing_list, "kind": "email", "value": anna.email}
        Suppression.objects.create(**held)
        lifting.lift(Suppression.objects.filter(**held), by=acting(bob))
        Suppression.objects.create(**held)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(address(anna)).status_code == 200
        return len(captured)

    more()
    few = queries()
    for _ in range(5):
        more()

    assert queries() <= few
    assert few <= 30


def test_every_suppression_that_concerns_them_is_named(organization, mailing_list, anna, bob, login):
    Suppression.objects.create(organization=organization, kind="email", value="anna@example.com", source="the old shop")
    Suppression.objects.create(organization=organization, mailing_list=mailing_list, kind="domain", value="example.com")
    Suppression.objects.create(organization=organization, kind="email", value="ben@example.com")

    answer = login(bob).get(address(anna))

    assert {row.value for row in answer.context["suppressed"]} == {"anna@example.com", "example.com"}
    page = " ".join(answer.content.decode().split())
    assert "is suppressed</strong> for the list Daily" in page
    assert "the old shop" in page


def test_one_can_ask_why_they_did_not_get_a_campaign(organization, anna, bob, login):
    campaign = draft_campaign(organization, name="For others")

    answer = login(bob).get(address(anna), {"campaign": campaign.pk})

    assert answer.context["reason"]["campaign"] == campaign
    assert not answer.context["reason"]["got"]
    assert answer.context["reason"]["sentence"] in answer.content.decode()


def test_campaigns_of_strangers_give_no_reason(anna, bob, login):
    campaign = draft_campaign(name="Strangers")

    answer = login(bob).get(address(anna), {"campaign": campaign.pk})

    assert answer.context["reason"] is None
    assert "Strangers" not in answer.content.decode()


# --- what can be done ----------------------------------------------------------------------------------------------


def test_somebody_is_unsubscribed_after_a_question(organization, mailing_list, anna, bob, login):
    other = SubscriptionFactory(mailing_list=MailingListFactory(organization=organization), subscriber=anna)
    browser = login(bob)

    asked = browser.get(address(anna, "unsubscribe"), {"list": mailing_list.pk})
    before = anna.subscriptions.get(mailing_list=mailing_list).status
    browser.post(address(anna, "unsubscribe"), {"list": mailing_list.pk})

    assert [row.mailing_list for row in asked.context["rows"]] == [mailing_list]
    assert before == "subscribed"
    assert anna.subscriptions.get(mailing_list=mailing_list).status == "unsubscribed"
    assert anna.subscriptions.get(pk=other.pk).status == "subscribed"
    assert anna.consent_events.get(kind="unsubscribed").by == bob


def test_a_list_that_is_none_ends_nothing(anna, bob, login):
    login(bob).post(address(anna, "unsubscribe"), {"list": "nonsense"})
    login(bob).post(address(anna, "unsubscribe"), {"list": MailingListFactory().pk})

    assert anna.subscriptions.get().status == "subscribed"


def test_all_subscriptions_end_at_once(organization, anna, bob, login):
    SubscriptionFactory(mailing_list=MailingListFactory(organization=organization), subscriber=anna)

    answer = login(bob).post(address(anna, "unsubscribe"), {"list": ""})

    assert "from 2 lists" in told(answer)
    assert {row.status for row in anna.subscriptions.all()} == {"unsubscribed"}


def test_somebody_who_left_comes_back_only_with_a_proof(mailing_list, anna, bob, login):
    subscriptions.unsubscribe(anna, source="page")
    browser = login(bob)

    refused = browser.post(address(anna, "subscribe"), {"mailing_list": mailing_list.pk, "wording": ""})
    before = anna.subscriptions.get().status
    browser.post(address(anna, "subscribe"), {"mailing_list": mailing_list.pk, "wording": "Asked on the phone"})

    assert refused.status_code == 422
    assert "by their own act" in refused.context["form"].errors["wording"][0]
    assert before == "unsubscribed"
    assert anna.subscriptions.get().status == "subscribed"
    event = anna.consent_events.get(kind="subscribed")
    assert (event.wording, event.by, event.source) == ("Asked on the phone", bob, "admin")


def test_lists_of_strangers_cannot_be_chosen(anna, bob, login):
    answer = login(bob).post(address(anna, "subscribe"), {"mailing_list": MailingListFactory().pk})

    assert answer.context["form"].errors["mailing_list"]
    assert anna.subscriptions.count() == 1


def test_the_confirmation_is_sent_again_but_not_too_often(organization, bob, login, django_capture_on_commit_callbacks):
    waits = MailingListFactory(organization=organization, opt_in="double")
    with time_machine.travel(now() - timedelta(days=5)):
        row = subscriptions.subscribe(waits, email="ben@example.com", source="page")
    browser, given = login(bob), {"list": waits.pk}

    with django_capture_on_commit_callbacks(execute=True):
        first = browser.post(address(row.subscriber, "ask_again"), given)
        second = browser.post(address(row.subscriber, "ask_again"), given)

    assert "once more" in told(first)
    assert "not sent again now" in told(second)
    assert [event.by for event in row.subscriber.consent_events.filter(kind="requested")] == [None, bob]


def test_who_is_subscribed_is_not_asked_to_confirm(mailing_list, anna, bob, login):
    answer = login(bob).post(address(anna, "ask_again"), {"list": mailing_list.pk})

    assert "not sent again now" in told(answer)
    assert not anna.consent_events.exists()


def test_a_bounce_is_undone(anna, bob, login):
    subscriptions.bounce(anna, source="smtp")

    login(bob).post(address(anna, "reset_bounce"))

    assert anna.subscriptions.get().status == "subscribed"


def test_their_data_is_a_file(anna, bob, login):
    answer = login(bob).get(address(anna, "export"))

    assert json.loads(answer.content)["person"]["email"] == "anna@example.com"
    assert anna.public_id in answer.headers["Content-Disposition"]


def test_somebody_is_erased_after_a_question_with_numbers(anna, bob, login):
    an_event(sent_to(anna))
    browser = login(bob)

    asked = browser.get(address(anna, "erase"))
    there = Subscriber.objects.filter(pk=anna.pk).exists()
    answer = browser.post(address(anna, "erase"), {"keep_out": "on"})

    assert dict(asked.context["held"])["subscriptions"] == 1
    assert there
    assert "anna@example.com is erased" in told(answer)
    assert not Subscriber.objects.filter(pk=anna.pk).exists()
    assert Erasure.objects.get().keep_out


ACTS = ("unsubscribe", "subscribe", "ask_again", "reset_bounce", "erase")


@pytest.mark.parametrize("name", [*ACTS, "export"])
@pytest.mark.parametrize(("who", "status"), [("victor", 403), ("charlie", 404)])
def test_others_do_nothing_to_anybody(anna, mailing_list, login, request, name, who, status):
    browser = login(request.getfixturevalue(who))
    act = browser.get if name == "export" else browser.post

    answer = act(address(anna, name), {"mailing_list": mailing_list.pk, "list": mailing_list.pk})

    assert answer.status_code == status
    assert anna.subscriptions.get().status == "subscribed"


@pytest.mark.parametrize("name", ["ask_again", "reset_bounce"])
def test_looking_changes_nothing(anna, bob, login, name):
    assert login(bob).get(address(anna, name)).status_code == 405
