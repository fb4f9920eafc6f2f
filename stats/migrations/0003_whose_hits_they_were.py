from django.db import migrations, models
from django.db.models import OuterRef, Subquery

ROWS = 50_000


class AddIndexBesideWriters(migrations.AddIndex):
    """Without a lock on PostgreSQL; there, outside of a transaction. What an interrupted try left behind goes first."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {self.index.name}')
        model = to_state.apps.get_model(app_label, self.model_name)
        schema_editor.add_index(model, self.index, concurrently=True)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        model = from_state.apps.get_model(app_label, self.model_name)
        schema_editor.remove_index(model, self.index, concurrently=True)


def fill_in(apps, schema_editor):
    """Whose they were, a handful of rows at a time, each in a transaction of its own; may be begun anew."""
    recipients = apps.get_model('delivery', 'Recipient').objects.filter(pk=OuterRef('recipient'))
    person = Subquery(recipients.values('subscriber')[:1])
    fill(apps.get_model('stats', 'Event'), subscriber=person)
    fill(apps.get_model('stats', 'Engagement'), subscriber=person, run=Subquery(recipients.values('run')[:1]))


def fill(model, **columns):
    last = 0
    while ends := list(model.objects.filter(pk__gt=last).order_by('pk').values_list('pk', flat=True)[ROWS - 1:ROWS]):
        model.objects.filter(pk__gt=last, pk__lte=ends[0], subscriber=None).update(**columns)
        last = ends[0]
    model.objects.filter(pk__gt=last, subscriber=None).update(**columns)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('delivery', '0001_initial'),
        ('stats', '0002_hits_name_their_person'),
    ]

    operations = [
        migrations.RunPython(fill_in, migrations.RunPython.noop, elidable=True),
        AddIndexBesideWriters(
            model_name='engagement',
            index=models.Index(fields=['subscriber', 'run'], name='stats_engagement_of_person'),
        ),
        AddIndexBesideWriters(
            model_name='event',
            index=models.Index(fields=['subscriber', 'kind', 'at', 'recipient', 'run'], name='stats_event_of_person'),
        ),
    ]
