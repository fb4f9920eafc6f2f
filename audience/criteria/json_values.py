"""A custom field's value inside a JSON column, typed, and NULL where it is missing or of another type.

Casting what is not a number to a number would make PostgreSQL refuse the whole statement and SQLite say 0; the type is
therefore asked first.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Field, FloatField, Func, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler

from audience.fields import check_key


class JsonValue(Func):
    """`column` holds a JSON object."""

    postgresql_template = ""
    sqlite_template = ""

    def __init__(self, column: Combinable, key: str, output_field: "Field[Any, Any]") -> None:
        check_key(key)  # it is written into the statement
        self.key = key
        super().__init__(column, output_field=output_field)

    def _in(self, template: str, compiler: SQLCompiler) -> tuple[str, Any]:
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        return template.format(column=column, key=self.key), [*parameters] * template.count("{column}")

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return self._in(self.postgresql_template, compiler)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return self._in(self.sqlite_template, compiler)


class JsonText(JsonValue):
    """Texts, choices, and dates as `2026-03-31`."""

    postgresql_template = "CASE WHEN jsonb_typeof({column} -> '{key}') = 'string' THEN {column} ->> '{key}' END"
    sqlite_template = "CASE WHEN json_type({column}, '$.{key}') = 'text' THEN json_extract({column}, '$.{key}') END"

    def __init__(self, column: Combinable, key: str) -> None:
        super().__init__(column, key, TextField())


class JsonNumber(JsonValue):
    postgresql_template = (
        "CASE WHEN jsonb_typeof({column} -> '{key}') = 'number' THEN ({column} ->> '{key}')::double precision END"
    )
    sqlite_template = (
        "CASE WHEN json_type({column}, '$.{key}') IN ('integer', 'real') THEN json_extract({column}, '$.{key}') END"
    )

    def __init__(self, column: Combinable, key: str) -> None:
        super().__init__(column, key, FloatField())


class JsonBoolean(JsonValue):
    postgresql_template = (
        "CASE WHEN jsonb_typeof({column} -> '{key}') = 'boolean' THEN ({column} ->> '{key}')::boolean END"
    )
    sqlite_template = "CASE json_type({column}, '$.{key}') WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"

    def __init__(self, column: Combinable, key: str) -> None:
        super().__init__(column, key, BooleanField())


class Folded(Func):
    """Text without the difference between capital and small letters, of every script in both databases.

    SQLite's own LOWER knows ASCII only; `audience.apps` gives it this one.
    """

    function = "LOWER"
    output_field = TextField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, function="broadsheet_lower", **extra)


def folded_value(text: str) -> Folded:
    return Folded(Value(text, output_field=TextField()))
