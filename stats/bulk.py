"""Many rows in one statement, far below the ORM's cost for each: what ingest reads and writes with.

Rows are tuples in the order of `columns` (attribute names, such as `run_id`). PostgreSQL takes new rows by COPY and
rows to merge as arrays; SQLite takes them one by one over a prepared statement.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from django.db import connection, models
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

Row = tuple[Any, ...]
AnyField = models.Field[Any, Any]
# What COPY takes for something else where it stands in a value.
ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
MARKS = re.compile(r"[\\\t\n\r]")


def among(ids: Iterable[int]) -> RawSQL:
    """For `filter(pk__in=among(ids))`: any number of ids as one parameter."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", ["{" + ",".join(map(str, sorted(ids))) + "}"])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(ids))])


def read(rows: QuerySet[Any, Any]) -> list[Row]:
    """The rows of a `values_list` of plain columns. On PostgreSQL times are read by the driver's own reader, in C;
    Django's, in Python, takes half of the time that ingest needs to read what it goes on from."""
    if connection.vendor != "postgresql":
        return list(rows)
    import psycopg

    statement, parameters = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        kind = psycopg.adapters.types["timestamptz"].oid
        if reader := psycopg.adapters.get_loader(kind, psycopg.pq.Format.TEXT):
            cursor.adapters.register_loader(kind, reader)
        cursor.execute(statement, parameters)
        found: list[Row] = cursor.fetchall()
    return found


