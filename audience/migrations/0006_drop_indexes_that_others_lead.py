import django.db.models.deletion
from django.db import migrations, models


class DropItsIndex(migrations.AlterField):
    """The same field without an index of its own. On PostgreSQL only the index goes, without a lock on the table;
    Django would make the foreign key anew and check every row of it."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = from_state.apps.get_model(app_label, self.model_name)
        column = model._meta.get_field(self.name).column
        for name in schema_editor._constraint_names(model, [column], index=True, unique=False, primary_key=False):
            schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(name)}')

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        table, column = to_state.apps.get_model(app_label, self.model_name)._meta.db_table, f'{self.name}_id'
        name = schema_editor.quote_name(schema_editor._create_index_name(table, [column]))
        schema_editor.execute(f'CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} ({column})')


def drop_index_for_like(apps, schema_editor):
    """Nobody asks for public ids that begin so, and being random they are the dearest index to write."""
    if schema_editor.connection.vendor == 'postgresql':
        name = schema_editor._create_index_name('audience_subscriber', ['public_id'], suffix='_like')
        schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(name)}')


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0003_names_on_one_line'),
        ('audience', '0005_segment_as_written'),
    ]

    operations = [
        DropItsIndex(
            model_name='consentevent',
            name='subscriber',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='consent_events', to='audience.subscriber'),
        ),
        DropItsIndex(
            model_name='subscriber',
            name='organization',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='subscribers', to='accounts.organization'),
        ),
        DropItsIndex(
            model_name='subscription',
            name='mailing_list',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='audience.mailinglist'),
        ),
        migrations.RunPython(drop_index_for_like, migrations.RunPython.noop),
    ]
