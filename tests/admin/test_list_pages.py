"""Lists and custom fields in the admin: how people join, and what can be known about them."""

import pytest
from django.urls import reverse

from audience import fields as custom_fields
from audience import list_removal
from audience.models import CustomField, MailingList
from campaigns import removals
from tests.factories import MailingListFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db


def test_how_people_join_is_set_on_the_list(organization, bob, login):
    given = {"name": "Daily", "description": "", "edition": "", "opt_in": "double", "is_public": "on"}
    words = {"confirmation_subject": "Is it you?", "confirmation_text": "Do say yes."}

    login(bob).post(reverse("admin:audience_mailinglist_add"), given | words)

    made = MailingList.objects.get()
    assert (made.opt_in, made.is_public, made.organization) == ("double", True, organization)
    assert (made.confirmation_subject, made.confirmation_text) == ("Is it you?", "Do say yes.")


def test_the_confirmation_mail_is_shown_as_it_would_arrive(organization, bob, login):
    mailing_list = MailingListFactory(
        organization=organization, opt_in="double", confirmation_subject="Is it you?", confirmation_text="<b>Yes</b>!"
    )

    page = login(bob).get(reverse("admin:audience_mailinglist_confirmation", args=[mailing_list.pk])).content.decode()

    assert "Is it you?" in page
    assert "&lt;b&gt;Yes&lt;/b&gt;!" in page
    assert "a link of their own" in page
    assert "Morning Post" in page


def test_the_confirmation_mail_of_strangers_is_not_shown(organization, charlie, login):
    mailing_list = MailingListFactory(organization=organization, opt_in="double")

    answer = login(charlie).get(reverse("admin:audience_mailinglist_confirmation", args=[mailing_list.pk]))

    assert answer.status_code == 404


def test_the_page_of_a_double_opt_in_list_leads_to_its_mail(organization, bob, login):
    single, double = (MailingListFactory(organization=organization, opt_in=each) for each in ("single", "double"))
    browser = login(bob)

    def leads(mailing_list):
        page = browser.get(reverse("admin:audience_mailinglist_change", args=[mailing_list.pk])).content.decode()
        return reverse("admin:audience_mailinglist_confirmation", args=[mailing_list.pk]) in page

    assert leads(double)
    assert not leads(single)


def test_a_public_list_says_where_people_subscribe(organization, bob, login):
    mailing_list = MailingListFactory(organization=organization, is_public=True)

    page = login(bob).get(reverse("admin:audience_mailinglist_change", args=[mailing_list.pk])).content.decode()

    assert reverse("subscribe", args=[mailing_list.public_id]) in page


def test_the_list_of_fields_names_what_can_be_chosen(organization, bob, login):
    plans = [f"Plan {number}" for number in range(7)]
    CustomField.objects.create(organization=organization, key="plans", name="P", kind="multi_choice", choices=plans)

    page = login(bob).get(reverse("admin:audience_customfield_changelist")).content.decode()

    assert "Plan 0, Plan 1, Plan 2, Plan 3, Plan 4 and 2 more" in page


@pytest.mark.parametrize("kind", ["time", "multi_choice"])
def test_the_newer_kinds_of_fields_are_made_in_the_form(organization, bob, login, kind):
    choices = "News\nSport" if kind == "multi_choice" else ""
    given = {"name": "Wanted", "key": "wanted", "kind": kind, "choices": choices, "mailing_list": ""}

    login(bob).post(reverse("admin:audience_customfield_add"), given)

    assert (CustomField.objects.get().kind, CustomField.objects.get().choices) == (kind, choices.split())


def test_deleting_a_field_says_what_becomes_of_its_values(organization, alice, login):
    field = custom_fields.create(organization, key="town")

    url = reverse("admin:audience_customfield_delete", args=[field.pk])
    page = login(alice).post(url, {"post": "yes"}, follow=True).content.decode()

    assert not CustomField.objects.exists()
    assert "stays with the people" in page


def test_a_list_that_is_being_deleted_is_told_of_with_its_progress(organization, alice, login, monkeypatch):
    monkeypatch.setattr(removals, "AT_ONCE", 1)
    monkeypatch.setattr(list_removal, "_queue", lambda list_id: None)
    monkeypatch.setattr(list_removal, "ROWS", 1)
    weekly = MailingListFactory(organization=organization, name="Weekly")
    SubscriptionFactory.create_batch(3, mailing_list=weekly)
    browser = login(alice)

    browser.post(reverse("admin:audience_mailinglist_delete", args=[weekly.pk]))
    list_removal.go_on(weekly.pk, seconds=0)
    page = browser.get(reverse("admin:audience_mailinglist_changelist")).content.decode()

    assert "The list “Weekly” is deleted and seen nowhere any more. 1 of its 3 subscriptions are gone" in page
    assert browser.get(reverse("admin:audience_mailinglist_change", args=[weekly.pk])).status_code in (302, 404)
