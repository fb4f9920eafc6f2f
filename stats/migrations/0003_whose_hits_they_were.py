from django.db import migrations, models
from django.db.models import OuterRef, Subquery

from accounts.indexes import AddIndexBesideWriters

ROWS = 50_000


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
