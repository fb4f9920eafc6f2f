"""The database itself refuses to change what somebody agreed to, and what was lifted."""

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import pre_migrate

from audience import append_only, consent, lifting, suppressions
from audience.consent import Evidence
from audience.models import ConsentEvent, LiftedSuppression, Subscriber, Suppression
from tests.factories import MailingListFactory, SubscriptionFactory, UserFactory, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def line(organization):
    """One line of the log, of somebody on a list, written by a member of staff."""
    row = SubscriptionFactory(mailing_list__organization=organization)
    evidence = Evidence(source="fair", ip_address="192.0.2.1", wording="Yes, mail me.", by=UserFactory())
    consent.record([row], consent.Kind.SUBSCRIBED, evidence)
    return ConsentEvent.objects.get()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "confirmed"),
        ("at", "2020-01-01T00:00Z"),
        ("recorded_at", "2020-01-01T00:00Z"),
        ("source", "page"),
        ("ip_address", None),
        ("wording", ""),
        ("list_name", "Another"),
    ],
)
def test_a_line_cannot_be_changed(line, column, value):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ConsentEvent.objects.filter(pk=line.pk).update(**{column: value})

    assert ConsentEvent.objects.filter(pk=line.pk, **{column: getattr(line, column)}).exists()


@pytest.mark.parametrize("column", ["mailing_list", "by", "subscriber"])
def test_a_line_cannot_be_given_to_somebody_else(line, organization, column):
    other = SubscriptionFactory(mailing_list__organization=organization)
    somebody = {"mailing_list": other.mailing_list, "by": UserFactory(), "subscriber": other.subscriber}[column]

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ConsentEvent.objects.filter(pk=line.pk).update(**{column: somebody})


def test_a_line_cannot_be_deleted(line):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        line.delete()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audience_consentevent")

    assert ConsentEvent.objects.count() == 1


def test_a_line_outlives_its_list_and_who_wrote_it(line):
    line.mailing_list.delete()
    line.by.delete()

    kept = ConsentEvent.objects.get()
    assert (kept.mailing_list, kept.by) == (None, None)
    assert (kept.list_name, kept.wording) == (line.list_name, "Yes, mail me.")


def test_a_line_goes_with_its_person(line):
    other = SubscriptionFactory(mailing_list=MailingListFactory(organization=line.subscriber.organization))
    consent.record([other], consent.Kind.SUBSCRIBED, Evidence(source="fair"))

    line.subscriber.delete()

    assert ConsentEvent.objects.get().subscriber == other.subscriber


def test_an_organization_goes_with_all_its_people_and_their_consent(line, organization):
    organization.delete()

    assert not Subscriber.objects.exists()
    assert not ConsentEvent.objects.exists()


def test_the_guard_comes_back_where_a_migration_lost_it(line):
    table = " ON audience_consentevent" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {append_only.CONSENT.triggers[0]}{table}")

    append_only.guard()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ConsentEvent.objects.update(source="page")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="Only SQLite makes tables anew to change them")
@pytest.mark.django_db(transaction=True)
def test_a_migration_can_make_a_guarded_table_anew():
    pre_migrate.send(sender=apps.get_app_config("audience"), using="default", plan=["a migration"])
    try:
        with connection.schema_editor() as editor:
            for model in (ConsentEvent, LiftedSuppression):
                editor._remake_table(model)
    finally:
        append_only.guard()

    assert not _unguarded()


def test_nothing_to_migrate_takes_no_guard_away(line):
    pre_migrate.send(sender=apps.get_app_config("audience"), using="default", plan=[])

    assert not _unguarded()


def _unguarded():
    asked = {"postgresql": "SELECT tgname FROM pg_trigger", "sqlite": "SELECT name FROM sqlite_master"}
    with connection.cursor() as cursor:
        cursor.execute(asked[connection.vendor])
        there = {name for (name,) in cursor.fetchall()}
    return {*append_only.CONSENT.triggers, *append_only.LIFTED.triggers} - there


# --- the history of lifted suppressions --------------------------------------------------------------------------


@pytest.fixture
def lifted(organization):
    """What was lifted for a list, in the organization and in the whole system."""
    mailing_list, by = MailingListFactory(organization=organization), staff(organization)
    by.user.is_superuser = True
    for scope in ({"organization": organization, "mailing_list": mailing_list}, {"organization": None}):
        suppressions.suppress(**scope, kind="email", value="ann@example.com", reason="bounced", by=by.user)
    lifting.lift(Suppression.objects.all(), by=by, why="A mistake")
    return LiftedSuppression.objects.all()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("value", "bob@example.com"),
        ("why", "Another reason"),
        ("source", "elsewhere"),
        ("reason", "manual"),
        ("list_name", "Another"),
        ("surface", "system"),
        ("at", "2020-01-01T00:00Z"),
        ("suppressed_at", "2020-01-01T00:00Z"),
    ],
)
def test_what_was_lifted_stays_as_it_was(lifted, column, value):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        lifted.update(**{column: value})

    assert not lifted.filter(**{column: value}).exists()


def test_what_was_lifted_cannot_be_deleted(lifted):
    for row in lifted:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            row.delete()

    assert lifted.count() == 2


def test_what_was_lifted_outlives_its_list_and_whoever_lifted_it(lifted):
    of_list = lifted.get(mailing_list__isnull=False)
    name = of_list.list_name
    of_list.mailing_list.delete()
    of_list.by.delete()

    of_list.refresh_from_db()
    kept = (of_list.mailing_list, of_list.list_name, of_list.scope, of_list.by, of_list.suppressed_by, of_list.why)
    assert kept == (None, name, "list", None, None, "A mistake")


def test_an_organization_takes_what_was_lifted_along_and_the_system_keeps_its_own(lifted, organization):
    organization.delete()

    assert lifted.get().scope == "system"
