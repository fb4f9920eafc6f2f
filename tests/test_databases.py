"""The tests' own database: what makes a run migrate anew, and what a test that commits leaves to the next."""

import pytest
from django.contrib.auth.models import Permission
from django.test import TransactionTestCase

from accounts.models import Organization
from tests import databases
from tests.factories import OrganizationFactory


def test_a_change_of_a_migration_asks_for_another_database(monkeypatch, tmp_path):
    migration = tmp_path / "0001_initial.py"
    monkeypatch.setattr(databases, "_migrations", lambda: [migration])

    migration.write_text("operations = []")
    before = databases.fingerprint("sqlite")
    migration.write_text("operations = [1]")

    assert databases.fingerprint("sqlite") != before == _fingerprint_of(migration, "operations = []")
    assert databases.fingerprint("postgresql") != databases.fingerprint("sqlite")


def _fingerprint_of(migration, text):
    migration.write_text(text)
    return databases.fingerprint("sqlite")


def test_so_does_one_of_what_they_import_or_of_what_follows_them(settings):
    files = databases._with_imports([*databases._migrations(), *databases._receivers()])

    wanted = [
        "accounts/indexes.py",
        "accounts/models.py",
        "audience/append_only.py",
        "audience/migrations/0001_initial.py",
    ]
    assert {settings.BASE_DIR / file for file in wanted} <= files
    assert settings.BASE_DIR / "campaigns/lifecycle.py" not in files


@pytest.mark.django_db(transaction=True)
def test_what_a_test_commits_is_gone_and_what_migrations_made_is_there():
    permissions = Permission.objects.count()
    OrganizationFactory()
    Permission.objects.first().delete()

    TransactionTestCase()._fixture_teardown()

    assert not Organization.objects.exists()
    assert Permission.objects.count() == permissions > 0
