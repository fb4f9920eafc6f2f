"""A database of its own for the benchmark, on the PostgreSQL server that DATABASE_URL names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import SQL, Identifier

DEFAULT_SERVER = "postgres://postgres@127.0.0.1:5432/postgres"
SETTINGS = (
    "server_version",
    "shared_buffers",
    "work_mem",
    "hash_mem_multiplier",
    "maintenance_work_mem",
    "effective_cache_size",
    "max_parallel_workers_per_gather",
    "jit",
    "random_page_cost",
    "max_wal_size",
    "fsync",
    "synchronous_commit",
)


@contextmanager
def own(name: str, *, keep: bool) -> Iterator[bool]:
    """Whether the database had to be made. DATABASE_URL names it within the block; afterwards it is dropped."""
    server = os.environ.get("DATABASE_URL", DEFAULT_SERVER)
    if not server.startswith("postgres"):
        raise SystemExit("These figures are about PostgreSQL: let DATABASE_URL name a server.")
    is_new = not _is_there(server, name)
    if is_new:
        _execute(server, SQL("CREATE DATABASE {}").format(Identifier(name)))
    os.environ["DATABASE_URL"] = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    try:
        yield is_new
    finally:
        os.environ["DATABASE_URL"] = server
        if not keep:
            _execute(server, SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def _is_there(server: str, name: str) -> bool:
    with psycopg.connect(server) as connection:
        return bool(connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone())


def _execute(server: str, statement: object) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def settings_of(cursor) -> dict[str, str]:
    """What the server runs with, as far as it matters here."""
    cursor.execute("SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)", [list(SETTINGS)])
    found = dict(cursor.fetchall())
    return {name: found[name] for name in SETTINGS if name in found}
