from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models
from django.db.models import F, Q

from accounts.indexes import AddIndexBesideWriters

ROWS = 50_000
ENGAGEMENT = {
    'human_read_at': F('read_at'),
    'human_opened_at': F('opened_at'),
    'human_opens': F('opens'),
    'human_clicked_at': F('clicked_at'),
    'human_clicks': F('clicks'),
    'human_viewed_at': F('viewed_at'),
    'last_clicked_at': F('clicked_at'),
}
LINK = {'human_clicked_at': F('clicked_at'), 'human_clicks': F('clicks')}
COUNTER = {'human_total': F('total'), 'human_unique': F('unique'), 'human_unique_by_link': F('unique_by_link')}


def fill_in(apps, schema_editor):
    """Nobody has told people from programs yet, a handful of rows at a time; may be begun anew."""
    fill(apps.get_model('stats', 'Engagement'), Q(human_read_at=None, read_at__isnull=False), ENGAGEMENT)
    fill(apps.get_model('stats', 'ClickedLink'), Q(human_clicks=0, clicks__gt=0), LINK)
    fill(apps.get_model('stats', 'Counter'), Q(human_total=0, total__gt=0), COUNTER)


def fill(model, is_to_do, columns):
    last = 0
    while ends := list(model.objects.filter(pk__gt=last).order_by('pk').values_list('pk', flat=True)[ROWS - 1:ROWS]):
        model.objects.filter(is_to_do, pk__gt=last, pk__lte=ends[0]).update(**columns)
        last = ends[0]
    model.objects.filter(is_to_do, pk__gt=last).update(**columns)


class AddConstraintNotValid(migrations.AddConstraint):
    """On PostgreSQL without a look at the rows that are there, which would keep writers waiting."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = from_state.apps.get_model(app_label, self.model_name)
        table = schema_editor.quote_name(model._meta.db_table)
        name = schema_editor.quote_name(self.constraint.name)
        schema_editor.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}')
        statement = str(self.constraint.create_sql(model, schema_editor))
        schema_editor.execute(f'{statement} NOT VALID', params=None)


class ValidateOnPostgreSQL(ValidateConstraint):

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('stats', '0004_who_made_each_hit'),
    ]

    operations = [
        migrations.RunPython(fill_in, migrations.RunPython.noop, elidable=True),
        AddIndexBesideWriters(
            model_name='event',
            index=models.Index(
                fields=['subscriber', 'kind', 'at', 'recipient', 'run', 'agent'], name='stats_event_by_person'
            ),
        ),
        migrations.RemoveIndex(model_name='event', name='stats_event_of_person'),
        AddConstraintNotValid(
            model_name='counter',
            constraint=models.CheckConstraint(
                condition=Q(human_unique__lte=F('human_unique_by_link'))
                & Q(human_unique_by_link__lte=F('human_total'))
                & (Q(kind='read') | Q(human_total__lte=F('total'))),
                name='stats_counter_human_within_total',
            ),
        ),
        ValidateOnPostgreSQL(model_name='counter', name='stats_counter_human_within_total'),
    ]
