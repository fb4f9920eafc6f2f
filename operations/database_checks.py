"""What the database has to be able to do, asked before anything is stored in it (docs/decisions/0065).

Asked by `migrate`, by `check --database default` and by `check --deploy`, never by a plain `check`, which needs no
database.
"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

# Each capital letter beside its small one: Latin, Greek, Cyrillic, and the I that is another letter in Turkish.
CAPITALS, SMALL = "ÉÄØΩЖI", "éäøωжi"


def folds_capitals(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    """Whether the database knows capital and small letters of all scripts.

    Rules about people and every search compare texts inside the database. With the LC_CTYPE `C` PostgreSQL folds ASCII
    alone, and "ÉCLAIR" would not be found as "éclair".
    """
    if connection.vendor != "postgresql":
        return []  # SQLite is taught it when it is opened
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_encoding")
            (encoding,) = cursor.fetchone()
            if encoding == "UTF8":
                cursor.execute("SELECT lower(%s), upper(%s)", [CAPITALS, SMALL])
                if cursor.fetchone() == (SMALL, CAPITALS):
                    return []
    except OperationalError:
        return []  # one that is away is not one that is wrong
    return [_refusal(str(connection.settings_dict["NAME"]), encoding)]


def _refusal(name: str, encoding: str) -> Error:
    why = "it folds capital letters of ASCII alone" if encoding == "UTF8" else f"its encoding is {encoding}, not UTF8"
    return Error(
        f"The database {name} cannot compare texts: {why}.",
        hint=(
            "Make another one, before anything is stored: createdb --template=template0 --encoding=UTF8 "
            "--lc-ctype=C.UTF-8 --lc-collate=C.UTF-8 NAME (any LC_CTYPE in UTF-8 will do, save Turkish and "
            "Azerbaijani). What is stored already goes there by pg_dump and pg_restore."
        ),
        id="operations.E001",
    )


def of_databases(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    return folds_capitals(connections[DEFAULT_DB_ALIAS]) if DEFAULT_DB_ALIAS in (databases or ()) else []


def for_production(**kwargs: Any) -> list[CheckMessage]:
    return folds_capitals(connections[DEFAULT_DB_ALIAS])


def connect() -> None:
    register(of_databases, Tags.database)
    register(for_production, "operations", deploy=True)
