"""Where nothing is ever sent."""

import pytest
from django.core.files.base import ContentFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audience import imports, suppressions
from audience.errors import InvalidAddress, TooMany
from audience.models import Suppression
from audience.selection import Part, select
from tests.audience.worlds import LISTS, is_banned, made, worlds
from tests.examples import examples
from tests.factories import MailingListFactory, OrganizationFactory, staff


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
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


# --- looking up --------------------------------------------------------------------------------------------------


def test_looking_up_names_every_scope_with_its_source_and_reason(organization):
    mailing_list = MailingListFactory(organization=organization)
    suppressions.suppress(
        organization=organization,
        mailing_list=mailing_list,
        kind="email",
        value="ann@example.com",
        reason="complained",
        source="arf",
    )
    suppressions.suppress(organization=None, kind="domain", value="example.com", reason="manual", source="spamtrap")
    suppressions.suppress(organization=organization, kind="email", value="ann@example.com", reason="bounced")
    suppressions.suppress(organization=OrganizationFactory(), kind="email", value="ann@example.com", reason="bounced")

    (found,) = suppressions.look_up(organization, ["Ann@Example.com"])

    assert [(row.scope, row.reason, row.source) for row in found.suppressions] == [
        ("system", "manual", "spamtrap"),
        ("organization", "bounced", ""),
        ("list", "complained", "arf"),
    ]


def test_looking_up_for_one_list_leaves_other_lists_out(organization):
    lists = MailingListFactory.create_batch(2, organization=organization)
    suppressions.suppress(organization=organization, mailing_list=lists[0], kind="phone", value="+4520123456")

    found = [suppressions.look_up(organization, ["+45 20 12 34 56"], mailing_list=each)[0] for each in lists]

    assert [each.is_suppressed for each in found] == [True, False]


def test_looking_up_answers_in_the_order_asked_and_says_what_it_cannot_read(organization, django_assert_num_queries):
    suppressions.suppress(organization=organization, kind="domain", value="example.com")
    asked = ["nonsense", "+4520123456", "@mail.example.com", "ann@example.org", "", "ann@mail.example.com"]

    with django_assert_num_queries(1):
        found = suppressions.look_up(organization, asked)

    assert [each.written for each in found] == asked
    assert [each.is_suppressed for each in found] == [False, False, True, False, False, True]
    assert [bool(each.problem) for each in found] == [True, False, False, False, True, False]


def test_five_hundred_are_looked_up_at_once_and_no_more(organization):
    asked = [f"r{n}@example.com" for n in range(501)]

    assert len(suppressions.look_up(organization, asked[:500])) == 500
    with pytest.raises(TooMany, match="500"):
        suppressions.look_up(organization, asked)


@pytest.mark.django_db
@given(worlds(), st.integers(0, LISTS - 1))
@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_looking_up_agrees_with_checking(world, number):
    with made(world) as (organization, lists, _):
        written = sorted({person.email for person in world.people if person.email})

        found = suppressions.look_up(organization, written, mailing_list=lists[number])
        checked = suppressions.check_many(organization, written, mailing_list=lists[number])

        assert {each.value: each.suppressions[0] for each in found if each.suppressions} == checked


def test_every_reason_is_counted(organization):
    suppressions.suppress_many(["a@example.com", "b@example.com"], organization=organization, kind="email")
    suppressions.suppress(organization=organization, kind="domain", value="example.org", reason="complained")

    counts = suppressions.by_reason(Suppression.objects.of(organization))

    assert counts == {"manual": 0, "unsubscribed": 0, "bounced": 0, "complained": 1, "imported": 2}


# --- beside imports of people ------------------------------------------------------------------------------------


def test_an_import_of_subscribers_lifts_no_suppression(organization):
    mailing_list, by = MailingListFactory(organization=organization), staff(organization)
    for kind, value in (("email", "ann@example.com"), ("domain", "example.com"), ("phone", "+4520123456")):
        suppressions.suppress(organization=organization, kind=kind, value=value, reason="complained")
        suppressions.suppress(organization=None, kind=kind, value=value)
        suppressions.suppress(organization=organization, mailing_list=mailing_list, kind=kind, value=value)
    before = sorted(Suppression.objects.values_list())
    people = b"email,phone\nann@example.com,+4520123456\nbob@example.com,\n"

    done = imports.create(mailing_list, ContentFile(people, name="people.csv"), by=by)
    imports.start(done, by=by, in_background=False)
    done = imports.run(done.pk)

    assert (done.status, done.added) == ("completed", 2)
    assert sorted(Suppression.objects.values_list()) == before
    chosen = select(organization, [Part(mailing_list.pk)], channel="email")
    assert {person.skip_reason for person in chosen} == {"suppressed"}
