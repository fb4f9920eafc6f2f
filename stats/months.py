"""Events by month: on PostgreSQL each month is a partition of its own, which goes without a trace when it is dropped.

`stats_event` is partitioned by ranges of `at` (UTC). What lay there before it was is one partition without a beginning;
what fits no month, such as a hit whose clock was wrong, lies in `stats_event_others`. To Django it is one table with
the primary key `id`: ids come from one sequence, so that they are unique though the database only knows (id, at) to be.
On SQLite it is one table. docs/decisions/0055 says why.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction

TABLE, OTHERS = "stats_event", "stats_event_others"
TURN = 5_031_978  # an advisory lock: who makes or drops a month is alone at it
_PARTITIONS = r"""
SELECT relname, bound = 'DEFAULT',
       (regexp_match(bound, $$FROM \('([^']+)'\)$$))[1]::timestamptz,
       (regexp_match(bound, $$TO \('([^']+)'\)$$))[1]::timestamptz
FROM (SELECT child.relname, pg_get_expr(child.relpartbound, child.oid) AS bound
      FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid WHERE inhparent = %s::regclass) AS children
ORDER BY 3 NULLS FIRST, 4
"""


@dataclass(frozen=True)
class Partition:
    """Where events from `start` (None: from the beginning of time) up to and without `end` lie. Both are None for those
    that fit nowhere."""

    table: str
    start: datetime | None
    end: datetime | None


def month_of(at: datetime) -> datetime:
    """When the month (UTC) began."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def later(month: datetime, months: int) -> datetime:
    """So many months later; earlier below 0."""
    years, place = divmod(month.month - 1 + months, 12)
    return month.replace(year=month.year + years, month=place + 1)


def is_partitioned() -> bool:
    return connection.vendor == "postgresql"


def partitions() -> list[Partition]:
    """The oldest first; those that fit nowhere last."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS, [TABLE])
        rows = cursor.fetchall()
    found = [Partition(table, start, end) for table, is_default, start, end in rows if not is_default]
    return found + [Partition(table, None, None) for table, is_default, _, _ in rows if is_default]


def prepare(at: datetime) -> list[str]:
    """Make this month and the next; the tables that were made. Called before every ingest, so that no hit of today
    finds no month, also where no clock runs; costs one look into the catalogue where nothing is to do."""
    if not is_partitioned():
        return []
    months = [later(month_of(at), number) for number in (0, 1)]
    if not _missing(months):
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])
        return [_make(month) for month in _missing(months)]


def _missing(months: list[datetime]) -> list[datetime]:
    ranges = [each for each in partitions() if each.end is not None]
    return [
        month
        for month in months
        if not any((each.start is None or each.start <= month) and month < each.end for each in ranges if each.end)
    ]


def _make(month: datetime) -> str:
    """A table of its own first, attached with the events of that month which had found no place. ATTACH lets others
    read and write the rest meanwhile; CREATE TABLE ... PARTITION OF would wait for all of them, and make them wait."""
    name, bounds = f"{TABLE}_{month:%Y_%m}", [month, later(month, 1)]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING ALL)")
        cursor.execute(f"LOCK TABLE {OTHERS} IN ACCESS EXCLUSIVE MODE")  # as ATTACH will
        cursor.execute(
            f"WITH moved AS (DELETE FROM {OTHERS} WHERE at >= %s AND at < %s RETURNING *)"  # noqa: S608 - names
            f" INSERT INTO {name} SELECT * FROM moved",
            bounds,
        )
        first, last = (f"'{bound:%Y-%m-%d} 00:00:00+00'" for bound in bounds)
        cursor.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({last})")
    return name


def analyze() -> None:
    if is_partitioned():
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {TABLE}")
