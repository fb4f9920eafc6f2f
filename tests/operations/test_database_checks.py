"""What a database has to be able to do is asked before anything is stored in it."""

import psycopg
import pytest
from django.core.checks import Tags, run_checks
from django.core.checks.registry import registry
from django.db import connection
from psycopg import sql

from operations import database_checks


@pytest.mark.django_db
def test_the_database_of_the_suite_will_do():
    assert run_checks(tags=[Tags.database], databases=["default"]) == []


def test_who_migrates_and_who_checks_for_production_asks_and_a_plain_check_needs_no_database():
    assert database_checks.of_databases in registry.registered_checks
    assert database_checks.for_production in registry.deployment_checks
    assert run_checks() == []  # this test may use no database


class Away:
    vendor = "postgresql"

    def cursor(self):
        raise database_checks.OperationalError("nobody there")


def test_a_database_that_is_away_is_not_refused():
    assert database_checks.folds_capitals(Away()) == []


@pytest.fixture
def ascii_only(db):
    """A database that folds ASCII alone."""
    name = f"{connection.settings_dict['NAME']}_ascii"
    parameters = {key: value for key, value in connection.get_connection_params().items() if key in WHO}
    with psycopg.connect(**parameters, dbname="postgres", autocommit=True) as server:
        made = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_CTYPE 'C' LC_COLLATE 'C'"
        server.execute(sql.SQL(made).format(sql.Identifier(name)))
        other = connection.copy()
        other.settings_dict = other.settings_dict | {"NAME": name}
        yield other
        other.close()
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


WHO = ("user", "password", "host", "port")


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite is taught to fold when it is opened")
def test_a_database_that_folds_ascii_alone_is_refused_with_what_to_do(ascii_only):
    (refusal,) = database_checks.folds_capitals(ascii_only)

    assert refusal.is_serious()
    assert "_ascii cannot compare texts: it folds capital letters of ASCII alone" in refusal.msg
    assert "--lc-ctype=C.UTF-8" in refusal.hint
