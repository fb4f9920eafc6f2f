"""Subscribers, lists, custom fields, segments and suppressions in the admin."""

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audience.models import CustomField, Segment, Subscriber, Suppression
from tests.factories import (
    MailingListFactory,
    SegmentFactory,
    SubscriberFactory,
    SubscriptionFactory,
    campaign_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailing_list(organization):
    return MailingListFactory(organization=organization, name="Daily")


@pytest.fixture
def anna(mailing_list):
    return SubscriptionFactory(mailing_list=mailing_list, subscriber__email="anna@example.com").subscriber


def told(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_somebody_is_put_on_a_list_with_what_is_known(organization, mailing_list, bob, login):
    CustomField.objects.create(organization=organization, key="first_name", name="First name")
    given = {"email": "Anna@Example.com", "phone": "", "mailing_list": mailing_list.pk, "field_first_name": "Anna"}

    login(bob).post(reverse("admin:audience_subscriber_add"), given)

    person = Subscriber.objects.get()
    assert (person.email, person.fields) == ("anna@example.com", {"first_name": "Anna"})
    assert person.subscriptions.get().source == "admin"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "not an address"}, "email"),
        ({"email": "", "phone": ""}, "email"),
        ({"mailing_list": ""}, "mailing_list"),
        ({"field_age": "old"}, "field_age"),
    ],
)
def test_what_does_not_fit_is_said_where_it_was_typed(organization, mailing_list, bob, login, changes, field):
    CustomField.objects.create(organization=organization, key="age", name="Age", kind="number")
    given = {"email": "anna@example.com", "phone": "", "mailing_list": mailing_list.pk, "field_age": "", **changes}

    answer = login(bob).post(reverse("admin:audience_subscriber_add"), given)

    assert answer.context["form"].errors[field]
    assert not Subscriber.objects.exists()


def test_values_are_changed_and_taken_away(organization, anna, bob, login):
    for key in ("city", "plan"):
        CustomField.objects.create(organization=organization, key=key, name=key)
    anna.fields = {"city": "Berlin", "plan": "free"}
    anna.save()
    address = reverse("admin:audience_subscriber_edit", args=[anna.pk])

    login(bob).post(address, {"mailing_list": "", "field_city": "Hamburg", "field_plan": ""})

    anna.refresh_from_db()
    assert anna.fields == {"city": "Hamburg"}


def test_people_are_found_by_list_status_and_address(organization, mailing_list, anna, bob, login):
    SubscriptionFactory(mailing_list=mailing_list, subscriber__email="ben@example.com", status="bounced")
    SubscriberFactory(organization=organization, email="clara@example.org")
    browser = login(bob)

    def shown(**parameters):
        answer = browser.get(reverse("admin:audience_subscriber_changelist"), parameters)
        return {person.email for person in answer.context["cl"].result_list}

    assert shown(list=mailing_list.pk) == {"anna@example.com", "ben@example.com"}
    assert shown(list=mailing_list.pk, status="bounced") == {"ben@example.com"}
    assert shown(q="anna@example.com") == {"anna@example.com"}
    assert shown(q="example.org") == {"clara@example.org"}


def test_the_list_of_people_takes_no_query_a_person(mailing_list, anna, bob, login):
    browser, address = login(bob), reverse("admin:audience_subscriber_changelist")

    def queries():
        with CaptureQueriesContext(connection) as captured:
            browser.get(address)
        return len(captured)

    few = queries()
    for _ in range(8):
        SubscriptionFactory(mailing_list=mailing_list)

    assert queries() <= few


def test_a_list_says_how_many_are_on_it_in_which_state(mailing_list, anna, bob, login):
    SubscriptionFactory(mailing_list=mailing_list, status="bounced")

    answer = login(bob).get(reverse("admin:audience_mailinglist_change", args=[mailing_list.pk]))

    counts = {value: people for value, _, people in answer.context["summary"]["statuses"]}
    assert (counts["subscribed"], counts["bounced"], counts["complained"]) == (1, 1, 0)


def test_a_list_that_campaigns_name_is_kept(organization, bob, login):
    mailing_list = campaign_in("sent", organization).audience.get().mailing_list

    answer = login(bob).post(reverse("admin:audience_mailinglist_delete", args=[mailing_list.pk]))

    assert "names the list" in told(answer)
    mailing_list.refresh_from_db()


def test_a_list_is_deleted_after_a_question_and_its_people_stay(organization, mailing_list, anna, bob, login):
    address, browser = reverse("admin:audience_mailinglist_delete", args=[mailing_list.pk]), login(bob)

    asked = browser.get(address).content.decode()
    browser.post(address)

    assert "1 subscription ends with it" in asked
    assert not organization.mailing_lists.exists()
    assert Subscriber.objects.get() == anna


