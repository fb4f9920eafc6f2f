import accounts.texts
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_names_on_one_line'),
        ('campaigns', '0007_send_time'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CalendarFeed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, validators=[accounts.texts.validate_one_line])),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('last_used_at', models.DateTimeField(editable=False, null=True)),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'ordering': ['-created_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='CampaignRecurrence',
            fields=[
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='recurrence', serialize=False, to='campaigns.campaign')),
                ('days_of_week', models.JSONField(blank=True, default=list, help_text='1, Monday, to 7, Sunday; empty for every day.')),
                ('days_of_month', models.JSONField(blank=True, default=list, help_text='1 to 31; empty for every day.')),
                ('months', models.JSONField(blank=True, default=list, help_text='1 to 12; empty for every month.')),
                ('hours', models.JSONField(help_text='0 to 23.')),
                ('minutes', models.JSONField(help_text='0 to 59.')),
                ('max_instances', models.PositiveIntegerField(default=0, help_text='How many times in all; 0 for no end.')),
            ],
        ),
        migrations.AddField(
            model_name='campaignrun',
            name='slot_at',
            field=models.DateTimeField(blank=True, help_text='The occurrence of a recurring campaign it was started for.', null=True),
        ),
        migrations.AddConstraint(
            model_name='campaignrun',
            constraint=models.UniqueConstraint(fields=('campaign', 'slot_at'), name='campaigns_run_once_per_slot'),
        ),
        migrations.AddField(
            model_name='calendarfeed',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calendar_feeds', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='calendarfeed',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='campaignrecurrence',
            constraint=models.CheckConstraint(condition=models.Q(('max_instances__lte', 100000)), name='campaigns_recurrence_limit_in_bounds'),
        ),
        migrations.AddConstraint(
            model_name='campaignrecurrence',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('hours', []), _negated=True), models.Q(('minutes', []), _negated=True)), name='campaigns_recurrence_has_a_time_of_day'),
        ),
    ]
