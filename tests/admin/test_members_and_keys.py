"""Who belongs to an organization, and the keys programs use."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from accounts import keys, members
from accounts.members import MemberError
from accounts.models import ApiKey, Membership, User
from tests.conftest import acting
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

ADD = "admin:accounts_membership_add"
PERSON = {"email": "Nora@Press.example", "name": "Nora Neu", "role": "manager"}


def told(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_a_new_member_gets_an_account_and_a_password_that_is_shown_once(organization, alice, login):
    answer = login(alice).post(reverse(ADD), PERSON)

    member = Membership.objects.get(user__email="nora@press.example")
    assert (member.organization, member.role, member.trusted) == (organization, "manager", False)
    assert member.user.check_password(answer.context["password"])
    assert answer.context["password"] in answer.content.decode()
    assert member.user.is_staff
    assert not member.user.is_superuser


def test_somebody_with_an_account_is_simply_let_in(organization, alice, login):
    known = UserFactory(username="nora", email="nora@press.example")

    answer = login(alice).post(reverse(ADD), PERSON)

    assert Membership.objects.get(user=known).organization == organization
    assert "logs in with the account they have" in told(answer)
    assert known.check_password("correct horse")


def test_nobody_is_a_member_twice(organization, alice, bob, login):
    answer = login(alice).post(reverse(ADD), PERSON | {"email": bob.email})

    assert "is a member already" in answer.content.decode()
    assert Membership.objects.filter(user=bob).count() == 1


def test_user_names_that_are_taken_get_a_number(organization, alice):
    UserFactory(username="nora")

    member, _ = members.add(organization, email="nora@press.example", role="viewer", trusted=False, by=acting(alice))

    assert member.user.username == "nora2"


def test_a_marketer_manages_no_members(organization, bob, victor, login):
    assert login(bob).get(reverse(ADD)).status_code == 403
    assert login(bob).get(reverse("admin:accounts_membership_changelist")).status_code == 403
    with pytest.raises(MemberError):
        members.remove(victor.memberships.get(), by=acting(bob))


def test_a_role_is_changed(organization, alice, bob, login):
    member = bob.memberships.get()

    login(alice).post(reverse("admin:accounts_membership_change", args=[member.pk]), {"role": "approver"})

    member.refresh_from_db()
    assert (member.role, member.trusted) == ("approver", False)


@pytest.mark.parametrize("act", ["change", "delete"])
def test_the_last_administrator_stays(organization, alice, login, act):
    member = alice.memberships.get()
    address = reverse(f"admin:accounts_membership_{act}", args=[member.pk])

    answer = login(alice).post(address, {"role": "viewer"} if act == "change" else {"post": "yes"})

    assert "only administrator" in told(answer)
    assert Membership.objects.get(pk=member.pk).role == "admin"


def test_an_administrator_may_go_when_there_is_another(organization, alice, login):
    MembershipFactory(organization=organization, role="admin")
    member = alice.memberships.get()

    login(alice).post(reverse("admin:accounts_membership_delete", args=[member.pk]), {"post": "yes"})

    assert not Membership.objects.filter(pk=member.pk).exists()
    assert User.objects.filter(pk=alice.pk).exists()


def test_a_key_is_shown_once_and_works(organization, alice, bob, login):
    given = {"name": "shop", "membership": bob.memberships.get().pk}

    answer = login(alice).post(reverse("admin:accounts_apikey_add"), given)

    plain = answer.context["plain"]
    assert keys.authenticate(plain).membership.user == bob
    assert plain in answer.content.decode()
    assert plain not in login(alice).get(reverse("admin:accounts_apikey_changelist")).content.decode()


def test_a_key_is_not_issued_for_a_stranger(alice, charlie, login):
    given = {"name": "shop", "membership": charlie.memberships.get().pk}

    answer = login(alice).post(reverse("admin:accounts_apikey_add"), given)

    assert "Select a valid choice" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_by_a_post_after_a_question(organization, alice, bob, login):
    key, plain = keys.issue(bob.memberships.get(), name="shop", by=acting(alice))
    browser = login(alice)

    asked = browser.get(reverse("admin:accounts_apikey_revoke", args=[key.pk]))
    still = keys.authenticate(plain)
    refused = browser.get(reverse("admin:accounts_apikey_revoke_now", args=[key.pk]))
    browser.post(reverse("admin:accounts_apikey_revoke_now", args=[key.pk]))

    assert asked.status_code == 200
    assert still is not None
    assert refused.status_code == 405
    assert keys.authenticate(plain) is None


def test_a_stranger_revokes_nothing(organization, alice, bob, charlie, login):
    key, plain = keys.issue(bob.memberships.get(), name="shop", by=acting(alice))

    answer = login(charlie).post(reverse("admin:accounts_apikey_revoke_now", args=[key.pk]))

    assert answer.status_code == 404
    assert keys.authenticate(plain) is not None
