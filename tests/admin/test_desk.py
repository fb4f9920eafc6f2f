"""Who works where: the switch between organizations, and what each role finds in the sidebar."""

import pytest
from django.urls import reverse

from accounts.admin import sidebar
from accounts.admin.desk import desk
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory, draft_campaign

pytestmark = pytest.mark.django_db


def titles(user, rf):
    request = rf.get("/admin/")
    request.user, request.session = user, {}
    return [item["title"] for group in sidebar.navigation(request) for item in group["items"]]


def test_a_marketer_finds_campaigns_and_people_but_no_members(bob, rf):
    found = titles(bob, rf)

    assert found[0] == "Home"
    assert {"Campaigns", "Emails", "Lists", "Subscribers", "Segments", "Imports", "Suppressions"} <= set(found)
    assert not {"Members", "API keys", "Approval queue", "Batches"} & set(found)


def test_an_approver_finds_the_queue_first(erin, rf):
    found = titles(erin, rf)

    assert found[:2] == ["Approval queue", "Home"]
    assert not {"Imports", "Members", "Inbox"} & set(found)


def test_an_administrator_finds_members_and_keys_but_not_the_machine(alice, rf):
    found = titles(alice, rf)

    assert {"Members", "API keys", "Editions", "Settings", "Approval queue"} <= set(found)
    assert not {"Users", "Batches", "Scheduled tasks"} & set(found)


def test_a_superuser_finds_the_machine_too(db, rf):
    found = titles(UserFactory(is_superuser=True), rf)

    assert {"Organizations", "Users", "Recipients", "Batches", "Events", "Scheduled tasks"} <= set(found)


def test_somebody_without_a_membership_finds_nothing(db, rf):
    assert titles(UserFactory(), rf) == []


def test_a_member_of_two_works_in_one_at_a_time_and_can_switch(organization, bob, login):
    star = OrganizationFactory(name="Evening Star")
    MembershipFactory(user=bob, organization=star)
    draft_campaign(organization, name="Morning letter", people=0)
    draft_campaign(star, name="Evening letter", people=0)
    browser, campaigns = login(bob), reverse("admin:campaigns_campaign_changelist")

    first = browser.get(campaigns).content.decode()
    browser.post(reverse("admin:accounts_organization_switch"), {"organization": star.public_id})
    second = browser.get(campaigns).content.decode()
    browser.post(reverse("admin:accounts_organization_switch"), {"organization": "every"})
    both = browser.get(campaigns).content.decode()

    assert "Morning letter" in first
    assert "Evening letter" not in first
    assert "Evening letter" in second
    assert "Morning letter" not in second
    assert "Morning letter" in both
    assert "Evening letter" in both


def test_nobody_switches_into_an_organization_of_strangers(organization, bob, charlie, rf):
    strange = charlie.memberships.get().organization
    request = rf.get("/admin/")
    request.user, request.session = bob, {"organization": strange.public_id}

    assert desk(request).organization == organization


def test_switching_takes_a_post(bob, login):
    assert login(bob).get(reverse("admin:accounts_organization_switch")).status_code == 405


def test_a_link_to_another_of_ones_organizations_opens(organization, bob, login):
    star = OrganizationFactory(name="Evening Star")
    MembershipFactory(user=bob, organization=star)
    campaign = draft_campaign(star, name="Evening letter", people=0)

    answer = login(bob).get(reverse("admin:campaigns_campaign_change", args=[campaign.pk]))

    assert answer.status_code == 200


def test_an_inactive_organization_is_closed(organization, bob, rf):
    organization.is_active = False
    organization.save()

    assert titles(bob, rf) == []
