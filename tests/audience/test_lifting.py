"""Taking suppressions away again, and what is kept of it."""

import pytest
from django.core.management import CommandError, call_command

from accounts.actors import SYSTEM, Actor, Surface
from audience import lifting, privacy, suppressions
from audience.errors import NotAllowed
from audience.models import LiftedSuppression, Suppression
from tests.factories import MailingListFactory, OrganizationFactory, SubscriptionFactory, UserFactory, staff


@pytest.fixture
def root(db):
    return Actor(user=UserFactory(is_superuser=True), surface=Surface.ADMIN)


@pytest.fixture
def ann(organization):
    row = SubscriptionFactory(mailing_list__organization=organization, subscriber__email="ann@example.com")
    return row.subscriber


def suppress(organization, value="ann@example.com", **more):
    kind = suppressions.kind_of(value)
    return suppressions.suppress(organization=organization, kind=kind, value=value, **more)


def test_many_are_lifted_at_once_and_consent_is_as_it_was(organization, ann):
    suppressions.suppress_many(["ann@example.com", "bob@example.com"], organization=organization, kind="email")
    suppress(organization, "+4520123456")

    lifted = lifting.lift(Suppression.objects.of(organization).filter(kind="email"), by=staff(organization, "manager"))

    assert (lifted, ann.subscriptions.get().status) == (2, "subscribed")
    assert [each.kind for each in Suppression.objects.all()] == ["phone"]


def test_lifting_writes_down_what_it_was_who_lifted_it_when_and_why(organization, alice):
    mailing_list = MailingListFactory(organization=organization)
    before = suppress(organization, mailing_list=mailing_list, reason="complained", source="old provider", by=alice)
    by = staff(organization)

    lifting.lift(Suppression.objects.all(), by=by, why="  Asked for it by phone. ")

    line = LiftedSuppression.objects.get()
    assert (line.value, line.reason, line.source) == ("ann@example.com", "complained", "old provider")
    assert (line.suppressed_at, line.suppressed_by) == (before.created_at, alice)
    assert (line.by, line.surface, line.why) == (by.user, "admin", "Asked for it by phone.")
    assert (line.scope, line.list_name, line.organization) == ("list", mailing_list.name, organization)
    assert line.at >= before.created_at


def test_more_than_a_chunk_is_lifted_and_written_down_in_few_statements(organization, django_assert_max_num_queries):
    suppressions.suppress_many([f"r{n}@example.com" for n in range(1500)], organization=organization, kind="email")

    with django_assert_max_num_queries(40):
        lifted = lifting.lift(Suppression.objects.all(), by=staff(organization))

    assert lifted == 1500 == LiftedSuppression.objects.of(organization).count()


def test_only_the_scope_that_is_named_is_lifted(organization):
    for scope in (None, organization):
        suppress(scope, "example.com")

    lifting.lift(Suppression.objects.of(organization), by=staff(organization))

    assert suppressions.check(organization, "ann@mail.example.com").organization is None


@pytest.mark.parametrize(("role", "where"), [("viewer", "own"), ("admin", "system"), ("admin", "other")])
def test_who_may_not_lift_all_of_it_lifts_nothing(organization, role, where):
    scopes = {"own": organization, "system": None, "other": OrganizationFactory()}
    suppress(organization)
    suppress(scopes[where], "bob@example.com")

    with pytest.raises(NotAllowed):
        lifting.lift(Suppression.objects.all(), by=staff(organization, role))

    assert (Suppression.objects.count(), LiftedSuppression.objects.count()) == (2, 0)


def test_a_superuser_lifts_what_holds_for_the_system(root):
    suppress(None)

    assert lifting.lift(Suppression.objects.all(), by=root) == 1


# --- somebody's data ---------------------------------------------------------------------------------------------


@pytest.fixture
def history(organization, root, ann):
    """Ann's, in the organization and in the system; and somebody else's, and another organization's."""
    other = OrganizationFactory()
    for scope, value in ((organization, "ann@example.com"), (None, "ann@example.com"), (other, "ann@example.com")):
        suppress(scope, value, source="a letter")
    suppress(organization, "bob@example.com")
    suppress(organization, "example.com")
    lifting.lift(Suppression.objects.all(), by=root, why="Ann asked for it")
    return LiftedSuppression.objects.order_by("pk")


def values(rows):
    return [(row.scope, row.value) for row in rows]


def test_the_export_of_a_person_names_what_was_lifted_for_them(organization, history, ann, root):
    lines = privacy.export(ann, by=root)["lifted_suppressions"]

    assert [line["scope"] for line in lines] == ["organization", "system"]
    assert {line["why"] for line in lines} == {"Ann asked for it"}
    assert privacy.summary(ann)["lifted_suppressions"] == 2


def test_erasing_a_person_lets_the_history_forget_them_and_keeps_that_something_was_lifted(organization, history, ann):
    erasure = privacy.erase(ann, by=staff(organization))

    assert erasure.erased["lifted_suppressions"] == 1
    kept = history[0]
    assert (kept.value, kept.source, kept.why, kept.reason) == ("", "", "", "manual")
    assert kept.by is not None
    assert values(history[1:]) == [
        ("system", "ann@example.com"),
        ("organization", "ann@example.com"),
        ("organization", "bob@example.com"),
        ("organization", "example.com"),
    ]


def test_a_superuser_who_erases_lets_the_history_of_the_system_forget_too(history, ann, root):
    privacy.erase(ann, by=root)

    assert values(history[:3]) == [("organization", ""), ("system", ""), ("organization", "ann@example.com")]


def test_lines_about_addresses_that_are_no_subscribers_can_be_forgotten(organization, history):
    bobs = LiftedSuppression.objects.filter(value="bob@example.com")

    with pytest.raises(NotAllowed):
        lifting.forget(bobs, by=staff(organization, "viewer"))
    assert lifting.forget(LiftedSuppression.objects.filter(pk=bobs.get().pk), by=SYSTEM) == 1
    assert not LiftedSuppression.objects.filter(value="bob@example.com").exists()


# --- from a terminal ---------------------------------------------------------------------------------------------


def test_a_command_lifts_and_shows_the_history(organization, capsys):
    suppress(organization, reason="bounced")
    alice = staff(organization).user.username

    with pytest.raises(CommandError, match=r"bob@example.com is not suppressed there"):
        call_command("suppressions", "lift", "ann@example.com", "bob@example.com", "--as", alice, "--why", "x")
    assert Suppression.objects.count() == 1
    call_command("suppressions", "lift", "Ann@example.com", "--as", alice, "--why", "The box is not full any more")
    call_command("suppressions", "lifted", "--as", alice)

    assert f"ann@example.com, bounced, lifted by {alice}: The box is not full any more" in capsys.readouterr().out
