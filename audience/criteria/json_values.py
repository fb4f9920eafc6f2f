"""A custom field's value inside a JSON column, typed, and NULL where it is missing or of another type.

Casting what is not a number to a number would make PostgreSQL refuse the whole statement and SQLite say 0; the type is
therefore asked first.
"""

import re
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Field, FloatField, Func, IntegerField, TextField
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler

_KEY = re.compile(r"[a-z][a-z0-9_]*")


class JsonValue(Func):
    """`column` holds a JSON object."""

    postgresql_template = ""
    sqlite_template = ""
    typed: "Field[Any, Any]" = TextField()

    def __init__(self, column: Combinable, key: str) -> None:
        if not _KEY.fullmatch(key):
            raise ValueError("A key is written into the statement; it has letters, digits and underscores only.")
        self.key = key
        super().__init__(column, output_field=self.typed)

    def _in(self, template: str, compiler: SQLCompiler) -> tuple[str, Any]:
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        return template.format(column=column, key=self.key), [*parameters] * template.count("{column}")

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return self._in(self.postgresql_template, compiler)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return self._in(self.sqlite_template, compiler)


class JsonText(JsonValue):
    """Texts, choices, times, and dates as `2026-03-31`."""

    postgresql_template = "CASE WHEN jsonb_typeof({column} -> '{key}') = 'string' THEN {column} ->> '{key}' END"
    sqlite_template = "CASE WHEN json_type({column}, '$.{key}') = 'text' THEN json_extract({column}, '$.{key}') END"


class JsonNumber(JsonValue):
    postgresql_template = (
        "CASE WHEN jsonb_typeof({column} -> '{key}') = 'number' THEN ({column} ->> '{key}')::double precision END"
    )
    sqlite_template = (
        "CASE WHEN json_type({column}, '$.{key}') IN ('integer', 'real') THEN json_extract({column}, '$.{key}') END"
    )
    typed = FloatField()


class JsonBoolean(JsonValue):
    postgresql_template = (
        "CASE WHEN jsonb_typeof({column} -> '{key}') = 'boolean' THEN ({column} ->> '{key}')::boolean END"
    )
    sqlite_template = "CASE json_type({column}, '$.{key}') WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"
    typed = BooleanField()


class JsonLength(JsonValue):
    """Of a list: how many it holds."""

    postgresql_template = (
        "CASE WHEN jsonb_typeof({column} -> '{key}') = 'array' THEN jsonb_array_length({column} -> '{key}') END"
    )
    sqlite_template = "CASE json_type({column}, '$.{key}') WHEN 'array' THEN json_array_length({column}, '$.{key}') END"
    typed = IntegerField()


class JsonHolds(JsonValue):
    """Whether a list holds all of these texts, or any of them."""

    typed = BooleanField()

    def __init__(self, column: Combinable, key: str, texts: tuple[str, ...], *, every: bool = False) -> None:
        super().__init__(column, key)
        self.texts, self.every = texts, every

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        test = "?&" if self.every else "?|"
        sql, parameters = self._in(
            f"(jsonb_typeof({{column}} -> '{{key}}') = 'array' AND ({{column}} -> '{{key}}') {test} %s::text[])",
            compiler,
        )
        return sql, [*parameters, list(self.texts)]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        marks = ", ".join(["%s"] * len(self.texts))
        wanted = len(set(self.texts)) if self.every else 1
        chosen = f"SELECT DISTINCT value FROM json_each({{column}}, '$.{{key}}') WHERE value IN ({marks})"  # noqa: S608
        enough = f"(SELECT COUNT(*) FROM ({chosen})) >= {wanted}"  # noqa: S608 - marks and a number
        sql, parameters = self._in(f"(json_type({{column}}, '$.{{key}}') = 'array' AND {enough})", compiler)
        return sql, [*parameters, *self.texts]
