import accounts.texts
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0007_send_time'),
        ('splittests', '0001_split_tests'),
    ]

    operations = [
        migrations.CreateModel(
            name='AutoResend',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('enabled', models.BooleanField(default=False)),
                ('wait_days', models.PositiveSmallIntegerField(default=3, help_text='Days of 24 hours after the last message was sent.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)])),
                ('subject', models.CharField(blank=True, max_length=998, validators=[accounts.texts.validate_one_line])),
                ('preheader', models.CharField(blank=True, help_text='Empty: that of the campaign.', max_length=500, validators=[accounts.texts.validate_one_line])),
                ('made_at', models.DateTimeField(blank=True, editable=False, help_text='When the child was made.', null=True)),
                ('problem', models.CharField(blank=True, editable=False, help_text='Why the child did not go out by itself.', max_length=500)),
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='auto_resend', to='campaigns.campaign')),
                ('child', models.OneToOneField(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='resend_of', to='campaigns.campaign')),
            ],
            options={
                'ordering': ['pk'],
                'indexes': [models.Index(condition=models.Q(('enabled', True), ('made_at__isnull', True)), fields=['campaign'], name='splittests_resend_to_come')],
                'constraints': [models.CheckConstraint(condition=models.Q(('wait_days__gt', 0)), name='splittests_resend_waits'), models.CheckConstraint(condition=models.Q(('enabled', False), models.Q(('subject', ''), _negated=True), _connector='OR'), name='splittests_resend_has_a_subject'), models.CheckConstraint(condition=models.Q(('child__isnull', True), ('made_at__isnull', False), _connector='OR'), name='splittests_resend_made_has_time')],
            },
        ),
    ]
