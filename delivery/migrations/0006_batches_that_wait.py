from django.db import migrations, models

from accounts.indexes import AddIndexBesideWriters


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('delivery', '0005_zones_and_quiet_hours'),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name='batch',
            index=models.Index(condition=models.Q(('held', False), ('state', 'waiting')), fields=['not_before'], name='delivery_batch_waiting'),
        ),
        AddIndexBesideWriters(
            model_name='batch',
            index=models.Index(condition=models.Q(('expires_at__isnull', False), ('state', 'waiting')), fields=['expires_at'], name='delivery_batch_expiring'),
        ),
    ]
