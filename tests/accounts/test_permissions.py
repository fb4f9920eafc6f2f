"""Who may do what: the table of the specification, role by role."""

import pytest

from accounts.models import Role
from accounts.permissions import Permission, granted, is_trusted, may
from tests.factories import MembershipFactory, OrganizationFactory

MARKETER = {"read", "create", "update", "send", "update_state", "delete"}
EXPECTED = {
    Role.ADMIN: MARKETER | {"approve", "retry", "manage_members"},
    Role.MANAGER: MARKETER,
    Role.APPROVER: {"read", "approve"},
    Role.VIEWER: {"read"},
}


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_do_exactly_what_the_table_says(organization, role):
    user = MembershipFactory(organization=organization, role=role).user

    assert granted(user, organization) == EXPECTED[role]
    assert {each for each in Permission if may(user, each, organization)} == EXPECTED[role]


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_a_role_counts_only_in_its_organization(organization, role):
    user = MembershipFactory(organization=organization, role=role).user

    assert granted(user, OrganizationFactory()) == frozenset()


@pytest.mark.django_db
def test_nobody_and_who_cannot_log_in_may_nothing(organization, alice):
    alice.is_active = False

    assert granted(None, organization) == granted(alice, organization) == frozenset()


@pytest.mark.django_db
def test_members_of_an_organization_that_is_not_active_may_nothing(organization, alice):
    organization.is_active = False
    organization.save()

    assert granted(alice, organization) == frozenset()


@pytest.mark.django_db
def test_a_superuser_may_everything_everywhere(organization, charlie):
    charlie.is_superuser = True

    assert granted(charlie, organization) == frozenset(Permission)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("person", "trusted"), [("alice", True), ("bob", True), ("dora", False), ("charlie", False), ("erin", False)]
)
def test_trust_belongs_to_a_membership(organization, person, trusted, request):
    assert is_trusted(request.getfixturevalue(person), organization) == trusted


@pytest.mark.django_db
def test_nobody_is_not_trusted(organization):
    assert not is_trusted(None, organization)


@pytest.mark.django_db
def test_asking_costs_one_query(organization, alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        granted(alice, organization)
