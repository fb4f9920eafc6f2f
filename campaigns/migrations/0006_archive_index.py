from django.db import migrations, models

from accounts.indexes import AddIndexBesideWriters


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('campaigns', '0005_conversions_and_archive'),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name='campaign',
            index=models.Index(condition=models.Q(('channel', 'email'), ('deleted_at__isnull', True), ('is_public', True), ('state', 'sent')), fields=['organization', '-finished_at', '-id'], name='campaigns_campaign_archived'),
        ),
    ]
