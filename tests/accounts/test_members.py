import pytest

from accounts import keys, members
from accounts.members import MemberError
from accounts.models import Membership, User
from accounts.permissions import Permission, may
from tests.conftest import acting
from tests.factories import MembershipFactory


def seat(user):
    return Membership.objects.get(user=user)


def test_a_new_member_gets_an_account_and_a_password_shown_once(organization, alice):
    member, password = members.add(
        organization, email=" Frida@Example.com ", name="Frida Kahlo", role="manager", trusted=False, by=acting(alice)
    )

    user = User.objects.get(email="frida@example.com")
    assert (member.user, member.role, user.get_full_name(), user.is_staff) == (user, "manager", "Frida Kahlo", True)
    assert user.check_password(password)
    assert len(password) >= 12


def test_somebody_with_an_account_joins_with_it(organization, alice, charlie):
    member, password = members.add(
        organization, email=charlie.email.upper(), role="viewer", trusted=False, by=acting(alice)
    )

    assert (member.user, password) == (charlie, "")
    assert charlie.memberships.count() == 2


def test_two_people_with_the_same_name_before_the_at_get_usernames_of_their_own(organization, alice):
    for domain in ("a.example", "b.example"):
        members.add(organization, email=f"frida@{domain}", role="viewer", trusted=False, by=acting(alice))

    assert User.objects.filter(username__startswith="frida").count() == 2


def test_nobody_is_a_member_twice(organization, alice, bob):
    with pytest.raises(MemberError, match="already"):
        members.add(organization, email=bob.email, role="viewer", trusted=False, by=acting(alice))


@pytest.mark.parametrize(("email", "role"), [("frida", "viewer"), ("frida@example.com", "queen")])
def test_what_makes_no_sense_is_refused(organization, alice, email, role):
    with pytest.raises(MemberError):
        members.add(organization, email=email, role=role, trusted=False, by=acting(alice))

    assert not User.objects.filter(email=email).exists()


def test_a_role_changes_what_somebody_may_do(organization, alice, victor):
    members.change(seat(victor), role="manager", trusted=True, by=acting(alice))

    assert may(victor, Permission.SEND, organization)
    assert seat(victor).trusted


def test_the_last_administrator_is_neither_demoted_nor_removed(organization, alice):
    with pytest.raises(MemberError, match="only administrator"):
        members.change(seat(alice), role="manager", trusted=True, by=acting(alice))
    with pytest.raises(MemberError, match="only administrator"):
        members.remove(seat(alice), by=acting(alice))

    assert seat(alice).role == "admin"


def test_an_administrator_who_cannot_log_in_does_not_count(organization, alice):
    MembershipFactory(organization=organization, role="admin", user__is_active=False)

    with pytest.raises(MemberError):
        members.remove(seat(alice), by=acting(alice))


def test_the_last_administrator_may_still_change_what_keeps_them_one(organization, alice):
    members.change(seat(alice), role="admin", trusted=False, by=acting(alice))

    assert not seat(alice).trusted


def test_an_administrator_leaves_once_there_is_another(organization, alice, bob):
    members.change(seat(bob), role="admin", trusted=True, by=acting(alice))

    members.remove(seat(alice), by=acting(bob))

    assert not may(alice, Permission.READ, organization)
    assert User.objects.filter(pk=alice.pk).exists()


def test_who_leaves_takes_no_key_along(organization, alice, bob):
    _, plain = keys.issue(seat(bob), name="shop", by=acting(alice))

    members.remove(seat(bob), by=acting(alice))

    assert keys.authenticate(plain) is None


@pytest.mark.parametrize("person", ["bob", "erin", "victor", "charlie"])
def test_only_administrators_of_the_organization_manage_its_members(organization, alice, person, request):
    by = acting(request.getfixturevalue(person))

    for act in (
        lambda: members.add(organization, email="frida@example.com", role="admin", trusted=True, by=by),
        lambda: members.change(seat(alice), role="viewer", trusted=False, by=by),
        lambda: members.remove(seat(alice), by=by),
    ):
        with pytest.raises(MemberError, match="may not manage"):
            act()