def insert(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Add these rows; raises IntegrityError or DataError as `save` would."""
    if rows:
        with inserting(model, columns) as add:
            add(rows)


@contextmanager
def inserting(model: type[models.Model], columns: Sequence[str]) -> Iterator[Callable[[Sequence[Row]], None]]:
    """To be called with rows, as often as there are some. PostgreSQL stores them while the caller makes the next; until
    the end of the context nothing else can be asked of it. Raises as `insert`, by the end."""
    if connection.vendor != "postgresql":
        yield partial(_insert_one_by_one, model, columns)
        return
    fields = [_field(model, name) for name in columns]
    table, names = _quote(model._meta.db_table), ", ".join(_column(field) for field in fields)
    statement = f"COPY {table} ({names}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        yield lambda rows: copy.write(_copied(fields, rows))


def upsert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    key: Sequence[str],
    replace: Iterable[str] = (),
    add: Iterable[str] = (),
) -> None:
    """Add these rows; where `key` is there already, replace some columns and add to others. No key twice in `rows`."""
    table = _quote(model._meta.db_table)
    sets = [f"{name} = EXCLUDED.{name}" for name in _columns(model, replace)]
    sets += [f"{name} = {table}.{name} + EXCLUDED.{name}" for name in _columns(model, add)]
    on_conflict = f"ON CONFLICT ({', '.join(_columns(model, key))}) DO UPDATE SET {', '.join(sets)}"
    if connection.vendor == "postgresql":
        _merge(model, columns, rows, on_conflict)
    else:
        _insert_one_by_one(model, columns, rows, on_conflict)


def change(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row], *, key: Sequence[str]) -> None:
    """Add to the columns that are not of the `key`, also below what is there: in rows that are there already.

    `upsert` cannot: the database looks at what shall be inserted before it finds that it is there.
    """
    added = [name for name in columns if name not in key]
    table, names, keys = _quote(model._meta.db_table), _columns(model, added), _columns(model, key)
    if connection.vendor == "postgresql":
        sets = ", ".join(f"{name} = {table}.{name} + rows.{name}" for name in names)
        meet = " AND ".join(f"{table}.{name} = rows.{name}" for name in keys)
        _send(model, columns, rows, f"UPDATE {table} SET {sets} FROM {{rows}} WHERE {meet}")  # noqa: S608
        return
    sets = ", ".join(f"{name} = {name} + %s" for name in names)
    meet = " AND ".join(f"{name} = %s" for name in keys)
    places = [columns.index(name) for name in (*added, *key)]
    adapted = _adapted([_field(model, name) for name in columns], rows, _sqlite_adapters())
    with connection.cursor() as cursor:
        statement = f"UPDATE {table} SET {sets} WHERE {meet}"  # noqa: S608 - names, no values
        cursor.executemany(statement, [tuple(row[place] for place in places) for row in adapted])


def _merge(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row], on_conflict: str) -> None:
    names = ", ".join(_columns(model, columns))
    into = f"INSERT INTO {_quote(model._meta.db_table)} ({names})"
    _send(model, columns, rows, f"{into} SELECT {names} FROM {{rows}} {on_conflict}")  # noqa: S608 - no values


def _send(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row], statement: str) -> None:
    """Run the statement with these rows where it says {rows}; they are called `rows` in it.

    They travel as an array for each column, and a column that says the same in all rows as one value: of an
    engagement's thirty columns most are empty. As JSON objects the same rows took three times as long on both sides.
    """
    if not rows:
        return
    shown, arrays, names, parameters = [], [], [], []
    for place, values in enumerate(zip(*rows, strict=True)):
        field = _field(model, columns[place])
        name, kind = _column(field), _type(field)
        if place and values.count(values[0]) == len(values):
            shown.append((f"%s::{kind} AS {name}", [values[0]]))
        else:
            shown.append((f"several.{name}", []))
            arrays.append(f"%s::{kind}[]")
            names.append(name)
            parameters.append(_array(values))
    listed = ", ".join(expression for expression, _ in shown)
    given = [value for _, values in shown for value in values]
    source = f"(SELECT {listed} FROM unnest({', '.join(arrays)}) AS several ({', '.join(names)})) AS rows"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement.format(rows=source), [*given, *parameters])


def _copied(fields: Sequence[AnyField], rows: Sequence[Row]) -> str:
    """Rows as COPY reads them (PostgreSQL's manual, "COPY", text format), column by column: several times faster than
    the driver writes one value after the other."""
    columns = [_texts(field, values) for field, values in zip(fields, zip(*rows, strict=True), strict=True)]
    return "".join([f"{line}\n" for line in map("\t".join, zip(*columns, strict=True))])


def _texts(field: AnyField, values: Sequence[Any]) -> Sequence[str]:
    if values.count(values[0]) == len(values):
        return [_text(field, values[0])] * len(values)
    kinds = set(map(type, values))
    if kinds == {int}:
        return list(map(str, values))
    if kinds == {str} and not _is_json(field) and not MARKS.search("".join(values)):
        return values
    return [_text(field, value) for value in values]


def _text(field: AnyField, value: Any) -> str:
    if value is None:
        return r"\N"
    if _is_json(field):
        value = json.dumps(value)
    elif isinstance(value, datetime):
        return _moment(value)
    return str(value).translate(ESCAPED)


@lru_cache(maxsize=32_768)
def _moment(at: datetime) -> str:
    """A hit's time stands in its event and in several columns of its engagement."""
    return at.isoformat()


def _is_json(field: AnyField) -> bool:
    return isinstance(field, models.JSONField)


def _array(values: Sequence[Any]) -> str:
    """As PostgreSQL reads it (section 8.15.2 of its manual): far faster than the driver writes a list."""
    sample = next(value for value in values if value is not None)
    if isinstance(sample, datetime):
        texts: Iterable[str] = ["NULL" if value is None else _moment(value) for value in values]
    elif isinstance(sample, str):
        texts = ["NULL" if value is None else _quoted(value) for value in values]
    else:
        texts = ["NULL" if value is None else str(value) for value in values]
    return "{" + ",".join(texts) + "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _sqlite_adapters() -> dict[type[AnyField], Callable[[Any], Any]]:
    return {models.JSONField: json.dumps, models.DateTimeField: connection.ops.adapt_datetimefield_value}


def _insert_one_by_one(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Row], on_conflict: str = ""
) -> None:
    fields = [_field(model, name) for name in columns]
    names, marks = ", ".join(_column(field) for field in fields), ", ".join(["%s"] * len(fields))
    adapted = _adapted(fields, rows, _sqlite_adapters())
    into = f"INSERT INTO {_quote(model._meta.db_table)} ({names})"
    with connection.cursor() as cursor:
        cursor.executemany(f"{into} VALUES ({marks}) {on_conflict}", adapted)


def _adapted(
    fields: Sequence[AnyField], rows: Sequence[Row], adapters: dict[type[AnyField], Callable[[Any], Any]]
) -> Sequence[Row]:
    """The rows with the values of some kinds of fields in the form that the database's driver takes."""
    by_place = [
        (place, adapt)
        for place, field in enumerate(fields)
        for kind, adapt in adapters.items()
        if isinstance(field, kind)
    ]
    if not by_place:
        return rows
    adapted = []
    for row in rows:
        values = list(row)
        for place, adapt in by_place:
            if values[place] is not None:
                values[place] = adapt(values[place])
        adapted.append(tuple(values))
    return adapted


def _field(model: type[models.Model], attribute: str) -> AnyField:
    return next(field for field in model._meta.concrete_fields if field.attname == attribute)


def _columns(model: type[models.Model], attributes: Iterable[str]) -> list[str]:
    return [_column(_field(model, name)) for name in attributes]


def _column(field: AnyField) -> str:
    return _quote(field.column or field.attname)


def _quote(name: str) -> str:
    return connection.ops.quote_name(name)


def _type(field: AnyField) -> str:
    """Without a length: a value that is too long shall be refused, and a cast would cut it."""
    return (field.db_type(connection) or "").partition("(")[0]
