"""Indexes on tables people write to while a migration runs. Every room's migrations may name what stands here."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState


class AddIndexBesideWriters(migrations.AddIndex):
    """The same index, made without a lock on PostgreSQL; the migration says `atomic = False`.

    A try that was interrupted leaves an index behind that nothing reads and that has the name: it goes first, so that
    the migration can be repeated. https://www.postgresql.org/docs/current/sql-createindex.html
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        self._drop(schema_editor)
        editor: Any = schema_editor  # the one of PostgreSQL, which knows `concurrently`
        editor.add_index(to_state.apps.get_model(app_label, self.model_name), self.index, concurrently=True)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        self._drop(schema_editor)

    def _drop(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
