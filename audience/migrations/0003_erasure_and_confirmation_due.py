import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('audience', '0002_consent_and_subscriber_tags'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subscriber_public_id', models.CharField(max_length=32)),
                ('email_hash', models.CharField(blank=True, max_length=64)),
                ('phone_hash', models.CharField(blank=True, max_length=64)),
                ('keep_out', models.BooleanField(default=True, help_text='Only they themselves can bring this address back.')),
                ('erased', models.JSONField(default=dict, help_text='How many rows of what.')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('surface', models.CharField(blank=True, max_length=16)),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='erasures', to='accounts.organization')),
            ],
            options={
                'ordering': ['-pk'],
                'indexes': [
                    models.Index(fields=['organization', 'email_hash'], name='audience_erasure_email'),
                    models.Index(fields=['organization', 'phone_hash'], name='audience_erasure_phone'),
                ],
            },
        ),
        migrations.AddField(
            model_name='subscription',
            name='confirmation_due_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='Since when a confirmation mail waits to be sent.', null=True),
        ),
        migrations.AlterField(
            model_name='subscription',
            name='confirmation_sent_at',
            field=models.DateTimeField(blank=True, help_text='When the mail went out whose link still counts.', null=True),
        ),
        migrations.AlterField(
            model_name='consentevent',
            name='subscriber',
            field=models.ForeignKey(on_delete=django.db.models.deletion.DO_NOTHING, related_name='consent_events', to='audience.subscriber'),
        ),
    ]