def test_the_people_of_a_list_are_a_file(mailing_list, anna, bob, charlie, login):
    address = reverse("admin:audience_mailinglist_csv", args=[mailing_list.pk])

    assert b"anna@example.com" in b"".join(login(bob).get(address).streaming_content)
    assert login(charlie).get(address).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"key": "2nd"}, "key"), ({"key": "email"}, "key"), ({"key": "city"}, "key"), ({"kind": "choice"}, "choices")],
)
def test_a_field_that_cannot_be_is_refused_with_the_reason(organization, bob, login, changes, field):
    CustomField.objects.create(organization=organization, key="city", name="City")
    given = {"name": "New", "key": "new", "kind": "text", "choices": "", "mailing_list": "", **changes}

    answer = login(bob).post(reverse("admin:audience_customfield_add"), given)

    assert answer.context["adminform"].form.errors[field]
    assert CustomField.objects.count() == 1


def test_choices_are_written_one_a_line(organization, bob, login):
    given = {"name": "Plan", "key": "plan", "kind": "choice", "choices": "Free\n\nPlus \nFree", "mailing_list": ""}

    login(bob).post(reverse("admin:audience_customfield_add"), given)

    assert CustomField.objects.get().choices == ["Free", "Plus"]


def test_many_are_suppressed_at_once_and_what_is_malformed_is_named(organization, bob, login):
    given = {"values": "Anna@Example.com\nnonsense\n\nben@example.com", "mailing_list": "", "reason": "manual"}

    answer = login(bob).post(reverse("admin:audience_suppression_add"), given)

    assert set(Suppression.objects.values_list("value", flat=True)) == {"anna@example.com", "ben@example.com"}
    assert {row.created_by for row in Suppression.objects.all()} == {bob}
    assert "2 suppressed" in told(answer)
    assert "nonsense" in told(answer)


def test_suppressions_of_the_whole_system_are_for_superusers(organization, bob, login):
    Suppression.objects.create(organization=None, kind="domain", value="spam.example")

    page = login(bob).get(reverse("admin:audience_suppression_changelist")).content.decode()

    assert "spam.example" not in page


def test_a_segment_is_made_of_lists(organization, mailing_list, bob, login):
    given = {"name": "Readers", "description": "", "edition": "", "mailing_lists": [mailing_list.pk], "rules": "{}"}

    login(bob).post(reverse("admin:audience_segment_add"), given)

    assert list(Segment.objects.get().mailing_lists.all()) == [mailing_list]


def test_changing_a_segment_voids_the_approval_of_campaigns_that_address_it(organization, dora, bob, login):
    from campaigns import drafts
    from tests.factories import draft_campaign

    segment = SegmentFactory(organization=organization)
    campaign = draft_campaign(organization, audience=[drafts.Part(segment=segment)])
    login(dora).post(reverse("admin:campaigns_campaign_transition", args=[campaign.pk, "submit"]), {"when": "now"})
    mailing_list = MailingListFactory(organization=organization)
    given = {"name": "Fewer", "description": "", "edition": "", "mailing_lists": [mailing_list.pk], "rules": "{}"}

    login(bob).post(reverse("admin:audience_segment_change", args=[segment.pk]), given)

    campaign.refresh_from_db()
    assert list(segment.mailing_lists.all()) == [mailing_list]
    assert campaign.state == "draft"


@pytest.mark.parametrize("rules", ["{nonsense", '{"field": "shoe_size", "operator": "is", "value": 43}', "[]"])
def test_rules_that_cannot_be_understood_are_not_saved(organization, bob, login, rules):
    given = {"name": "Readers", "description": "", "edition": "", "rules": rules}

    answer = login(bob).post(reverse("admin:audience_segment_add"), given)

    assert answer.context["form"].errors["rules"]
    assert not Segment.objects.exists()


def test_a_segment_in_use_is_kept_and_one_that_is_not_goes(organization, bob, login):
    from campaigns import drafts
    from tests.factories import draft_campaign

    used, unused = SegmentFactory(organization=organization), SegmentFactory(organization=organization)
    draft_campaign(organization, audience=[drafts.Part(segment=used)])
    browser = login(bob)

    asked = browser.get(reverse("admin:audience_segment_delete", args=[unused.pk]))
    refused = browser.post(reverse("admin:audience_segment_delete", args=[used.pk]))
    browser.post(reverse("admin:audience_segment_delete", args=[unused.pk]))

    assert asked.status_code == 200
    assert "not over yet" in told(refused)
    assert list(Segment.objects.all()) == [used]


def test_the_people_of_a_segment_are_a_file(organization, anna, bob, login):
    segment = SegmentFactory(organization=organization)

    answer = login(bob).get(reverse("admin:audience_segment_csv", args=[segment.pk]))

    assert b"anna@example.com" in b"".join(answer.streaming_content)
