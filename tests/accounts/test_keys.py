from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.utils.timezone import now

from accounts import keys
from accounts.actors import SYSTEM, Actor, Surface
from accounts.models import ApiKey
from accounts.permissions import membership_of


def by(user):
    return Actor(user=user, surface=Surface.ADMIN)


@pytest.fixture
def membership(organization, bob):
    return membership_of(bob, organization)


def test_the_plain_text_opens_the_door_and_is_not_stored(membership, bob):
    key, plain = keys.issue(membership, name="shop", by=by(bob))

    assert keys.authenticate(plain) == key
    assert plain.startswith("bs_")
    assert len(plain) == len("bs_") + 43
    assert plain not in str(ApiKey.objects.values().get())
    assert plain.startswith(key.prefix)


def test_no_two_keys_are_alike(membership, bob):
    plains = {keys.issue(membership, name="shop", by=by(bob))[1] for _ in range(5)}

    assert len(plains) == 5


@pytest.mark.parametrize("wrong", ["", "bs_", "nonsense", "ümlaut"])
def test_another_text_opens_nothing(membership, bob, wrong):
    keys.issue(membership, name="shop", by=by(bob))

    assert keys.authenticate(wrong) is None


def test_a_revoked_key_opens_nothing(membership, bob):
    key, plain = keys.issue(membership, name="shop", by=by(bob))

    keys.revoke(key, by=by(bob))

    assert keys.authenticate(plain) is None


def test_revoking_twice_keeps_the_first_time(membership, bob):
    key, _ = keys.issue(membership, name="shop", by=by(bob))
    first = keys.revoke(key, by=by(bob)).revoked_at

    again = keys.revoke(key, by=by(bob))

    assert first is not None
    assert again.revoked_at == first


def test_the_key_of_an_inactive_user_opens_nothing(membership, bob):
    _, plain = keys.issue(membership, name="shop", by=by(bob))
    bob.is_active = False
    bob.save()

    assert keys.authenticate(plain) is None


def test_a_key_of_an_inactive_organization_opens_nothing(membership, organization, bob):
    _, plain = keys.issue(membership, name="shop", by=by(bob))
    organization.is_active = False
    organization.save()

    assert keys.authenticate(plain) is None


def test_use_is_noted_at_most_once_a_minute(membership, bob, django_assert_num_queries):
    key, plain = keys.issue(membership, name="shop", by=by(bob))
    start = now()
    with time_machine.travel(start, tick=False):
        keys.authenticate(plain)

    with time_machine.travel(start + timedelta(seconds=59), tick=False), django_assert_num_queries(1):
        keys.authenticate(plain)
    key.refresh_from_db()
    assert key.last_used_at == start

    with time_machine.travel(start + timedelta(seconds=60), tick=False):
        keys.authenticate(plain)
    key.refresh_from_db()
    assert key.last_used_at == start + timedelta(seconds=60)


def test_administrators_issue_and_revoke_keys_of_their_members(membership, alice):
    key, plain = keys.issue(membership, name="shop", by=by(alice))
    keys.revoke(key, by=by(alice))

    assert keys.authenticate(plain) is None


@pytest.mark.parametrize("who", ["dora", "charlie", "victor"])
def test_nobody_else_issues_or_revokes_a_members_key(membership, bob, who, request):
    key, plain = keys.issue(membership, name="shop", by=by(bob))
    other = request.getfixturevalue(who)

    with pytest.raises(PermissionDenied):
        keys.issue(membership, name="mine", by=by(other))
    with pytest.raises(PermissionDenied):
        keys.revoke(key, by=by(other))

    assert keys.authenticate(plain) == key


def test_broadsheet_itself_may_issue_keys(membership):
    key, _ = keys.issue(membership, name="demo", by=SYSTEM)

    assert key.membership == membership
