"""Where nothing is ever sent."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audience import suppressions
from audience.errors import InvalidAddress
from audience.models import Suppression
from tests.audience.worlds import LISTS, is_banned, made, worlds
from tests.factories import MailingListFactory, OrganizationFactory


def test_suppressing_twice_keeps_the_first_reason(organization, alice):
    first = suppressions.suppress(
        organization=organization, kind="email", value="Ann@Example.com", reason="bounced", source="550", by=alice
    )
    again = suppressions.suppress(organization=organization, kind="email", value="ann@example.com", reason="manual")

    assert again == first
    assert (again.value, again.reason, again.source, again.created_by) == ("ann@example.com", "bounced", "550", alice)


def test_each_scope_has_its_own_suppression(organization):
    mailing_list = MailingListFactory(organization=organization)
    scopes = [
        {"organization": None},
        {"organization": organization},
        {"organization": organization, "mailing_list": mailing_list},
    ]

    for scope in scopes * 2:
        suppressions.suppress(kind="phone", value="+45 20 12 34 56", reason="manual", **scope)

    assert Suppression.objects.filter(value="+4520123456").count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "value"), [("email", "ann"), ("domain", "ann@example.com"), ("phone", "20"), ("face", "x")]
)
def test_what_is_malformed_cannot_be_suppressed(kind, value):
    with pytest.raises(InvalidAddress):
        suppressions.suppress(organization=None, kind=kind, value=value, reason="manual")

    assert not Suppression.objects.exists()


def test_a_list_of_another_organization_is_no_scope(organization):
    with pytest.raises(InvalidAddress):
        suppressions.suppress(
            organization=organization,
            mailing_list=MailingListFactory(),
            kind="email",
            value="ann@example.com",
            reason="manual",
        )


def test_many_values_are_suppressed_in_few_statements(organization, django_assert_max_num_queries):
    suppressions.suppress(organization=organization, kind="email", value="r1@example.com", reason="manual")
    values = [f"R{n}@example.com" for n in range(1500)] + ["r2@example.com", "nonsense"]

    with django_assert_max_num_queries(30):
        outcome = suppressions.suppress_many(values, organization=organization, kind="email")

    assert (outcome.added, outcome.known) == (1499, 1)
    assert set(outcome.refused) == {"nonsense"}
    assert Suppression.objects.get(value="r1@example.com").reason == "manual"


def test_lifting_takes_away_exactly_one_scope(organization):
    for scope in (None, organization):
        suppressions.suppress(organization=scope, kind="domain", value="example.com", reason="manual")

    lifted = suppressions.lift(organization=organization, kind="domain", value="@Example.com")
    again = suppressions.lift(organization=organization, kind="domain", value="@Example.com")

    assert (lifted, again) == (True, False)
    assert suppressions.check(organization, "ann@mail.example.com").organization is None


def test_a_check_names_the_widest_scope(organization):
    mailing_list = MailingListFactory(organization=organization)
    suppressions.suppress(
        organization=organization, mailing_list=mailing_list, kind="email", value="ann@example.com", reason="manual"
    )
    wide = suppressions.suppress(organization=organization, kind="domain", value="example.com", reason="manual")

    assert suppressions.check(organization, "ann@example.com", mailing_list=mailing_list) == wide
    assert suppressions.check(OrganizationFactory(), "ann@example.com") is None
    assert suppressions.check(organization, "ann@example.org", mailing_list=mailing_list) is None


@pytest.mark.django_db
@given(worlds(), st.integers(0, LISTS - 1))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_checking_agrees_with_the_slow_and_obvious_way(world, number):
    with made(world) as (organization, lists, _):
        people = [person for person in world.people if (person.email if world.channel == "email" else person.phone)]
        addresses = {id(person): person.email if world.channel == "email" else person.phone for person in people}

        found = suppressions.check_many(organization, addresses.values(), mailing_list=lists[number])

        scopes = {"system", "organization", number}
        assert set(found) == {addresses[id(person)] for person in people if is_banned(world, person, scopes)}


def test_many_addresses_are_checked_in_one_query(organization, django_assert_num_queries):
    suppressions.suppress(organization=organization, kind="domain", value="example.com", reason="manual")
    addresses = [f"r{n}@example.com" for n in range(300)]

    with django_assert_num_queries(1):
        found = suppressions.check_many(organization, addresses)

    assert len(found) == 300
