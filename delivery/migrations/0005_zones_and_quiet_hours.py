import datetime

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The defaults stand in the database too, so that a server of the version before can go on making batches."""

    dependencies = [
        ('accounts', '0004_organization_timezone_field'),
        ('campaigns', '0007_send_time'),
        ('delivery', '0004_variant_of_those_who_wait'),
    ]

    operations = [
        migrations.CreateModel(
            name='QuietHours',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=[('email', 'Email'), ('sms', 'SMS')], default='sms', max_length=8)),
                ('begin', models.TimeField(default=datetime.time(21, 0), help_text='From this time of day on nothing is sent.')),
                ('end', models.TimeField(default=datetime.time(8, 0), help_text='At this time of day sending goes on.')),
            ],
            options={
                'verbose_name': 'quiet hours',
                'verbose_name_plural': 'quiet hours',
                'ordering': ['organization_id', 'edition_id', 'channel'],
            },
        ),
        migrations.AddField(
            model_name='batch',
            name='expires_at',
            field=models.DateTimeField(blank=True, help_text='Who was not sent to by then is skipped.', null=True),
        ),
        migrations.AddField(
            model_name='batch',
            name='people',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='How many were to be sent to; counted where there is a zone.'),
        ),
        migrations.AddField(
            model_name='batch',
            name='release_at',
            field=models.DateTimeField(blank=True, help_text="When it is its people's time to get it.", null=True),
        ),
        migrations.AddField(
            model_name='batch',
            name='zone',
            field=models.CharField(blank=True, db_default='', default='', help_text="A time zone whose clock is its people's; empty where the campaign asks for nobody's.", max_length=64),
        ),
        migrations.AddField(
            model_name='quiethours',
            name='edition',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='quiet_hours', to='accounts.edition'),
        ),
        migrations.AddField(
            model_name='quiethours',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='quiet_hours', to='accounts.organization'),
        ),
        migrations.AddConstraint(
            model_name='quiethours',
            constraint=models.UniqueConstraint(condition=models.Q(('edition__isnull', True)), fields=('organization', 'channel'), name='delivery_quiet_hours_once', violation_error_message='There are quiet hours for this channel already.'),
        ),
        migrations.AddConstraint(
            model_name='quiethours',
            constraint=models.UniqueConstraint(fields=('edition', 'channel'), name='delivery_quiet_hours_once_per_edition', violation_error_message='This edition has quiet hours for this channel already.'),
        ),
        migrations.AddConstraint(
            model_name='quiethours',
            constraint=models.CheckConstraint(condition=models.Q(('begin', models.F('end')), _negated=True), name='delivery_quiet_hours_leave_some_time', violation_error_message='Begin and end are the same: nothing would ever be sent.'),
        ),
    ]
