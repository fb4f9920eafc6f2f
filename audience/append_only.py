"""The database itself keeps two logs: a row is never changed, and goes only with whom it belongs to.

The consent log (`audience_consentevent`) belongs to its person, the history of lifted suppressions
(`audience_liftedsuppression`) to its organization; what was lifted for the whole system never goes. Three triggers for
each, on both databases:

- an UPDATE is refused, but for what Django does when a list or a user is deleted (their column becomes NULL and nothing
  else changes), and for the texts a history may forget, which become empty;
- a DELETE is refused as long as its owner is there;
- deleting the owner deletes the rows (the foreign key is deferred, so that the owner may go first).

They are put in place after every migrate, not by a migration: SQLite loses a table's triggers whenever a later
migration makes the table anew, and cannot make it anew while they are there. TRUNCATE, and whoever may drop a trigger,
are out of their reach.
"""

# ruff: noqa: S608 - nothing but words of ours goes into these statements

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction


@dataclass(frozen=True, kw_only=True)
class Log:
    """A table that is only added to: `kept` columns stay, `cleared` ones may become NULL, and `emptied` ones ''."""

    name: str
    table: str
    owner_table: str
    owner: str
    takes_along: str
    kept: tuple[str, ...]
    cleared: tuple[str, ...]
    emptied: tuple[str, ...] = ()

    @property
    def triggers(self) -> tuple[str, str, str]:
        return f"{self.table}_is_not_changed", f"{self.table}_is_not_deleted", self.takes_along

    @property
    def refused_update(self) -> str:
        return f"The {self.name} is append-only: a row cannot be changed."

    @property
    def refused_delete(self) -> str:
        return f"The {self.name} is append-only: a row goes only with whom it belongs to."

    def changed(self, distinct: str) -> str:
        """SQL for: anything but the clearing of a reference, or the emptying of a text."""
        kept = [f"NEW.{column} {distinct} OLD.{column}" for column in (self.owner, *self.kept)]
        cleared = [f"(NEW.{each} IS NOT NULL AND NEW.{each} {distinct} OLD.{each})" for each in self.cleared]
        emptied = [f"(NEW.{each} <> '' AND NEW.{each} {distinct} OLD.{each})" for each in self.emptied]
        return " OR ".join([*kept, *cleared, *emptied])

    @property
    def has_owner(self) -> str:
        return f"(OLD.{self.owner} IS NULL OR EXISTS (SELECT 1 FROM {self.owner_table} WHERE id = OLD.{self.owner}))"


CONSENT = Log(
    name="consent log",
    table="audience_consentevent",
    owner_table="audience_subscriber",
    owner="subscriber_id",
    takes_along="audience_subscriber_takes_consent_along",
    kept=("id", "list_name", "kind", "at", "recorded_at", "source", "ip_address", "wording"),
    cleared=("mailing_list_id", "by_id"),
)
LIFTED = Log(
    name="history of lifted suppressions",
    table="audience_liftedsuppression",
    owner_table="accounts_organization",
    owner="organization_id",
    takes_along="accounts_organization_takes_lifted_along",
    kept=("id", "list_name", "kind", "reason", "suppressed_at", "at", "surface"),
    cleared=("mailing_list_id", "suppressed_by_id", "by_id"),
    emptied=("value", "source", "why"),
)


def guard(using: str = "default", **kwargs: Any) -> None:
    """Put the triggers in place where they are not yet there (a receiver of `post_migrate`)."""
    connection = connections[using]
    made = {"postgresql": _postgresql, "sqlite": _sqlite}[connection.vendor]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for log in (CONSENT, LIFTED):
            if log.table in tables and not _are_there(cursor, connection.vendor, log):
                for statement in made(log):
                    cursor.execute(statement)


def let_go(using: str = "default", plan: Sequence[object] = (), **kwargs: Any) -> None:
    """Take the triggers away while migrations run (a receiver of `pre_migrate`); `guard` puts them back.

    On SQLite a migration that makes one of these tables anew renames it, and SQLite refuses that while a trigger of
    another table names it. PostgreSQL changes tables in place.
    """
    connection = connections[using]
    if connection.vendor == "sqlite" and plan:
        with connection.cursor() as cursor:
            for name in (name for log in (CONSENT, LIFTED) for name in log.triggers):
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def _are_there(cursor: Any, vendor: str, log: Log) -> bool:
    """Asked first, since making them takes a lock that waits for every writer."""
    column, table = ("tgname", "pg_trigger") if vendor == "postgresql" else ("name", "sqlite_master")
    cursor.execute(f"SELECT count(*) FROM {table} WHERE {column} IN (%s, %s, %s)", log.triggers)
    return bool(cursor.fetchone()[0] == len(log.triggers))


def _postgresql(log: Log) -> list[str]:
    changed, deleted, taken_along = log.triggers
    return [
        f"""CREATE OR REPLACE FUNCTION {changed}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION '{log.refused_update}' USING ERRCODE = 'restrict_violation'; END $$""",
        f"""CREATE OR REPLACE TRIGGER {changed} BEFORE UPDATE ON {log.table} FOR EACH ROW
            WHEN ({log.changed("IS DISTINCT FROM")}) EXECUTE FUNCTION {changed}()""",
        f"""CREATE OR REPLACE FUNCTION {deleted}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {log.has_owner} THEN
                    RAISE EXCEPTION '{log.refused_delete}' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN OLD;
            END $$""",
        f"""CREATE OR REPLACE TRIGGER {deleted} BEFORE DELETE ON {log.table} FOR EACH ROW
            EXECUTE FUNCTION {deleted}()""",
        f"""CREATE OR REPLACE FUNCTION {taken_along}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN DELETE FROM {log.table} WHERE {log.owner} = OLD.id; RETURN NULL; END $$""",
        f"""CREATE OR REPLACE TRIGGER {taken_along} AFTER DELETE ON {log.owner_table} FOR EACH ROW
            EXECUTE FUNCTION {taken_along}()""",
    ]


def _sqlite(log: Log) -> list[str]:
    changed, deleted, taken_along = log.triggers
    return [
        f"""CREATE TRIGGER IF NOT EXISTS {changed} BEFORE UPDATE ON {log.table} FOR EACH ROW
            WHEN {log.changed("IS NOT")} BEGIN SELECT RAISE(ABORT, '{log.refused_update}'); END""",
        f"""CREATE TRIGGER IF NOT EXISTS {deleted} BEFORE DELETE ON {log.table} FOR EACH ROW
            WHEN {log.has_owner} BEGIN SELECT RAISE(ABORT, '{log.refused_delete}'); END""",
        f"""CREATE TRIGGER IF NOT EXISTS {taken_along} AFTER DELETE ON {log.owner_table} FOR EACH ROW
            BEGIN DELETE FROM {log.table} WHERE {log.owner} = OLD.id; END""",
    ]
