"""Indexes that migrations make while people write."""

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations.state import ProjectState

from accounts.indexes import AddIndexBesideWriters


@pytest.fixture
def operation():
    return AddIndexBesideWriters("mailinglist", models.Index(fields=["created_at"], name="tried_index"))


def after(operation):
    """The state of the project, before and after it."""
    before = ProjectState.from_apps(apps)
    behind = before.clone()
    operation.state_forwards("audience", behind)
    return before, behind


def indexes():
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, "audience_mailinglist").keys()


@pytest.mark.django_db(transaction=True)
def test_what_an_interrupted_try_left_behind_is_made_anew(operation):
    before, behind = after(operation)
    try:
        for _ in range(2 if connection.vendor == "postgresql" else 1):
            with connection.schema_editor(atomic=False) as editor:
                operation.database_forwards("audience", editor, before, behind)
            assert "tried_index" in indexes()
    finally:
        with connection.schema_editor(atomic=False) as editor:
            operation.database_backwards("audience", editor, behind, before)

    assert "tried_index" not in indexes()
