import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audience', '0006_drop_indexes_that_others_lead'),
        ('campaigns', '0004_names_on_one_line'),
        ('delivery', '0002_recipient_outlives_its_person'),
        ('stats', '0003_whose_hits_they_were'),
    ]

    operations = [
        migrations.CreateModel(
            name='Breakdown',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('dimension', models.CharField(choices=[('domain', 'Recipient domain'), ('client', 'Program'), ('device', 'Device'), ('bounce', 'Bounce code')], max_length=8)),
                ('value', models.CharField(blank=True, max_length=253)),
                ('kind', models.CharField(choices=[('opened', 'Opened'), ('clicked', 'Clicked'), ('unsubscribed', 'Unsubscribed'), ('viewed', 'Viewed in the browser'), ('delivered', 'Delivered'), ('bounced', 'Bounced'), ('complained', 'Complained'), ('forwarded', 'Forwarded'), ('converted', 'Converted'), ('probed', 'Followed the hidden link'), ('read', 'Opened, or clicked or viewed without an open'), ('privacy_opened', 'Opened by a privacy proxy'), ('privacy_opened_otherwise', 'Opened without the proxy, by those who use one'), ('bounced_hard', 'Bounced for good'), ('bounced_soft', 'Bounced for now'), ('bounced_other', 'Bounced for another reason'), ('bounced_local', 'Bounced before the other side had accepted'), ('bounced_remote', 'Bounced after the other side had accepted'), ('bounce_ended', 'Subscriptions ended by a bounce'), ('complaint_ended', 'Subscriptions ended by a complaint'), ('unsubscribe_ended', 'Subscriptions ended by unsubscribing')], max_length=32)),
                ('total', models.PositiveIntegerField(default=0)),
                ('unique', models.PositiveIntegerField(default=0)),
                ('human_total', models.PositiveIntegerField(default=0)),
                ('human_unique', models.PositiveIntegerField(default=0)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='Outcome',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('domain', models.CharField(blank=True, max_length=253)),
                ('state', models.CharField(choices=[('pending', 'Waiting'), ('sent', 'Sent'), ('failed', 'Failed'), ('skipped', 'Skipped'), ('in_doubt', 'In doubt')], max_length=8)),
                ('skip_reason', models.CharField(blank=True, max_length=32)),
                ('people', models.PositiveIntegerField()),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='Refusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('reason', models.CharField(max_length=64)),
                ('count', models.PositiveBigIntegerField(default=0)),
            ],
            options={
                'ordering': ['-day', 'reason'],
            },
        ),
        migrations.CreateModel(
            name='SeenHit',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('seen_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['key'],
            },
        ),
        migrations.AddField(
            model_name='clickedlink',
            name='human_clicked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='clickedlink',
            name='human_clicks',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='counter',
            name='human_total',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='counter',
            name='human_unique',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='counter',
            name='human_unique_by_link',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='counter',
            name='revenue_cents',
            field=models.BigIntegerField(default=0, help_text="In hundredths of the organization's currency."),
        ),
        migrations.AddField(
            model_name='engagement',
            name='bounce_type',
            field=models.CharField(blank=True, choices=[('hard', 'Hard'), ('soft', 'Soft'), ('other', 'Other')], help_text='Of the first bounce.', max_length=8),
        ),
        migrations.AddField(
            model_name='engagement',
            name='conversions',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='engagement',
            name='converted_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='engagement',
            name='delivered_at',
            field=models.DateTimeField(blank=True, help_text='When a receipt said that it has arrived.', null=True),
        ),
        migrations.AddField(
            model_name='engagement',
            name='forwarded_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='engagement',
            name='forwards',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='engagement',
            name='human_clicked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='engagement',
            name='human_clicks',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='engagement',
            name='human_opened_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='engagement',
            name='human_opens',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='engagement',
            name='human_read_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='engagement',
            name='human_viewed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='engagement',
            name='last_clicked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='engagement',
            name='privacy_opened_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='engagement',
            name='privacy_opens',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='engagement',
            name='probed_at',
            field=models.DateTimeField(blank=True, help_text='When the hidden link was followed.', null=True),
        ),
        migrations.AddField(
            model_name='engagement',
            name='revenue_cents',
            field=models.BigIntegerField(default=0, help_text="In hundredths of the organization's currency."),
        ),
        migrations.AddField(
            model_name='event',
            name='agent',
            field=models.CharField(choices=[('human', 'A person'), ('proxy', 'A privacy proxy'), ('bot', 'A scanner or bot')], default='human', max_length=8),
        ),
        migrations.AddField(
            model_name='event',
            name='agent_reason',
            field=models.CharField(blank=True, help_text='Which rule said so.', max_length=32),
        ),
        migrations.AddField(
            model_name='event',
            name='rules_version',
            field=models.PositiveSmallIntegerField(default=0, help_text='The rules that told people from programs; 0 for hits from before there were any.'),
        ),
        migrations.AlterField(
            model_name='counter',
            name='kind',
            field=models.CharField(choices=[('opened', 'Opened'), ('clicked', 'Clicked'), ('unsubscribed', 'Unsubscribed'), ('viewed', 'Viewed in the browser'), ('delivered', 'Delivered'), ('bounced', 'Bounced'), ('complained', 'Complained'), ('forwarded', 'Forwarded'), ('converted', 'Converted'), ('probed', 'Followed the hidden link'), ('read', 'Opened, or clicked or viewed without an open'), ('privacy_opened', 'Opened by a privacy proxy'), ('privacy_opened_otherwise', 'Opened without the proxy, by those who use one'), ('bounced_hard', 'Bounced for good'), ('bounced_soft', 'Bounced for now'), ('bounced_other', 'Bounced for another reason'), ('bounced_local', 'Bounced before the other side had accepted'), ('bounced_remote', 'Bounced after the other side had accepted'), ('bounce_ended', 'Subscriptions ended by a bounce'), ('complaint_ended', 'Subscriptions ended by a complaint'), ('unsubscribe_ended', 'Subscriptions ended by unsubscribing')], max_length=32),
        ),
        migrations.AlterField(
            model_name='event',
            name='kind',
            field=models.CharField(choices=[('opened', 'Opened'), ('clicked', 'Clicked'), ('unsubscribed', 'Unsubscribed'), ('viewed', 'Viewed in the browser'), ('delivered', 'Delivered'), ('bounced', 'Bounced'), ('complained', 'Complained'), ('forwarded', 'Forwarded'), ('converted', 'Converted'), ('probed', 'Followed the hidden link')], max_length=16),
        ),
        migrations.AddField(
            model_name='breakdown',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='breakdowns', to='campaigns.campaignrun'),
        ),
        migrations.AddField(
            model_name='breakdown',
            name='variant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='campaigns.variant'),
        ),
        migrations.AddField(
            model_name='outcome',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='campaigns.campaignrun'),
        ),
        migrations.AddField(
            model_name='outcome',
            name='variant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='campaigns.variant'),
        ),
        migrations.AddConstraint(
            model_name='refusal',
            constraint=models.UniqueConstraint(fields=('day', 'reason'), name='stats_refusal_once_per_day'),
        ),
        migrations.AddConstraint(
            model_name='breakdown',
            constraint=models.UniqueConstraint(fields=('run', 'dimension', 'value', 'kind', 'variant'), name='stats_breakdown_once_per_key'),
        ),
        migrations.AddConstraint(
            model_name='breakdown',
            constraint=models.CheckConstraint(condition=models.Q(('unique__lte', models.F('total')), ('human_unique__lte', models.F('human_total')), models.Q(('kind', 'read'), ('human_total__lte', models.F('total')), _connector='OR')), name='stats_breakdown_within_total'),
        ),
        migrations.AddConstraint(
            model_name='outcome',
            constraint=models.UniqueConstraint(fields=('run', 'variant', 'domain', 'state', 'skip_reason'), name='stats_outcome_once_per_key'),
        ),
    ]
