from django.db import migrations, models

from accounts.indexes import AddIndexBesideWriters


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('campaigns', '0008_recurrence'),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name='campaign',
            index=models.Index(condition=models.Q(('schedule_type', 'recursive'), ('state__in', ('calculating', 'sending', 'holding'))), fields=['scheduled_at'], name='campaigns_campaign_overtaken'),
        ),
    ]
