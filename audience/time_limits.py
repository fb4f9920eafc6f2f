"""Questions somebody waits for: the database stops working on them when it takes too long."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

from audience.errors import TooSlow

_STEPS = 10_000  # of SQLite's machine, between two looks at the clock


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """What is asked in this block stops after so long. Raises TooSlow."""
    limited = _on_postgresql if connection.vendor == "postgresql" else _on_sqlite
    ends = time.monotonic() + seconds
    try:
        with limited(seconds):
            yield
    except OperationalError as error:
        if time.monotonic() < ends:
            raise
        message = f"It takes longer than {seconds:g} seconds to find out. Save it, and it is counted in the background."
        raise TooSlow(message) from error


@contextmanager
def _on_postgresql(seconds: float) -> Iterator[None]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)", _ms(seconds)
        )
        (before,) = cursor.fetchone()[:1]
        yield  # where this fails, the savepoint or transaction it stands in brings the setting back
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])


def _ms(seconds: float) -> list[str]:
    return [str(max(1, int(seconds * 1000)))]


@contextmanager
def _on_sqlite(seconds: float) -> Iterator[None]:
    connection.ensure_connection()
    ends = time.monotonic() + seconds
    connection.connection.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, 0)
