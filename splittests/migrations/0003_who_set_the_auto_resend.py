import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('splittests', '0002_auto_resend'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='autoresend',
            name='set_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='When these settings were made.', null=True),
        ),
        migrations.AddField(
            model_name='autoresend',
            name='set_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
    ]
