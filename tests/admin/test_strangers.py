"""Every page of every model, as a stranger, as a viewer and as nobody."""

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import ApiKey, Edition
from audience.models import CustomField, Import, Suppression, SuppressionImport
from content.models import Template
from delivery.models import InboxMessage
from tags.models import Tag
from tests.factories import (
    EditionFactory,
    EmailFactory,
    MailingListFactory,
    SegmentFactory,
    SubscriptionFactory,
    UserFactory,
    campaign_in,
)

pytestmark = pytest.mark.django_db

SECRET = "Moonlight"


@pytest.fixture
def rows(organization, alice):
    """One row of everything an organization owns, each named so that it can be found in a page."""
    mailing_list = MailingListFactory(organization=organization, name=f"{SECRET} list")
    person = SubscriptionFactory(
        mailing_list=mailing_list, subscriber__email=f"{SECRET.lower()}@example.com"
    ).subscriber
    member = alice.memberships.get()
    return [
        campaign_in("draft", organization, name=f"{SECRET} letter", people=0),
        EmailFactory(organization=organization, title=f"{SECRET} email"),
        Template.objects.create(organization=organization, name=f"{SECRET} template"),
        mailing_list,
        person,
        SegmentFactory(organization=organization, name=f"{SECRET} segment"),
        CustomField.objects.create(organization=organization, key="moonlight", name=f"{SECRET} field"),
        Suppression.objects.create(organization=organization, kind="domain", value=f"{SECRET.lower()}.example"),
        Import.objects.create(organization=organization, mailing_list=mailing_list, file_name=f"{SECRET}.csv"),
        SuppressionImport.objects.create(organization=organization, file_name=f"{SECRET} blocked.csv"),
        Tag.objects.create(organization=organization, name=SECRET),
        EditionFactory(organization=organization, name=f"{SECRET} edition"),
        ApiKey.objects.create(membership=member, name=f"{SECRET} key", prefix="bs_moon", digest="m" * 64),
        InboxMessage.objects.create(organization=organization, recipient="a@b.example", subject=SECRET, raw=b"\r\n"),
        organization,
        member,
    ]


def addresses(row):
    name = f"{row._meta.app_label}_{row._meta.model_name}"
    return reverse(f"admin:{name}_changelist"), reverse(f"admin:{name}_change", args=[row.pk])


def test_an_administrator_opens_every_page(rows, alice, login):
    browser = login(alice)

    for row in rows:
        for address in addresses(row):
            assert browser.get(address, follow=True).status_code == 200, address


def test_a_stranger_sees_nothing_of_it(rows, charlie, login):
    browser = login(charlie)

    for row in rows:
        listed, page = addresses(row)
        assert SECRET.lower() not in browser.get(listed).content.decode().lower(), listed
        answer = browser.get(page, follow=True)
        seen = answer.content.decode().lower().replace(f"id “{row.pk}”", "")
        assert answer.status_code == 404 or SECRET.lower() not in seen, page


def test_a_viewer_changes_nothing(rows, victor, login):
    browser = login(victor)

    for row in rows:
        model_admin = admin.site._registry[type(row)]
        request = browser.get(reverse("admin:index")).wsgi_request
        assert not model_admin.has_add_permission(request), row
        assert not model_admin.has_change_permission(request, row), row
        assert not model_admin.has_delete_permission(request, row), row


def test_nobody_is_sent_to_the_login_page(rows, client):
    for row in rows:
        for address in addresses(row):
            answer = client.get(address)
            assert answer.status_code == 302
            assert "/admin/login/" in answer.url, address


def test_every_list_opens_for_a_superuser(db, login):
    browser = login(UserFactory(is_superuser=True))

    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert browser.get(address).status_code == 200, address


def test_choices_of_a_form_are_the_organizations_own(organization, bob, charlie, login):
    strange = EditionFactory(organization=charlie.memberships.get().organization, name="Strange edition")
    own = EditionFactory(organization=organization, name="Own edition")

    page = login(bob).get(reverse("admin:audience_mailinglist_add")).content.decode()

    assert own.name in page
    assert strange.name not in page


def test_a_foreign_choice_is_refused(organization, bob, charlie, login):
    strange = EditionFactory(organization=charlie.memberships.get().organization)
    address = reverse("admin:audience_mailinglist_add")

    answer = login(bob).post(address, {"name": "Mine", "description": "", "edition": strange.pk})

    assert answer.status_code == 200
    assert "Select a valid choice" in answer.content.decode()
    assert not organization.mailing_lists.exists()


def test_a_new_row_belongs_to_the_organization_worked_in(organization, bob, login):
    login(bob).post(
        reverse("admin:audience_mailinglist_add"),
        {"name": "Mine", "description": "", "edition": "", "opt_in": "single"},
    )

    assert organization.mailing_lists.get().name == "Mine"


def test_a_name_that_is_taken_in_the_organization_gets_a_clear_message(organization, alice, login):
    Edition.objects.create(organization=organization, name="Berlin", slug="berlin")
    given = {"name": "Berlin", "slug": "berlin", "timezone": "Europe/Berlin", "default_language": "en"}
    given |= {"default_country_code": "+49"}

    answer = login(alice).post(reverse("admin:accounts_edition_add"), given)

    assert answer.status_code == 200
    assert "already exists" in answer.content.decode()
