from django.db import migrations, models

from accounts.indexes import AddIndexBesideWriters


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('audience', '0003_erasure_and_confirmation_due'),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name='subscription',
            index=models.Index(condition=models.Q(('confirmation_due_at__isnull', False)), fields=['confirmation_due_at'], name='audience_confirmation_due'),
        ),
    ]
