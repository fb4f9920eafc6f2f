"""The database itself keeps the consent log: a row is never changed, and goes only with its person.

Three triggers on each database:

- an UPDATE of `audience_consentevent` is refused, but for what Django does when a list or a user is deleted: their
  column becomes NULL and nothing else changes;
- a DELETE is refused as long as the row's person is there;
- deleting a person deletes their rows (the foreign key is deferred, so that the person may go first).

They are put in place after every migrate, not by a migration: SQLite loses a table's triggers whenever a later
migration makes the table anew. TRUNCATE, and whoever may drop a trigger, are out of their reach.
"""

# ruff: noqa: S608 - nothing but words of ours goes into these statements

from typing import Any

from django.db import connections, transaction

REFUSED_UPDATE = "The consent log is append-only: a row cannot be changed."
REFUSED_DELETE = "The consent log is append-only: a row goes only with its person."
KEPT = ("id", "subscriber_id", "list_name", "kind", "at", "recorded_at", "source", "ip_address", "wording")
CLEARED = ("mailing_list_id", "by_id")
TRIGGERS = (
    "audience_consentevent_is_not_changed",
    "audience_consentevent_is_not_deleted",
    "audience_subscriber_takes_consent_along",
)


def guard(using: str = "default", **kwargs: Any) -> None:
    """Put the triggers in place where they are not yet there (a receiver of `post_migrate`)."""
    connection = connections[using]
    statements = {"postgresql": _postgresql, "sqlite": _sqlite}[connection.vendor]()
    with transaction.atomic(using=using), connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        if "audience_consentevent" not in tables or _are_there(cursor, connection.vendor):
            return
        for statement in statements:
            cursor.execute(statement)


def _are_there(cursor: Any, vendor: str) -> bool:
    """Asked first, since making them takes a lock that waits for every writer."""
    column, table = ("tgname", "pg_trigger") if vendor == "postgresql" else ("name", "sqlite_master")
    cursor.execute(f"SELECT count(*) FROM {table} WHERE {column} IN (%s, %s, %s)", TRIGGERS)
    return bool(cursor.fetchone()[0] == len(TRIGGERS))


def _changed(distinct: str) -> str:
    """SQL for: anything but the clearing of a reference."""
    kept = [f"NEW.{column} {distinct} OLD.{column}" for column in KEPT]
    cleared = [f"(NEW.{column} IS NOT NULL AND NEW.{column} {distinct} OLD.{column})" for column in CLEARED]
    return " OR ".join([*kept, *cleared])


def _postgresql() -> list[str]:
    changed, deleted, taken_along = TRIGGERS
    return [
        f"""CREATE OR REPLACE FUNCTION {changed}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION '{REFUSED_UPDATE}' USING ERRCODE = 'restrict_violation'; END $$""",
        f"""CREATE OR REPLACE TRIGGER {changed} BEFORE UPDATE ON audience_consentevent FOR EACH ROW
            WHEN ({_changed("IS DISTINCT FROM")}) EXECUTE FUNCTION {changed}()""",
        f"""CREATE OR REPLACE FUNCTION {deleted}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (SELECT 1 FROM audience_subscriber WHERE id = OLD.subscriber_id) THEN
                    RAISE EXCEPTION '{REFUSED_DELETE}' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN OLD;
            END $$""",
        f"""CREATE OR REPLACE TRIGGER {deleted} BEFORE DELETE ON audience_consentevent FOR EACH ROW
            EXECUTE FUNCTION {deleted}()""",
        f"""CREATE OR REPLACE FUNCTION {taken_along}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN DELETE FROM audience_consentevent WHERE subscriber_id = OLD.id; RETURN NULL; END $$""",
        f"""CREATE OR REPLACE TRIGGER {taken_along} AFTER DELETE ON audience_subscriber FOR EACH ROW
            EXECUTE FUNCTION {taken_along}()""",
    ]


def _sqlite() -> list[str]:
    changed, deleted, taken_along = TRIGGERS
    return [
        f"""CREATE TRIGGER IF NOT EXISTS {changed} BEFORE UPDATE ON audience_consentevent FOR EACH ROW
            WHEN {_changed("IS NOT")} BEGIN SELECT RAISE(ABORT, '{REFUSED_UPDATE}'); END""",
        f"""CREATE TRIGGER IF NOT EXISTS {deleted} BEFORE DELETE ON audience_consentevent FOR EACH ROW
            WHEN EXISTS (SELECT 1 FROM audience_subscriber WHERE id = OLD.subscriber_id)
            BEGIN SELECT RAISE(ABORT, '{REFUSED_DELETE}'); END""",
        f"""CREATE TRIGGER IF NOT EXISTS {taken_along} AFTER DELETE ON audience_subscriber FOR EACH ROW
            BEGIN DELETE FROM audience_consentevent WHERE subscriber_id = OLD.id; END""",
    ]
