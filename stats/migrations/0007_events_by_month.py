"""`stats_event` becomes a table partitioned by month of `at`, on PostgreSQL. To Django nothing changes.

Nothing is copied: the table that is there becomes the partition of all time up to the end of this month. What takes
long (an index over ids and times, and the proof that no hit is later) is done beside readers and writers; meanwhile
only ingest waits, and the spool keeps what comes. The change of tables itself takes moments.
"""

from contextlib import contextmanager

from django.db import migrations, transaction

INGEST_TURN = 5_031_977  # as in stats/ingest.py
BEFORE = 'stats_event_before'


def by_month(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != 'postgresql':
        return
    with connection.cursor() as cursor:
        if is_partitioned(cursor):
            return
        make_key(cursor)
        with turn(cursor):
            end = prove_end(cursor)
            with transaction.atomic(using=connection.alias):
                change_tables(cursor, end)


def is_partitioned(cursor):
    cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = 'stats_event'::regclass")
    return cursor.fetchone()[0]


@contextmanager
def turn(cursor):
    """Ingest waits."""
    cursor.execute('SELECT pg_advisory_lock(%s)', [INGEST_TURN])
    try:
        yield
    finally:
        cursor.execute('SELECT pg_advisory_unlock(%s)', [INGEST_TURN])


def make_key(cursor):
    """A partition's primary key has to contain what it is partitioned by. A try that was interrupted leaves an index
    that nothing reads."""
    cursor.execute('DROP INDEX CONCURRENTLY IF EXISTS stats_event_key')
    cursor.execute('CREATE UNIQUE INDEX CONCURRENTLY stats_event_key ON stats_event (id, at)')


def prove_end(cursor):
    """The end of this month, or of the month of the latest hit, as a check that holds; so that nobody has to look
    through the table while it is locked."""
    cursor.execute(
        "SELECT to_char(date_trunc('month', greatest(now(), max(at)) AT TIME ZONE 'UTC') + interval '1 month',"
        " 'YYYY-MM-DD') FROM stats_event"
    )
    end = f"'{cursor.fetchone()[0]} 00:00:00+00'"
    cursor.execute('ALTER TABLE stats_event DROP CONSTRAINT IF EXISTS stats_event_ends')
    cursor.execute(f'ALTER TABLE stats_event ADD CONSTRAINT stats_event_ends CHECK (at < {end}) NOT VALID')
    cursor.execute('ALTER TABLE stats_event VALIDATE CONSTRAINT stats_event_ends')
    return end


def change_tables(cursor, end):
    cursor.execute('LOCK TABLE stats_event IN ACCESS EXCLUSIVE MODE')
    indexes = other_indexes(cursor)
    rename_old(cursor, indexes)
    cursor.execute(
        f'CREATE TABLE stats_event (LIKE {BEFORE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)'
        ' PARTITION BY RANGE (at)'
    )
    cursor.execute('ALTER TABLE stats_event DROP CONSTRAINT stats_event_ends')
    keep_counting(cursor)
    cursor.execute('ALTER TABLE stats_event ADD CONSTRAINT stats_event_pkey PRIMARY KEY (id, at)')
    for definition in indexes.values():
        cursor.execute(definition)
    cursor.execute(f'ALTER TABLE stats_event ATTACH PARTITION {BEFORE} FOR VALUES FROM (MINVALUE) TO ({end})')
    cursor.execute(f'ALTER TABLE {BEFORE} DROP CONSTRAINT stats_event_ends')
    cursor.execute('CREATE TABLE stats_event_others PARTITION OF stats_event DEFAULT')


def other_indexes(cursor):
    """Definition by name of those that are no key."""
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = 'stats_event'::regclass AND NOT indisunique AND indisvalid"
    )
    return dict(cursor.fetchall())


def rename_old(cursor, indexes):
    cursor.execute(f'ALTER TABLE stats_event RENAME TO {BEFORE}')
    for name in indexes:
        old = name.strip('"')
        cursor.execute(f'ALTER INDEX "{old}" RENAME TO "{old[:55]}_before"')
    cursor.execute(f'ALTER TABLE {BEFORE} DROP CONSTRAINT stats_event_pkey')
    cursor.execute(f'ALTER TABLE {BEFORE} ADD CONSTRAINT {BEFORE}_pkey PRIMARY KEY USING INDEX stats_event_key')


def keep_counting(cursor):
    """Ids go on behind those that were given. A sequence and no identity column, which partitions of PostgreSQL 16 and
    older cannot have."""
    cursor.execute(f"SELECT pg_get_serial_sequence('{BEFORE}', 'id')")
    cursor.execute(f'SELECT last_value, is_called FROM {cursor.fetchone()[0]}')
    last = cursor.fetchone()
    cursor.execute(f'ALTER TABLE {BEFORE} ALTER COLUMN id DROP IDENTITY IF EXISTS')
    cursor.execute(f'ALTER TABLE {BEFORE} ALTER COLUMN id DROP DEFAULT')
    cursor.execute('DROP SEQUENCE IF EXISTS stats_event_id_seq')
    cursor.execute('CREATE SEQUENCE stats_event_id_seq AS bigint OWNED BY stats_event.id')
    cursor.execute("SELECT setval('stats_event_id_seq', %s, %s)", last)
    cursor.execute("ALTER TABLE stats_event ALTER COLUMN id SET DEFAULT nextval('stats_event_id_seq')")


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('stats', '0006_where_recipients_stand'),
    ]

    operations = [
        migrations.RunPython(by_month, migrations.RunPython.noop),
    ]
